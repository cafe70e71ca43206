"""Stored objects through the whole proxy: whose they are, what of them comes back, and what is recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from proxy.dialects.responses_events import events, frame
from proxy.dialects.stored import STORED, StoredRoute
from proxy.exchange import Principal
from proxy.store.keys import create_key
from proxy.store.objects import Made, Maker
from tests.proxy.dialects.responses_replies import call, message, reply, script
from tests.proxy.policies import policy
from tests.proxy.test_pipeline import CARD, Answer, ask
from tests.servers import Running, Upstream, make_app, raw, said, served, stream, whole

RESPONSE, CHAT = "/v1/responses", "/v1/chat/completions"
HOSTILE = [
    *("%2e%2e", "..", "a%00b", "a%0d%0aX:%20y", "resp_1%3Fstream%3Dtrue", "%C3%A9", "a%20b", "a.b", "~", "*"),
    *("x" * 129, "resp_1%23", "%7B%7D", "resp%255f1", "ada@example.com"),
]
LIST = orjson.dumps({"object": "list", "data": [], "has_more": False})


def body_of(route: StoredRoute) -> bytes:
    """A provider's good answer on a route."""
    if route.entries is not None:
        return LIST
    if route.method == "DELETE":
        return b'{"id": "x_1", "object": "response", "deleted": true}'
    return orjson.dumps(reply(message("Hi.")) if route.made_by == RESPONSE else json.loads(whole().pieces[0]))


def sent_to(route: StoredRoute, id: str) -> dict[str, Any]:
    """A good request on a route, for `ask`."""
    body = b'{"metadata": {"a": "b"}}' if route.takes_metadata else None
    return {"method": route.method, "path": route.at(id), "body": body}


def key(proxy: Running, name: str) -> dict[str, str]:
    """The header of a new key."""
    made = create_key(proxy.app.context.store, name)
    keyring = proxy.app.context.keyring
    keyring._keys[made.stored.hash] = Principal(made.stored.key_id, "default", False, name)
    return {"authorization": f"Bearer {made.secret}"}


def make(proxy: Running, upstream: Upstream, said: str = "Hi.", **more: Any) -> None:
    """A response `resp_1` that the provider keeps."""
    headers = more.pop("headers", {})
    upstream.script = lambda body: script(body, reply(message(said)))
    asked = {"model": "gpt-test", "input": "Hello", **more}
    assert ask(proxy, asked, path=RESPONSE, headers=headers).status == 200
    proxy.recorder.forget()


def retrieved(proxy: Running, query: str = "", **more: Any) -> Answer:
    """What comes back for `resp_1`."""
    return ask(proxy, None, method="GET", path=f"{RESPONSE}/resp_1{query}", **more)


def text(answer: Answer) -> str:
    """What a response says."""
    said: str = json.loads(answer.body)["output"][0]["content"][0]["text"]
    return said


def payloads(answer: Answer) -> list[dict[str, Any]]:
    """The events of a stream."""
    lines = answer.body.split(b"\n")
    return [json.loads(line[6:]) for line in lines if line.startswith(b"data: ")]


@pytest.fixture
def fresh(_upstream: Upstream, upstream: Upstream, tmp_path: Path) -> Iterator[Running]:
    """A proxy in front of the provider that nobody has asked for anything."""
    with served(make_app(tmp_path, f"http://127.0.0.1:{_upstream.port}/v1", policy())) as running:
        yield running


# --- whose they are


