"""Whether reviewers get in each other's way: `python -m tests.bench.bench_review [--quick] [--json]`.

20 reviewers in four processes, 1,000 items, two reviews each. Some take an item and die; some come back with a token
that is stale. Counted afterwards in the database: claims that two held at a time, reviews too many, verdicts that were
taken and are not there. On SQLite, and on PostgreSQL where there is one.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any, TypeVar

sys.path.insert(0, str(Path(__file__).parents[2]))

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from proxy.store import claims, filling, queues
from proxy.store.adjudication import labels
from proxy.store.agreements import agreements
from proxy.store.db import Store, read_store
from proxy.store.queues import NewQueue
from proxy.store.reviews import NewReview
from proxy.store.tables import ANNOTATION
from proxy.store.tables_review import ASSIGNMENT, ITEM
from tests.bench.report import Row, command, share
from tests.proxy.store.databases import KEY, opened
from tests.proxy.store.reviewing import traces

REVIEWERS, PROCESSES = 20, 4
Asked = TypeVar("Asked")
LEASE_S = 0.5
"""A lease here: who dies is not waited for five minutes."""
DIES, STALE = 0.03, 0.03
"""How often a reviewer leaves an item for good, or sends it only after somebody else could have taken it."""


def measure(quick: bool) -> Sequence[Row]:
    """The figures, on each database."""
    items = 100 if quick else 1_000
    rows: list[Row] = []
    for kind in ("sqlite", "postgresql"):
        with tempfile.TemporaryDirectory() as folder, _store(kind, Path(folder)) as store:
            if store is None:
                rows.append(Row(f"{kind}: left out", float("nan"), note="there is no PostgreSQL here"))
            else:
                rows += _contest(kind, store, items)
    return rows


@contextlib.contextmanager
def _store(kind: str, folder: Path) -> Iterator[Store | None]:
    making = opened(kind, folder)
    try:
        store = next(making)
    except pytest.skip.Exception:
        yield None
        return
    yield store
    next(making, None)


def _contest(kind: str, store: Store, items: int) -> Sequence[Row]:
    queue = queues.add_queue(store, NewQueue("bench", "", 1.0, 2, True), "default", "bench")["id"]
    spans = traces(store, items)
    with store.begin() as connection:
        filling.add_items(connection, queue, spans)
    url = store.engine.url.render_as_string(hide_password=False)
    began = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        each = [
            (url, queue, [f"r{n:02}" for n in range(one, REVIEWERS, PROCESSES)]) for one in range(PROCESSES)
        ]
        told = [line for lines in pool.starmap(_work, each) for line in lines]
    spent = time.perf_counter() - began
    taking = [line["seconds"] for line in told if line["what"] == "take"]
    giving = [line["seconds"] for line in told if line["what"] == "kept"]
    over, lost, open_ = _counted(store, told)
    off = _off(store, queue)
    must: dict[str, Any] = {"bar": 0, "must": True}
    return [
        Row(f"{kind}: claims that two held at a time", _doubled(told), **must),
        Row(f"{kind}: reviews too many", over, **must),
        Row(f"{kind}: verdicts lost", lost, **must),
        Row(f"{kind}: items without their reviews", open_, **must),
        Row(f"{kind}: agreement off the reference", off, bar=1e-9, must=True),
        Row(f"{kind}: take the next, p50", 1e3 * share(taking, 0.5), "ms"),
        Row(f"{kind}: take the next, p95", 1e3 * share(taking, 0.95), "ms"),
        Row(f"{kind}: submit, p50", 1e3 * share(giving, 0.5), "ms"),
        Row(f"{kind}: submit, p95", 1e3 * share(giving, 0.95), "ms"),
        Row(f"{kind}: reviews a second", len(giving) / spent, "/s", note=_note(told)),
    ]


def _note(told: Sequence[dict[str, Any]]) -> str:
    counts = Counter(line["what"] for line in told)
    return f"{counts['died']} left for good, {counts['refused']} stale ones refused"


def _work(url: str, queue: str, reviewers: Sequence[str]) -> list[dict[str, Any]]:
    """The reviewers of one process, in turn, until nothing is left for any of them."""
    claims.LEASE_US = int(LEASE_S * 1e6)
    store, chance = read_store(url, KEY), random.Random(reviewers[0])
    told: list[dict[str, Any]] = []
    late: list[tuple[str, claims.Claim]] = []
    idle = 0
    while idle < 4 * len(reviewers):
        for reviewer in reviewers:
            began = time.perf_counter()
            claim = _patient(partial(claims.take_next, store, queue, reviewer, None))
            seconds = time.perf_counter() - began
            idle = idle + 1 if claim is None else 0
            if claim is None:
                time.sleep(LEASE_S / len(reviewers))
                continue
            told.append(_line("take", reviewer, claim, seconds))
            drawn = chance.random()
            if drawn < DIES:
                told.append(_line("died", reviewer, claim))
            elif drawn < DIES + STALE:
                late.append((reviewer, claim))
            else:
                told.append(_given(store, reviewer, claim, chance))
        while late and (idle or chance.random() < 0.05):
            reviewer, claim = late.pop(0)
            told.append(_given(store, reviewer, claim, chance))
    store.close()
    return told


def _patient(ask: Callable[[], Asked]) -> Asked:
    """Ask again when SQLite, which has one writer, was busy for too long: nothing was kept then."""
    while True:
        try:
            return ask()
        except OperationalError as error:
            if "locked" not in str(error.orig):
                raise


def _given(store: Store, reviewer: str, claim: claims.Claim, chance: random.Random) -> dict[str, Any]:
    said = [NewReview(chance.choice(("pass", "pass", "fail")), reviewer)]
    began = time.perf_counter()
    kept = _patient(
        partial(claims.submit, store, claims.Hold(claim.item_id, reviewer, claim.token), said, None)
    )
    return _line("kept" if kept else "refused", reviewer, claim, time.perf_counter() - began)


def _line(what: str, reviewer: str, claim: claims.Claim, seconds: float = 0.0) -> dict[str, Any]:
    place = (claim.item_id, claim.place)
    return {
        "what": what, "reviewer": reviewer, "place": place, "token": claim.token, "seconds": seconds,
        "until": claim.lease_us, "since": claim.lease_us - int(LEASE_S * 1e6),
    }  # fmt: skip


def _doubled(told: Sequence[dict[str, Any]]) -> int:
    """Pairs of claims of one place, by two reviewers, whose leases overlap and of which neither was handed in."""
    ended = {line["token"] for line in told if line["what"] == "kept"}
    by_place: dict[tuple[str, int], dict[str, dict[str, Any]]] = {}
    for line in told:
        if line["what"] == "take":
            by_place.setdefault(line["place"], {})[line["token"]] = line
    return sum(
        one["since"] < other["until"] and other["since"] < one["until"]
        for each in by_place.values()
        for one, other in combinations(each.values(), 2)
        if one["reviewer"] != other["reviewer"]
    ) + sum(len(ended & {*each}) > 1 for each in by_place.values())


def _counted(store: Store, told: Sequence[dict[str, Any]]) -> tuple[int, int, int]:
    """Reviews beyond those wanted, verdicts that were taken and are not there, items that miss some."""
    with store.read() as connection:
        items = connection.execute(select(ITEM)).mappings().all()
        said = Counter(connection.execute(select(ANNOTATION.c.item_id)).scalars())
        done = select(ASSIGNMENT.c.item_id, ASSIGNMENT.c.reviewer).where(ASSIGNMENT.c.state == "submitted")
        there = {tuple(row) for row in connection.execute(done)}
    kept = [(line["place"][0], line["reviewer"]) for line in told if line["what"] == "kept"]
    over = sum(max(0, said[item["id"]] - item["reviews"]) for item in items) + len(kept) - len({*kept})
    return over, len({*kept} - there), sum(item["submitted"] != item["reviews"] for item in items)


def _off(store: Store, queue: str) -> float:
    """By how much our alpha and kappas differ from those of the packages that others use."""
    import krippendorff
    from statsmodels.stats.inter_rater import cohens_kappa

    with store.read() as connection:
        ids = connection.execute(select(ITEM.c.id).where(ITEM.c.queue_id == queue)).scalars().all()
        said = [
            {reviewer: each["trace"] for reviewer, each in one.items()}
            for first in range(0, len(ids), 200)
            for one in labels(connection, ids[first : first + 200]).values()
        ]
    names = [f"r{n:02}" for n in range(REVIEWERS)]
    numbers = {"pass": 0, "fail": 1}
    table = [[numbers.get(one.get(name, ""), float("nan")) for one in said] for name in names]
    found = agreements(store)
    alpha = krippendorff.alpha(reliability_data=table, level_of_measurement="nominal")
    off = [abs(alpha - (found.queues[0].alpha or 0.0))]
    for pair in found.pairs:
        both = [(one[pair.first], one[pair.second]) for one in said if {pair.first, pair.second} <= {*one}]
        if pair.kappa is not None:
            square = [[sum(each == (one, two) for each in both) for two in numbers] for one in numbers]
            off.append(abs(cohens_kappa(square, return_results=False) - pair.kappa))
    return float(max(off))


if __name__ == "__main__":
    command(__doc__, measure)
