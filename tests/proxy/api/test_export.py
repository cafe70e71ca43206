"""`GET /api/traces/export`: streamed, audited, for administrators; a reply that breaks off has no end."""

from __future__ import annotations

import http.client
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from proxy.api import export as routes
from proxy.export.formats import MEDIA_TYPES
from proxy.store import audit
from proxy.store.db import Store
from tests.proxy.api.conftest import Api
from tests.proxy.api.live import live
from tests.proxy.exchanges import SECRET
from tests.proxy.store.test_rollups import trace
from tests.servers import ADMIN_KEY, Upstream


def acts(store: Store) -> list[Any]:
    """The acts of exports, the last first."""
    return [act for act in audit.acts(store) if act["action"].startswith("traces.")]


@pytest.mark.parametrize("format", MEDIA_TYPES)
def test_a_filter_is_exported_in_each_format(api: Api, format: str) -> None:
    """What it holds, nothing raw, and two acts of the one who asked."""
    api.store.write([trace(id=f"{n + 1:032x}", outcome="masked" if n else "blocked") for n in range(3)])

    answer = api.client.get("/api/traces/export", params={"q": "outcome:masked", "format": format})

    assert answer.status_code == 200
    assert answer.headers["content-type"] == MEDIA_TYPES[format]
    assert answer.headers["content-disposition"].startswith('attachment; filename="traces.')
    if format == "parquet":
        assert parquet.read_table(io.BytesIO(answer.content)).num_rows == 2
    else:
        assert len([json.loads(line) for line in answer.text.splitlines()]) == {"otlp": 1, "jsonl": 2}.get(
            format, 4
        )
    assert SECRET not in answer.text
    told = {"filter": "outcome:masked", "format": format}
    assert [(act["action"], act["detail"]) for act in acts(api.store)] == [
        ("traces.exported", {**told, "count": 2, "complete": True}),
        ("traces.export", told),
    ]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"q": "nonsense:x"}, "q"),
        ({"format": "csv"}, "format"),
        ({"content": "yes"}, "content"),
        ({"limit": "3"}, "limit"),
    ],
)
def test_what_is_not_taken_is_named(api: Api, query: dict[str, str], param: str) -> None:
    """And nothing is exported."""
    answer = api.client.get("/api/traces/export", params=query)

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert acts(api.store) == []


def test_only_administrators_export(api: Api) -> None:
    """Nobody else learns what others asked."""
    answers = [
        api.client.get("/api/traces/export", headers={"authorization": f"Bearer {key}"})
        for key in (api.plain_key, "x")
    ]

    assert [answer.status_code for answer in answers] == [403, 401]
    assert acts(api.store) == []


def test_a_reply_that_breaks_off_is_seen_as_broken(
    tmp_path: Path,
    upstream: Upstream,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The last chunk never comes, so no client takes half for the whole; the act says that it was not."""

    def breaking(traces: Any, format: str, content: bool) -> Iterator[bytes]:
        yield json.dumps(next(traces)).encode() + b"\n"
        raise ConnectionError("the database went away")

    monkeypatch.setattr(routes, "encoded", breaking)
    with live(tmp_path, upstream) as found:
        found.trace(found.chat(), lambda trace: trace["outcome"])
        connection = http.client.HTTPConnection("127.0.0.1", found.running.port, timeout=10)
        connection.request("GET", "/api/traces/export", headers={"authorization": f"Bearer {ADMIN_KEY}"})
        answer = connection.getresponse()
        assert answer.status == 200
        with pytest.raises(http.client.IncompleteRead):
            answer.read()
        connection.close()
        store = found.running.app.context.store
        end = time.monotonic() + 10
        while acts(store)[0]["action"] != "traces.exported":
            assert time.monotonic() < end
            time.sleep(0.02)
        assert acts(store)[0]["detail"]["complete"] is False


def test_a_caller_that_leaves_is_told_of_too(
    tmp_path: Path,
    upstream: Upstream,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The export ends, and the act says how far it came."""

    def endless(traces: Any, format: str, content: bool) -> Iterator[bytes]:
        next(traces)
        while True:
            yield b"x" * 65_536

    monkeypatch.setattr(routes, "encoded", endless)
    with live(tmp_path, upstream) as found:
        found.trace(found.chat(), lambda trace: trace["outcome"])
        connection = http.client.HTTPConnection("127.0.0.1", found.running.port, timeout=10)
        connection.request("GET", "/api/traces/export", headers={"authorization": f"Bearer {ADMIN_KEY}"})
        answer = connection.getresponse()
        answer.read(100_000)
        answer.close()
        connection.close()
        store = found.running.app.context.store
        end = time.monotonic() + 20
        while acts(store)[0]["action"] != "traces.exported":
            assert time.monotonic() < end
            time.sleep(0.02)
        assert acts(store)[0]["detail"] == {"filter": "", "format": "jsonl", "count": 1, "complete": False}
