"""Apps that export OpenInference have their hits under the exchange they fed, with no code of ours."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.app import create_app
from proxy.settings import Settings
from proxy.store import queries
from tests.clients.test_clients import HERE, command
from tests.proxy.policies import policy
from tests.servers import ADMIN_KEY, Running, Upstream, make_app, served, whole


@pytest.fixture
def kept(upstream: Upstream, tmp_path: Path) -> Iterator[Running]:
    """A proxy that keeps its traces in a database."""
    model = {
        "model_name": "gpt-4o-mini",
        "litellm_params": {
            "model": "openai/gpt-real", "api_base": f"http://127.0.0.1:{upstream.port}/v1", "api_key": "sk-upstream"
        },
    }  # fmt: skip
    make_app(tmp_path, "", policy(), [model])
    with served(create_app(Settings(config=tmp_path / "guardhouse.yaml", admin_key=ADMIN_KEY))) as running:
        yield running


def _trace(running: Running, until: float) -> dict[str, Any]:
    """The only trace, as soon as it has hits."""
    store = running.app.context.store
    while True:
        spans = queries.list_spans(store).items
        found = queries.get_trace(store, spans[0]["id"]) if spans else None
        if found is not None and found["retrieval"]:
            return found
        assert time.monotonic() < until, f"no hits arrived; {len(spans)} traces"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("program", "propagate", "linked_by"),
    [
        ("with_openinference.py", "", "text"),
        ("with_openinference.py", "1", "trace"),
        ("with_openinference_langchain.py", "", "text"),
        # LangChain's instrumentation makes no span current, so its HTTP client begins a trace of its own.
        ("with_openinference_langchain.py", "1", "text"),
    ],
)
def test_the_hits_of_an_app_stand_under_its_exchange(
    kept: Running, upstream: Upstream, program: str, propagate: str, linked_by: str
) -> None:
    """Complete, ranked, after guardrails; by trace id where the app sends one, else by what was asked."""
    run = command(program)
    upstream.script = whole({"content": "Paris."}, id="chatcmpl-7")
    environment = {
        "PATH": os.environ["PATH"],
        "GUARDHOUSE_URL": kept.url,
        "GUARDHOUSE_KEY": ADMIN_KEY,
        "GUARDHOUSE_QUESTION": "What is the capital of France?",
        "GUARDHOUSE_PROPAGATE": propagate,
    }
    done = subprocess.run(run, cwd=HERE, env=environment, capture_output=True, text=True, timeout=100)
    began = time.monotonic()
    assert done.stdout, done.stderr[-2000:]
    told = json.loads(done.stdout)

    trace = _trace(kept, began + 20)
    print(f"{program}: the hits were there {time.monotonic() - began:.2f} s after the app had ended")

    assert "Paris." in told["answer"]
    assert [hit["doc_id"] for hit in trace["retrieval"]] == told["hits"]
    assert [hit["rank"] for hit in trace["retrieval"]] == [1, 2]
    assert {hit["source"] for hit in trace["retrieval"]} == {"otlp"}
    assert {hit["linked_by"] for hit in trace["retrieval"]} == {linked_by}
    assert "ada@" not in json.dumps(trace)
    assert any("Paris is the capital" in hit["text"] for hit in trace["retrieval"])
