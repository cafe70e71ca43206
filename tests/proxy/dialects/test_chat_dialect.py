"""The chat dialect under one name: a request and a reply through all of it."""

from __future__ import annotations

import orjson

from guardrails.pseudonyms import INSTRUCTION, Vault
from guardrails.types import Edit
from proxy.dialects.base import Dialect
from proxy.dialects.chat_dialect import CHAT
from proxy.errors import BadRequest
from proxy.sse import Decoder

REQUEST = {
    "model": "m",
    "messages": [{"role": "user", "content": "mail ada@example.com"}],
    "guardhouse": {"retrieval": [{"doc_id": "d", "text": "t"}]},
}
REPLY = {
    "id": "c1",
    "model": "gpt",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
}


def test_a_request_goes_through_it() -> None:
    """Read, edited, sent without what is ours and with the instruction, stored without either."""
    dialect: Dialect = CHAT
    dialect.check(REQUEST)
    vault = Vault(b"k", "t", "s")
    token = vault.mint("EMAIL_ADDRESS", "ada@example.com")
    edits = [Edit("/messages/0/content", 5, 20, token)]
    edited = dialect.edited(REQUEST, edits)
    sent, stored = dialect.outgoing(edited, edits, vault), dialect.stored(edited)
    assert sent["messages"][0] == {"role": "system", "content": INSTRUCTION}
    assert stored["messages"] == [{"role": "user", "content": f"mail {token}"}]
    assert "guardhouse" not in sent | stored
    assert [hit.doc_id for hit in dialect.hits(REQUEST)] == ["d"]
    said = dialect.conversation(REQUEST, dialect.texts(REQUEST), "key")
    assert (said.key, said.model, len(said.texts)) == ("key", "m", 3)


def test_a_reply_goes_through_it() -> None:
    """Read, edited, blocked, told as a stream and as an error."""
    dialect: Dialect = CHAT
    reply = dialect.reply(orjson.dumps(REPLY))
    (text,) = dialect.reply_texts(reply)
    edited = dialect.edited_reply(reply, [Edit(text.pointer, 0, 2, "[X]")])
    assert edited["choices"][0]["message"]["content"] == "[X]"
    assert dialect.finish_reasons(dialect.blocked(reply)) == ("content_filter",)
    payloads = Decoder().feed(dialect.events(reply) + dialect.done)
    assert orjson.loads(payloads[0])["choices"][0]["delta"]["content"] == "Hi"
    assert payloads[-1] == b"[DONE]"
    error = BadRequest("no", param="x")
    assert orjson.loads(dialect.error(error))["error"]["param"] == "x"
    assert dialect.error(error) in dialect.error_event(error)
