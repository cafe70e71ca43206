"""Limits as callers meet them: through a whole proxy, on real sockets, with a real provider behind it."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import openai
import pytest

from proxy.admission import admit, duration, refused
from proxy.document import document
from proxy.exchange import Principal, new_id
from proxy.key_terms import Terms
from proxy.large import LARGE_BYTES
from proxy.limiter import Refusal
from proxy.limiter_memory import MemoryLimiter
from proxy.limits import Limits
from proxy.store.keys import create_key
from tests.proxy.exchanges import masked
from tests.proxy.policies import FORBIDDEN, policy
from tests.proxy.test_demand import context as measured
from tests.proxy.test_pipeline import ask, chat
from tests.proxy.test_vaults import redis_url
from tests.servers import Running, Script, Upstream, make_app, raw, said, served, stream, whole

SMALL = {"max_tokens": 10}
Proxies = Callable[..., tuple[list[Running], str]]


@pytest.fixture
def limited(tmp_path: Path, _upstream: Upstream) -> Iterator[Proxies]:
    """Proxies of one installation, and a key with the given limits; without a Redis they count each for itself."""
    _upstream.reset()
    with ExitStack() as stack:

        def start(limits: Limits, count: int = 1, **keys: Any) -> tuple[list[Running], str]:
            models = [
                {
                    "model_name": "gpt-test",
                    "litellm_params": {"model": "openai/gpt-real", "api_base": url, "api_key": "sk-upstream"},
                    "model_info": {"input_cost_per_token": 0.001, "output_cost_per_token": 0.001},
                },
                {
                    "model_name": "unpriced",
                    "litellm_params": {
                        "model": "openai/own-model",
                        "api_base": url,
                        "api_key": "sk-upstream",
                    },
                },
            ]
            apps = [make_app(tmp_path, url, policy(), models, **keys) for _ in range(count)]
            secret = create_key(apps[0].context.store, "app", terms=Terms(limits=limits)).secret
            return [stack.enter_context(served(app)) for app in apps], secret

        url = f"http://127.0.0.1:{_upstream.port}/v1"
        yield start


def call(proxy: Running, key: str, path: str = "/v1/chat/completions", **more: Any) -> Any:
    """One request with a key."""
    return ask(proxy, chat(**{**SMALL, **more}), headers={"authorization": f"Bearer {key}"}, path=path)


def idle(proxy: Running) -> None:
    """Returns when nothing is under way; the test's deadline ends the wait."""
    while proxy.app.context.limiter.leases:
        time.sleep(0.005)


def test_openais_client_is_told_of_its_limits(limited: Proxies, _upstream: Upstream) -> None:
    """Each reply says what is left, in our numbers and not the provider's; the one over it is a RateLimitError."""
    [proxy], key = limited(Limits(rpm=2, tpm=1_000))
    _upstream.script = raw(
        whole().pieces[0], x_ratelimit_remaining_requests="9999", x_ratelimit_limit_tokens="5"
    )
    client = openai.OpenAI(api_key=key, base_url=proxy.url, max_retries=0)

    def once() -> Any:
        messages: Any = [{"role": "user", "content": "hi"}]
        return client.chat.completions.with_raw_response.create(
            model="gpt-test", messages=messages, max_tokens=10
        )

    first, second = once(), once()
    with pytest.raises(openai.RateLimitError) as told:
        once()

    assert [each.headers["x-ratelimit-remaining-requests"] for each in (first, second)] == ["1", "0"]
    assert first.headers["x-ratelimit-limit-requests"] == "2"
    assert first.headers["x-ratelimit-limit-tokens"] == "1000"
    assert int(second.headers["x-ratelimit-remaining-tokens"]) < 1_000
    body: Any = told.value.body
    assert (told.value.status_code, body["type"], body["code"]) == (429, "requests", "rate_limit_exceeded")
    assert "this key is 2 requests a minute" in body["message"]
    assert key not in body["message"]
    headers = told.value.response.headers
    assert 0 < int(headers["retry-after"]) <= 61
    assert 0 < int(headers["retry-after-ms"]) <= 61_000
    assert headers["x-ratelimit-remaining-requests"] == "0"
    refusal = proxy.recorder.documents[-1]
    assert (refusal["error"]["code"], refusal["outcome"], refusal["upstream_called"]) == (
        "rate_limit_exceeded",
        "failed",
        False,
    )
    metrics = proxy.app.context.metrics.render()[0].decode()
    assert 'guardhouse_limit_refusals_total{limit="rpm",scope="key"} 1.0' in metrics


