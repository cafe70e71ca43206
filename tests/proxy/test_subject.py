"""Whom an exchange is about: known on every route whatever becomes of it, and never by name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.identity import subject_hash
from tests.proxy.test_pipeline import USER, ask, chat
from tests.servers import Running, Upstream

BODIES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": chat(),
    "/v1/completions": {"model": "gpt-test", "prompt": "hi"},
    "/v1/responses": {"model": "gpt-test", "input": "hi"},
    "/v1/embeddings": {"model": "gpt-test", "input": "hi"},
    "/v1/moderations": {"input": "hi"},
    "/v1/messages": {"model": "gpt-test", "max_tokens": 9, "messages": [USER]},
}


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("fate", ["answered", "blocked", "unknown model", "bad body"])
def test_every_exchange_knows_whom_it_is_about_and_never_by_name(
    proxy: Running, upstream: Upstream, path: str, fate: str
) -> None:
    """On every route and whatever becomes of it; what is stored of the request holds a fixed word in the name's place."""
    named = {"metadata": {"user_id": "zz-ada"}} if path == "/v1/messages" else {"user": "zz-ada"}
    over: dict[str, dict[str, Any]] = {
        "answered": {},
        "blocked": {name: "kryptonite" for name in ("prompt", "input") if name in BODIES[path]}
        or {"messages": [{"role": "user", "content": "kryptonite"}]},
        "unknown model": {"model": "nobodys"},
        "bad body": {"messages": 7, "prompt": {"a": 1}, "input": 7},
    }

    ask(proxy, {**BODIES[path], **named, **over[fate]}, path=path)
    told = proxy.recorder.last()
    ask(proxy, b"{", path=path, headers={"x-guardhouse-user": "zz-ada"})
    broken = proxy.recorder.last()

    assert told["subject"] == broken["subject"] == subject_hash(proxy.app.context.key, "default", "zz-ada")
    assert "zz-ada" not in json.dumps([told, broken])
    if told["request"] is not None:
        assert "[SUBJECT]" in json.dumps(told["request"])
    if fate == "answered" and upstream.bodies:
        assert b"zz-ada" in upstream.bodies[0]
        assert b"x-guardhouse-user" not in upstream.headers[0].lower()


def test_who_names_nobody_is_nobody(proxy: Running, upstream: Upstream) -> None:
    """And neither is who has no key: nothing that they say is kept."""
    ask(proxy, chat())
    assert proxy.recorder.last()["subject"] is None
    ask(proxy, chat(user="ada"), headers={"authorization": "Bearer gh-wrong"})
    assert proxy.recorder.last()["subject"] is None
