"""Shadows: sent beside a caller's request, judged and recorded like it, and never felt by the caller."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from proxy import shadow
from tests.proxy.policies import FORBIDDEN, policy
from tests.proxy.test_pipeline import ask, chat
from tests.proxy.test_relay import wait_for
from tests.servers import (
    ADMIN_KEY,
    Running,
    Script,
    Upstream,
    chunk,
    make_app,
    raw,
    said,
    served,
    stream,
    whole,
)

PAIR = [{"model": "gpt-test", "to": "new"}]
STRICT = {**json.loads(policy()), "name": "strict"}
STRICT["rules"] = [{**STRICT["rules"][2], "id": "no-kiwi", "with": {"deny": ["kiwi"]}}]


def models(upstream: Upstream, **names: str) -> list[dict[str, Any]]:
    """Deployments of one provider under these names, which it is asked for by other ones."""
    base = f"http://127.0.0.1:{upstream.port}/v1"
    return [
        {
            "model_name": name,
            "litellm_params": {
                "model": f"openai/{there}",
                "api_base": base,
                "api_key": "sk-upstream-secret",
                "num_retries": 2,
            },
        }
        for name, there in names.items()
    ]


def app_with(folder: Path, upstream: Upstream, **keys: Any) -> Any:
    """An app in which `gpt-test` is old-1 at the provider, and `new` is new-1."""
    two = models(upstream, **{"gpt-test": "old-1", "new": "new-1"})
    return make_app(folder, "", policy(), models=two, **{"shadow": PAIR, **keys})


@pytest.fixture(scope="module")
def shadowed(_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A proxy in which every request for `gpt-test` is also sent to `new`, which has a policy of its own."""
    scopes = [{"policy": STRICT, "models": ["new"]}]
    app = app_with(tmp_path_factory.mktemp("shadow"), _upstream, scopes=scopes, cache_ttl_s=60)
    with served(app) as running:
        yield running


@pytest.fixture
def proxy(shadowed: Running) -> Running:
    """The same, with nothing recorded and nothing remembered."""
    shadowed.recorder.forget()
    shadowed.app.context.replies._kept.clear()
    return shadowed


def pair(proxy: Running, count: int = 2) -> tuple[dict[str, Any], dict[str, Any]]:
    """The trace of a caller and that of its shadow, when both are there."""
    wait_for(lambda: len(proxy.recorder.documents) >= count, 5)
    [own] = [one for one in proxy.recorder.documents if one["shadow_of"] is None]
    [copy] = [one for one in proxy.recorder.documents if one["shadow_of"] is not None]
    return own, copy


def by_model(**scripts: Script) -> Any:
    """Each model of the provider with its own answer."""
    return lambda body: scripts[body["model"].replace("-", "_")]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_a_shadow_is_sent_inspected_and_recorded_and_the_caller_reads_its_own_answer(
    proxy: Running, upstream: Upstream, streamed: bool
) -> None:
    """One trace for each call of a provider; the copy names the trace it was made from."""
    tell = said if streamed else (lambda text: whole({"content": text}))
    upstream.script = by_model(old_1=tell("the old one"), new_1=tell("new 4111 1111 1111 1111"))

    answer = ask(proxy, chat({"role": "user", "content": "I am ada@example.com"}, stream=streamed))

    assert b"new" not in answer.body
    own, copy = pair(proxy)
    assert (own["id"], own["deployment"]) == (answer.headers["x-guardhouse-trace-id"], "openai/old-1")
    assert (copy["shadow_of"], copy["deployment"], copy["model"]) == (own["id"], "openai/new-1", "new")
    assert (copy["stream"], copy["http_status"], copy["attempts"]) == (streamed, 200, 1)
    assert copy["trace_id"] == own["trace_id"]
    assert copy["policy"].startswith("strict@") and own["policy"].startswith("test@")
    assert Counter(body["model"] for body in upstream.requests) == {"old-1": 1, "new-1": 1}


def test_what_the_policy_of_the_shadow_masks_does_not_reach_it(
    _upstream: Upstream, upstream: Upstream, tmp_path: Path
) -> None:
    """The request is masked for it as for anybody, and its answer is inspected."""
    upstream.script = by_model(old_1=whole(), new_1=whole({"content": "Pay with 4111 1111 1111 1111"}))
    with served(app_with(tmp_path, _upstream)) as running:
        ask(running, chat({"role": "user", "content": "I am ada@example.com"}))
        _, copy = pair(running)
    assert "ada@example.com" not in json.dumps([upstream.requests, copy])
    assert (copy["outcome"], copy["findings"][-1]["rule"]) == ("masked", "card")
    assert copy["response"]["choices"][0]["message"]["content"] == "Pay with [CARD]"


