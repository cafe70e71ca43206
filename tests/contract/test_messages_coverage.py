"""Every place of a message that can hold a text is inspected, or stands in a table with its reason.

The places come from the types of the official `anthropic` package, as those of chat come from `openai`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import orjson
import pytest
from anthropic.types import Message, RawMessageStreamEvent
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming

from guardrails import policy as policies
from guardrails.engine import Guard, load_guard
from guardrails.pseudonyms import Vault
from proxy.dialects.messages_dialect import MESSAGES
from proxy.dialects.messages_stream import MessagesStream
from proxy.errors import BadRequest, UpstreamError
from tests.contract.messages_exempt import EXEMPT
from tests.contract.passage import SECRET, key_policy
from tests.contract.shapes import planted, strings
from tests.proxy.dialects.messages_replies import message

PAGE = Path(__file__).parents[2] / "docs" / "concepts" / "coverage.md"
FORMS = {"word": SECRET, "text": f"My key is {SECRET}, keep it."}
SHAPES: dict[str, Any] = {
    "message": MessageCreateParamsNonStreaming,
    "answer": Message,
    "event": RawMessageStreamEvent,
}
"""By side of an exchange: what it looks like."""
GUARD: Guard = load_guard(policies.parse(key_policy("redact")), b"k" * 32)
TOOLS = {
    "id": "tools",
    "check": "tools",
    "with": {"declared": False, "deny": ["never"]},
    "stages": ["tool_call"],
}
JUDGING: Guard = load_guard(policies.parse(key_policy("redact", {**TOOLS, "action": "flag"})), b"k" * 32)
"""The same with a rule that looks at calls as a whole: they are held back longer."""
USER = {"role": "user", "content": "Hello"}
BLOCKS = {
    "text_delta": {"type": "text", "text": ""},
    "citations_delta": {"type": "text", "text": "", "citations": []},
    "input_json_delta": {"type": "tool_use", "id": "t", "name": "send", "input": {}},
}


def cases(side: str, form: str) -> dict[str, dict[str, Any]]:
    """By path: a document of that side with the secret there."""
    made = planted(SHAPES[side], FORMS[form])
    if side == "message":
        del made["/model"]  # a name that is not served is refused before anything looks at it
    return {path: document for path, document in made.items() if isinstance(document, dict)}


def exempt(side: str, paths: Iterable[str]) -> set[str]:
    """The paths of one side that are exempt."""
    patterns = [name.removeprefix(f"{side} ") for name in EXEMPT if name.startswith(f"{side} ")]
    return {path for path in paths if any(fnmatchcase(path, pattern) for pattern in patterns)}


async def asked(request: dict[str, Any]) -> str:
    """What the provider and the trace see of a request; nothing when it is refused."""
    request = {**request, "messages": request["messages"] or [USER]}
    try:
        MESSAGES.check(request)
    except BadRequest as error:
        return error.message
    vault = Vault(b"k" * 32, "t", "s")
    verdict = await GUARD.inspect(MESSAGES.texts(request), vault)
    edited = MESSAGES.edited(request, verdict.edits)
    sent, kept = MESSAGES.outgoing(edited, verdict.edits, vault), MESSAGES.stored(edited)
    return json.dumps([sent, kept, repr(MESSAGES.answered_calls(edited))])


async def answered(reply: dict[str, Any]) -> str:
    """What the caller and the trace see of a whole reply, and of the same as a stream."""
    try:
        told = MESSAGES.reply(orjson.dumps(reply))
    except UpstreamError as error:
        return error.message
    verdict = await GUARD.inspect(MESSAGES.reply_texts(told), reply=True)
    edited = MESSAGES.edited_reply(told, verdict.edits)
    return json.dumps(edited) + MESSAGES.events(edited).decode() + repr(MESSAGES.requested_calls(edited))


async def streamed(event: dict[str, Any]) -> str:
    """What the caller (texts of one place joined) and the trace see of a stream with that event."""
    delta = event["delta"].get("type") if isinstance(event.get("delta"), dict) else None
    block = BLOCKS.get(str(delta), {"type": "thinking", "thinking": "", "signature": ""})
    start = {"type": "message_start", "message": message([])}
    opened = {"type": "content_block_start", "index": 1, "content_block": block}
    before = [] if event.get("type") == "message_start" else [start]
    before += [opened] if event.get("type") in ("content_block_delta", "content_block_stop") else []
    payloads = [*before, event, {"type": "message_stop"}]
    return "\n".join([await _streamed(judge, payloads) for judge in (GUARD, JUDGING)])


async def _streamed(judge: Guard, payloads: list[dict[str, Any]]) -> str:
    stream, frames = MessagesStream(judge, None), list[bytes]()
    try:
        for payload in payloads:
            frames.append(await stream.feed(orjson.dumps(payload)))
    except UpstreamError as error:
        frames.append(error.message.encode())
    frames.append(await stream.end())
    told = b"".join(frames).decode()
    texts: dict[str, list[str]] = {}
    for line in told.splitlines():
        if line.startswith("data: "):
            for path, text in strings(json.loads(line.removeprefix("data: "))):
                texts.setdefault(path, []).append(text)
    return "\n".join([told, *map("".join, texts.values()), repr(stream.response())])


SEES = {"message": asked, "answer": answered, "event": streamed}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("side", SEES)
async def test_no_place_is_overlooked(side: str, form: str) -> None:
    """The secret reaches neither the other side nor the trace, wherever it stands."""
    made = cases(side, form)
    passed = {path for path, document in made.items() if SECRET in await SEES[side](document)}

    assert passed == (exempt(side, made) if form == "word" else set())


@pytest.mark.parametrize("side", SEES)
async def test_what_is_masked_still_arrives(side: str) -> None:
    """Nearly every case goes the whole way with only the secret changed: the test above looks at real traffic."""
    made = cases(side, "text")
    arrived = [path for path, document in made.items() if "[KEY]" in await SEES[side](document)]

    assert len(arrived) > 0.7 * len(made), len(arrived) / len(made)


def test_every_exemption_is_of_a_place_that_exists() -> None:
    """A pattern that fits nothing is removed."""
    paths = {side: list(cases(side, "word")) for side in SHAPES}
    for name in EXEMPT:
        side, pattern = name.split(" ")

        assert any(fnmatchcase(path, pattern) for path in paths[side]), name


def test_the_documentation_lists_the_exemptions() -> None:
    """The table on the page about coverage is the table that is tested."""
    rows = [line.strip("| ").split(" | ") for line in PAGE.read_text().splitlines() if "` | " in line]
    listed = {f"{side} {place.strip('`')}": reason for side, place, reason in rows if side in SHAPES}

    assert listed == EXEMPT
