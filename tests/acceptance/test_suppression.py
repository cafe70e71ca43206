"""Nothing that a caller sends takes its record away, alters what it says, or touches the record of another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from proxy.app import create_app
from proxy.identity import BODY, METADATA, VENDOR_HEADERS
from proxy.settings import Settings
from proxy.store.keys import active_keys, create_key
from tests.acceptance.truth import recorded
from tests.proxy.policies import policy
from tests.proxy.test_pipeline import Answer, ask
from tests.servers import ADMIN_KEY, Running, Upstream, make_app, served

LARGEST = 12_000_000
SECRET = "ada@example.com"
BASE = {"model": "gpt-test", "messages": [{"role": "user", "content": f"Write to {SECRET}."}]}
FIXED = (
    "outcome", "action", "decided", "http_status", "model", "path", "dialect", "stream", "tenant", "key_id", "team",
    "tags", "policy", "config", "upstream_called", "attempts", "provider", "deployment", "answered_model", "error",
    "usage", "finish_reasons", "failures", "findings", "findings_left_out", "shadow_of", "cost_nanousd",
)  # fmt: skip
"""What the proxy alone decides: equal for equal messages, whatever else is sent."""


class Site:
    """A proxy with its own database, an app that calls it, and somebody else's trace."""

    def __init__(self, running: Running) -> None:
        self.running = running
        context = running.app.context
        self.mine, others = create_key(context.store, "mine"), create_key(context.store, "others", "rival")
        context.keyring.replace(active_keys(context.store))
        self.victim = self.call(orjson.dumps(BASE), others.secret).headers["x-guardhouse-trace-id"]
        self.untouched = self.trace(self.victim)
        self.plain = self.trace(self.call(orjson.dumps(BASE)).headers["x-guardhouse-trace-id"])

    def call(self, body: bytes, key: str = "", **headers: str) -> Answer:
        """One request."""
        return ask(
            self.running, body, headers={"authorization": f"Bearer {key or self.mine.secret}", **headers}
        )

    def trace(self, id: str) -> dict[str, Any]:
        """A trace, as it is read."""
        return recorded(self.running, [id])[id]

    def rows(self) -> int:
        """How many traces there are."""
        found, before = 0, ""
        while True:
            page = json.loads(ask(self.running, method="GET", path=f"/api/traces?limit=200{before}").body)
            found += len(page["data"])
            if not page.get("next"):
                return found
            before = f"&before={page['next']}"


