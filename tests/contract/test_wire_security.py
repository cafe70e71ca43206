"""What crosses the proxy besides bodies: nothing of a caller reaches a provider, nothing of ours or the provider's a caller.

For every kind of provider, whole, streamed, refused and stored; and no request changes where or as whom it is made.
"""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from proxy.providers.litellm import load_sdk
from tests.proxy.policies import policy
from tests.servers import ADMIN_KEY, Running, Script, Upstream, chunk, make_app, raw, served, stream, whole

OURS = "sk-ours-1234567890"
"""The key that the proxy shows to providers."""
CANARY = "canary"
TOLD = {
    "authorization": f"Bearer {ADMIN_KEY}",
    **{
        name: f"{CANARY}-{place}"
        for place, name in enumerate(
            [
                *(
                    "x-api-key",
                    "api-key",
                    "cookie",
                    "proxy-authorization",
                    "x-guardhouse-session",
                    "x-custom",
                ),
                *(
                    "x-forwarded-for",
                    "x-forwarded-host",
                    "x-forwarded-proto",
                    "forwarded",
                    "x-real-ip",
                    "via",
                ),
                *("tracestate", "baggage", "referer", "origin", "user-agent", "x-stainless-os", "from"),
                *(
                    "openai-organization",
                    "openai-project",
                    "openai-api-key",
                    "anthropic-api-key",
                    "x-goog-api-key",
                ),
                *("anthropic-dangerous-direct-browser-access", "idempotency-key", "x-litellm-api-key"),
                *("x-amz-security-token", "ocp-apim-subscription-key", "helicone-auth", "x-request-id"),
            ]
        )
    },
    "traceparent": "00-ca9a7ca9a7ca9a7ca9a7ca9a7ca9a7ca-ca9a7ca9a7ca9a7c-01",
}
"""Headers of a caller. No provider is to see one of the values."""
SPILLED = {
    "set-cookie": "spilled=1",
    "server": "spilled",
    "via": "spilled",
    "x-powered-by": "spilled",
    "x-internal-host": "spilled.internal",
    "access-control-allow-origin": "spilled",
    "location": "https://spilled.example",
    "www-authenticate": "Bearer spilled",
    "x-request-id": OURS,
    "openai-organization": f"spilled by {OURS}",
    "x-ratelimit-limit-requests": OURS,
    "retry-after": OURS,
}
"""Headers of a provider. No caller is to see one of the values."""
BAD = (b"spilled", OURS.encode())


@dataclass(frozen=True)
class Way:
    """A kind of provider, and a route to it."""

    model: str
    path: str
    members: tuple[tuple[str, Any], ...]

    def body(self, **more: Any) -> bytes:
        """A request."""
        return json.dumps({"model": self.model, **dict(self.members), **more}).encode()


MESSAGES = ("messages", [{"role": "user", "content": "hi"}])
WAYS = [
    *(
        Way(model, "/v1/chat/completions", (MESSAGES,))
        for model in ("openai", "azure", "litellm", "gemini", "fake")
    ),
    Way("openai", "/v1/completions", (("prompt", "hi"),)),
    Way("openai", "/v1/responses", (("input", "hi"),)),
    Way("azure", "/v1/responses", (("input", "hi"),)),
    Way("openai", "/v1/embeddings", (("input", "hi"),)),
    Way("openai", "/v1/moderations", (("input", "hi"),)),
    Way("litellm", "/v1/messages", (MESSAGES, ("max_tokens", 9))),
    Way("litellm", "/v1/messages/count_tokens", (MESSAGES,)),
]
TRANSLATED = [way for way in WAYS if way.model in ("litellm", "gemini") and "chat" in way.path]
CASES = [
    pytest.param(
        way,
        id=f"{way.model} {way.path}",
        # litellm keeps its connections for the whole process: apart from tests on other event loops.
        marks=[pytest.mark.long] if way in TRANSLATED else [],
    )
    for way in WAYS
]


