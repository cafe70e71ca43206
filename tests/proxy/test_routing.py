"""Routing: balance, retries, cooldown, fallbacks; all of it before the first byte."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from proxy.config import Config, RouterSettings
from proxy.config_deployments import Deployment, Timeouts
from proxy.errors import (
    BadRequest,
    Blocked,
    ConfigError,
    NotFound,
    Redirected,
    UpstreamError,
    UpstreamTimeout,
)
from proxy.providers.base import Call, EventStream, Reply, ReplyStream
from proxy.routing import ANTHROPIC, LONGEST_RETRY_AFTER_SECONDS, Attempt, Router, open_providers, speaker

OK = Reply(200, {}, b"{}")
EVENT = b'data: {"choices":[]}\n\n'
Step = Reply | UpstreamError | list[bytes] | Callable[[], object]


class Scripted:
    """A provider whose deployments answer from a list each; the last step repeats."""

    name = "scripted"

    def __init__(self, **steps: list[Step]) -> None:
        self.steps = steps
        self.asked: list[str] = []
        self.closed: list[str] = []

    async def complete(self, deployment: Deployment, call: Call) -> Reply:
        """The next step."""
        answer = await self.stream(deployment, call)
        assert isinstance(answer, Reply)
        return answer

    async def stream(self, deployment: Deployment, call: Call) -> ReplyStream | Reply:
        """The next step; a list of bytes is a stream."""
        self.asked.append(deployment.id)
        steps = self.steps[deployment.id]
        step = steps.pop(0) if len(steps) > 1 else steps[0]
        if callable(step):
            raise step()  # type: ignore[misc]
        if isinstance(step, UpstreamError):
            raise step
        return step if isinstance(step, Reply) else EventStream(self.events(deployment.id, step), {})

    async def events(self, name: str, pieces: list[bytes]) -> AsyncGenerator[bytes, None]:
        """The pieces; b"hang" waits for ever."""
        try:
            for piece in pieces:
                if piece == b"hang":
                    await asyncio.sleep(60)
                yield piece
        finally:
            self.closed.append(name)

    async def aclose(self) -> None:
        """Noted."""
        self.closed.append("all")


class Time:
    """A clock that only moves when someone sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        """The time it is."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Jump ahead."""
        self.slept.append(seconds)
        self.now += seconds


def place(name: str, group: str = "m", **more: object) -> Deployment:
    """A deployment of the scripted provider."""
    return Deployment(name, group, "scripted", "x", "y", **more)  # type: ignore[arg-type]


def routed(provider: Scripted, *places: Deployment, time: Time | None = None, **settings: object) -> Router:
    """A router over those deployments with a clock of its own."""
    config = Config(Path("f"), places, RouterSettings(**settings))  # type: ignore[arg-type]
    return Router(config, {"scripted": provider}, clock=time or Time(), seed=1)


async def whole(deployment: Deployment) -> Call:
    """A call that is not streamed."""
    return Call({})


async def streamed(deployment: Deployment) -> Call:
    """A streamed call with a short deadline for its first event."""
    return Call({}, stream=True, timeout=Timeouts(first_byte=0.05))


def refusal(status: int, **headers: str) -> Reply:
    """An error reply."""
    return Reply(status, headers, b'{"error":{}}')


def test_knows_its_models() -> None:
    """In the order of the file; an unknown one is 404 model_not_found."""
    router = routed(Scripted(), place("a", "m"), place("b", "n"), place("c", "m"))
    assert router.models() == ["m", "n"]
    assert [item.id for item in router.resolve("m")] == ["a", "c"]
    with pytest.raises(NotFound) as caught:
        router.resolve("x")
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


async def test_load_is_shared_by_weight() -> None:
    """Three to one, and nothing for weight 0."""
    provider = Scripted(a=[OK], b=[OK], c=[OK])
    router = routed(provider, place("a", weight=3), place("b", weight=1), place("c", weight=0))
    for _ in range(400):
        await router.call("m", whole)
    counts = Counter(provider.asked)
    assert 260 < counts["a"] < 340 and counts["a"] + counts["b"] == 400


