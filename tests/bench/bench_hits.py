"""Retrieval hits of an app: `python tests/bench/bench_hits.py [--quick] [--json]`.

The real server in a process of its own, with its database and the `fake` provider. An app asks one question after
the other as frameworks do: a root span, a retriever span in OpenInference's names with its documents, then a chat
below it that sends `traceparent`. OpenTelemetry's own exporter sends the spans to the proxy in batches. Told is how
long after the root span's end a reviewer finds the hits under the exchange, and whether they are the right ones.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.processes import free_port
from tests.bench.report import Row, command

ROOT = Path(__file__).resolve().parents[2]
KEY = "gh-bench"
DELAY_MS = 200
"""How often the app's exporter sends."""
DOCUMENTS = 5
_LONGEST_S = 30.0
"""After this a hit counts as missed."""


def ask(port: int, path: str, body: Any = None, **headers: str) -> tuple[dict[str, Any], str]:
    """The JSON that a route answers, and the id of the exchange; nothing for what is not there."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        None if body is None else json.dumps(body).encode(),
        {"authorization": f"Bearer {KEY}", "content-type": "application/json", **headers},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply), reply.headers["x-guardhouse-trace-id"]
    except urllib.error.HTTPError:
        return {}, ""


def question(tracer: Any, port: int, number: int) -> tuple[str, list[str]]:
    """One run of the app: the exchange's id, and the ids of the documents it was given."""
    ids = [f"doc-{number}-{place}" for place in range(DOCUMENTS)]
    with tracer.start_as_current_span("query", attributes={"openinference.span.kind": "CHAIN"}):
        with tracer.start_as_current_span("retrieve") as span:
            span.set_attribute("openinference.span.kind", "RETRIEVER")
            for place, id in enumerate(ids):
                at = f"retrieval.documents.{place}.document"
                span.set_attributes(
                    {f"{at}.id": id, f"{at}.content": f"Text of {id}.", f"{at}.score": 1 / (place + 1)}
                )
        with tracer.start_as_current_span("chat") as span:
            here = span.get_span_context()
            told = {"model": "m", "messages": [{"role": "user", "content": f"What says {ids[0]}?"}]}
            parent = f"00-{here.trace_id:032x}-{here.span_id:016x}-01"
            _, exchange = ask(port, "/v1/chat/completions", told, traceparent=parent)
    return exchange, ids


def appeared(port: int, exchange: str, ids: Sequence[str]) -> float | None:
    """Seconds until the hits are there, complete and in their order; None when they do not come."""
    began = time.perf_counter()
    while (waited := time.perf_counter() - began) < _LONGEST_S:
        trace, _ = ask(port, f"/api/traces/{exchange}")
        if [hit["doc_id"] for hit in trace.get("retrieval", ())] == list(ids):
            return waited
        time.sleep(0.01)
    return None


def measure(quick: bool) -> Sequence[Row]:
    """How long hits take, and how many miss."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    with tempfile.TemporaryDirectory() as folder:
        port, config = free_port(), Path(folder, "guardhouse.yaml")
        models = [{"model_name": "m", "litellm_params": {"model": "fake/echo"}}]
        config.write_text(json.dumps({"model_list": models, "guardhouse": {"policy": "default"}}))
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "GUARDHOUSE_ADMIN_KEY": KEY}
        run = [
            sys.executable,
            str(ROOT / "guardhouse.py"),
            "serve",
            "--config",
            str(config),
            "--port",
            str(port),
        ]
        server = subprocess.Popen(run, env=environment, stderr=subprocess.DEVNULL, cwd=folder)
        provider = TracerProvider()
        exporter = OTLPSpanExporter(
            f"http://127.0.0.1:{port}/v1/traces", headers={"authorization": f"Bearer {KEY}"}
        )
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=DELAY_MS))
        try:
            _ready(port)
            tracer = provider.get_tracer("bench")
            waits = [
                appeared(port, *question(tracer, port, number)) for number in range(20 if quick else 200)
            ]
        finally:
            provider.shutdown()
            server.terminate()
            server.wait(60)
    came = [wait for wait in waits if wait is not None]
    return [
        Row(
            "exchanges without their hits", len(waits) - len(came), "", 0, must=True, note=f"of {len(waits)}"
        ),
        Row(
            "hits appear, median",
            statistics.median(came or [_LONGEST_S]),
            "s",
            note=f"exported every {DELAY_MS} ms",
        ),
        Row("hits appear, longest", max(came or [_LONGEST_S]), "s", 2.0),
    ]


def _ready(port: int) -> None:
    for _ in range(600):
        try:
            ask(port, "/readyz")
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server does not start")


if __name__ == "__main__":
    command(__doc__, measure)
