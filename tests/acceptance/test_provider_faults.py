"""Whatever a provider does wrong, its caller is told an error in its own dialect; the next request is served."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.provider_faults import BEFORE, CUT, FINE, LATE, ODD, STREAMS, Fault, sized
from tests.acceptance.rough import End, RoughProvider
from tests.acceptance.spoken import ROUTES, Route, models, outcome
from tests.beats import beating
from tests.proxy.policies import policy
from tests.servers import ADMIN_KEY, Running, make_app, served

SECONDS = 0.2
"""How long the proxy waits for a provider that is asked for in a hurry, or that stops in the middle."""
PATIENCE = 30.0
"""How long it waits for any other: no machine is so busy that an answer takes as long."""
HURRIED = "hurried-"
"""Before the name of a model that is asked for in a hurry."""
CALLS = [
    pytest.param(route, stream, id=f"{route.name}-{'streamed' if stream else 'whole'}")
    for route in ROUTES.values()
    for stream in ((False, True) if route.frames([]) else (False,))
]
"""Every route, whole and where it can be streamed."""
STREAMED = [route for route in ROUTES.values() if route.frames([])]


@pytest.fixture(scope="module")
def provider() -> Iterator[RoughProvider]:
    """The provider."""
    made = RoughProvider()
    yield made
    made.stop()


def proxied(provider: RoughProvider, folder: Path, **keys: Any) -> AbstractContextManager[Running]:
    """A proxy with every model twice."""
    deployments = []
    for prefix, seconds in (("", PATIENCE), (HURRIED, SECONDS)):
        for deployment in models(provider.port):
            params = {**deployment["litellm_params"], "timeout": seconds}
            deployments.append({"model_name": prefix + deployment["model_name"], "litellm_params": params})
    return served(make_app(folder, "", policy(), deployments, **keys))


@pytest.fixture(scope="module")
def proxy(provider: RoughProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A proxy that waits as long as the model says."""
    with proxied(provider, tmp_path_factory.mktemp("faults")) as running:
        yield running


@pytest.fixture(scope="module")
def restless(provider: RoughProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A proxy that waits as long for an answer to begin, and not long for it to go on."""
    with proxied(provider, tmp_path_factory.mktemp("restless"), timeouts={"idle": SECONDS}) as running:
        yield running


def ask(proxy: Running, route: Route, stream: bool) -> tuple[str, http.client.HTTPResponse, bytes]:
    """What the caller is told, and how."""
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=2 * PATIENCE)
    try:
        headers = {"authorization": f"Bearer {ADMIN_KEY}"}
        connection.request("POST", route.path, route.request(stream=stream), headers)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    told = outcome(route, answer.status, answer.headers["content-type"], body)
    return f"error {answer.status}" if told == "error" else told, answer, body


def check(proxy: Running, provider: RoughProvider, route: Route, fault: Fault, stream: bool) -> None:
    """One fault, told without waiting for more than it takes to know, and then a request that is served."""
    proxy.recorder.forget()
    provider.play(*fault.play(route))
    asked = replace(route, model=HURRIED + route.model) if fault.told == LATE else route

    with beating() as lived:
        told, _, body = ask(proxy, asked, stream)

    assert told in fault.told
    assert lived.seconds < SECONDS + 3
    assert b"hunter2" not in body
    kept = proxy.recorder.last()
    assert kept["outcome"] == ("passed" if told == "answered" else "failed")
    assert (kept["error"] is None) == (told == "answered")
    assert kept["upstream_called"]

    provider.play(sized(route.whole))
    assert ask(proxy, route, False)[0] == "answered"
    assert proxy.recorder.last()["outcome"] == "passed"


@pytest.mark.parametrize("fault", [*BEFORE, *ODD, *FINE], ids=lambda fault: fault.name)
@pytest.mark.parametrize(("route", "stream"), CALLS)
def test_an_answer_that_is_none(
    proxy: Running, provider: RoughProvider, route: Route, stream: bool, fault: Fault
) -> None:
    """A defined error, or where the answer is one all the same, the answer. Never a made-up one."""
    check(proxy, provider, route, fault, stream)


@pytest.mark.parametrize("fault", STREAMS, ids=lambda fault: fault.name)
@pytest.mark.parametrize("route", STREAMED, ids=lambda route: route.name)
def test_a_stream_that_is_none(
    proxy: Running, restless: Running, provider: RoughProvider, route: Route, fault: Fault
) -> None:
    """Before its first event an HTTP error, from then on an error in the stream. Never a silent end."""
    stops = fault.told == CUT and fault.play(route)[-1] is End.SILENT
    check(restless if stops else proxy, provider, route, fault, True)


@pytest.mark.parametrize("where", ["http://127.0.0.1:1", "http://no-such-host.invalid", "https"])
def test_a_provider_that_is_not_there(tmp_path: Path, provider: RoughProvider, where: str) -> None:
    """A port where nobody listens, a name that does not exist, a server that waits for something else than TLS."""
    told = {("error 502", "upstream_unreachable"), ("error 504", "upstream_timeout")}
    base = f"https://127.0.0.1:{provider.port}" if where == "https" else where
    deployments = models(0)
    for deployment in deployments:
        tail = "" if deployment["model_name"] == "claude-test" else "/v1"
        deployment["litellm_params"].update(api_base=base + tail, timeout=SECONDS)
    with served(make_app(tmp_path, "", policy(), deployments)) as running:
        for route in ROUTES.values():
            for stream in (False, True) if route in STREAMED else (False,):
                answer = ask(running, route, stream)[0]
                assert (answer, running.recorder.last()["error"]["code"]) in told


@pytest.mark.parametrize(("route", "stream"), CALLS)
def test_a_connection_that_is_closed_between_requests(
    proxy: Running, provider: RoughProvider, route: Route, stream: bool
) -> None:
    """Without a word, at once or as the next request comes: no caller notices."""
    good = [sized(route.whole), End.KEEP]
    for late in ([End.CLOSE], [0.01, End.CLOSE], [End.RESET]):
        provider.reset(lambda number, late=late: [*good[:1], *late] if number % 2 == 0 else good)
        for _ in range(4):
            assert ask(proxy, route, stream)[0] == "answered"