@pytest.mark.parametrize(
    "step",
    [
        refusal(408),
        refusal(429),
        refusal(500),
        refusal(502),
        refusal(503),
        refusal(504),
        UpstreamError("x"),
        UpstreamTimeout("x"),
    ],
    ids=str,
)
async def test_what_may_pass_is_tried_again(step: Step) -> None:
    """With a pause that grows, and a line in the log for each attempt."""
    provider, time = Scripted(a=[step, step, OK]), Time()
    log: list[Attempt] = []
    answer = (await routed(provider, place("a"), time=time).call("m", whole, log)).answer
    assert answer is OK
    assert len(log) == 3 and log[-1].status == 200 and all(item.deployment == "a" for item in log)
    assert log[0].status == (step.status if isinstance(step, Reply) else 0)
    assert [0.125 <= time.slept[0] <= 0.25, 0.25 <= time.slept[1] <= 0.5] == [True, True]


@pytest.mark.parametrize("status", [400, 405, 409, 413, 422])
async def test_a_wrong_request_is_told_at_once(status: int) -> None:
    """No retry, no fallback: it would be wrong there too."""
    provider = Scripted(a=[refusal(status)], b=[OK])
    routes = routed(provider, place("a"), place("b", "n"), fallbacks={"m": ("n",)})
    assert (await routes.call("m", whole)).answer.status == status
    assert provider.asked == ["a"]


async def test_a_deployment_that_redirects_is_not_asked_twice() -> None:
    """What it says is a mistake of the configuration; another one may do."""
    provider = Scripted(a=[Redirected("elsewhere")], b=[OK])
    await routed(provider, place("a", weight=1), place("b", weight=0)).call("m", whole)
    assert provider.asked == ["a", "b"]
    alone = Scripted(a=[Redirected("elsewhere")])
    with pytest.raises(Redirected):
        await routed(alone, place("a"), num_retries=3).call("m", whole)
    assert alone.asked == ["a"]


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_misplaced_deployment_is_not_asked_twice(status: int) -> None:
    """Its key or model is wrong; another one may do."""
    provider = Scripted(a=[refusal(status)], b=[OK])
    assert (await routed(provider, place("a", weight=1), place("b", weight=0)).call("m", whole)).answer is OK
    assert provider.asked == ["a", "b"]
    alone = Scripted(a=[refusal(status)])
    assert (await routed(alone, place("a")).call("m", whole)).answer.status == status
    assert alone.asked == ["a"]


async def test_another_deployment_is_tried_without_a_pause() -> None:
    """Waiting helps the one that failed, not its neighbour."""
    provider, time = Scripted(a=[refusal(500)], b=[OK]), Time()
    await routed(provider, place("a", weight=1), place("b", weight=0), time=time).call("m", whole)
    assert (provider.asked, time.slept) == (["a", "b"], [])


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"retry-after": "3"}, 3),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after": "0"}, None),
    ],
)
async def test_retry_after_is_honoured(headers: dict[str, str], pause: float | None) -> None:
    """To the millisecond where the provider is that exact."""
    provider, time = Scripted(a=[Reply(429, headers, b""), OK]), Time()
    await routed(provider, place("a"), time=time).call("m", whole)
    assert time.slept == ([] if pause is None else [pause])


@pytest.mark.parametrize("value", ["nan", "-1", "inf", "Wed, 21 Oct 2026 07:28:00 GMT", ""])
async def test_an_odd_retry_after_is_as_good_as_none(value: str) -> None:
    """Our own pause instead."""
    provider, time = Scripted(a=[Reply(429, {"retry-after": value}, b""), OK]), Time()
    await routed(provider, place("a"), time=time).call("m", whole)
    assert 0 < time.slept[0] <= 0.25


async def test_a_long_retry_after_goes_to_the_caller() -> None:
    """Who can decide better what to do meanwhile."""
    asked = refusal(429, **{"retry-after": str(LONGEST_RETRY_AFTER_SECONDS + 1)})
    provider, time = Scripted(a=[asked]), Time()
    assert (await routed(provider, place("a"), time=time).call("m", whole)).answer is asked
    assert (len(provider.asked), time.slept) == (1, [])