@pytest.mark.parametrize("route", STORED, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_for_every_caller(route: StoredRoute, fresh: Running, upstream: Upstream) -> None:
    """The maker is answered; another key, an unknown id and a word that is no id are 404 in the same words; no key
    is 401. Each is one trace under the route's own name, and nothing is sent anywhere but for the maker."""
    mine, other = key(fresh, "mine"), key(fresh, "other")
    upstream.script = whole(id="x_1") if route.made_by == CHAT else raw(orjson.dumps(reply(id="x_1")))
    asked = {
        "model": "gpt-test",
        "store": True,
        "input": "Hi",
        "messages": [{"role": "user", "content": "Hi"}],
    }
    assert ask(fresh, asked, path=route.made_by, headers=mine).status == 200
    assert fresh.recorder.last()["object_id"] == "x_1"
    upstream.reset()
    upstream.script = raw(body_of(route))

    told = []
    for id, headers in (("x_1", other), ("x_2", mine), *((word, mine) for word in HOSTILE)):
        answer = ask(fresh, **sent_to(route, id), headers=headers)
        if route.is_of_all:
            assert (answer.status, json.loads(answer.body)["data"]) == (200, [])
            fresh.recorder.last()
            continue
        trace = fresh.recorder.last()
        assert (answer.status, answer.error["code"]) == (404, "not_found")
        assert (trace["path"], trace["object_id"], trace["model"]) == (route.path, None, "")
        assert trace["upstream_called"] is False
        told.append(answer.body)
    assert len(set(told)) <= 1
    assert ask(fresh, **sent_to(route, "x_1"), headers={"authorization": ""}).status == 401
    assert fresh.recorder.last()["path"] == route.path
    assert route.is_of_all or upstream.headers == []
    upstream.reset()
    upstream.script = raw(body_of(route))

    answer = ask(fresh, **sent_to(route, "x_1"), headers=mine)

    trace = fresh.recorder.last()
    assert (answer.status, trace["outcome"], trace["path"]) == (200, "passed", route.path)
    assert trace["object_id"] == (None if route.is_of_all else "x_1")
    [head] = upstream.headers
    assert head.split(b" ")[:2] == [route.method.encode(), route.at("x_1").encode()]
    assert b"gh-" not in head


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (RESPONSE, "POST"),
        (f"{RESPONSE}/resp_1", "DELETE, GET"),
        (f"{RESPONSE}/resp_1/cancel", "POST"),
        (f"{RESPONSE}/resp_1/input_items", "GET"),
        (f"{RESPONSE}/input_tokens", "POST"),
        (CHAT, "GET, POST"),
        (f"{CHAT}/chatcmpl-1", "DELETE, GET, POST"),
        (f"{CHAT}/chatcmpl-1/messages", "GET"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(proxy: Running, path: str, allowed: str) -> None:
    """405 with `allow`."""
    answer = ask(proxy, b"{}", method="PATCH", path=path)

    assert (answer.status, answer.headers["allow"]) == (405, allowed)


def test_the_deployment_that_made_it_is_the_only_one_asked(fresh: Running, upstream: Upstream) -> None:
    """One that is configured no more, or that is reached by translation, is 404; no other is asked."""
    objects = fresh.app.context.objects
    maker = Maker("default", "admin", RESPONSE)
    objects.remember(maker, "resp_1", Made("gone", "gpt-test"))

    assert retrieved(fresh).error["code"] == "not_found"
    assert upstream.headers == []


def test_a_translated_deployment_keeps_nothing(tmp_path: Path) -> None:
    """404 `unsupported_endpoint`, for one object and for the list."""
    models = [{"model_name": "claude", "litellm_params": {"model": "anthropic/claude-x", "api_key": "none"}}]
    with served(make_app(tmp_path, "", policy(), models)) as proxy:
        [deployment] = proxy.app.context.router.resolve("claude")
        proxy.app.context.objects.remember(
            Maker("default", "admin", CHAT), "chatcmpl-1", Made(deployment.id, "claude")
        )
        one = ask(proxy, None, method="GET", path=f"{CHAT}/chatcmpl-1")
        every = ask(proxy, None, method="GET", path=CHAT)

    assert [(each.status, each.error["code"]) for each in (one, every)] == [(404, "unsupported_endpoint")] * 2


@pytest.mark.parametrize(
    "query",
    [
        *(
            "?x=1",
            "?stream=yes",
            "?stream=true&starting_after=-1",
            "?include=everything",
        ),
        *("?stream=true&stream=false", "?%ff=1", "?limit=3", "?include[]=ada@example.com", "?metadata[a]=b"),
    ],
)
def test_a_query_is_checked(proxy: Running, upstream: Upstream, query: str) -> None:
    """What is not known, or has another value than it can have, is 400 and is sent nowhere."""
    make(proxy, upstream)
    upstream.reset()

    answer = retrieved(proxy, query)

    assert answer.status == 400
    assert upstream.headers == []
    assert "ada@" not in json.dumps(proxy.recorder.last())


# --- what comes back


def test_a_stored_reply_comes_back_to_its_owner(proxy: Running, upstream: Upstream) -> None:
    """With the values that were hidden from the provider; the record has the token, and counts no usage again."""
    upstream.script = lambda body: script(body, reply(message(body["input"][-1]["content"])))
    ask(proxy, {"model": "gpt-test", "input": "ada@example.com"}, path=RESPONSE)
    token = proxy.recorder.last()["request"]["input"]
    upstream.script = raw(orjson.dumps(reply(message(token))))

    answer = retrieved(proxy)

    assert text(answer) == "ada@example.com"
    kept = proxy.recorder.last()
    assert kept["response"]["output"][0]["content"][0]["text"] == token
    assert (kept["usage"], kept["model"], kept["deployment"]) == (None, "gpt-test", "openai/gpt-real")
    assert answer.headers["x-guardhouse-verdict"] == "allow"


@pytest.mark.parametrize(
    "route", [each for each in STORED if not each.is_of_all], ids=lambda route: f"{route.method} {route.path}"
)
def test_what_nobody_made_here_is_there_for_admins(
    route: StoredRoute, fresh: Running, upstream: Upstream
) -> None:
    """It may have been made before; its id is all that protects it, so any other key is told that there is none."""
    upstream.script = raw(body_of(route))
    refused = ask(fresh, **sent_to(route, "x_9"), headers=key(fresh, "other"))
    assert (refused.status, upstream.headers) == (404, [])
    fresh.recorder.last()

    assert ask(fresh, **sent_to(route, "x_9")).status == 200
    trace = fresh.recorder.last()
    assert (trace["object_id"], trace["model"]) == (None, "gpt-test")
    assert ask(fresh, **sent_to(route, "x/../9")).status == 404


def test_a_chain_knows_its_values_for_its_own_key(proxy: Running, upstream: Upstream) -> None:
    """A follow-up that repeats what a response was told gets the value; another key cannot go on from it."""
    upstream.script = lambda body: script(body, reply(message("ok")))
    ask(proxy, {"model": "gpt-test", "input": "ada@example.com"}, path=RESPONSE)
    token = proxy.recorder.last()["request"]["input"]
    upstream.script = raw(orjson.dumps(reply(message(f"{token}."), id="resp_2")))
    asked = {"model": "gpt-test", "input": "who?", "previous_response_id": "resp_1"}
    second = ask(proxy, asked, path=RESPONSE)
    upstream.bodies.clear()
    others = ask(proxy, asked, path=RESPONSE, headers=key(proxy, "other"))
    assert (others.status, upstream.bodies) == (400, [])
    assert others.error["code"] == "previous_response_not_found"
    assert others.error["param"] == "previous_response_id"
    for path in ("/v1/responses/compact", "/v1/responses/input_tokens"):
        assert (
            ask(proxy, asked, path=path, headers=key(proxy, "third")).error["code"]
            == "previous_response_not_found"
        )
    for odd in ("resp_1 ", "resp_1?x=1", ["resp_1"]):
        refused = ask(
            proxy, {**asked, "previous_response_id": odd}, path=RESPONSE, headers=key(proxy, "fourth")
        )
        assert (refused.status, refused.error["param"]) == (400, "previous_response_id")
    assert upstream.bodies == []
    third = ask(
        proxy, {"model": "gpt-test", "input": "again?", "previous_response_id": "resp_2"}, path=RESPONSE
    )

    assert text(second) == "ada@example.com."
    assert text(third) == "ada@example.com."


def test_nothing_is_kept_where_nothing_was_hidden(proxy: Running, upstream: Upstream) -> None:
    """A chain without private values leaves no vault."""
    pages = proxy.app.context.vaults._pages
    before = len(pages)  # type: ignore[arg-type]

    make(proxy, upstream)
    make(proxy, upstream, previous_response_id="resp_1")
    retrieved(proxy)

    assert len(pages) == before  # type: ignore[arg-type]


@pytest.mark.parametrize("query", ["", "?stream=true"])
def test_output_rules_hold_for_what_is_retrieved(proxy: Running, upstream: Upstream, query: str) -> None:
    """What a rule redacts is redacted, what it blocks is told as blocked: whole and streamed alike."""
    make(proxy, upstream)
    upstream.script = script({"stream": bool(query)}, reply(message(f"Card {CARD}.")))
    redacted = retrieved(proxy, query)
    proxy.recorder.forget()
    upstream.script = script({"stream": bool(query)}, reply(message("All is well. Take the kryptonite.")))
    blocked = retrieved(proxy, query)

    assert b"[CARD]" in redacted.body
    assert b"4111" not in redacted.body
    last = payloads(blocked)[-1]["response"] if query else json.loads(blocked.body)
    assert (last["status"], last["incomplete_details"]) == ("incomplete", {"reason": "content_filter"})
    assert b"krypton" not in blocked.body
    assert proxy.recorder.last()["outcome"] == "blocked"


def test_a_stream_taken_up_again_hides_what_lies_across(proxy: Running, upstream: Upstream) -> None:
    """From any event on: the provider is asked for all of it, and what is told is the rest of the whole stream."""
    make(proxy, upstream)
    upstream.script = script({"stream": True}, reply(message(f"My card is {CARD}, keep it.")))
    every = payloads(retrieved(proxy, "?stream=true"))

    for event in every:
        number = event["sequence_number"]
        rest = retrieved(proxy, f"?stream=true&starting_after={number}")
        assert payloads(rest) == [each for each in every if each["sequence_number"] > number]
        assert b"411" not in rest.body
    assert all(b"starting_after" not in head for head in upstream.headers)


def test_calls_that_were_made_then_are_judged_but_not_counted(
    _upstream: Upstream, upstream: Upstream, tmp_path: Path
) -> None:
    """A call of a tool that may be called passes again and again, one that may not be called any more is blocked."""
    limits = {"send": {"rate": {"calls": 1, "seconds": 3600}}}
    rule = {
        "id": "t",
        "check": "tools",
        "with": {"deny": ["rm"], "tools": limits},
        "stages": ["tool_call"],
        "action": "block",
    }
    url = f"http://127.0.0.1:{_upstream.port}/v1"
    with served(make_app(tmp_path, url, policy([rule]))) as proxy:
        make(proxy, upstream)
        answers = []
        for name, query in (
            ("send", ""),
            ("send", ""),
            ("send", "?stream=true"),
            ("rm", ""),
            ("rm", "?stream=true"),
        ):
            upstream.script = script({"stream": bool(query)}, reply(call("{}", name)))
            answers.append(retrieved(proxy, query))
            trace = proxy.recorder.last()
            assert trace["tool_calls"] == []

    assert [b"content_filter" in answer.body for answer in answers] == [False, False, False, True, True]


ERRORS = [(404, "not_found"), (429, "rate_limit_exceeded"), (500, None)]


@pytest.mark.parametrize(("status", "code"), ERRORS)
@pytest.mark.parametrize("query", ["", "?stream=true"])
def test_a_providers_error_passes_as_its_own(
    proxy: Running, upstream: Upstream, status: int, code: str | None, query: str
) -> None:
    """Its status, its words, its `retry-after`; it is asked once."""
    make(proxy, upstream)
    upstream.reset()
    error = {"error": {"message": "Say again?", "type": "t", "param": None, "code": code}}
    upstream.script = raw(orjson.dumps(error), status, retry_after="7")

    answer = retrieved(proxy, query)

    assert (answer.status, json.loads(answer.body)) == (status, error)
    assert answer.headers["retry-after"] == "7"
    assert len(upstream.headers) == 1


@pytest.mark.parametrize("broken", [raw(b""), raw(b"{"), raw(b"[]"), raw(b'{"object": "response"}')])
def test_a_broken_answer_is_told_as_broken(proxy: Running, upstream: Upstream, broken: Any) -> None:
    """502, never an empty response."""
    make(proxy, upstream)
    upstream.script = broken

    assert retrieved(proxy).status == 502


def test_a_stream_that_breaks_off_is_an_error(proxy: Running, upstream: Upstream) -> None:
    """What came is told, and then that it is not all."""
    make(proxy, upstream)
    told = [frame(event) for event in events(reply(message("Hello")), list)]
    upstream.script = stream(told[:5])

    last = payloads(retrieved(proxy, "?stream=true"))[-1]

    assert (last["type"], last["code"]) == ("error", "upstream_error")
    assert proxy.recorder.last()["outcome"] == "failed"


# --- and on the record


def test_what_a_policy_does_not_capture_can_be_found_all_the_same(
    _upstream: Upstream, upstream: Upstream, tmp_path: Path
) -> None:
    """The id is no text."""
    url = f"http://127.0.0.1:{_upstream.port}/v1"
    with served(make_app(tmp_path, url, policy(capture="none"))) as proxy:
        upstream.script = whole()
        ask(proxy, {"model": "gpt-test", "store": True, "messages": [{"role": "user", "content": "Hi"}]})
        kept = proxy.recorder.last()

    assert (kept["object_id"], kept["request"], kept["response"]) == ("chatcmpl-1", None, None)


@pytest.mark.parametrize("path", [RESPONSE, CHAT])
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("store", [None, True, False])
def test_only_what_is_stored_is_recorded_as_an_object(
    proxy: Running, upstream: Upstream, path: str, streamed: bool, store: bool | None
) -> None:
    """Responses unless `store` is false, chats where it is true; whole and streamed alike."""
    if path == RESPONSE:
        upstream.script = lambda body: script(body, reply(message("Hi.")))
    else:
        upstream.script = said("Hi.") if streamed else whole()
    asked = {"model": "gpt-test", "store": store, "stream": streamed}
    ask(proxy, {**asked, "input": "Hi", "messages": [{"role": "user", "content": "Hi"}]}, path=path)

    stored = store is True or (store is None and path == RESPONSE)
    assert bool(proxy.recorder.last()["object_id"]) is stored


def test_the_policy_is_that_of_the_route_that_made_it(
    _upstream: Upstream, upstream: Upstream, tmp_path: Path
) -> None:
    """A scope for a route holds for its objects, and one for a model for what was asked of that model."""
    strict = json.loads(policy(name="strict"))
    strict["rules"][2]["with"]["deny"] = ["hello"]
    scopes = [
        {"routes": [RESPONSE], "models": ["gpt-real"], "policy": strict},
        {"routes": [CHAT], "models": ["gpt-test"], "policy": strict},
    ]
    url = f"http://127.0.0.1:{_upstream.port}/v1"
    with served(make_app(tmp_path, url, policy(), scopes=scopes)) as proxy:
        told = []
        for model in ("gpt-test", "gpt-real"):
            make(proxy, upstream, model=model, input="Hi")
            upstream.script = raw(orjson.dumps(reply(message("hello"))))
            told.append(retrieved(proxy).headers["x-guardhouse-policy"].partition("@")[0])
        both = [json.loads(whole({"content": "hello"}).pieces[0]) | {"id": f"c_{n}"} for n in (0, 1)]
        for number, model in enumerate(("gpt-test", "gpt-real")):
            maker = Maker("default", "admin", CHAT)
            [deployment] = proxy.app.context.router.resolve(model)
            # Asked for as the other one, and answered by this one after a fallback: the same policy as then.
            proxy.app.context.objects.remember(maker, f"c_{number}", Made(deployment.id, "any"))
        upstream.script = raw(orjson.dumps({"object": "list", "data": both}))
        listed = json.loads(ask(proxy, None, method="GET", path=CHAT).body)["data"]

    assert told == ["test", "strict"]
    assert [entry["choices"][0]["message"]["content"] for entry in listed] == ["", "hello"]


def test_no_request_is_taken_that_cannot_be_recorded(
    proxy: Running, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503, as everywhere."""
    make(proxy, upstream)
    monkeypatch.setattr(type(proxy.recorder), "accepting", False)

    assert retrieved(proxy).status == 503
