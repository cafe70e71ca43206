"""The straight line: what goes out, what does not, and that every exchange leaves exactly one record."""

from __future__ import annotations

import gzip
import http.client
import json
import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from guardrails.pseudonyms import INSTRUCTION
from guardrails.sweep import Reading
from tests.proxy.policies import policy
from tests.servers import ADMIN_KEY, Running, Script, Upstream, make_app, raw, said, served, whole

USER = {"role": "user", "content": "hi"}
CARD = "4111 1111 1111 1111"
SESSION = {"x-guardhouse-session": "chat-7"}


class Answer:
    """What came back."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status, self.body = response.status, response.read()
        self.headers = {name.lower(): value for name, value in response.getheaders()}

    @property
    def error(self) -> dict[str, Any]:
        """The error in OpenAI's envelope; that it has all four members is checked."""
        error: dict[str, Any] = json.loads(self.body)["error"]
        assert error.keys() == {"message", "type", "param", "code"}
        return error


def ask(proxy: Running, body: bytes | dict[str, Any] | None = None, **options: Any) -> Answer:
    """One request, as raw as wanted."""
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)
    headers = {"authorization": f"Bearer {ADMIN_KEY}", **options.get("headers", {})}
    sent = body if isinstance(body, bytes | None) else orjson.dumps(body)
    method, path = options.get("method", "POST"), options.get("path", "/v1/chat/completions")
    try:
        connection.request(method, path, sent, {name: value for name, value in headers.items() if value})
        return Answer(connection.getresponse())
    finally:
        connection.close()


def chat(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A request body."""
    return {"model": "gpt-test", "messages": list(messages) or [USER], **more}


def test_an_untouched_request_goes_out_as_it_came(proxy: Running, upstream: Upstream) -> None:
    """Where nothing has to change, the provider reads the caller's bytes and the caller the provider's."""
    body = b'{ "model": "gpt-real",  "messages":[{"role":"user","content":"hi \\u00e9"}], "future": {"a": 1.50} }'

    answer = ask(proxy, body)

    assert upstream.bodies == [body]
    assert upstream.script.pieces == [answer.body]
    assert proxy.recorder.last()["outcome"] == "passed"


def test_private_values_become_tokens_and_come_back(proxy: Running, upstream: Upstream) -> None:
    """The provider sees a token and one line about it, the caller its own value, the record the token."""
    upstream.script = lambda body: whole({"content": "Wrote to " + body["messages"][-1]["content"]})

    answer = ask(proxy, chat({"role": "user", "content": "ada@example.com"}))

    [sent] = upstream.requests
    token = sent["messages"][1]["content"]
    assert sent["messages"][0] == {"role": "system", "content": INSTRUCTION}
    assert token.startswith("EMAIL_")
    assert json.loads(answer.body)["choices"][0]["message"]["content"] == "Wrote to ada@example.com"
    kept = proxy.recorder.last()
    assert "ada@example.com" not in json.dumps(kept)
    assert kept["response"]["choices"][0]["message"]["content"] == f"Wrote to {token}"
    assert kept["request"]["messages"] == [{"role": "user", "content": token}]
    assert (kept["outcome"], kept["findings"][0]["pointer"]) == ("masked", "/messages/0/content")


def test_tokens_are_stable_over_turns(proxy: Running, upstream: Upstream) -> None:
    """The next turn sends the same beginning: the provider's prompt cache keeps hitting."""
    first = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "I am ada@example.com"}]
    later = [
        *first,
        {"role": "assistant", "content": "Hello ada@example.com"},
        {"role": "user", "content": "bye"},
    ]

    ask(proxy, chat(*first))
    ask(proxy, chat(*later))

    assert upstream.requests[1]["messages"][:2] == upstream.requests[0]["messages"]