async def test_fallbacks_are_tried_in_order_and_the_first_word_counts() -> None:
    """When all fail, the caller hears of the model it asked for."""
    first = refusal(503)
    provider = Scripted(a=[first], b=[UpstreamError("down")], c=[refusal(500)])
    router = routed(
        provider, place("a"), place("b", "n"), place("c", "o"), fallbacks={"m": ("n", "o")}, num_retries=0
    )
    assert (await router.call("m", whole)).answer is first
    assert provider.asked == ["a", "b", "c"]
    with pytest.raises(UpstreamError, match="down"):
        await router.call("n", whole)


async def test_a_general_fallback_holds_for_those_without_their_own() -> None:
    """`*`, and never back to itself."""
    provider = Scripted(a=[UpstreamError("x")], b=[OK])
    router = routed(provider, place("a"), place("b", "n"), fallbacks={"*": ("m", "n")}, num_retries=0)
    found = await router.call("m", whole)
    assert (found.deployment.id, provider.asked) == ("b", ["a", "b"])


async def test_a_failing_deployment_is_left_alone_for_a_while() -> None:
    """After more than allowed_fails within a minute, for cooldown_time."""
    provider, time = Scripted(a=[refusal(500)], b=[OK]), Time()
    places = (place("a", weight=1), place("b", weight=0))
    router = routed(provider, *places, time=time, allowed_fails=1, cooldown_time=5)
    for _ in range(4):
        await router.call("m", whole)
    assert provider.asked == ["a", "b", "a", "b", "b", "b"]
    time.now += 5.1
    await router.call("m", whole)
    assert provider.asked[-2:] == ["a", "b"]


async def test_old_failures_are_forgotten() -> None:
    """One a minute is no reason to rest."""
    provider, time = Scripted(a=[refusal(500)], b=[OK]), Time()
    router = routed(provider, place("a", weight=1), place("b", weight=0), time=time, allowed_fails=1)
    for _ in range(4):
        await router.call("m", whole)
        time.now += 61
    assert provider.asked.count("a") == 4


async def test_a_group_that_rests_is_asked_all_the_same() -> None:
    """An attempt is worth more than a refusal."""
    provider = Scripted(a=[refusal(500), refusal(500), OK])
    router = routed(provider, place("a"), allowed_fails=0, num_retries=0)
    await router.call("m", whole)
    await router.call("m", whole)
    assert (await router.call("m", whole)).answer is OK


async def test_a_deployments_own_retries_win() -> None:
    """num_retries in litellm_params."""
    provider = Scripted(a=[refusal(500)])
    await routed(provider, place("a", num_retries=0), num_retries=5).call("m", whole)
    assert provider.asked == ["a"]


async def test_a_stream_is_handed_over_from_its_first_byte() -> None:
    """Nothing is lost by looking at the first event, wherever it was cut."""
    pieces = [b": hi\n\nda", b'ta: {"choices"', b":[]}\n\ndata: x", b"\n\n"]
    provider = Scripted(a=[pieces])
    answer = (await routed(provider, place("a")).call("m", streamed)).answer
    assert not isinstance(answer, Reply)
    assert b"".join([piece async for piece in answer]) == b"".join(pieces)


@pytest.mark.parametrize(
    "broken",
    [
        [],
        [b": only a comment\n\n"],
        [b"data: half"],
        [b"hang"],
        [b'data: {"error":{"message":"x"}}\n\n', EVENT],
    ],
    ids=["empty", "comment", "half", "hang", "error"],
)
async def test_a_stream_that_never_really_begins_is_tried_again(broken: list[bytes]) -> None:
    """The caller never learns of it, and the broken one is closed."""
    provider = Scripted(a=[broken, [EVENT]])
    log: list[Attempt] = []
    answer = (await routed(provider, place("a")).call("m", streamed, log)).answer
    assert not isinstance(answer, Reply)
    assert provider.closed == ["a"]
    assert [piece async for piece in answer] == [EVENT]
    assert [item.status for item in log] == [502 if len(broken) == 2 else 0, 200]


