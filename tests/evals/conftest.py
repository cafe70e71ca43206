"""A scripted chat endpoint on a real socket, golden sets in a folder, and runs made of numbers."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from evals.golden import canonical, content_sha256
from evals.run import (
    Canaries,
    Gating,
    GoldenRef,
    PromptRef,
    Run,
    RunCase,
    RunItem,
    ScorerRef,
    Summary,
    TargetRef,
)
from evals.types import Cause, Output, Score

Answer = tuple[int, Any, dict[str, str]]


def completion(text: str | None = "fine", **message: Any) -> dict[str, Any]:
    """A chat completion that says a text."""
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "scripted-1",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": text, **message},
            }
        ],
    }


class ChatServer:
    """Answers chat calls by a script that a test gives."""

    def __init__(self) -> None:
        self.script: Callable[[dict[str, Any]], Answer] = lambda request: (200, completion(), {})
        self.requests: list[dict[str, Any]] = []
        self.models = 0
        self.models_status = 200
        self.base_url = ""
        self.keys: set[str] = set()
        """What came as keys."""

    async def chat(self, request: web.Request) -> web.Response:
        """One scripted answer."""
        asked = await request.json()
        self.requests.append(asked)
        self.keys.add(request.headers.get("authorization", "").removeprefix("Bearer "))
        status, body, headers = self.script(asked)
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(status=status, text=text, headers=headers, content_type="application/json")

    async def list_models(self, request: web.Request) -> web.Response:
        """The probe."""
        self.models += 1
        return web.json_response({"object": "list", "data": []}, status=self.models_status)


@pytest.fixture
def chat() -> Iterator[ChatServer]:
    """A chat endpoint in a thread of its own, so that commands with their own event loop can use it."""
    server, loop, ready = ChatServer(), asyncio.new_event_loop(), threading.Event()
    stop = asyncio.Event()

    async def serve() -> None:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", server.chat)
        app.router.add_get("/v1/models", server.list_models)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        server.base_url = f"http://127.0.0.1:{port}/v1"
        ready.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait(10)
    yield server
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
    loop.close()


def item(name: str, **fields: Any) -> dict[str, Any]:
    """A well-formed golden item."""
    base: dict[str, Any] = {
        "id": name,
        "input": {"question": f"What about {name}?"},
        "expected": {"answer": f"All about {name}."},
        "relevant": [],
        "tags": [],
        "cluster": "",
        "label": {"by": "test", "kind": "synthetic"},
        "status": "active",
    }
    return base | fields


def write_golden(directory: Path, contents: Sequence[dict[str, Any]], **manifest: Any) -> Path:
    """A golden set in a folder."""
    directory.mkdir(parents=True, exist_ok=True)
    ordered = sorted(contents, key=lambda each: each["id"])
    (directory / "items.jsonl").write_text("".join(canonical(each) + "\n" for each in ordered), "utf-8")
    document = {
        "name": "toy",
        "version": "1.0.0",
        "n": len(contents),
        "content_sha256": content_sha256(contents),
        "licence": "CC0-1.0",
    }
    (directory / "manifest.json").write_text(json.dumps(document | manifest), "utf-8")
    (directory / "CHANGELOG.md").write_text("# Changelog\n\n## 1.0.0 - 2026-01-01\n\n- First.\n", "utf-8")
    return directory


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A golden set of thirty cases, a suite, and two prompts."""
    golden = write_golden(tmp_path / "golden", [item(f"c{n:02}") for n in range(30)])
    (golden / "suite.yaml").write_text("scorers: [exact, f1]\ngating: [{metric: exact, margin: 0.1}]\n")
    (tmp_path / "good.txt").write_text("Be careful.")
    (tmp_path / "bad.txt").write_text("Be quick.")
    return tmp_path


Values = Mapping[str, Sequence[float | Score]]


def make_run(
    metrics: Mapping[str, Values],
    *,
    texts: Mapping[str, str] | None = None,
    gating: Sequence[Gating] = (),
    canaries: Canaries | None = None,
    clusters: Mapping[str, str] | None = None,
    errors: Sequence[str] = (),
    **fields: Any,
) -> Run:
    """A run from its values: metric -> case id -> one value (or Score) a repeat."""
    ids = sorted({name for values in metrics.values() for name in values})
    repeats = max(len(scores) for values in metrics.values() for scores in values.values())
    items = []
    for name in ids:
        for repeat in range(repeats):
            scores = {}
            for metric, values in metrics.items():
                if name in values:
                    value = values[name][repeat]
                    scores[metric] = value if isinstance(value, Score) else Score.of(value)
            output = Output(text=(texts or {}).get(name, "text"), error="down" if name in errors else "")
            items.append(RunItem(name, f"sha-{name}", repeat, output, scores))
    summary = {
        metric: Summary(_mean(values), len(values), 0, None, None) for metric, values in metrics.items()
    }
    told: dict[str, Any] = {
        "id": "run-1",
        "created_at": "2026-01-01T00:00:00Z",
        "suite": "toy",
        "golden": GoldenRef("toy", "1.0.0", "0" * 64, len(ids)),
        "prompt": PromptRef("toy", "v1", "1" * 64),
        "target": TargetRef("http", "http://x/v1", "m"),
        "repeats": repeats,
        "scorers": tuple(ScorerRef(metric, "1", metric != "latency") for metric in metrics),
        "summary": summary,
        "items": tuple(items),
        "cases": tuple(
            RunCase(name, f"sha-{name}", f"question {name}", "answer", (), (clusters or {}).get(name, ""))
            for name in ids
        ),
        "gating": tuple(gating),
        "canaries": canaries or Canaries(),
    }
    return Run(**(told | fields))


def missing(cause: Cause = Cause.TARGET) -> Score:
    """A score without a value."""
    return Score.unscored("gone", cause)


def _mean(values: Values) -> float | None:
    flat = [
        score.value if isinstance(score, Score) else score for scores in values.values() for score in scores
    ]
    known = [value for value in flat if value is not None]
    return sum(known) / len(known) if known else None