def test_anthropics_callers_are_told_in_their_own_words(limited: Proxies, _upstream: Upstream) -> None:
    """`anthropic-ratelimit-*` with a time, and an error of their shape."""
    [proxy], key = limited(Limits(rpm=1, tpm=100_000))
    answers = [call(proxy, key, "/v1/messages") for _ in range(2)]

    told = json.loads(answers[1].body)
    assert [each.status for each in answers] == [200, 429]
    assert (told["type"], told["error"]["type"]) == ("error", "rate_limit_error")
    for answer in answers:
        assert answer.headers["anthropic-ratelimit-requests-limit"] == "1"
        assert answer.headers["anthropic-ratelimit-requests-remaining"] == "0"
        assert answer.headers["anthropic-ratelimit-requests-reset"].endswith("Z")
        assert answer.headers["anthropic-ratelimit-tokens-limit"] == "100000"


def test_a_team_is_counted_over_its_keys(limited: Proxies) -> None:
    """The tighter of key and team is told, and the refusal names the team."""
    [proxy], key = limited(Limits(rpm=9), teams={"eng": {"rpm": 1}}, default_limits={"rpm": 5})
    other = create_key(proxy.app.context.store, "b", terms=Terms(team="eng")).secret
    third = create_key(proxy.app.context.store, "c", terms=Terms(team="eng")).secret
    from functools import partial

    from proxy.permits import known_keys

    proxy.app.context.keyring.refresh(partial(known_keys, proxy.app.context))

    answers = [call(proxy, each) for each in (key, other, third)]

    assert [each.status for each in answers] == [200, 200, 429]
    assert [each.headers["x-ratelimit-limit-requests"] for each in answers] == ["9", "1", "1"]
    assert "the team 'eng' is 1 requests a minute" in json.loads(answers[2].body)["error"]["message"]


def test_a_budget_that_is_used_up_is_not_worth_a_retry(limited: Proxies) -> None:
    """`insufficient_quota`, and the client is told to leave it; what is not priced is refused before that."""
    [proxy], key = limited(Limits(budgets={"day": 3_500_000}))
    unpriced = call(proxy, key, model="unpriced")
    answers = [call(proxy, key) for _ in range(3)]

    told = json.loads(answers[2].body)["error"]
    assert (unpriced.status, json.loads(unpriced.body)["error"]["code"]) == (403, "model_price_unknown")
    assert "model_info.input_cost_per_token" in json.loads(unpriced.body)["error"]["message"]
    assert [each.status for each in answers] == [200, 200, 429]
    assert (told["type"], told["code"]) == ("insufficient_quota", "insufficient_quota")
    assert answers[2].headers["x-should-retry"] == "false"
    assert int(answers[2].headers["retry-after"]) > 0


@pytest.mark.parametrize("shared", [False, pytest.param(True, marks=pytest.mark.services)])
def test_a_budget_outlives_a_restart(tmp_path: Path, shared: bool) -> None:
    """What the traces say was spent counts from the first request on, in memory and in a Redis that is empty."""
    keys = {"redis_url": redis_url()} if shared else {}
    models = [
        {
            "model_name": "gpt-test",
            "litellm_params": {"model": "fake/echo"},
            "model_info": {"input_cost_per_token": 0.001, "output_cost_per_token": 0.001},
        }
    ]
    app = make_app(tmp_path, "", policy(), models, **keys)
    made = create_key(app.context.store, "app", terms=Terms(limits=Limits(budgets={"total": 500})))
    spent = masked(
        principal=Principal(made.stored.key_id), started_us=(int(time.time()) - 60) * 10**6, cost_nanousd=500
    )
    app.context.store.write([document(spent)])

    with served(app) as proxy:
        answer = ask(proxy, chat(), headers={"authorization": f"Bearer {made.secret}"})

    assert answer.status == 429
    assert "5e-07 are spent" in json.loads(answer.body)["error"]["message"]