@pytest.mark.parametrize(
    ("code", "status"), [('"code":429', 429), ('"code":"400"', 400), ('"code":"bad"', 502), ('"x":1', 502)]
)
async def test_an_error_as_the_first_event_becomes_an_error_reply(code: str, status: int) -> None:
    """Nothing was sent yet, so it can still have a status; the provider's words are kept."""
    body = b'{"error":{"message":"no","%s}}' % code[1:].encode()
    provider = Scripted(a=[[b"data: " + body + b"\n\n"]])
    answer = (await routed(provider, place("a"), num_retries=0).call("m", streamed)).answer
    assert isinstance(answer, Reply)
    assert (answer.status, answer.body) == (status, body)


async def test_closing_the_handed_over_stream_closes_the_providers() -> None:
    """Also in the middle."""
    provider = Scripted(a=[[EVENT, EVENT, EVENT]])
    answer = (await routed(provider, place("a")).call("m", streamed)).answer
    assert not isinstance(answer, Reply)
    await anext(aiter(answer))
    await answer.aclose()
    assert provider.closed == ["a"]


async def test_cancelling_goes_through_at_once_and_is_logged() -> None:
    """No retry for a caller that has left."""
    provider = Scripted(a=[[b"hang"]])
    log: list[Attempt] = []
    router = routed(provider, place("a"))
    task = asyncio.ensure_future(router.call("m", streamed, log))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [(item.status, item.code) for item in log] == [(0, "cancelled")]
    assert provider.closed == ["a"] and provider.asked == ["a"]


async def test_our_own_refusal_is_not_tried_again() -> None:
    """A request that a provider cannot take is the caller's to mend."""
    provider = Scripted(a=[lambda: BadRequest("no")])
    with pytest.raises(BadRequest):
        await routed(provider, place("a")).call("m", whole)
    assert provider.asked == ["a"]


async def test_closing_the_router_closes_its_providers() -> None:
    """Once each."""
    provider = Scripted()
    await routed(provider).aclose()
    assert provider.closed == ["all"]


def test_only_the_providers_that_are_needed_are_opened() -> None:
    """And a scripted model that does not exist is refused at the start."""
    fake = Deployment("f", "m", "fake", "fake", "echo")
    wire = Deployment("w", "m", "openai_wire", "openai", "x", api_base="http://h/v1")
    assert sorted(open_providers([fake, fake, wire])) == ["fake", "openai_wire"]
    with pytest.raises(ConfigError):
        open_providers([Deployment("f", "m", "fake", "fake", "ecko")])


def test_each_route_has_the_provider_that_speaks_it() -> None:
    """Anthropic's routes reach Anthropic directly, other vendors as a chat, and are counted by nobody else."""
    claude = Deployment("c", "m", "litellm", "anthropic", "anthropic/claude-x")
    other = Deployment("w", "m", "openai_wire", "openai", "x", api_base="http://h/v1")

    assert speaker(claude, "/v1/chat/completions") == "litellm"
    assert {speaker(claude, path) for path in ANTHROPIC} == {"anthropic_wire"}
    assert speaker(other, "/v1/messages") == "translated/openai_wire"
    assert sorted(open_providers([claude])) == ["anthropic_wire", "litellm"]
    with pytest.raises(NotFound, match="count_tokens"):
        speaker(other, "/v1/messages/count_tokens")


@pytest.mark.parametrize(
    ("code", "setting"),
    [
        ("context_length_exceeded", "context_window_fallbacks"),
        ("content_filter", "content_policy_fallbacks"),
        ("content_policy_violation", "content_policy_fallbacks"),
    ],
)
async def test_a_refusal_that_another_model_may_not_share_has_fallbacks_of_its_own(
    code: str, setting: str
) -> None:
    """Too long, or filtered by the provider: only what is configured for that is tried, and the first word counts."""
    refused = Reply(
        400, {}, b'{"error":{"message":"m","type":"invalid_request_error","code":"%s"}}' % code.encode()
    )
    other = {"context_window_fallbacks", "content_policy_fallbacks"} - {setting}
    for configured, answer, asked in (
        (setting, OK, ["a", "b"]),
        (setting, refused, ["a", "b"]),
        (other.pop(), OK, ["a"]),
        ("fallbacks", OK, ["a"]),
    ):
        provider = Scripted(a=[refused], b=[answer])
        router = routed(provider, place("a"), place("b", "n"), **{configured: {"m": ("n",)}})
        told = (await router.call("m", whole)).answer
        assert provider.asked == asked
        assert told.status == (200 if asked == ["a", "b"] and answer is OK else 400)