def test_what_the_policy_of_the_shadow_blocks_is_recorded_and_not_sent(
    proxy: Running, upstream: Upstream
) -> None:
    """While the caller is answered."""
    assert ask(proxy, chat({"role": "user", "content": "a kiwi"})).status == 200
    own, copy = pair(proxy)
    assert (own["outcome"], copy["outcome"], copy["upstream_called"]) == ("passed", "blocked", False)
    assert [body["model"] for body in upstream.requests] == ["old-1"]


def test_only_what_goes_out_is_copied(proxy: Running, upstream: Upstream) -> None:
    """Not what is blocked for the caller, and not what is given again: nobody was asked then."""
    assert ask(proxy, chat({"role": "user", "content": FORBIDDEN})).status == 400
    proxy.recorder.last()
    ask(proxy, chat())
    pair(proxy)
    assert ask(proxy, chat()).headers["x-guardhouse-cache"] == "hit"
    assert Counter(body["model"] for body in upstream.requests) == {"old-1": 1, "new-1": 1}
    assert len(proxy.recorder.documents) == 3


@pytest.mark.parametrize(
    "fault",
    [
        raw(b"{}", 500),
        raw(b"not json"),
        Script([b"half"], headers={"content-type": "text/event-stream"}, cut=True),
        stream([chunk({"content": "So "})], cut=True),
        raw(b'{"error":{"message":"m","type":"t"}}', 429, retry_after="1"),
    ],
    ids=["500", "no json", "cut", "cut stream", "429"],
)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_a_shadow_that_fails_is_nobodys_failure(
    proxy: Running, upstream: Upstream, fault: Script, streamed: bool
) -> None:
    """It is asked once, its trace says failed, and the caller's deployments stay as healthy as they are."""
    good = said("fine") if streamed else whole({"content": "fine"})
    upstream.script = by_model(old_1=good, new_1=fault)
    health = proxy.app.context.router._health
    rested = health.rests_until("openai/new-1")

    assert ask(proxy, chat(stream=streamed)).status == 200

    own, copy = pair(proxy)
    assert (own["outcome"], copy["outcome"], copy["attempts"]) == ("passed", "failed", 1)
    assert Counter(body["model"] for body in upstream.requests) == {"old-1": 1, "new-1": 1}
    assert health.rests_until("openai/new-1") == rested
    assert not health._lately["openai/new-1"].failures


def test_a_caller_does_not_wait_and_does_not_take_its_shadow_along(
    proxy: Running, upstream: Upstream
) -> None:
    """The answer comes while the shadow still waits for its own; and when the caller leaves, the shadow goes on."""
    slow = whole({"content": "late"})
    upstream.script = by_model(
        old_1=whole(), new_1=Script(slow.pieces, headers=slow.headers, chunked=False, first_delay=1)
    )
    assert ask(proxy, chat()).status == 200
    assert [one["shadow_of"] for one in proxy.recorder.documents] in ([None], [])
    pair(proxy)

    proxy.recorder.forget()
    never = Script([b"{}"], first_delay=30)
    upstream.script = by_model(
        old_1=never, new_1=Script(slow.pieces, headers=slow.headers, chunked=False, first_delay=0.5)
    )
    with (
        openai.OpenAI(base_url=proxy.url, api_key=ADMIN_KEY, max_retries=0, timeout=0.3) as client,
        pytest.raises(openai.APITimeoutError),
    ):
        client.chat.completions.create(model="gpt-test", messages=[{"role": "user", "content": "go"}])
    own, copy = pair(proxy)
    assert (own["outcome"], copy["outcome"]) == ("cancelled", "passed")