@pytest.mark.parametrize("streamed", [False, True])
def test_one_request_at_a_time_is_no_trouble_for_who_waits_for_replies(
    limited: Proxies, _upstream: Upstream, streamed: bool
) -> None:
    """Who reads a reply to its end may send the next request at once."""
    [proxy], key = limited(Limits(max_parallel_requests=1))
    _upstream.script = said("hello there") if streamed else whole()

    assert [call(proxy, key, stream=streamed).status for _ in range(20)] == [200] * 20


def _blocked(upstream: Upstream) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": FORBIDDEN}]}


def _failing(upstream: Upstream) -> dict[str, Any]:
    upstream.script = raw(b'{"error": {"message": "no"}}', 500)
    return {}


def _cut(upstream: Upstream) -> dict[str, Any]:
    upstream.script = Script(
        said("hello").pieces[:3], headers={"content-type": "text/event-stream"}, cut=True
    )
    return {"stream": True}


def _no_json(upstream: Upstream) -> dict[str, Any]:
    upstream.script = raw(b"nothing")
    return {}


def _no_such_model(upstream: Upstream) -> dict[str, Any]:
    return {"model": "nobody"}


def _blocked_reply(upstream: Upstream) -> dict[str, Any]:
    upstream.script = said(f"say {FORBIDDEN} now")
    return {"stream": True}


@pytest.mark.parametrize("how", [_blocked, _failing, _cut, _no_json, _no_such_model, _blocked_reply])
def test_whatever_becomes_of_a_request_its_place_is_free_again(
    limited: Proxies, _upstream: Upstream, how: Callable[[Upstream], dict[str, Any]]
) -> None:
    """Blocked, failed, broken or unknown: nothing stays reserved, and nothing that was not asked for is counted."""
    [proxy], key = limited(Limits(tpm=10_000, max_parallel_requests=1, budgets={"total": 10**12}))
    call(proxy, key, **how(_upstream))
    idle(proxy)
    _upstream.script = whole()

    answer = call(proxy, key)

    assert answer.status == 200
    reserved = 10_000 - int(answer.headers["x-ratelimit-remaining-tokens"])
    if how in (_blocked, _no_such_model):
        assert reserved < 40, "nothing was sent to the provider"


def test_what_is_charged_for_an_unknown_cost_stands_in_the_trace(
    limited: Proxies, _upstream: Upstream
) -> None:
    """A stream that does not say what it used: a restart sums what the limiter counted."""
    limits = Limits(budgets={"total": 10**12})
    [proxy], key = limited(limits)
    _upstream.script = said("hello there")

    call(proxy, key, stream=True)
    idle(proxy)

    trace = proxy.recorder.last()
    assert trace["cost_nanousd"] is None
    assert trace["charged_nanousd"] > 0
    assert counted(proxy, trace["key_id"], limits)[2] == trace["charged_nanousd"]


def test_a_caller_who_leaves_frees_its_place(limited: Proxies, _upstream: Upstream) -> None:
    """Before the first byte, and in the middle of a stream; what was asked of the provider is counted."""
    [proxy], key = limited(Limits(tpm=10_000, max_parallel_requests=1))
    for script in (Script(whole().pieces, first_delay=30), stream(said("hello").pieces[:3], stall=30)):
        _upstream.script = script
        connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)
        body = json.dumps(chat(stream=script.chunked, **SMALL))
        connection.request("POST", "/v1/chat/completions", body, {"authorization": f"Bearer {key}"})
        while not proxy.app.context.limiter.leases:
            time.sleep(0.005)
        connection.close()
        idle(proxy)
    _upstream.script = whole()

    assert call(proxy, key).status == 200


def test_a_key_without_limits_costs_nothing(limited: Proxies) -> None:
    """Nothing is reserved or counted, and no header tells of limits."""
    [proxy], key = limited(Limits())

    for each in (key, "gh-test-admin-key"):
        answer = call(proxy, each)
        assert answer.status == 200
        assert not [name for name in answer.headers if "ratelimit" in name]
    assert not proxy.app.context.limiter._accounts  # type: ignore[attr-defined]


