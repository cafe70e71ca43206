"""Metadata of stored objects: the one thing of them that callers change."""

from __future__ import annotations

import json

import pytest

from tests.proxy.test_pipeline import ask
from tests.proxy.test_stored import CHAT
from tests.servers import Running, Upstream, whole


def chat_made(proxy: Running, upstream: Upstream) -> None:
    """A completion `chatcmpl-1` that the provider keeps."""
    upstream.script = whole()
    asked = {"model": "gpt-test", "store": True, "messages": [{"role": "user", "content": "Hi"}]}
    ask(proxy, asked)
    proxy.recorder.forget()
    upstream.reset()


def test_new_metadata_is_inspected_like_a_request(proxy: Running, upstream: Upstream) -> None:
    """Masked on its way out and restored on its way back; a word that blocks is sent nowhere."""
    chat_made(proxy, upstream)
    upstream.script = lambda body: whole(metadata=body["metadata"])
    path = f"{CHAT}/chatcmpl-1"

    told = ask(proxy, {"metadata": {"mail": "ada@example.com"}}, path=path)
    kept = proxy.recorder.last()
    later = ask(proxy, {"metadata": {"a": "kryptonite"}}, path=path)

    assert json.loads(told.body)["metadata"] == {"mail": "ada@example.com"}
    assert upstream.requests == [{"metadata": kept["request"]["metadata"]}]
    assert "ada@" not in json.dumps(kept)
    assert (later.status, later.error["code"], later.error["param"]) == (400, "content_filter", "/metadata/a")
    assert proxy.recorder.last()["outcome"] == "blocked"


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b'{"metadata": 3}', b'{"metadata": {"a": 1}}', b'{"metadata": {}, "model": "x"}'],
)
def test_only_metadata_can_be_changed(proxy: Running, upstream: Upstream, body: bytes) -> None:
    """Anything else is 400."""
    chat_made(proxy, upstream)

    assert ask(proxy, body, path=f"{CHAT}/chatcmpl-1").status == 400
    assert upstream.headers == []