def test_shadows_are_bounded_and_their_proxy_stops_in_time(
    _upstream: Upstream, upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond so many at once none is sent, which is counted; those under way at the end are recorded as cancelled."""
    monkeypatch.setattr(shadow, "AT_ONCE", 2)
    monkeypatch.setattr(shadow.Shadows.aclose, "__defaults__", (0.2,))
    upstream.script = by_model(old_1=whole(), new_1=Script([b"{}"], first_delay=30))
    with served(app_with(tmp_path, _upstream)) as running:
        for _ in range(5):
            assert ask(running, chat()).status == 200
        wait_for(lambda: len(upstream.bodies) == 7)
        metrics = running.app.context.metrics
        stopping = time.monotonic()
    assert time.monotonic() - stopping < 8
    copies = [one for one in running.recorder.documents if one["shadow_of"] is not None]
    assert [one["outcome"] for one in copies] == ["cancelled"] * 2
    assert len(upstream.closed) == 2

    def counted(outcome: str) -> float | None:
        return metrics.registry.get_sample_value("guardhouse_shadow_requests_total", {"outcome": outcome})

    assert (counted("not_sent"), counted("cancelled")) == (3, 2)
    requests = {"path": "/v1/chat/completions", "outcome": "passed"}
    assert metrics.registry.get_sample_value("guardhouse_requests_total", requests) == 5


def test_a_share_of_the_requests_is_copied(_upstream: Upstream, upstream: Upstream, tmp_path: Path) -> None:
    """So many percent, drawn at random; and a shadow is itself never copied."""
    rows = [{"model": "gpt-test", "to": "new", "percent": 25}, {"model": "new", "to": "gpt-test"}]
    app = app_with(tmp_path, _upstream, shadow=rows)
    app.context.shadows._random.seed(7)
    with served(app) as running:
        for number in range(80):
            assert ask(running, chat({"role": "user", "content": str(number)})).status == 200
        expected = [one for one in running.recorder.documents if one["shadow_of"] is None]
        copies = len(upstream.bodies) - 80
        wait_for(lambda: len(running.recorder.documents) >= 80 + copies, 5)
    assert len(expected) == 80
    assert 10 <= copies <= 30
    assert len(running.recorder.documents) == len(upstream.bodies)


def _answered(path: str) -> Script:
    if path == "/v1/embeddings":
        vector = {"object": "embedding", "index": 0, "embedding": [0.5]}
        return raw(json.dumps({"object": "list", "data": [vector], "model": "e"}).encode())
    if path == "/v1/completions":
        choice = {"index": 0, "text": "ok", "finish_reason": "stop", "logprobs": None}
        return raw(json.dumps({"id": "c", "object": "text_completion", "choices": [choice]}).encode())
    if path == "/v1/responses":
        part = {"type": "output_text", "text": "ok", "annotations": []}
        item = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [part]}
        return raw(
            json.dumps(
                {"id": "resp_1", "object": "response", "status": "completed", "output": [item]}
            ).encode()
        )
    return whole({"content": "ok"})


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/completions", {"prompt": "hi"}),
        ("/v1/embeddings", {"input": "hi"}),
        ("/v1/responses", {"input": "hi", "previous_response_id": "resp_0"}),
        ("/v1/messages", {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 5}),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}], "store": True}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_dialect_has_shadows_and_none_leaves_anything_at_the_provider(
    proxy: Running, upstream: Upstream, path: str, body: dict[str, Any]
) -> None:
    """Where the provider would keep the answer, `store` is false; what the request goes on from is named as it is."""
    upstream.script = _answered(path)

    assert ask(proxy, {"model": "gpt-test", **body}, path=path).status == 200

    own, copy = pair(proxy)
    assert (own["outcome"], copy["outcome"]) == ("passed", "passed"), copy["error"]
    sent = {request["model"]: request for request in upstream.requests}
    assert sent["new-1"].get("store") is (False if "store" in body or path == "/v1/responses" else None)
    assert sent["old-1"].get("store") == body.get("store")
    assert sent["new-1"].get("previous_response_id") == body.get("previous_response_id")


@pytest.mark.parametrize(
    "more",
    [{"conversation": "conv_1"}, {"background": True}, {"tools": [{"type": "mcp", "server_label": "x"}]}],
    ids=lambda value: next(iter(value)),
)
def test_a_request_that_acts_is_not_made_twice(
    proxy: Running, upstream: Upstream, more: dict[str, Any]
) -> None:
    """A conversation would be written to twice, a server of tools asked twice."""
    upstream.script = _answered("/v1/responses")
    assert ask(proxy, {"model": "gpt-test", "input": "hi", **more}, path="/v1/responses").status == 200
    assert proxy.recorder.last()["shadow_of"] is None
    assert len(upstream.bodies) == 1


def test_limits_on_tools_are_not_used_up_by_shadows(
    _upstream: Upstream, upstream: Upstream, tmp_path: Path
) -> None:
    """Two calls a minute are two of the caller's own."""
    rated = {
        "id": "tools",
        "check": "tools",
        "with": {"tools": {"send": {"rate": {"calls": 2, "seconds": 3600}}}},
        "stages": ["tool_call"],
        "action": "block",
    }
    call = {"id": "a", "type": "function", "function": {"name": "send", "arguments": "{}"}}
    upstream.script = lambda body: whole({"content": None, "tool_calls": [call]})
    two = models(_upstream, **{"gpt-test": "old-1", "new": "new-1"})
    app = make_app(tmp_path, "", policy([rated]), models=two, shadow=PAIR)
    tools = [{"type": "function", "function": {"name": "send"}}]
    with served(app) as running:
        for _ in range(2):
            ask(running, chat(tools=tools))
        wait_for(lambda: len(running.recorder.documents) == 4)
    assert {one["outcome"] for one in running.recorder.documents} == {"passed"}


def test_many_callers_at_once_have_one_shadow_each(
    _upstream: Upstream, upstream: Upstream, tmp_path: Path
) -> None:
    """As many traces as calls of the provider, and no trace names another one's shadow."""
    with served(app_with(tmp_path, _upstream)) as running:
        threads = [threading.Thread(target=ask, args=(running, chat())) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_for(lambda: len(running.recorder.documents) == 40, 5)
    own = {one["id"] for one in running.recorder.documents if one["shadow_of"] is None}
    copied = {one["shadow_of"] for one in running.recorder.documents} - {None}
    assert (own, len(upstream.bodies)) == (copied, 40)
