"""Stored objects as dialects."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from guardrails.pseudonyms import Vault
from proxy.dialects.base import Dialect
from proxy.dialects.stored_dialects import STORED_CHAT, STORED_OTHER, STORED_RESPONSE
from proxy.errors import Blocked, UpstreamError
from proxy.exchange import Exchange
from tests.proxy.dialects.replies import guard
from tests.proxy.dialects.responses_replies import call, message, reply
from tests.servers import whole

CALLED = {"tool_calls": [{"id": "c", "type": "function", "function": {"name": "send", "arguments": "{}"}}]}
CHAT: dict[str, Any] = orjson.loads(whole({"content": None, **CALLED}).pieces[0])
EVERY: list[tuple[Dialect, dict[str, Any]]] = [
    (STORED_RESPONSE, reply(call("{}"))),
    (STORED_CHAT, CHAT),
    (STORED_OTHER, {"id": "resp_1", "object": "response.deleted", "deleted": True}),
]


@pytest.mark.parametrize(("dialect", "told"), EVERY, ids=lambda each: getattr(each, "name", ""))
def test_what_happened_then_does_not_happen_again(dialect: Dialect, told: dict[str, Any]) -> None:
    """Neither usage nor calls are recorded a second time; checks know the calls as earlier ones."""
    exchange = Exchange("/v1/x", dialect, guard())
    answer = dialect.reply(orjson.dumps(told))

    dialect.note(exchange, answer)

    assert (exchange.usage, dialect.reply_calls(answer), dialect.requested_calls(answer)) == (None, [], [])
    assert [each.name for each in exchange.conversation.calls] == (
        [] if dialect is STORED_OTHER else ["send"]
    )


@pytest.mark.parametrize(("dialect", "told"), EVERY, ids=lambda each: getattr(each, "name", ""))
def test_a_request_holds_no_text_but_metadata(dialect: Dialect, told: dict[str, Any]) -> None:
    """Nothing of it is media, a hit, or the answer to a call, and it leaves as it is."""
    request = {"limit": 3, "metadata": {"a": "b"}}
    dialect.check(request)
    texts = dialect.texts(request)
    known = Vault(b"k" * 32, "t", "s")

    assert [each.text for each in texts] == ["a", "b"]
    assert dialect.conversation(request, texts, "key").key == "key"
    assert (dialect.unscannable(request), dialect.hits(request), dialect.answered_calls(request)) == (
        [],
        [],
        [],
    )
    assert dialect.outgoing(request, [], known) is dialect.stored(request) is request


@pytest.mark.parametrize("dialect", [STORED_RESPONSE, STORED_CHAT])
def test_an_object_says_itself_whether_it_is_json(dialect: Dialect) -> None:
    """Nobody asks for it again, so no request says so."""
    known = Vault(b"k" * 32, "t", "s")
    said = orjson.dumps({"who": known.mint("NAME", 'Ada "Countess"')}).decode()
    form = {"type": "json_object"}
    told = (
        reply(message(said), text={"format": form})
        if dialect is STORED_RESPONSE
        else orjson.loads(whole({"content": said}, response_format=form).pieces[0])
    )

    restored = dialect.restored(told, [], known, {})

    assert 'Ada \\"Countess\\"' in str(
        restored["output"][0]["content"][0]["text"]
        if dialect is STORED_RESPONSE
        else restored["choices"][0]["message"]["content"]
    )


def test_what_says_that_an_object_is_gone_holds_no_text() -> None:
    """All else in it is one, and where that is blocked the answer is an error."""
    gone = b'{"id": "resp_1", "object": "chat.completion.deleted", "deleted": true}'
    odd = STORED_OTHER.reply(b'{"object": "Write to ada", "id": "a b", "note": "x"}')

    assert STORED_OTHER.reply_texts(STORED_OTHER.reply(gone)) == []
    assert {text.text for text in STORED_OTHER.reply_texts(odd)} == {"Write to ada", "a b", "note", "x"}
    assert STORED_OTHER.stored_reply(odd) is odd
    with pytest.raises(Blocked):
        STORED_OTHER.blocked(odd)
    with pytest.raises(UpstreamError):
        STORED_OTHER.reply(b'{"deleted": true, "deleted": false}')
