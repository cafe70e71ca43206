"""The router and stored objects: one deployment is asked, once."""

from __future__ import annotations

import pytest

from proxy.config_deployments import Deployment
from proxy.errors import NotFound, UpstreamError
from proxy.providers.base import Call, Fetch, Reply, ReplyStream
from tests.proxy.test_routing import EVENT, OK, Scripted, place, refusal, routed


class Keeping(Scripted):
    """The same, asked for objects."""

    async def fetch(self, deployment: Deployment, asked: Fetch) -> ReplyStream | Reply:
        """The next step."""
        return await self.stream(deployment, Call({}))


def test_a_deployment_is_known_by_its_id() -> None:
    """None where it is configured no more."""
    router = routed(Scripted(), place("a"), place("b"))
    assert router.deployment("b") == place("b")
    assert router.deployment("c") is None


@pytest.mark.parametrize("status", [401, 404, 429, 500])
async def test_an_object_is_asked_for_once_and_in_one_place(status: int) -> None:
    """Whatever is answered: no other deployment has it, and the one that failed is not left alone for it."""
    provider = Keeping(a=[refusal(status)], b=[OK])
    router = routed(provider, place("a"), place("b"))
    for _ in range(5):
        assert (await router.fetch(place("a"), Fetch("GET", "/v1/responses/r"))).status == status
    assert provider.asked == ["a"] * 5


async def test_a_stored_stream_that_begins_with_an_error_is_one() -> None:
    """As with a fresh one; one that never begins is an error too."""
    error = b'data: {"error": {"code": "429"}}\n\n'
    router = routed(Keeping(a=[[error], [], [EVENT]]), place("a"))
    asked = Fetch("GET", "/v1/responses/r", stream=True)
    assert (await router.fetch(place("a"), asked)).status == 429
    with pytest.raises(UpstreamError):
        await router.fetch(place("a"), asked)
    answer = await router.fetch(place("a"), asked)
    assert not isinstance(answer, Reply)
    assert [piece async for piece in answer] == [EVENT]


async def test_a_provider_that_keeps_nothing_is_not_asked() -> None:
    """404 `unsupported_endpoint`."""
    provider = Scripted(a=[OK])
    with pytest.raises(NotFound) as caught:
        await routed(provider, place("a")).fetch(place("a"), Fetch("GET", "/v1/responses/r"))
    assert (caught.value.code, provider.asked) == ("unsupported_endpoint", [])
