"""What the scripted provider keeps."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy.config_deployments import Deployment
from proxy.providers.base import Call, Fetch, Keeper, Reply
from proxy.providers.fake import FakeProvider
from proxy.providers.fake_kept import CHATS, RESPONSES, Refused, Shelf

ECHO = Deployment("fake/echo", "echo", "fake", "fake", "echo")


def chat(id: str, **more: Any) -> dict[str, Any]:
    """A completion."""
    return {"id": id, "object": "chat.completion", "model": "fake-echo", **more}


def asked(shelf: Shelf, method: str, path: str, **more: Any) -> Any:
    """The answer to a request."""
    return shelf.asked(Fetch(method, path, **more))


def test_only_what_is_to_be_stored_is_kept() -> None:
    """Responses unless told not to, chats when told to, and of these as many as were made last."""
    shelf = Shelf(most=2)
    shelf.keep(CHATS, {}, chat("a"))
    shelf.keep(RESPONSES, {"store": False}, {"id": "b", "object": "response"})
    for id in ("c", "d", "e"):
        shelf.keep(CHATS, {"store": True}, chat(id))

    assert [each["id"] for each in asked(shelf, "GET", CHATS)["data"]] == ["d", "e"]
    for id in ("a", "b", "c"):
        with pytest.raises(Refused) as raised:
            asked(shelf, "GET", f"{CHATS}/{id}")
        assert raised.value.status == 404


def test_pages_go_on_where_they_ended() -> None:
    """Both ways, and only with what fits."""
    shelf = Shelf()
    for number in range(5):
        shelf.keep(CHATS, {"store": True, "metadata": {"n": str(number % 2)}}, chat(f"c_{number}"))

    first = asked(shelf, "GET", CHATS, query="limit=2&order=desc")
    second = asked(shelf, "GET", CHATS, query="limit=3&order=desc&after=c_3")
    fitting = asked(shelf, "GET", CHATS, query="metadata[n]=1&model=fake-echo")

    assert ([each["id"] for each in first["data"]], first["has_more"]) == (["c_4", "c_3"], True)
    assert ([each["id"] for each in second["data"]], second["has_more"]) == (["c_2", "c_1", "c_0"], False)
    assert [each["id"] for each in fitting["data"]] == ["c_1", "c_3"]
    assert asked(shelf, "GET", CHATS, query="model=other")["first_id"] is None


def test_metadata_and_deletion() -> None:
    """What is changed stays changed, what is gone stays gone."""
    shelf = Shelf()
    shelf.keep(CHATS, {"store": True, "messages": [{"role": "user", "content": "Hi"}, 3]}, chat("c"))

    asked(shelf, "POST", f"{CHATS}/c", body=b'{"metadata": {"a": "b"}}')
    assert asked(shelf, "GET", f"{CHATS}/c")["metadata"] == {"a": "b"}
    assert asked(shelf, "GET", f"{CHATS}/c/messages")["data"][0]["content"] == "Hi"
    assert asked(shelf, "DELETE", f"{CHATS}/c")["deleted"] is True
    for path in (f"{CHATS}/c", f"{RESPONSES}/c", "/v1/files"):
        with pytest.raises(Refused):
            asked(shelf, "GET", path)


async def test_the_provider_keeps_what_it_answers() -> None:
    """Whole, streamed again, in the background until it was asked for, and cancelled before."""
    provider = FakeProvider()
    assert isinstance(provider, Keeper)

    async def made(**more: Any) -> dict[str, Any]:
        payload = {"model": "echo", "input": "Hello there", **more}
        found = (await provider.complete(ECHO, Call(payload, RESPONSES))).body
        return dict(orjson.loads(found))

    async def fetched(method: str, path: str, **more: Any) -> Reply:
        answer = await provider.fetch(ECHO, Fetch(method, path, **more))
        assert isinstance(answer, Reply)
        return answer

    plain = await made()
    at = f"{RESPONSES}/{plain['id']}"
    assert orjson.loads((await fetched("GET", at)).body) == plain
    assert (await fetched("POST", f"{at}/cancel")).status == 400
    events = await provider.fetch(ECHO, Fetch("GET", at, query="stream=true&starting_after=3", stream=True))
    assert not isinstance(events, Reply)
    assert b'"sequence_number":3}' not in (told := b"".join([piece async for piece in events]))
    assert b"response.completed" in told
    items = orjson.loads((await fetched("GET", f"{at}/input_items")).body)["data"]
    assert items[0]["content"] == [{"type": "input_text", "text": "Hello there"}]
    assert (await fetched("GET", f"{RESPONSES}/nobody")).status == 404

    assert (await made(background=True))["status"] == "queued"
    assert orjson.loads((await fetched("GET", at)).body)["status"] == "completed"
    await made(background=True)
    assert orjson.loads((await fetched("POST", f"{at}/cancel")).body)["status"] == "cancelled"
    assert orjson.loads((await fetched("GET", at)).body)["status"] == "cancelled"


async def test_a_script_that_fails_fails_here_too() -> None:
    """Before it answers."""
    broken = Deployment("f", "f", "fake", "fake", "error-429")
    answer = await FakeProvider().fetch(broken, Fetch("GET", f"{RESPONSES}/x"))

    assert isinstance(answer, Reply)
    assert answer.status == 429
