"""What the audit log shows, and what it costs: `python tests/bench/bench_audit.py [--quick] [--json]`.

1,000 edits, deletions, truncations, swaps, insertions and rollbacks of a log of 200 acts, each drawn at random and undone, by
somebody who can write the database but has not the key. `postgresql` repeats 200 of them there. Then a log of a million acts and a
database of a million exchanges with two findings each (SQLite, made as rows), which are sealed, verified and put into a pack.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from proxy import chain
from proxy.document import document
from proxy.exchange import new_id
from proxy.store import seals
from proxy.store.anchors import Anchors, read_anchors
from proxy.store.audit import Act, move, note
from proxy.store.bodies import Blobs
from proxy.store.db import Store, open_store
from proxy.store.evidence import Period, write_pack
from proxy.store.rows import Rows, add
from proxy.store.tables import FINDING, SPAN
from proxy.store.tables_governance import AUDIT_EVENT, AUDIT_HEAD
from proxy.store.verify import check, verify
from tests.bench.report import Row, command
from tests.proxy.exchanges import masked
from tests.proxy.store.schemas import DEFAULT_POSTGRES
from tests.proxy.store.tampering import TOLD_ALONE, TOLD_BY_ANCHORS, grown

KEY = b"k" * 32
_BATCH = 10_000


class _Undo(Exception):
    """Ends a transaction that is not to be committed."""


def attacks(store: Store, anchors: Path, rounds: int, seed: int) -> tuple[int, int, int]:
    """How many attacks were found, how many of them by anchors alone, and how many sound logs were accused."""
    scene, random, key = grown(store, 200), Random(seed), seals.ledger_key(store)
    known = read_anchors(anchors, key)
    found = by_anchors = wrong = 0
    for number in range(rounds):
        attack = random.choice((*TOLD_ALONE, *TOLD_BY_ANCHORS))
        try:
            with store.begin() as connection:
                attack(connection, scene, random)
                told = not check(connection, key, known, traces=False).sound
                alone = told and not check(connection, key, None, traces=False).sound
                raise _Undo
        except _Undo:
            found, by_anchors = found + told, by_anchors + (told and not alone)
        if not number % 100:
            wrong += not verify(store, anchors).sound
    return found, by_anchors, wrong


def acts_at_once(store: Store, count: int) -> None:
    """A log of so many acts, made as `note` makes them, but without a transaction for each."""
    key, now = seals.ledger_key(store), time.time_ns() // 1000
    with store.begin() as connection:
        note(connection, Act("proxy", "config.start", "abc", {"hashes": {"default@abc": "f" * 64}}))
        last = dict(connection.execute(AUDIT_EVENT.select()).mappings().one())
    for first in range(0, count, _BATCH):
        rows = []
        for number in range(first, first + _BATCH):
            event = {
                **{
                    "id": new_id(),
                    "at_us": now - count + number,
                    "tenant": "default",
                    "actor": f"key-{number % 50}",
                },
                **{"action": "review.add", "object": f"{number:032x}"},
                "detail": f'{{"span_id":"{number:032x}","finding":0,"verdict":"true_positive","supersedes":null}}',
            }
            last = event | chain.link(key, event, last["seq"] + 1, last["hash"])
            rows.append(last)
        with store.begin() as connection:
            connection.execute(AUDIT_EVENT.insert(), rows)
    head = {"seq": last["seq"], "hash": last["hash"], "at_us": now, "closed_us": 0, "sealed_us": 0}
    with store.begin() as connection:
        connection.execute(AUDIT_HEAD.update().values(**head, mac=chain.head_mac(key, head)))
        move(connection, closed_us=0)


def exchanges(store: Store, count: int) -> None:
    """So many exchanges over thirty days, as rows of `span` and `finding`: what a seal is over."""
    now = time.time_ns() // 1000
    model = Rows(Blobs(store.keys))
    add(model, document(masked("a prompt of some length " * 4)))
    span, finding = model.by_table["span"][0], model.by_table["finding"][0]

    def made(first: int) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
        for number in range(first, min(first + _BATCH, count)):
            at = now - 3 * seals.HOUR_US - (count - number) * 30 * 86_400_000_000 // count
            id = f"{at // 1000:012x}7{number:019x}"
            outcome = ("passed", "masked", "blocked")[number % 3]
            row = {**span, "id": id, "trace_id": id, "started_us": at, "outcome": outcome, "findings": 2}
            yield row, [{**finding, "span_id": id, "seq": seq} for seq in range(2)]

    for first in range(0, count, _BATCH):
        both = list(made(first))
        with store.begin() as connection:
            store._insert_rows(connection, SPAN, [row for row, _ in both])
            store._insert_rows(connection, FINDING, [row for _, rows in both for row in rows])


def big(folder: Path, count: int) -> list[Row]:
    """A million acts and a million exchanges."""
    store = open_store(f"sqlite:///{folder / 'big.sqlite3'}", KEY, anchors=Anchors(folder / "big.anchors"))
    acts_at_once(store, count)
    exchanges(store, count)
    began = time.perf_counter()
    seals.seal(store)
    sealed = time.perf_counter() - began
    began = time.perf_counter()
    report = verify(store, folder / "big.anchors")
    verified = time.perf_counter() - began
    assert report.sound and report.counts["sealed_traces"] == count, report.document()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    write_pack(store, folder / "pack", Period(0, time.time_ns() // 1000), folder / "big.anchors")
    packed = time.perf_counter() - began
    grew = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    began = time.perf_counter()
    acts = 200
    for number in range(acts):
        with store.begin() as connection:
            note(connection, Act("ada", "key.update", str(number), {}))
    one = (time.perf_counter() - began) / acts * 1000
    size = sum(file.stat().st_size for file in (folder / "pack").iterdir()) / 2**20
    store.close()
    bar = 60.0 if count >= 1_000_000 else None
    return [
        Row(
            f"evidence pack of {count:,} acts and {count:,} exchanges",
            packed,
            "s",
            bar,
            note=f"{size:.0f} MiB",
        ),
        Row("memory that grew meanwhile", grew, "MiB"),
        Row("sealing, with two findings each", count / sealed, "exchanges/s"),
        Row(
            "verifying acts and exchanges together", count * 2 / verified, "rows/s", note=f"{verified:.0f} s"
        ),
        Row("an act noted and anchored, fsync of database and file", one, "ms"),
    ]


def on_postgresql(folder: Path, rounds: int) -> list[Row]:
    """The same attacks on PostgreSQL."""
    schema = f"bench_audit_{new_id()}"
    admin = create_engine(DEFAULT_POSTGRES, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    url = make_url(DEFAULT_POSTGRES).update_query_dict({"options": f"-csearch_path={schema}"})
    file = folder / "pg.anchors"
    store = open_store(url.render_as_string(hide_password=False), KEY, anchors=Anchors(file))
    try:
        found, _, wrong = attacks(store, file, rounds, 2)
    finally:
        store.close()
        with admin.connect() as connection:
            connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
        admin.dispose()
    return [
        Row(f"of {rounds} attacks on PostgreSQL, found", found, "", float(rounds), True, True),
        Row("sound logs accused", wrong, "", 0.0, must=True),
    ]


def measure(quick: bool, postgresql: bool) -> Sequence[Row]:
    """Every figure."""
    rounds, count = (200, 20_000) if quick else (1_000, 1_000_000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = open_store(f"sqlite:///{folder / 'log.sqlite3'}", KEY, anchors=Anchors(folder / "anchors"))
        found, by_anchors, wrong = attacks(store, folder / "anchors", rounds, 1)
        store.close()
        rows = [
            Row(f"of {rounds} attacks, found", found, "", float(rounds), True, True),
            Row("of those, by anchors alone", by_anchors, note="older copies of head or log"),
            Row("sound logs accused", wrong, "", 0.0, must=True),
        ]
        rows += on_postgresql(folder, 40 if quick else 200) if postgresql else []
        return [*rows, *big(folder, count)]


if __name__ == "__main__":
    command(__doc__, measure, {"postgresql": "also attack a log in PostgreSQL"})