def test_values_of_the_system_prompt_are_not_given_back(proxy: Running, upstream: Upstream) -> None:
    """What only the system prompt holds is masked for the model and stays masked for the caller."""
    upstream.script = lambda body: whole(
        {"content": "It says " + body["messages"][0]["content"].split("\n")[0]}
    )

    answer = ask(proxy, chat({"role": "system", "content": "boss@example.com"}, USER))

    assert b"boss@example.com" not in answer.body


def test_a_session_knows_what_it_was_told_earlier(proxy: Running, upstream: Upstream) -> None:
    """A request without its history gets earlier values back in the same tenant's session, and only there."""
    ask(proxy, chat({"role": "user", "content": "ada@example.com"}), headers=SESSION)
    token = upstream.requests[0]["messages"][1]["content"]
    upstream.script = whole({"content": f"Wrote to {token}"})

    heard = [
        json.loads(ask(proxy, chat(), headers=headers).body)["choices"][0]["message"]["content"]
        for headers in (SESSION, {"x-guardhouse-session": "another"}, {})
    ]

    assert heard == ["Wrote to ada@example.com", f"Wrote to {token}", f"Wrote to {token}"]
    assert upstream.requests[1]["messages"] == [USER]
    assert not any(b"chat-7" in head or b"x-guardhouse" in head.lower() for head in upstream.headers)


def test_a_blocked_request_leaves_nothing_in_its_session(proxy: Running, upstream: Upstream) -> None:
    """No model has seen its tokens, so no later reply needs them."""
    session = {"x-guardhouse-session": "blocked"}
    ask(proxy, chat({"role": "user", "content": "zoe@example.com"}))
    token = upstream.requests[0]["messages"][1]["content"]
    ask(proxy, chat({"role": "user", "content": "kryptonite zoe@example.com"}), headers=session)
    upstream.script = whole({"content": token})

    assert token.encode() in ask(proxy, chat(), headers=session).body


@pytest.mark.parametrize("name", ["a b", "x" * 129, "a/b"])
def test_the_name_of_a_session_is_checked(proxy: Running, upstream: Upstream, name: str) -> None:
    """An error that names the header and says what it takes; nothing goes out, and the name is not repeated."""
    answer = ask(proxy, chat(), headers={"x-guardhouse-session": name})

    assert (answer.status, answer.error["code"], answer.error["param"]) == (
        400,
        "invalid_value",
        "x-guardhouse-session",
    )
    assert "1 to 128 letters" in answer.error["message"]
    assert name.encode() not in answer.body
    assert upstream.bodies == []


@pytest.mark.parametrize("stream", [False, True])
def test_json_stays_json_when_values_come_back(other: Any, upstream: Upstream, stream: bool) -> None:
    """Where the caller asked for JSON, a value with quotes is written as the content's strings need it."""
    rule = {
        "id": "name",
        "check": "words",
        "with": {"deny": ['Ann "Bo" Ray']},
        "stages": ["input"],
        "action": "pseudonymize",
    }
    proxy = other(policy([rule]))

    def answer(body: dict[str, Any]) -> Script:
        text = json.dumps({"to": body["messages"][-1]["content"]})
        return said(text) if body.get("stream") else whole({"content": text})

    upstream.script = answer
    wanted = chat(
        {"role": "user", "content": 'Ann "Bo" Ray'}, stream=stream, response_format={"type": "json_object"}
    )
    body = ask(proxy, wanted).body

    if stream:
        events = [json.loads(line[6:]) for line in body.split(b"\n\n") if line and b"[DONE]" not in line]
        content = "".join(event["choices"][0]["delta"].get("content") or "" for event in events)
    else:
        content = json.loads(body)["choices"][0]["message"]["content"]
    assert json.loads(content) == {"to": 'Ann "Bo" Ray'}


