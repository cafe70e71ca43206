"""The official Python client's own API tests, against a provider reached directly and through the proxy.

    python tests/bench/bench_client_tests.py             about two minutes; asks the package index
    python tests/bench/bench_client_tests.py --quick     the same

The client's source package holds its tests. It is fetched into a temporary folder, beside an environment of its own. The provider
answers every route with a valid value made from the client's own types. What passes directly has to pass through the proxy.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
import tempfile
import threading
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin
from xml.etree import ElementTree

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from openai import types
from openai.types import chat, responses
from openai.types.chat import ChatCompletionStoreMessage
from pydantic import BaseModel

from proxy.app import create_app
from proxy.settings import Settings
from tests.bench.report import Row, command
from tests.contract.shapes import smallest
from tests.servers import served

NEEDS = (
    *("pytest", "pytest-asyncio", "pytest-xdist", "respx", "rich", "aiohttp", "httpx-aiohttp"),
    *("nest_asyncio", "time-machine", "inline-snapshot", "dirty-equals"),
)
"""What the client's tests import."""
FILES = (
    *(
        "test_completions.py",
        "test_embeddings.py",
        "test_models.py",
        "test_moderations.py",
        "test_responses.py",
    ),
    *("chat", "responses"),
)
"""Tests of the routes that the proxy serves, in part or whole."""
MODELS = ("gpt-5.4", "gpt-4o-mini", "gpt-5.1", "gpt-4o", "gpt-5.6-sol", "model", "gpt-3.5-turbo-instruct", "omni-moderation-latest", "text-embedding-3-small")  # fmt: skip
"""The models that the tests ask for."""
ANSWERS: list[tuple[str, str, Any]] = [
    ("POST", "/chat/completions", chat.ChatCompletion),
    ("GET", "/chat/completions", [chat.ChatCompletion]),
    ("DELETE", "/chat/completions/[^/]+", chat.ChatCompletionDeleted),
    ("GET", "/chat/completions/[^/]+/messages", [ChatCompletionStoreMessage]),
    ("(GET|POST)", "/chat/completions/[^/]+", chat.ChatCompletion),
    ("POST", "/completions", types.Completion),
    ("POST", "/embeddings", types.CreateEmbeddingResponse),
    ("POST", "/moderations", types.ModerationCreateResponse),
    ("GET", "/models", [types.Model]),
    ("DELETE", "/models/[^/]+", types.ModelDeleted),
    ("GET", "/models/[^/]+", types.Model),
    ("POST", "/responses/compact", responses.CompactedResponse),
    ("POST", "/responses/input_tokens", responses.InputTokenCountResponse),
    ("GET", "/responses/[^/]+/input_items", [responses.ResponseItem]),
    ("POST", "/responses(/[^/]+/cancel)?", responses.Response),
    ("GET", "/responses/[^/]+", responses.Response),
    ("DELETE", "/responses/[^/]+", None),
]
"""Method and path, with the type of the answer; a list is a page of such."""


KEPT_FROM = ("No object of that id", "value for 'limit'", "'starting_after' needs", "DELETE is not allowed")
"""What callers are told who ask for objects that they never made, or ask for none properly, or want a model deleted."""


def valid(shape: Any) -> Any:
    """A valid value of a type: its required members, and one element in each list."""
    while get_origin(shape) is not None and hasattr(shape, "__metadata__"):
        shape = get_args(shape)[0]
    origin = get_origin(shape)
    if isinstance(shape, type) and issubclass(shape, BaseModel):
        members = {
            (field.alias or name): valid(field.annotation)
            for name, field in shape.model_fields.items()
            if field.is_required()
        }
        return members | {name: "stop" for name in ("finish_reason",) if name in members}
    if origin is list:
        return [valid(get_args(shape)[0])]
    if origin is Literal or origin is dict or origin is None:
        return smallest(shape)
    if origin is Union or origin.__name__ == "UnionType":
        return valid(next(each for each in get_args(shape) if each is not type(None)))
    return smallest(shape)


def answer(method: str, path: str) -> Any:
    """The document that answers a request; None for a route that nobody has."""
    for verb, pattern, shape in ANSWERS:
        if re.fullmatch(verb, method) and re.fullmatch(pattern, path):
            if isinstance(shape, list):
                one = valid(shape[0])
                ends = {"first_id": "a", "last_id": "a", "has_more": False}
                return {"object": "list", "data": [one], **ends}
            return {"deleted": True} if shape is None else valid(shape)
    return None


def events(path: str) -> list[dict[str, Any]]:
    """The events of a streamed answer."""
    if path == "/completions":
        return [valid(types.Completion)]
    if path == "/chat/completions":
        chunk = valid(chat.ChatCompletionChunk)
        chunk["choices"][0]["finish_reason"] = "stop"
        return [chunk]
    return [valid(responses.ResponseCreatedEvent), valid(responses.ResponseCompletedEvent)]


