"""Measures browsing: `python tests/bench/bench_browse.py` from the repository root.

Two million stored exchanges, one in a hundred flagged, on SQLite and on PostgreSQL, with 100,000 findings in one group,
queues, disputes and runs, read over HTTP from `guardhouse serve` in a process of its own: lists and counts by typical
filters, text search, deep pages, and every page that lists something, as data and as HTML.
`--quick` takes 50,000. Needs a PostgreSQL as the store's tests do; without one only SQLite is measured.
"""

from __future__ import annotations

import html
import http.client
import json
import math
import re
import shutil
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from sqlalchemy.exc import SQLAlchemyError

from proxy.store.db import open_store, url_of
from proxy.store.groups import group_id
from proxy.store.keyfile import load_key
from tests.bench.busy import furnish
from tests.bench.limit_proxies import ADMIN, own_database
from tests.bench.processes import ROOT, Process, cores, free_port, wait_for
from tests.bench.report import Row, command, share
from tests.bench.spans import ALIKE_KIND, RUN, fill

FULL, QUICK = 2_000_000, 50_000
ROUNDS = 20
FILTERS = {
    "flagged": "flagged:true",
    "outcome and age": "outcome:blocked since:8d",
    "rule and kind": "rule:pii.iban",
    "model by its beginning": "model:gpt* flagged:true",
    "team and status": "team:team-3 status:400",
    "cost and duration": "cost>0.005 duration>2s",
    "tool and tokens": "tool:search tokens_in>8000",
    "not from a team": "-team:team-1 outcome:masked,blocked",
}
TEXTS = {
    "a rare word": "zanzibar",
    "a common word": "refund",
    "a phrase, flagged": '"refund policy" flagged:true',
}


class Asking:
    """A client that keeps its connection, as a browser does."""

    def __init__(self, port: int, server: Process) -> None:
        self.cpu = server.cpu
        """Seconds of CPU that the server has used."""
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._cookie = ""

    def get(self, path: str, **query: str) -> tuple[float, dict[str, object], int]:
        """Milliseconds until the whole answer is there, the answer, and its bytes."""
        began = time.perf_counter()
        address = f"{path}?{urlencode(query)}" if query else path
        self._connection.request("GET", address, headers={"authorization": f"Bearer {ADMIN}"})
        answer = self._connection.getresponse()
        body = answer.read()
        spent = (time.perf_counter() - began) * 1000
        if answer.status != 200:
            raise RuntimeError(f"{address}: {answer.status} {body[:300]!r}")
        return spent, json.loads(body), len(body)

    def page(self, path: str) -> tuple[float, bytes]:
        """Milliseconds until a whole page is there, and the page, for whoever signed in."""
        if not self._cookie:
            self._cookie = self._signed_in()
        began = time.perf_counter()
        self._connection.request("GET", path, headers={"cookie": self._cookie})
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status}")
        return (time.perf_counter() - began) * 1000, body

    def _signed_in(self) -> str:
        self._connection.request("GET", "/review/login")
        form = self._connection.getresponse()
        text, cookie = form.read().decode(), _cookie(form)
        [token] = re.findall(r'name="token" value="([^"]*)"', text)
        sent = {"content-type": "application/x-www-form-urlencoded", "cookie": cookie}
        body = urlencode({"key": ADMIN, "token": html.unescape(token), "next": ""})
        self._connection.request("POST", "/review/login", body, sent)
        answer = self._connection.getresponse()
        answer.read()
        return _cookie(answer)


def _cookie(answer: http.client.HTTPResponse) -> str:
    return (answer.getheader("set-cookie") or "").partition(";")[0]


PAGES = {
    "/review": ("the queue, list and counts in one request", 350),
    "/review?q=flagged:true": ("the flagged queue", 350),
    "/review/groups": ("groups", 500),
    "/review/groups/GROUP": ("a group of 100,000 findings", 500),
    "/review/overview": ("the overview", 300),
    "/review/queues": ("queues", 300),
    "/review/disputed": ("disputed items", 300),
    "/review/claims": ("one's claims", 300),
    "/review/sessions": ("the list of agent runs", 500),
    f"/review/sessions/{RUN}": ("the timeline of a run of 5,000", 500),
    f"/review/sessions/{RUN}?after=SECOND": ("the same, its second page", 500),
    "/review/traces/TRACE": ("a trace", 300),
}
"""Each with its bar in milliseconds, as data and as HTML."""
MARKS = ("partial", "approximate", "late")
_MORE = re.compile(rb'hx-trigger="[^"]*(?:load|revealed|intersect)')
"""What a page asks for by itself."""


def measure(quick: bool) -> Sequence[Row]:
    """The figures of both databases."""
    count = QUICK if quick else FULL
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="browse-") as name:
        for kind, opened in (("SQLite", _sqlite), ("PostgreSQL", own_database)):
            folder = Path(name) / kind
            folder.mkdir()
            try:
                with opened() as url:
                    rows += _database(kind, folder, url, count)
            except SQLAlchemyError as error:
                rows.append(Row(f"{kind}: not measured", math.nan, note=type(error).__name__))
            shutil.rmtree(folder)
    return rows


@contextmanager
def _sqlite() -> Iterator[str | None]:
    yield None