def test_surrogates_need_no_explanation(other: Any, upstream: Upstream) -> None:
    """The provider reads a stand-in and not a word about it; the caller reads the value, the record the stand-in."""
    rule = {"id": "pii", "check": "pii", "with": {"entities": ["EMAIL_ADDRESS"]}, "stages": ["input"],
            "action": "pseudonymize", "style": "surrogate"}  # fmt: skip
    proxy = other(policy([rule]))
    upstream.script = lambda body: whole({"content": "Wrote to " + body["messages"][-1]["content"]})

    answer = ask(proxy, chat({"role": "user", "content": "ada@corp.org"}))

    [message] = upstream.requests[0]["messages"]
    assert re.fullmatch(r"[a-z.]+\.[a-z0-9]{4}@example\.(com|org|net)", message["content"])
    assert json.loads(answer.body)["choices"][0]["message"]["content"] == "Wrote to ada@corp.org"
    kept = json.dumps(proxy.recorder.last())
    assert "ada@corp.org" not in kept
    assert message["content"] in kept


def test_a_blocked_request_sends_nothing(proxy: Running, upstream: Upstream) -> None:
    """Not one byte goes upstream; the error names the rule and the place, never the text."""
    answer = ask(proxy, chat(USER, {"role": "user", "content": f"kryptonite {CARD} ada@example.com"}))

    assert upstream.bodies == []
    error = answer.error
    assert (answer.status, error["type"], error["code"]) == (400, "invalid_request_error", "content_filter")
    assert error["param"] == "/messages/1/content"
    assert "'forbidden'" in error["message"]
    assert "kryptonite" not in error["message"]
    kept = proxy.recorder.last()
    assert (kept["outcome"], kept["http_status"], kept["upstream_called"]) == ("blocked", 400, False)
    assert kept["request"]["messages"][1]["content"] == "[DENIED_WORD] [CARD] [EMAIL]"