class Provider(BaseHTTPRequestHandler):
    """Answers every route with a valid value."""

    protocol_version = "HTTP/1.1"

    def handle_any(self) -> None:
        """One request."""
        asked = self.rfile.read(int(self.headers.get("content-length") or 0))
        path, _, query = self.path.removeprefix("/v1").partition("?")
        told = answer(self.command, path)
        streamed = "stream=true" in query or (asked and json.loads(asked).get("stream"))
        if told is None:
            self._send(404, b'{"error": {"message": "No such route.", "type": "invalid_request_error"}}')
        elif streamed:
            frames = b"".join(_frame(event) for event in events(path))
            self._send(200, frames + b"data: [DONE]\n\n", "text/event-stream")
        else:
            self._send(200, json.dumps(told).encode())

    do_GET = do_POST = do_DELETE = handle_any

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def _send(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _frame(event: dict[str, Any]) -> bytes:
    named = f"event: {event['type']}\n" if str(event.get("type", "")).startswith("response.") else ""
    return f"{named}data: {json.dumps(event)}\n\n".encode()


@contextmanager
def provider() -> Iterator[int]:
    """The provider, on its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()


@contextmanager
def proxied(folder: Path, port: int) -> Iterator[str]:
    """The proxy in front of it, with the policy that ships and for callers of any key."""
    base = f"http://127.0.0.1:{port}/v1"
    params = {"api_base": base, "api_key": "sk-upstream"}
    config = {
        "model_list": [
            {"model_name": name, "litellm_params": {"model": f"openai/{name}", **params}} for name in MODELS
        ],
        "router_settings": {"num_retries": 0},
        "guardhouse": {"data_dir": str(folder / "data"), "default_model": "gpt-5.4"},
    }
    file = folder / "guardhouse.yaml"
    file.write_text(json.dumps(config))
    with served(create_app(Settings(config=file), keys=False)) as running:
        yield running.url


def fetched(folder: Path) -> tuple[Path, Path]:
    """The interpreter of a new environment with the client in it, and the folder of its source package."""
    version = metadata.version("openai")
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "install", f"openai=={version}", *NEEDS], check=True)
    get = ["download", "--no-deps", "--no-binary", ":all:", "--dest", str(folder), f"openai=={version}"]
    subprocess.run([*pip, *get], check=True)
    with tarfile.open(folder / f"openai-{version}.tar.gz") as packed:
        packed.extractall(folder, filter="data")
    return python, folder / f"openai-{version}"


def passed(python: Path, source: Path, base_url: str) -> dict[str, str]:
    """Each test with its outcome: empty when it passed, else the first line of why not."""
    report = source / "report.xml"
    files = [f"tests/api_resources/{name}" for name in FILES]
    options = ["-q", "-n", "0", "-p", "no:cacheprovider", "--tb=line", f"--junitxml={report}"]
    environment = {"TEST_API_BASE_URL": base_url, "PATH": "/usr/bin:/bin"}
    subprocess.run(
        [python, "-m", "pytest", *options, *files], cwd=source, env=environment, stdout=subprocess.DEVNULL
    )
    outcomes = {}
    for case in ElementTree.parse(report).iter("testcase"):
        bad = [one for one in case if one.tag in ("failure", "error")]
        if case.find("skipped") is None:
            name = f"{case.get('classname', '').removeprefix('tests.api_resources.')}::{case.get('name')}"
            outcomes[name] = (bad[0].get("message") or "failed").splitlines()[0] if bad else ""
    return outcomes


def measure(quick: bool) -> Sequence[Row]:
    """How many tests pass each way, and which are lost."""
    with tempfile.TemporaryDirectory() as place, provider() as port:
        folder = Path(place)
        python, source = fetched(folder)
        direct = passed(python, source, f"http://127.0.0.1:{port}/v1")
        with proxied(folder, port) as url:
            through = passed(python, source, url)
    good = {name for name, why in direct.items() if not why}
    lost = {name: through.get(name, "not run") for name in sorted(good) if through.get(name, "not run")}
    kept = {name for name, why in lost.items() if any(word in why for word in KEPT_FROM)}
    for name in lost.keys() - kept:
        print(name, lost[name], sep="\n    ")
    return [
        Row("tests that pass directly", len(good), "", note=f"of {len(direct)}"),
        Row("tests that pass through the proxy", len(good) - len(lost)),
        Row("lost: objects that the caller never made, models deleted", len(kept)),
        Row("lost otherwise", len(lost) - len(kept), "", 0, must=True),
    ]


if __name__ == "__main__":
    command(__doc__, measure)