async def test_a_group_that_rests_lets_its_fallback_go_first() -> None:
    """Nobody waits for what has just failed; when the fallback fails too, the group is asked all the same."""
    down = refusal(500)
    provider = Scripted(a=[down], b=[OK, OK, OK, down])
    settings = {"fallbacks": {"m": ("n",)}, "allowed_fails": 0, "num_retries": 0}
    router = routed(provider, place("a"), place("b", "n"), **settings)
    for _ in range(3):
        assert (await router.call("m", whole)).answer is OK
    assert provider.asked == ["a", "b", "b", "b"]
    assert (await router.call("m", whole)).answer is down
    assert provider.asked[4:] == ["b", "a"]


async def test_one_that_asks_for_patience_is_left_alone_while_another_may_answer() -> None:
    """For as long as it asks, from its first refusal on."""
    provider, time = Scripted(a=[Reply(429, {"retry-after": "30"}, b""), OK], b=[OK]), Time()
    router = routed(provider, place("a", weight=1), place("b", weight=0), time=time)
    for _ in range(3):
        assert (await router.call("m", whole)).answer is OK
    assert (provider.asked, time.slept) == (["a", "b", "b", "b"], [])
    time.now = 30.1
    await router.call("m", whole)
    assert provider.asked[-1] == "a"


async def test_a_session_keeps_its_deployment_while_that_one_is_well() -> None:
    """It moves when its deployment rests, and comes back afterwards; others stay where they are."""
    provider, time = Scripted(a=[OK], b=[OK], c=[OK]), Time()
    router = routed(provider, place("a"), place("b"), place("c"), time=time, allowed_fails=0, num_retries=1)
    homes = {}
    for number in range(20):
        homes[f"t/{number}"] = (await router.call("m", whole, sticky=f"t/{number}")).deployment.id
    assert set(homes.values()) == {"a", "b", "c"}
    ill = homes["t/0"]
    provider.steps[ill] = [refusal(500), OK]
    moved = (await router.call("m", whole, sticky="t/0")).deployment.id
    assert moved != ill
    for name, home in homes.items():
        found = (await router.call("m", whole, sticky=name)).deployment.id
        assert found == home if home != ill else found != ill
    time.now += 5.1
    for name, home in homes.items():
        assert (await router.call("m", whole, sticky=name)).deployment.id == home


async def test_a_call_that_cannot_be_made_is_no_attempt() -> None:
    """What our own policy refuses for a fallback is neither a call nor a failure of a deployment."""
    provider = Scripted(a=[refusal(500)], b=[OK])
    router = routed(provider, place("a"), place("b", "n"), fallbacks={"m": ("n",)}, num_retries=0)
    log: list[Attempt] = []

    async def judged(deployment: Deployment) -> Call:
        if deployment.id == "b":
            raise Blocked("no")
        return Call({})

    with pytest.raises(Blocked):
        await router.call("m", judged, log)
    assert ([item.deployment for item in log], provider.asked) == (["a"], ["a"])
    assert not router._health._lately["b"].failures


async def test_an_error_of_a_beginning_stream_has_its_fallback_too() -> None:
    """Told as an event, it is the same refusal."""
    body = b'{"error":{"message":"m","type":"invalid_request_error","code":"context_length_exceeded"}}'
    provider = Scripted(a=[[b"data: " + body + b"\n\n"]], b=[[EVENT]])
    router = routed(provider, place("a"), place("b", "n"), context_window_fallbacks={"m": ("n",)})
    assert (await router.call("m", streamed)).deployment.id == "b"