def _database(kind: str, folder: Path, url: str | None, count: int) -> Iterator[Row]:
    data = folder / "data"
    data.mkdir(mode=0o700)
    store = open_store(url_of(data, url), load_key(data))
    began = time.perf_counter()
    fill(store, count)
    spent = time.perf_counter() - began
    trace = furnish(store)
    store.close()
    size = sum(path.stat().st_size for path in data.iterdir())
    note = f"{size / 1e6:,.0f} MB" if url is None else ""
    yield Row(f"{kind}: spans written in bulk", count / spent, "/s", note=note)
    yield from browsed(kind, folder, url, trace)


def browsed(kind: str, folder: Path, url: str | None, trace: str) -> Iterator[Row]:
    """The figures of a database that is there, whose data folder is in `folder`."""
    with _serving(folder, url) as (port, server):
        asking = Asking(port, server)
        yield from _lists(kind, asking)
        yield from _pages(kind, asking, trace)


@contextmanager
def _serving(folder: Path, url: str | None) -> Iterator[tuple[int, Process]]:
    """A proxy in a process of its own, and its port."""
    config = folder / "guardhouse.yaml"
    model = {"model_name": "gpt-4o-mini", "litellm_params": {"model": "fake/echo"}}
    ours = {"policy": "default", "shutdown": {"notice_s": 0}}
    config.write_text(json.dumps({"model_list": [model], "guardhouse": ours}))
    environment = {"GUARDHOUSE_ADMIN_KEY": ADMIN, "GUARDHOUSE_DATABASE_URL": url or ""}
    port = free_port()
    run = [sys.executable, str(ROOT / "guardhouse.py"), "serve", "--config", str(config)]
    run += ["--port", str(port), "--data-dir", str(folder / "data")]
    process = Process(run, cores()[0], environment, folder / "log")
    try:
        wait_for(port, process)
        yield port, process
    finally:
        process.stop()


def _lists(kind: str, asking: Asking) -> Iterator[Row]:
    for name, asked in (FILTERS | TEXTS).items():
        yield _row(f"{kind}: list, {name}", 150, _asked(asking, "/api/traces", q=asked))
    for name, asked in ({"everything": ""} | FILTERS | TEXTS).items():
        yield _row(f"{kind}: counts, {name}", 200, _asked(asking, "/api/traces/facets", q=asked))
    before = str(asking.get(f"/api/sessions/{RUN}", limit="1")[1]["next"])
    found = _asked(asking, "/api/traces", q="flagged:true", before=before)
    yield _row(f"{kind}: list, flagged, a page half way down", 150, found)
    yield _row(f"{kind}: a run of 5,000 opens, as data", 500, _asked(asking, f"/api/sessions/{RUN}"))


def _pages(kind: str, asking: Asking, trace: str) -> Iterator[Row]:
    """Every page, as data and as a browser shows it."""
    second = asking.get(f"/api/sessions/{RUN}", limit="100")[1]["next"]
    names = {"GROUP": group_id("default", *ALIKE_KIND), "SECOND": str(second), "TRACE": trace}
    more, largest = 0, 0
    for address, (name, bar) in PAGES.items():
        for mark, value in names.items():
            address = address.replace(mark, value)
        path, _, query = address.partition("?")
        yield _row(f"{kind}: {name}, data", bar, _asked(asking, f"{path}.json{'?' if query else ''}{query}"))
        asking.page(address)
        before = asking.cpu()
        found = [asking.page(address) for _ in range(ROUNDS)]
        spent = (asking.cpu() - before) / ROUNDS
        yield _row(f"{kind}: {name}, page", bar, Timed([each for each, _ in found], spent))
        more += len(_MORE.findall(found[0][1]))
        largest = max(largest, len(zlib.compress(found[0][1], 6)))
    yield Row(f"{kind}: requests for data that pages make beyond their own", more, "", 0, must=True)
    yield Row(f"{kind}: largest page compressed", largest / 1000, "kB", 150)


@dataclass(frozen=True, slots=True)
class Timed:
    """What some rounds of one request took."""

    times: Sequence[float]
    """Milliseconds until the whole answer was there."""
    cpu_s: float
    """Of the server alone, on average; the database's own is not in it."""
    marks: Sequence[str] = ()
    """What answers said of themselves."""


def _asked(asking: Asking, path: str, **query: str) -> Timed:
    """Some rounds after a first that warms up."""
    asking.get(path, **query)
    before = asking.cpu()
    found = [asking.get(path, **query) for _ in range(ROUNDS)]
    spent = (asking.cpu() - before) / ROUNDS
    marks = [mark for mark in MARKS if any(_has(answer, mark) for _, answer, _ in found)]
    return Timed([each for each, *_ in found], spent, marks)


def _has(answer: Mapping[str, Any], mark: str) -> bool:
    return bool(answer.get(mark) or (answer.get("figures") or {}).get(mark))


def _row(name: str, bar: float, found: Timed) -> Row:
    told = (f"p50 {share(found.times, 0.5):.0f} ms", f"CPU {found.cpu_s * 1e3:.0f} ms", *found.marks)
    return Row(f"{name}, p95", share(found.times, 0.95), "ms", bar, note=", ".join(told))


if __name__ == "__main__":
    command(__doc__, measure)