@pytest.fixture(scope="module")
def provider() -> Iterator[Upstream]:
    """The provider."""
    made = Upstream()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def site(provider: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The proxy."""
    folder: Path = tmp_path_factory.mktemp("suppression")
    make_app(folder, f"http://127.0.0.1:{provider.port}/v1", policy(), max_body_bytes=LARGEST)
    with served(create_app(Settings(config=folder / "guardhouse.yaml", admin_key=ADMIN_KEY))) as running:
        yield Site(running)


def same(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Where two traces differ in what the proxy alone decides."""
    return {name: (one[name], other[name]) for name in FIXED if one[name] != other[name]}


# --- headers

NO = ("0", "1", "true", "false", "no", "none", "off", "no-log", "no-store", "")
NAMES = (
    "x-no-log", "no-log", "x-litellm-no-log", "x-litellm-disable-logging", "litellm-disable-message-redaction",
    "x-litellm-enable-message-redaction", "x-litellm-tags", "x-litellm-spend-logs-metadata", "x-litellm-call-id",
    "x-litellm-num-retries", "x-litellm-timeout", "x-litellm-api-base", "x-litellm-model-group",
    "x-litellm-disable-callbacks", "litellm-changed-by", "litellm-disable-guardrails", "x-portkey-debug", "x-portkey-trace-id",
    "helicone-omit-request", "helicone-omit-response", "helicone-request-id", "helicone-cache-enabled",
    "helicone-user-id", "helicone-property-app", "langfuse-enabled", "langfuse-trace-id", "x-langfuse-enabled",
    "x-guardhouse-policy", "x-guardhouse-trace-id", "x-guardhouse-verdict", "x-guardhouse-shadow", "x-guardhouse-id",
    "x-guardhouse-outcome", "x-guardhouse-tenant", "x-guardhouse-key", "x-guardhouse-cache", "x-guardhouse-record",
    "x-guardhouse-capture", "x-request-id", "request-id", "x-correlation-id", "x-trace-id", "idempotency-key",
    "openai-organization", "openai-project", "openai-beta", "x-stainless-retry-count", "x-api-key", "x-tenant-id",
    "traceparent", "tracestate", "baggage", "b3", "x-b3-sampled", "sampled", "x-cloud-trace-context", "x-amzn-trace-id",
    "cache-control", "pragma", "dnt", "sec-gpc", "x-forwarded-for", "x-real-ip", "forwarded", "via", "user-agent",
    "x-http-method-override", "x-original-url", "x-rewrite-url", "te", "prefer", "cookie", "from", "date", "origin",
    *(name.decode() for name in VENDOR_HEADERS), "x-guardhouse-session",
)  # fmt: skip


def values(name: str, site: Site) -> Iterator[str]:
    """What each header is tried with; among it the ids of somebody else's trace, and of the caller's own."""
    yield from (
        NO if name.startswith(("x-no", "no-log", "cache", "x-guardhouse", "langfuse", "dnt")) else NO[:3]
    )
    for id in (site.victim, site.plain["id"]):
        yield id
        yield f"00-{id}-{id[16:]}-00"
    yield "x" * 4_000


@pytest.mark.long
def test_no_header_takes_a_record_away(site: Site) -> None:
    """Every header with every value: one more row, the caller's own, that says what it would have said without."""
    before, wrong, ids = site.rows(), [], {}
    for name in NAMES:
        for value in values(name, site):
            answer = site.call(orjson.dumps(BASE), **{name: value})
            ids[answer.headers["x-guardhouse-trace-id"]] = (name, value[:60], answer.status)
    for id, trace in recorded(site.running, [*ids]).items():
        status = ids[id][2]
        away = same(trace, site.plain) if status == 200 else {}  # the name of a session may be too long
        if away or trace["http_status"] != status:
            wrong.append((ids[id], away))

    assert wrong == []
    assert site.rows() == before + len(ids)
    assert site.trace(site.victim) == site.untouched


# --- members of the body

MEMBERS: tuple[dict[str, Any], ...] = (
    *({name: value} for name in ("no-log", "no_log", "nolog", "disable_logging", "no-store", "mock_response", "trace_id",
                                 "id", "guardrails", "cache", "caching", "api_base", "base_url", "user", "shadow_of",
                                 "tenant", "key_id", "policy", "outcome", "upstream_called", "fallbacks", "timeout")
      for value in (True, "no", None, [], {"no-log": True})),
    {"litellm_params": {"no-log": True, "api_base": "http://127.0.0.1:1"}},
    {"litellm_metadata": {"no-log": True}},
    {"extra_body": {"no-log": True}},
    {"metadata": {"no-log": "true", "tenant": "rival", "trace_id": "x", "\x00": "\x00"}},
    {"metadata": None}, {"metadata": []}, {"store": False}, {"store": None}, {"user": "x" * 100_000}, {"user": "\x00"},
    {"guardhouse": {}},
    *({name: "s"} for name in BODY), *({"metadata": {name: "s"}} for name in METADATA),
)  # fmt: skip


def test_no_member_of_the_body_takes_a_record_away(site: Site, provider: Upstream) -> None:
    """The same for what a body may hold beside its messages."""
    before, wrong, ids = site.rows(), [], {}
    for more in MEMBERS:
        provider.reset()
        answer = site.call(orjson.dumps(BASE | more))
        ids[answer.headers["x-guardhouse-trace-id"]] = (str(more)[:80], answer.status, len(provider.bodies))
    for id, trace in recorded(site.running, [*ids]).items():
        told, status, calls = ids[id]
        away = same(trace, site.plain) if status == 200 else {}
        if away or (trace["http_status"], trace["attempts"]) != (status, calls):
            wrong.append((told, away, trace["http_status"], trace["attempts"]))

    assert wrong == []
    assert site.rows() == before + len(MEMBERS)
    assert site.trace(site.victim) == site.untouched


@pytest.mark.parametrize(
    "extension",
    [None, [], "x", 1, {"no-log": True}, {"retrieval": []}, {"retrieval_id": "x"}, {"record": False},
     {"retrieval": [{"doc_id": "d\x00", "text": "t\x00"}]}, {"retrieval": [{"doc_id": "d", "text": "t"}] * 1_000},
     {"retrieval": [{"doc_id": "d", "text": "t", "score": 1e308}]}, {"prompt": {"name": "../../etc/passwd"}}],
    ids=str,
)  # fmt: skip
def test_the_extension_cannot_turn_the_record_off(site: Site, extension: Any) -> None:
    """Whatever `guardhouse` holds, there is a row, and its status is what the caller was told."""
    answer = site.call(orjson.dumps(BASE | {"guardhouse": extension}))
    trace = site.trace(answer.headers["x-guardhouse-trace-id"])

    assert trace["http_status"] == answer.status
    assert SECRET not in json.dumps(trace)
    assert site.trace(site.victim) == site.untouched


# --- absurd sizes and texts


def said(text: str) -> bytes:
    """A request that says a text."""
    return orjson.dumps(BASE | {"messages": [{"role": "user", "content": text}]})


def _absurd() -> Iterator[tuple[str, bytes]]:
    yield "10 MB of text", said("word " * 2_000_000)
    yield "a line of 4 MB", said("x" * 4_000_000)
    yield "100,000 messages", orjson.dumps(BASE | {"messages": [{"role": "user", "content": "a"}] * 100_000})
    yield (
        "10,000 findings",
        said(
            " ".join(
                f"{'abcdefghij'[n // 1000]}{'abcdefghij'[n // 100 % 10]}{'abcdefghij'[n // 10 % 10]}{'abcdefghij'[n % 10]}@example.com"
                for n in range(10_000)
            )
        ),
    )
    yield "a model's name of a million", orjson.dumps(BASE | {"model": "x" * 1_000_000})
    yield (
        "a role of a million",
        orjson.dumps(BASE | {"messages": [{"role": "x" * 1_000_000, "content": "a"}]}),
    )
    yield (
        "a tool's name of a million",
        orjson.dumps(BASE | {"tools": [{"type": "function", "function": {"name": "x" * 1_000_000}}]}),
    )
    yield "a member's name of a million", orjson.dumps(BASE | {"x" * 1_000_000: 1})
    yield "100,000 members", orjson.dumps(BASE | {f"x{n}": n for n in range(100_000)})
    yield "deep arrays", b'{"model":"gpt-test","messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    yield "deep objects beside", orjson.dumps(BASE)[:-1] + b',"x":' + b'{"a":' * 900 + b"1" + b"}" * 901
    yield "a huge integer", orjson.dumps(BASE)[:-1] + b',"seed":' + b"9" * 5_000 + b"}"
    yield "a huge float", orjson.dumps(BASE)[:-1] + b',"temperature":1e999}'
    yield "no number", orjson.dumps(BASE)[:-1] + b',"temperature":NaN}'
    yield "NUL", said("a\0b")
    yield "NUL in a name", orjson.dumps(BASE | {"a\0b": "c\0d"})
    yield (
        "half a surrogate pair",
        b'{"model":"gpt-test","messages":[{"role":"user","content":"a \\ud800 b"}]}',
    )
    yield "half a pair in a name", orjson.dumps(BASE)[:-1] + b',"\\udfff":1}'
    yield "no UTF-8", b'{"model":"gpt-test","messages":[{"role":"user","content":"\xff\xfe"}]}'
    yield "overlong UTF-8", b'{"model":"gpt-test","messages":[{"role":"user","content":"\xc0\x80"}]}'
    yield (
        "every plane",
        said("".join(map(chr, range(1, 0xD800, 7))) + "".join(map(chr, range(0x10000, 0x10FFFF, 997)))),
    )
    yield "twice the same member", orjson.dumps(BASE)[:-1] + b',"model":"org/model"}'
    yield "a byte order mark", b"\xef\xbb\xbf" + orjson.dumps(BASE)


ABSURD = [pytest.param(body, id=name) for name, body in _absurd()]


@pytest.mark.parametrize("body", ABSURD)
def test_an_absurd_request_has_its_row(site: Site, provider: Upstream, body: bytes) -> None:
    """With the status that its caller read; nothing is put aside, and nobody else's record changes."""
    provider.reset()
    answer = site.call(body)
    trace = site.trace(answer.headers["x-guardhouse-trace-id"])

    assert answer.status < 500, answer.body[:300]
    assert (trace["http_status"], trace["attempts"]) == (answer.status, len(provider.bodies))
    assert trace["key_id"] == site.mine.stored.key_id
    assert trace["duration_us"] > 0
    assert (trace["error"] is None) == (answer.status == 200)
    spool = site.running.app.context.config.data_dir / "spool"
    assert [*spool.glob("**/refused/*")] == []
    assert site.trace(site.victim) == site.untouched


def test_a_reply_of_any_shape_is_kept_or_refused_in_the_open(site: Site, provider: Upstream) -> None:
    """Odd numbers and texts in a provider's reply never cost the record."""
    for odd in (-1, 2**70, 1e300, "many", None, [], {"a": "\x00"}):
        provider.reset()
        told = json.loads(provider.script.pieces[0])  # type: ignore[union-attr]
        told |= {
            "usage": {"prompt_tokens": odd, "completion_tokens": odd},
            "model": "m\x00" * 9_000,
            "id": "i\x00",
        }
        told["choices"][0]["finish_reason"] = "stop\x1b[31m"
        provider.script.pieces[0] = json.dumps(told).encode()  # type: ignore[union-attr]
        provider.script.headers["content-length"] = str(len(provider.script.pieces[0]))  # type: ignore[union-attr]
        provider.script.chunked = False  # type: ignore[union-attr]
        answer = site.call(orjson.dumps(BASE))
        trace = site.trace(answer.headers["x-guardhouse-trace-id"])

        assert trace["http_status"] == answer.status
        assert trace["outcome"] == ("masked" if answer.status == 200 else "failed")