@pytest.fixture(scope="module")
def provider() -> Iterator[Upstream]:
    """Where every deployment leads."""
    made = Upstream()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Upstream]:
    """Where no deployment leads."""
    made = Upstream()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def proxy(provider: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A proxy with a deployment of each kind."""
    at = f"http://127.0.0.1:{provider.port}"
    params = {
        "openai": {"model": "openai/gpt-real", "api_base": f"{at}/v1"},
        "azure": {"model": "azure/gpt-real", "api_base": at, "api_version": "2024-10-21"},
        "litellm": {"model": "anthropic/claude-real", "api_base": at},
        "gemini": {"model": "gemini/gemini-1.5-flash", "api_base": at},
        "fake": {"model": "fake/echo"},
    }
    models = [
        {"model_name": name, "litellm_params": {**given, "api_key": OURS, "num_retries": 0}}
        for name, given in params.items()
    ]
    with served(make_app(tmp_path_factory.mktemp("wire"), "", policy(), models)) as running:
        yield running


def call(proxy: Running, path: str, body: bytes, method: str = "POST", **headers: str) -> bytes:
    """Everything that comes back over the wire."""
    told = {**headers, "host": "proxy", "connection": "close", "content-length": str(len(body))}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items()), "", ""]
    with socket.create_connection(("127.0.0.1", proxy.port), 30) as wire:
        wire.sendall("\r\n".join(lines).encode() + body)
        got = b""
        while more := wire.recv(65536):
            got += more
    return got


def seen(provider: Upstream) -> bytes:
    """Everything that providers were sent."""
    return b"".join([*provider.headers, *provider.bodies])


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("way", CASES)
def test_no_header_of_a_caller_reaches_a_provider(
    way: Way, streamed: bool, proxy: Running, provider: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor the trace, nor a log; and the provider is asked, with our key."""
    if way in TRANSLATED:
        load_sdk()  # it takes longer than a caller waits while the machine is busy
    provider.reset()
    provider.script = raw(b'{"error": {"message": "no", "type": "x"}}', 400)
    proxy.recorder.forget()
    with caplog.at_level(logging.DEBUG, "proxy"):
        call(
            proxy,
            f"{way.path}?api_key={CANARY}&key={CANARY}",
            way.body(**({"stream": True} if streamed else {})),
            **TOLD,
        )

    found = seen(provider)
    if way.model != "fake" and not (
        streamed and way.path.endswith(("embeddings", "moderations", "count_tokens"))
    ):
        assert OURS.encode() in found
    for word in (CANARY.encode(), ADMIN_KEY.encode(), b"ca9a7c", b"127.0.0.1:%d" % proxy.port):
        assert word not in found.lower()
    kept = (
        json.dumps(proxy.recorder.last())
        .replace("ca9a7ca9a7ca9a7ca9a7ca9a7ca9a7ca", "")
        .replace("ca9a7ca9a7ca9a7c", "")
    )
    session = f"{CANARY}-{list(TOLD).index('x-guardhouse-session') - 1}"
    assert CANARY not in kept.replace(session, "") and ADMIN_KEY not in kept and OURS not in kept
    assert CANARY not in caplog.text and ADMIN_KEY not in caplog.text and OURS not in caplog.text


def answers(way: Way) -> dict[str, Script]:
    """What a provider might say, each with more in it than is for callers."""
    echo = f"Incorrect API key provided: {OURS}. See https://x"
    plain = {"error": {"message": echo, "type": "invalid_request_error", "code": OURS, "param": OURS}}
    foreign = {"type": "error", "error": {"type": "authentication_error", "message": echo}}
    error = foreign if way.path.startswith("/v1/messages") or way.model == "litellm" else plain
    made = {
        f"refused {status}": raw(json.dumps(error).encode(), status)
        for status in (400, 401, 403, 404, 429, 500, 503)
    }
    made["an HTML page"] = Script(
        [f"<html>{echo}</html>".encode()], 502, {"content-type": "text/html"}, chunked=False
    )
    made["text"] = Script([echo.encode()], 401, {"content-type": "text/plain"}, chunked=False)
    made["a redirect"] = raw(json.dumps(error).encode(), 307)
    made["an error in 200"] = raw(json.dumps(error).encode(), 200)
    if way.model in ("openai", "azure") and way.path == "/v1/chat/completions":
        failed = b"data: " + json.dumps(plain).encode() + b"\n\n"
        made["whole"] = whole()
        made["a stream"] = stream([chunk({"content": "hi"}), chunk({}, "stop"), b"data: [DONE]\n\n"])
        made["an error as first event"] = stream([failed])
        made["an error within a stream"] = stream([chunk({"content": "hi"}), failed])
    for script in made.values():
        script.headers |= SPILLED
    return made


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("way", CASES)
def test_nothing_but_the_answer_reaches_a_caller(
    way: Way,
    streamed: bool,
    proxy: Running,
    provider: Upstream,
    elsewhere: Upstream,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No cookie, no name of a server, no key of ours: in headers, bodies, streams, traces or logs. No redirect is followed."""
    elsewhere.reset()
    for name, script in answers(way).items():
        if name == "a redirect":
            script.headers["location"] = f"http://127.0.0.1:{elsewhere.port}/v1/spilled"
        provider.script = script
        proxy.recorder.forget()
        with caplog.at_level(logging.DEBUG, "proxy"):
            got = call(
                proxy,
                way.path,
                way.body(**({"stream": True} if streamed else {})),
                authorization=f"Bearer {ADMIN_KEY}",
            )
        assert got.startswith(b"HTTP/1.1 "), name
        for word in BAD:
            assert word not in got, (name, got)
        assert OURS not in json.dumps(proxy.recorder.last()), name
        assert OURS not in caplog.text and elsewhere.bodies == [], name


@pytest.mark.parametrize(
    "path", ["/v1/responses/resp_1", "/v1/responses/resp_1/input_items", "/v1/chat/completions/c_1"]
)
def test_stored_objects_tell_and_show_no_more(path: str, proxy: Running, provider: Upstream) -> None:
    """Whoever asks for another's object learns nothing, and nothing of the asker goes out."""
    provider.reset()
    provider.script = raw(json.dumps({"error": {"message": OURS}}).encode(), 404)
    provider.script.headers |= SPILLED
    got = call(proxy, f"{path}?include={CANARY}", b"", "GET", **TOLD)

    assert not any(word in got for word in BAD)
    assert CANARY.encode() not in b"".join(provider.headers).replace(b"?include=canary", b"")
    assert ADMIN_KEY.encode() not in seen(provider)


STEERING = {
    "api_base": "http://127.0.0.1:{port}",
    "base_url": "http://127.0.0.1:{port}",
    "api_key": "canary-key",
    "api_version": "canary",
    "custom_llm_provider": "openai",
    "organization": "canary",
    "extra_headers": {"authorization": "Bearer canary"},
    "headers": {"x-canary": "canary"},
    "extra_body": {"canary": 1},
    "mock_response": "canary",
    "fallbacks": [{"model": "openai/x", "api_base": "http://127.0.0.1:{port}"}],
    "model_list": [
        {"model_name": "x", "litellm_params": {"model": "openai/x", "api_base": "http://127.0.0.1:{port}"}}
    ],
    "litellm_params": {"api_base": "http://127.0.0.1:{port}"},
    "litellm_credential_name": "canary",
    "client": "canary",
    "deployment_id": "canary",
    "vertex_credentials": '{"token_uri": "http://127.0.0.1:{port}"}',
    "aws_bedrock_runtime_endpoint": "http://127.0.0.1:{port}",
    "azure_ad_token": "canary",
    "base_model": "openai/x",
    "drop_params": True,
    "callbacks": ["canary"],
    "caching": True,
    "proxy_server_request": {"headers": {"authorization": "canary"}},
    "ssl_verify": False,
}
"""Members by which litellm, or a client, may be told where to go and as whom."""


@pytest.mark.parametrize("name", STEERING)
@pytest.mark.parametrize("way", CASES[:4])
def test_no_member_steers_a_call(
    way: Way, name: str, proxy: Running, provider: Upstream, elsewhere: Upstream
) -> None:
    """A call goes where the configuration says, with the key that it says, or nowhere at all."""
    provider.reset()
    elsewhere.reset()
    provider.script = raw(b'{"error": {"message": "no"}}', 400)
    value = json.loads(json.dumps(STEERING[name]).replace("{port}", str(elsewhere.port)))
    got = call(proxy, way.path, way.body(**{name: value}), authorization=f"Bearer {ADMIN_KEY}")

    assert elsewhere.bodies == [] and b'"content":"canary"' not in got
    assert b" 400 " in got.partition(b"\r\n")[0]
    for head in provider.headers:
        assert OURS.encode() in head and CANARY.encode() not in head.lower()
    if way.model in ("litellm", "gemini"):
        assert provider.bodies == []


@pytest.mark.parametrize(
    "model",
    [
        *(
            "openai/http://127.0.0.1:{port}/v1",
            "http://127.0.0.1:{port}",
            "openai/gpt-real",
            "openai/../openai",
            "openai\\r\\nx: y",
        ),
        *(
            "anthropic/claude-real",
            "fake/echo",
            "azure/gpt-real?api-version=x",
            "custom_openai/x",
            "litellm/../../x",
            "*",
            "openai/*",
        ),
    ],
)
def test_no_name_of_a_model_steers_a_call(
    model: str, proxy: Running, provider: Upstream, elsewhere: Upstream
) -> None:
    """Only the names of the configuration are known."""
    provider.reset()
    elsewhere.reset()
    body = json.dumps(
        {"model": model.replace("{port}", str(elsewhere.port)), "messages": MESSAGES[1]}
    ).encode()

    assert (
        b" 404 "
        in call(proxy, "/v1/chat/completions", body, authorization=f"Bearer {ADMIN_KEY}").partition(b"\r\n")[
            0
        ]
    )
    assert provider.bodies == elsewhere.bodies == []


@pytest.mark.long
@pytest.mark.parametrize("model", ["litellm", "gemini"])
def test_nothing_is_fetched_that_a_caller_names(
    model: str, proxy: Running, provider: Upstream, elsewhere: Upstream
) -> None:
    """An image by its URL is not fetched from inside the operator's network, which a caller could so look around in."""
    provider.reset()
    elsewhere.reset()
    provider.script = raw(b'{"error": {"message": "no"}}', 400)
    at = f"http://127.0.0.1:{elsewhere.port}/latest/meta-data.png"
    for part in (
        {"type": "image_url", "image_url": {"url": at}},
        {"type": "image_url", "image_url": at},
        {"type": "file", "file": {"file_id": at, "format": "application/pdf"}},
        {"type": "file", "file": {"file_data": at}},
        {"type": "input_audio", "input_audio": {"data": at, "format": "wav"}},
    ):
        body = json.dumps({"model": model, "messages": [{"role": "user", "content": [part]}]}).encode()
        call(proxy, "/v1/chat/completions", body, authorization=f"Bearer {ADMIN_KEY}")

    assert elsewhere.bodies == []


@pytest.mark.parametrize(
    "name", ["key", "api_key", "api-key", "apikey", "access_token", "token", "authorization", "x-api-key"]
)
def test_a_key_in_the_query_opens_nothing(name: str, proxy: Running, provider: Upstream) -> None:
    """Queries stand in logs and histories: a key there counts as none, and is not repeated."""
    provider.reset()
    for path in ("/v1/chat/completions", "/v1/models", "/v1/responses/resp_1", "/api/traces", "/metrics"):
        method = "POST" if path.endswith("completions") else "GET"
        got = call(
            proxy,
            f"{path}?{name}={ADMIN_KEY}",
            WAYS[0].body() if method == "POST" else b"",
            method,
            via="a balancer",
        )
        assert b" 401 " in got.partition(b"\r\n")[0], path
        assert ADMIN_KEY.encode() not in got
    assert provider.bodies == []
