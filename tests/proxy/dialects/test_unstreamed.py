"""What the dialects share whose replies are data about the input."""

from __future__ import annotations

from typing import Any

import pytest

from guardrails.pseudonyms import Vault
from guardrails.types import Edit
from proxy.dialects.base import Dialect
from proxy.dialects.embeddings import EMBEDDINGS
from proxy.dialects.moderations import MODERATIONS
from proxy.errors import BadRequest, Blocked

DIALECTS: list[Dialect] = [EMBEDDINGS, MODERATIONS]


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_masked_input_goes_out_without_a_line_about_tokens(dialect: Dialect) -> None:
    """Nobody follows instructions there: a line would only blur what is embedded or judged."""
    vault = Vault(b"k", "t", "s")
    edits = [Edit("/input", 0, 3, vault.mint("EMAIL_ADDRESS", "ada@example.com"))]
    edited = dialect.edited({"model": "m", "input": "ada", "guardhouse": {}}, edits)

    assert dialect.outgoing(edited, edits, vault) == {"model": "m", "input": edits[0].replacement}


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@pytest.mark.parametrize(
    ("request_", "param"),
    [
        ({"model": "m"}, "input"),
        ({"model": "m", "input": None}, "input"),
        ({"model": "m", "input": []}, "input"),
        ({"model": "m", "input": 5}, "input"),
        ({"model": 5, "input": "x"}, "model"),
        ({"model": "m", "input": "x", "stream": True}, "stream"),
    ],
)
def test_a_wrong_shape_is_named(dialect: Dialect, request_: dict[str, Any], param: str) -> None:
    """By its member; a stream is refused, as there is none."""
    with pytest.raises(BadRequest) as raised:
        dialect.check(request_)

    assert raised.value.param == param


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_there_is_no_polite_way_to_block(dialect: Dialect) -> None:
    """Vectors and scores cannot decline: a blocked reply is an error, and no refusal is made up."""
    exchange: Any = None

    assert dialect.refusal(exchange) is None
    with pytest.raises(Blocked):
        dialect.blocked({})
    for told in (lambda: dialect.events({}), lambda: dialect.stream(exchange, exchange)):
        with pytest.raises(BadRequest):
            told()


async def test_a_value_in_a_reply_is_restored() -> None:
    """Some providers repeat the input beside the vector."""
    vault = Vault(b"k", "t", "s")
    token = vault.mint("EMAIL_ADDRESS", "ada@example.com")
    reply = {"data": [{"object": "embedding", "index": 0, "embedding": [1], "document": token}]}

    told = EMBEDDINGS.restored(reply, (), vault, {})

    assert told["data"][0]["document"] == "ada@example.com"
    assert EMBEDDINGS.restored({"data": []}, (), vault, {}) == {"data": []}
