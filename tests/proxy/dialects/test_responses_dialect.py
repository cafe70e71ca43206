"""The dialect as the pipeline sees it."""

from __future__ import annotations

from typing import Any

import orjson

from guardrails.pseudonyms import INSTRUCTION, Vault
from guardrails.types import Edit
from proxy.dialects.responses_dialect import RESPONSES
from proxy.errors import BadRequest
from proxy.sse import Decoder
from tests.proxy.dialects.responses_replies import message, reply


def test_what_goes_out_and_what_is_kept() -> None:
    """Without our extension; the line about tokens goes out and is not kept."""
    vault = Vault(b"k" * 32, "t", "s")
    token = vault.mint("EMAIL", "ada@example.com")
    request: dict[str, Any] = {"model": "m", "input": "ada@example.com", "guardhouse": {"retrieval": []}}
    edits = [Edit("/input", 0, 15, token)]
    edited = RESPONSES.edited(request, edits)

    assert RESPONSES.outgoing(edited, edits, vault)["input"][0]["content"] == INSTRUCTION
    assert RESPONSES.outgoing(request, [], vault) == {"model": "m", "input": "ada@example.com"}
    assert RESPONSES.stored(edited) == {"model": "m", "input": token}
    assert RESPONSES.hits(request) == []


def test_errors_are_told_in_the_dialects_own_event() -> None:
    """Flat, as the documentation has them, and under `error`, where the official client looks."""
    error = BadRequest("No.", param="input")

    frame = RESPONSES.error_event(error)

    [payload] = Decoder().feed(frame)
    told = orjson.loads(payload)
    assert frame.startswith(b"event: error\n")
    assert (told["type"], told["message"], told["param"]) == ("error", "No.", "input")
    assert told["sequence_number"] > 1_000_000
    assert told["error"] == orjson.loads(RESPONSES.error(error))["error"]


def test_a_whole_reply_is_told_as_a_stream() -> None:
    """Without an end of its own: the API has none."""
    frames = RESPONSES.events(reply(message("Hello")))

    assert RESPONSES.done == b""
    assert orjson.loads(Decoder().feed(frames)[-1])["type"] == "response.completed"