SECRET_PLACES: list[dict[str, Any]] = [
    chat({"role": role, "content": "TEXT"}) for role in ("system", "developer", "user", "assistant", "developer")
] + [
    chat({"role": "user", "content": [{"type": "text", "text": "TEXT"}]}),
    chat({"role": "user", "content": "hi", "name": "TEXT"}),
    chat({"role": "assistant", "content": None, "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"a": ["TEXT"]}'}}]}),
    chat({"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "TEXT"}}),
    chat({"role": "assistant", "content": "x", "reasoning_content": "TEXT"}),
    chat({"role": "tool", "tool_call_id": "a", "content": "TEXT"}),
    chat({"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "TEXT"}]}),
    chat(tools=[{"type": "function", "function": {"name": "f", "description": "TEXT"}}]),
    chat(tools=[{"type": "function", "function": {"name": "f", "parameters": {"properties": {"a": {"enum": ["TEXT"]}}}}}]),
    chat(response_format={"type": "json_schema", "json_schema": {"schema": {"description": "TEXT"}}}),
    chat(prediction={"type": "content", "content": "TEXT"}),
    chat(user="TEXT"),
    chat(metadata={"who": "TEXT"}),
    chat(stop=["TEXT"]),
    chat(a_field_of_tomorrow={"deep": [{"x": "TEXT"}]}),
]  # fmt: skip


@pytest.mark.parametrize("request_body", SECRET_PLACES, ids=lambda body: str(orjson.dumps(body)[40:90]))
def test_no_field_hides_a_value(proxy: Running, upstream: Upstream, request_body: dict[str, Any]) -> None:
    """A value planted in any text-bearing field never reaches the provider, and never the record."""
    ask(proxy, orjson.dumps(request_body).replace(b"TEXT", CARD.encode()))

    assert CARD.encode() not in upstream.bodies[0]
    assert b"[CARD]" in upstream.bodies[0]
    assert CARD not in json.dumps(proxy.recorder.last())


def test_the_name_of_an_unknown_model_is_not_kept(proxy: Running, upstream: Upstream) -> None:
    """A caller can write anything into `model`: what is not served is in no record, not even in its error."""
    answer = ask(proxy, {"model": "ada@example.com", "messages": [USER]})

    kept = proxy.recorder.last()
    assert (answer.status, kept["error"]["code"], kept["model"]) == (404, "model_not_found", "")
    assert "ada@example.com" not in json.dumps(kept)


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"", {}, 400, "invalid_json"),
        (b"{", {}, 400, "invalid_json"),
        (b"null", {}, 400, "invalid_json"),
        (b'{"model": NaN}', {}, 400, "invalid_json"),
        (b"\xff\xfe", {}, 400, "invalid_json"),
        (b"x" * 200_001, {}, 413, "request_too_large"),
        (orjson.dumps(chat()), {"content-encoding": "gzip"}, 400, "invalid_value"),
        (orjson.dumps(chat()), {"content-encoding": "br"}, 400, "invalid_value"),
        (
            gzip.compress(orjson.dumps(chat()), mtime=0)[:-9],
            {"content-encoding": "gzip"},
            400,
            "invalid_value",
        ),
        (gzip.compress(b" " * 10_000_000, mtime=0), {"content-encoding": "gzip"}, 413, "request_too_large"),
        (orjson.dumps({"messages": [USER]}), {}, 400, "missing_required_parameter"),
        (orjson.dumps({"model": "nobody", "messages": [USER]}), {}, 404, "model_not_found"),
        (orjson.dumps(chat()), {"authorization": ""}, 401, "invalid_api_key"),
        (orjson.dumps(chat()), {"authorization": "Bearer gh-wrong"}, 401, "invalid_api_key"),
        (orjson.dumps(chat()), {"authorization": "Basic Z2g6"}, 401, "invalid_api_key"),
        (b"{", {"authorization": ""}, 401, "invalid_api_key"),
    ],
)
def test_bad_input_has_its_answer_and_its_trace(
    proxy: Running, upstream: Upstream, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    """Each fault of a caller has a defined status and code, our headers, one record, and no upstream call."""
    answer = ask(proxy, body, headers=headers)

    assert (answer.status, answer.error["code"]) == (status, code)
    assert b"gh-wrong" not in answer.body
    kept = proxy.recorder.last()
    assert (kept["outcome"], kept["http_status"], kept["error"]["code"]) == ("failed", status, code)
    assert answer.headers["x-guardhouse-trace-id"] == kept["id"]
    assert answer.headers["x-guardhouse-verdict"] == "none"
    assert upstream.bodies == []


def test_every_reply_says_what_was_done(proxy: Running, upstream: Upstream) -> None:
    """Trace id, verdict, policy revision and timings stand on every reply; the caller's trace id is kept."""
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    answer = ask(proxy, chat({"role": "user", "content": CARD}), headers={"traceparent": parent})

    kept = proxy.recorder.last()
    assert answer.headers["x-guardhouse-trace-id"] == kept["id"]
    assert answer.headers["x-guardhouse-verdict"] == "redact"
    assert answer.headers["x-guardhouse-policy"] == kept["policy"] == proxy.app.context.policies.label
    assert "inspect_input;dur=" in answer.headers["server-timing"]
    assert kept["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert kept["key_id"] == "admin"


def test_the_callers_key_and_cookies_stay_here(proxy: Running, upstream: Upstream) -> None:
    """The provider is sent its own key and none of the caller's headers."""
    ask(proxy, chat(), headers={"cookie": "session=1", "x-secret": "mine"})

    assert b"sk-upstream-secret" in upstream.headers[0]
    for word in (ADMIN_KEY.encode(), b"session=1", b"x-secret"):
        assert word not in upstream.headers[0]


def test_retrieval_is_kept_and_not_sent(proxy: Running, upstream: Upstream) -> None:
    """Hits are recorded after the guardrails, in rank order, and the provider never sees the extension."""
    hits = [{"doc_id": "a", "score": 0.5, "text": f"card {CARD}"}, {"doc_id": "b", "text": "ada@example.com"}]

    answer = ask(proxy, chat(guardhouse={"retrieval": {"query": "q", "hits": hits}}))

    assert answer.status == 200
    assert "guardhouse" not in upstream.requests[0]
    kept = proxy.recorder.last()
    assert [(hit["rank"], hit["doc_id"], hit["score"]) for hit in kept["retrieval"]] == [
        (1, "a", 0.5),
        (2, "b", None),
    ]
    assert kept["retrieval"][0]["text"] == "card [CARD]"
    assert kept["retrieval"][1]["text"].startswith("EMAIL_")
    assert "guardhouse" not in kept["request"]


def test_tool_calls_are_kept_on_both_sides(proxy: Running, upstream: Upstream) -> None:
    """What the model asks for and what the caller answers are recorded, joined by id, after guardrails."""
    call = {"id": "c1", "type": "function", "function": {"name": "pay", "arguments": f'{{"card": "{CARD}"}}'}}
    upstream.script = whole({"content": None, "tool_calls": [{**call, "id": "c2"}]})

    answer = ask(
        proxy,
        chat(
            USER,
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": f"paid {CARD}"},
        ),
    )

    assert (
        json.loads(answer.body)["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]
        == '{"card": "[CARD]"}'
    )
    assert proxy.recorder.last()["tool_calls"] == [
        {"call_id": "c1", "name": "pay", "arguments": '{"card": "[CARD]"}', "result": "paid [CARD]", "state": "answered"},
        {"call_id": "c2", "name": "pay", "arguments": '{"card": "[CARD]"}', "result": None, "state": "requested"},
    ]  # fmt: skip


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory, _upstream: Upstream) -> Any:
    """Proxies with other policies: a function that serves one."""
    stack: list[Any] = []

    def start(text: str, **keys: Any) -> Running:
        folder: Path = tmp_path_factory.mktemp("other")
        manager = served(make_app(folder, f"http://127.0.0.1:{_upstream.port}/v1", text, **keys))
        stack.append(manager)
        running: Running = manager.__enter__()
        return running

    yield start
    for manager in stack:
        manager.__exit__(None, None, None)


IMAGE = {
    "role": "user",
    "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}],
}


@pytest.mark.parametrize(
    ("choice", "status", "outcome"),
    [("block", 400, "blocked"), ("flag", 200, "flagged"), ("allow", 200, "passed")],
)
def test_unscannable_parts_are_the_policys_decision(
    other: Any, upstream: Upstream, choice: str, status: int, outcome: str
) -> None:
    """An image is blocked, flagged or let through as told, recorded with its place, and never stored."""
    proxy = other(policy(unscannable=choice))

    answer = ask(proxy, chat(IMAGE))

    kept = proxy.recorder.last()
    assert (answer.status, kept["outcome"], len(upstream.bodies)) == (status, outcome, status == 200)
    [finding] = kept["findings"]
    assert (finding["entity"], finding["pointer"], finding["action"]) == (
        "UNSCANNABLE",
        "/messages/0/content/0",
        choice,
    )
    assert "QUJD" not in json.dumps(kept)


@pytest.mark.parametrize("stream", [False, True])
def test_a_block_can_be_a_polite_refusal(other: Any, upstream: Upstream, stream: bool) -> None:
    """With `block_style: refusal` the caller gets an ordinary reply that ends with `content_filter`."""
    proxy = other(policy(block_style="refusal"))

    answer = ask(proxy, chat({"role": "user", "content": "kryptonite"}, stream=stream))

    assert answer.status == 200
    assert b'"finish_reason":"content_filter"' in answer.body
    assert answer.headers["x-guardhouse-verdict"] == "block"
    assert answer.body.endswith(b"data: [DONE]\n\n") == stream
    assert upstream.bodies == []
    assert proxy.recorder.last()["outcome"] == "blocked"


def test_no_text_is_kept_when_the_policy_says_so(other: Any, upstream: Upstream) -> None:
    """`capture: none` leaves findings, usage and timings, and no text at all."""
    proxy = other(policy(capture="none"))

    ask(proxy, chat(USER, guardhouse={"retrieval": [{"doc_id": "a", "text": "doc"}]}))

    kept = proxy.recorder.last()
    assert (kept["request"], kept["response"], kept["retrieval"], kept["tool_calls"]) == (None, None, [], [])
    assert kept["usage"]["total_tokens"] == 3


def test_a_request_without_a_model_goes_to_the_default(other: Any, upstream: Upstream) -> None:
    """`default_model` stands in where the caller names none."""
    proxy = other(policy(), default_model="gpt-test")

    assert ask(proxy, {"messages": [USER]}).status == 200
    assert upstream.requests[0]["model"] == "gpt-real"
    assert proxy.recorder.last()["model"] == "gpt-test"


MESSAGE = {"type": "message", "role": "assistant", "content": [], "model": "m", "stop_reason": "end_turn"}
UNNAMED: list[tuple[str, dict[str, Any], Script]] = [
    ("/v1/chat/completions", {"messages": [USER]}, whole()),
    ("/v1/completions", {"prompt": "hi"}, raw(b'{"choices": [{"index": 0, "text": "ho"}]}')),
    ("/v1/responses", {"input": "hi"}, raw(b'{"output": []}')),
    ("/v1/responses", {"prompt": {"id": "pmpt_1"}}, raw(b'{"output": []}')),
    ("/v1/responses/input_tokens", {"input": "hi"}, raw(b'{"input_tokens": 3}')),
    ("/v1/embeddings", {"input": "hi"}, raw(b'{"data": []}')),
    ("/v1/moderations", {"input": "hi"}, raw(b'{"results": []}')),
    ("/v1/messages", {"max_tokens": 9, "messages": [USER]}, whole()),
]


@pytest.mark.parametrize(("path", "body", "answer"), UNNAMED)
def test_every_route_has_the_default_model(
    other: Any, upstream: Upstream, path: str, body: dict[str, Any], answer: Script
) -> None:
    """A request that names none, or null, goes there; without a default it is 400 where the policy does not judge."""
    upstream.script = answer
    proxy, bare = other(policy(), default_model="gpt-test"), other(policy())
    found = [ask(proxy, {**body, **more}, path=path).status for more in ({}, {"model": None})]
    traces = [document["model"] for document in proxy.recorder.documents]

    assert (found, traces) == ([200, 200], ["gpt-test", "gpt-test"])
    assert [sent["model"] for sent in upstream.requests] == ["gpt-real", "gpt-real"]
    alone = ask(bare, body, path=path)
    assert alone.status == (200 if path == "/v1/moderations" else 400)
    assert len(upstream.requests) == 2


@pytest.mark.parametrize(("on_error", "status"), [("block", 400), ("allow", 200)])
def test_a_rule_that_cannot_look_fails_as_told(
    other: Any, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, on_error: str, status: int
) -> None:
    """A crashed check refuses with its own code, or lets pass; either way no unseen text is stored."""
    rules = json.loads(policy())["rules"]
    proxy = other(policy([{**rules[1], "on_error": on_error}]))

    def crash(reading: Reading, place: int) -> Any:
        raise RuntimeError("secret text in a message")

    monkeypatch.setattr(Reading, "spans", crash)
    answer = ask(proxy, chat({"role": "user", "content": f"see {CARD}"}))
    monkeypatch.undo()

    assert answer.status == status
    assert len(upstream.bodies) == (status == 200)
    kept = proxy.recorder.last()
    assert CARD not in json.dumps(kept)
    assert kept["failures"][0]["rule"] == "card"
    if status == 400:
        assert answer.error["code"] == "guardrail_unavailable"
        assert kept["outcome"] == "blocked"
