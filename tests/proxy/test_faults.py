"""Whatever fails, and wherever: the API's envelope, a trace id, and nothing of the reason."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy import models
from proxy.otlp import serve as otlp
from proxy.store import queries
from tests.proxy.test_pipeline import ask
from tests.servers import Running


def broken(*_: Any, **__: Any) -> Any:
    """A fault whose message quotes what nobody may read."""
    raise RuntimeError("kryptonite")


@pytest.mark.parametrize("path", ["/api/traces?run=%00", "/api/traces/%00", "/review?model=%00"])
def test_a_nul_in_the_url_is_refused(proxy: Running, path: str) -> None:
    """PostgreSQL takes none."""
    answer = ask(proxy, None, method="GET", path=path)

    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (400, "invalid_value")
    assert answer.headers["x-guardhouse-trace-id"]


@pytest.mark.parametrize(
    ("module", "name", "method", "path"),
    [
        (models, "page", "GET", "/v1/models"),
        (otlp, "_taken", "POST", "/v1/traces"),
        (queries, "list_spans", "GET", "/api/traces"),
    ],
)
def test_a_fault_is_told_without_its_reason(
    proxy: Running, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, method: str, path: str
) -> None:
    """500 in the envelope, on `/v1` and beside it."""
    monkeypatch.setattr(module, name, broken)

    answer = ask(proxy, b"{}", method=method, path=path, headers={"content-type": "application/json"})

    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (500, "internal_error")
    assert b"kryptonite" not in answer.body
    assert answer.headers["x-guardhouse-trace-id"]
