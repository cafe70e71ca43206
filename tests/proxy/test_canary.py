"""A canary as callers meet it: its share of the traffic, whole conversations of it, and fallbacks around it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from proxy.config import RouterSettings
from tests.proxy.policies import FORBIDDEN, policy
from tests.proxy.test_pipeline import ask, chat
from tests.servers import ADMIN_KEY, Running, Upstream, make_app, raw, served, whole

TOO_LONG = raw(
    b'{"error":{"message":"m","type":"invalid_request_error","code":"context_length_exceeded"}}', 400
)
FILTERED = raw(b'{"error":{"message":"m","type":"invalid_request_error","code":"content_filter"}}', 400)


@pytest.fixture(scope="module")
def canary(_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One in five requests for `gpt-test` goes to `new-1`; `large` and `lenient` are its fallbacks."""
    base = {"api_base": f"http://127.0.0.1:{_upstream.port}/v1", "api_key": "sk-upstream-secret"}
    models = [
        {"model_name": name, "litellm_params": {"model": f"openai/{one}", "weight": weight, **base}}
        for name, one, weight in (
            ("gpt-test", "old-1", 4),
            ("gpt-test", "new-1", 1),
            ("large", "large-1", 1),
            ("lenient", "lenient-1", 1),
        )
    ]
    strict = {**json.loads(policy()), "name": "strict"}
    strict["rules"] = [{**strict["rules"][2], "with": {"deny": ["kiwi"]}}]
    app = make_app(
        tmp_path_factory.mktemp("canary"),
        "",
        policy(),
        models=models,
        scopes=[{"policy": strict, "models": ["large"]}],
    )
    app.context.router._settings = RouterSettings(
        num_retries=1,
        context_window_fallbacks={"gpt-test": ("large",)},
        content_policy_fallbacks={"gpt-test": ("lenient",)},
    )
    app.context.router._random.seed(3)
    with served(app) as running:
        yield running


@pytest.fixture
def proxy(canary: Running) -> Running:
    """The same, with nothing recorded."""
    canary.recorder.forget()
    return canary


def test_its_share_is_its_weight_and_each_trace_names_who_answered(
    proxy: Running, upstream: Upstream
) -> None:
    """One in five, give or take what chance gives and takes."""
    for _ in range(200):
        assert ask(proxy, chat()).status == 200
    told = Counter(kept["deployment"] for kept in proxy.recorder.documents)
    # 40 expected, with a standard deviation of 5.7.
    assert 20 <= told["openai/new-1"] <= 60
    assert told == Counter(f"openai/{body['model']}" for body in upstream.requests)


def test_a_conversation_has_one_model(proxy: Running, upstream: Upstream) -> None:
    """Over all its turns and through every client, and the conversations are shared by weight as well."""
    homes = Counter()
    for number in range(40):
        upstream.reset()
        session = {"x-guardhouse-session": f"chat-{number}"}
        with openai.OpenAI(
            base_url=proxy.url, api_key=ADMIN_KEY, max_retries=0, default_headers=session
        ) as client:
            for _ in range(3):
                client.chat.completions.create(model="gpt-test", messages=[{"role": "user", "content": "hi"}])
        [home] = {body["model"] for body in upstream.requests}
        homes[home] += 1
    assert 1 <= homes["new-1"] <= 20


def test_a_canary_that_fails_is_not_the_callers_trouble(proxy: Running, upstream: Upstream) -> None:
    """The same request goes to the other one."""
    upstream.script = lambda body: raw(b"{}", 500) if body["model"] == "new-1" else whole()
    answers = [ask(proxy, chat()) for _ in range(30)]
    assert {answer.status for answer in answers} == {200}
    assert {kept["deployment"] for kept in proxy.recorder.documents} == {"openai/old-1"}
    assert 2 in {kept["attempts"] for kept in proxy.recorder.documents}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("refusal", "to"), [(TOO_LONG, "large-1"), (FILTERED, "lenient-1")], ids=["too long", "filtered"]
)
def test_a_refusal_has_the_fallback_that_is_meant_for_it(
    proxy: Running, upstream: Upstream, refusal: Any, to: str, streamed: bool
) -> None:
    """Under the policy of that one, before a byte went to the caller."""
    upstream.script = lambda body: whole() if body["model"] == to else refusal
    answer = ask(proxy, chat(stream=streamed))
    kept = proxy.recorder.last()
    assert (answer.status, kept["deployment"], kept["attempts"]) == (200, f"openai/{to}", 2)
    assert kept["policy"].startswith("strict@" if to == "large-1" else "test@")


def test_what_the_policy_blocks_has_no_fallback(proxy: Running, upstream: Upstream) -> None:
    """Neither the caller's nor that of the fallback: the request does not go there."""
    assert ask(proxy, chat({"role": "user", "content": FORBIDDEN})).status == 400
    assert upstream.bodies == []
    proxy.recorder.forget()
    upstream.script = TOO_LONG
    answer = ask(proxy, chat({"role": "user", "content": "a kiwi"}))
    assert (answer.status, answer.error["code"]) == (400, "content_filter")
    kept = proxy.recorder.last()
    assert (kept["attempts"], len(upstream.bodies), kept["outcome"]) == (1, 1, "blocked")