def contest(proxies: list[Running], key: str, requests: int) -> list[int]:
    """The statuses of so many requests of 64 callers at once."""
    start = threading.Barrier(64)

    def caller(number: int) -> list[int]:
        start.wait()
        return [call(proxies[(number + each) % len(proxies)], key).status for each in range(requests // 64)]

    with ThreadPoolExecutor(64) as pool:
        return [status for found in pool.map(caller, range(64)) for status in found]


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, pytest.param(2, marks=pytest.mark.services)])
def test_64_callers_get_no_more_than_their_limit(limited: Proxies, _upstream: Upstream, count: int) -> None:
    """Of one proxy, or of two that share a Redis: exactly what is allowed reaches the provider, and all of it is
    counted as the traces say."""
    shared = {"redis_url": redis_url()} if count > 1 else {}
    limits = Limits(rpm=100, tpm=10**8, budgets={"total": 10**15})
    proxies, key = limited(limits, count, **shared)

    statuses = contest(proxies, key, 192)
    for proxy in proxies:
        idle(proxy)

    assert statuses.count(200) == len(_upstream.bodies) == 100
    assert statuses.count(429) == 92
    documents = [each for proxy in proxies for each in proxy.recorder.documents]
    spent = sum(each["cost_nanousd"] or 0 for each in documents)
    assert spent == 100 * 3 * 1_000_000
    assert counted(proxies[0], documents[0]["key_id"], limits) == (100, 300, spent)


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, pytest.param(2, marks=pytest.mark.services)])
def test_64_callers_overspend_by_no_more_than_one_request(
    limited: Proxies, _upstream: Upstream, count: int
) -> None:
    """Money that is reserved is not given twice: all that was spent stays within the budget, or one request over it."""
    shared = {"redis_url": redis_url()} if count > 1 else {}
    budget = 60 * 1_000_000
    proxies, key = limited(Limits(budgets={"day": budget}, max_parallel_requests=4), count, **shared)

    statuses = contest(proxies, key, 192)
    for proxy in proxies:
        idle(proxy)

    documents = [each for proxy in proxies for each in proxy.recorder.documents]
    assert 0 < statuses.count(200) * 3_000_000 <= budget + 3_000_000
    assert sum(each["cost_nanousd"] or 0 for each in documents) == statuses.count(200) * 3_000_000


def counted(proxy: Running, key_id: str, limits: Limits) -> tuple[int, int, int]:
    """Requests, tokens and money of a key, as its limiter has them."""
    limiter: Any = proxy.app.context.limiter
    scope = f"key:{key_id}"
    if hasattr(limiter, "_accounts"):
        account = limiter.account(scope)
        now = limiter._clock()
        return account.requests.used(now), account.tokens.used(now), account.spent["total", 0]
    import redis

    with redis.Redis.from_url(redis_url()) as client:
        first = f"{limiter._prefix}:{scope}"
        while client.zcard(f"{first}:leases"):
            time.sleep(0.005)
        requests, tokens = (
            sum(int(each) for each in client.hvals(f"{first}:{name}")) for name in ("requests", "tokens")
        )
        return requests, tokens, int(client.hget(f"{first}:total:0", "spent") or 0)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.0119, "12ms"), (1, "1s"), (59.1, "1m0s"), (360, "6m0s"), (3_600.5, "1h0m1s")],
)
def test_times_are_written_as_openai_does(seconds: float, text: str) -> None:
    """Rounded up: who waits so long does not come too early."""
    assert duration(seconds) == text


@pytest.mark.parametrize("size", [LARGE_BYTES - 1, LARGE_BYTES])
async def test_a_large_request_is_measured_beside_the_event_loop(size: int) -> None:
    """Others are served meanwhile."""
    threads: list[int] = []
    context: Any = measured()
    resolve = context.router.resolve
    context.router.resolve = lambda name: threads.append(threading.get_ident()) or resolve(name)
    context.config.teams, context.config.default_limits = {}, Limits(tpm=10**9)
    context.limiter = MemoryLimiter()

    await admit(context, masked(size=size))

    assert [each == threading.get_ident() for each in threads] == [size < LARGE_BYTES]


def test_a_budget_that_others_may_need_is_worth_a_retry() -> None:
    """It is no missing quota as long as requests under way may give something back."""
    error = refused(Refusal("team:acme/emea/eng", "budget", 10**9, 5, 1.0, "day", crowded=True))

    assert (error.type, error.code, error.headers["retry-after"]) == ("requests", "rate_limit_exceeded", "1")
    assert "x-should-retry" not in error.headers
    assert "the team 'eng' is 1 USD a day" in error.message
    assert new_id() not in error.message
