"""The evidence pack: what an operator can show for a period, in one folder or zip, with what it takes to check it.

No text of an exchange is in it, and no note of a reviewer: ids, counts, acts and hashes.
"""

from __future__ import annotations

import hashlib
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, select

import proxy.chain
import proxy.pack_check
from proxy.chain import ERASE, ZERO, mac
from proxy.pack_check import MANIFEST, SIGNATURE, VERIFICATION
from proxy.store import evidence_figures, seals
from proxy.store.anchors import parsed, read_anchors
from proxy.store.audit import CLI, Act, moment, note, read_head
from proxy.store.db import Store
from proxy.store.tables import ANNOTATION, GAP, RUN
from proxy.store.tables_governance import AUDIT_EVENT, ERASURE, HOLD, RETENTION_RUN, REVEAL
from proxy.store.verify import check
from proxy.version import version

FORMAT = "guardhouse.evidence/1"
Progress = Callable[[str, int], None]
_PAGE = 5_000
_OUTSIDE = ("seq", "at_us", "commitment", "prev_hash", "hash")
"""What is shown of events after the period."""
_TABLES = {
    "gaps.jsonl": (GAP, GAP.c.started_us, None),
    "reviews.jsonl": (ANNOTATION, ANNOTATION.c.created_us, ("note",)),
    "reveals.jsonl": (REVEAL, REVEAL.c.created_us, None),
    "retention.jsonl": (RETENTION_RUN, RETENTION_RUN.c.started_us, None),
    "erasures.jsonl": (ERASURE, ERASURE.c.requested_us, None),
}
"""Tables that are shown row by row: by which time, and without which columns."""


@dataclass(frozen=True, slots=True)
class Period:
    """From the first moment on, and before the second; microseconds UTC."""

    since_us: int
    until_us: int


@dataclass(slots=True)
class Pack:
    """What is written to: a new folder, or a new zip."""

    path: Path
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Size and SHA-256 by name."""
    _zip: zipfile.ZipFile | None = None

    def open(self) -> None:
        """Make it. Raises OSError, FileExistsError where something stands in its place."""
        if self.path.suffix == ".zip":
            self._zip = zipfile.ZipFile(self.path, "x", zipfile.ZIP_DEFLATED, compresslevel=1)
            self.path.chmod(0o600)
        else:
            self.path.mkdir(mode=0o700)

    def close(self) -> None:
        """Finish a zip."""
        if self._zip is not None:
            self._zip.close()

    @contextmanager
    def writes(self, name: str) -> Iterator[Callable[[bytes], None]]:
        """Write one file; it is hashed as it is written."""
        digest, size = hashlib.sha256(), 0
        opened = (
            (self.path / name).open("xb")
            if self._zip is None
            else self._zip.open(name, "w", force_zip64=True)
        )
        with opened as file:

            def write(data: bytes) -> None:
                nonlocal size
                file.write(data)
                digest.update(data)
                size += len(data)

            yield write
        self.files[name] = {"sha256": digest.hexdigest(), "bytes": size}

    def put(self, name: str, value: bytes) -> None:
        """Write one file at once."""
        with self.writes(name) as write:
            write(value)

    def lines(self, name: str, rows: Iterable[Mapping[str, Any]]) -> int:
        """Write JSON lines; returns how many."""
        number = 0
        with self.writes(name) as write:
            for row in rows:
                write(orjson.dumps(row, default=_odd) + b"\n")
                number += 1
        return number


def write_pack(
    store: Store, path: Path, period: Period, anchors: Path | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Write the pack of a period, and note in the audit log that it was; returns its manifest.

    Raises OSError, FileExistsError where something stands in its place.
    """
    pack, key = Pack(path), seals.ledger_key(store)
    said = progress or (lambda _what, _done: None)
    pack.open()
    try:
        lines = _anchor_lines(anchors)
        known = read_anchors(anchors, key) if anchors is not None and anchors.exists() else None
        with seals.snapshot(store) as connection:
            report = check(connection, key, known, lambda what, done, _total: said(what, done))
            pack.put(VERIFICATION, orjson.dumps(report.document(), option=orjson.OPT_INDENT_2))
            counts = _tables(pack, connection, period)
            chain = _chain(pack, connection, period, said)
            said("figures", 0)
            for name, figures in evidence_figures.figures(
                connection, period.since_us, period.until_us
            ).items():
                pack.put(name, orjson.dumps(figures, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS))
        counts["anchors.jsonl"] = _anchors(pack, lines, chain)
        for name, module in (("verify.py", proxy.pack_check), ("chain.py", proxy.chain)):
            source = Path(str(module.__file__)).read_text(encoding="utf-8")
            pack.put(name, source.replace("from proxy.chain import", "from chain import").encode())
        manifest: dict[str, Any] = {
            "format": FORMAT,
            "version": version(),
            "created_us": time.time_ns() // 1000,
            "since_us": period.since_us,
            "until_us": period.until_us,
            "chain": chain,
            "rows": counts,
        }
        pack.put("README.md", _readme(manifest).encode())
        manifest["files"] = dict(pack.files)
        raw = orjson.dumps(manifest, default=_odd, option=orjson.OPT_INDENT_2)
        pack.put(MANIFEST, raw)
        pack.put(SIGNATURE, mac(key, "pack", raw).encode() + b"\n")
    finally:
        pack.close()
    digest = hashlib.sha256(raw).hexdigest()
    told = {"since_us": period.since_us, "until_us": period.until_us, "manifest": digest}
    with store.begin() as connection:
        note(connection, Act(CLI, "evidence.pack", digest[:16], told, ""))
    return manifest


def _odd(value: object) -> str:
    """A value that no column of ours holds, as evidence: SQLite takes anything anywhere."""
    return f"{value!r:.200}"


def _tables(pack: Pack, connection: Connection, period: Period) -> dict[str, int]:
    counts = {}
    for name, (table, at, without) in _TABLES.items():
        columns = [column for column in table.columns if column.name not in (without or ())]
        query = select(*columns).where(at >= period.since_us, at < period.until_us).order_by(at, table.c.id)
        rows = connection.execute(query.execution_options(yield_per=_PAGE)).mappings()
        counts[name] = pack.lines(name, map(dict, rows))
    held = select(HOLD).where(
        HOLD.c.created_us < period.until_us,
        HOLD.c.released_us.is_(None) | (HOLD.c.released_us >= period.since_us),
    )
    counts["holds.jsonl"] = pack.lines("holds.jsonl", map(dict, connection.execute(held).mappings()))
    made = select(RUN).where(RUN.c.received_us >= period.since_us, RUN.c.received_us < period.until_us)
    runs = connection.execute(made.order_by(RUN.c.received_us).execution_options(yield_per=10)).mappings()
    counts["runs.jsonl"] = pack.lines("runs.jsonl", map(evidence_figures.run_line, map(dict, runs)))
    return counts


def _chain(pack: Pack, connection: Connection, period: Period, said: Progress) -> dict[str, Any]:
    """Write the events of the period, and what links them to the head; returns where that begins and ends."""
    at, seq = AUDIT_EVENT.c.at_us, AUDIT_EVENT.c.seq
    # Clocks can be set back: by places, a period is all from its first event to its last.
    inside = select(seq).where(at >= period.since_us, at < period.until_us, seq.between(1, 1 << 52))
    first = connection.execute(inside.order_by(seq).limit(1)).scalar()
    last = connection.execute(inside.order_by(seq.desc()).limit(1)).scalar()
    head = read_head(connection) or {}
    if first is None or last is None:
        last = moment(head, "seq")
        first = last + 1
    before = connection.execute(select(AUDIT_EVENT.c.hash).where(seq == first - 1)).scalar() or ZERO

    def events(since: int, until: int | None) -> Iterator[dict[str, Any]]:
        done, here = 0, since - 1
        while True:
            page = select(AUDIT_EVENT).where(seq > here).order_by(seq).limit(_PAGE)
            rows = connection.execute(page if until is None else page.where(seq <= until)).mappings().all()
            yield from map(dict, rows)
            done += len(rows)
            said("events", done)
            if len(rows) < _PAGE:
                return
            here = rows[-1]["seq"]

    def linked(event: dict[str, Any]) -> dict[str, Any]:
        return event if event["action"] == ERASE else {name: event[name] for name in _OUTSIDE}

    pack.lines("audit.jsonl", events(first, last))
    pack.lines("chain.jsonl", map(linked, events(last + 1, None)))
    signed = {name: head.get(name) for name in (*proxy.chain.SIGNED, "mac")}
    return {"first_seq": first, "last_seq": last, "prev_hash": before, "head": signed}


def _anchor_lines(anchors: Path | None) -> list[Mapping[str, Any]]:
    """Every anchor that can be read; none without a file."""
    if anchors is None or not anchors.exists():
        return []
    with anchors.open("rb") as file:
        return [found for line in file if (found := parsed(line)) is not None]


def _anchors(pack: Pack, lines: list[Mapping[str, Any]], chain: Mapping[str, Any]) -> int:
    """Write the anchors of the events that the pack has."""
    end = moment(chain["head"], "seq")
    return pack.lines("anchors.jsonl", (said for said in lines if chain["first_seq"] <= said["seq"] <= end))


def _readme(manifest: Mapping[str, Any]) -> str:
    text = Path(__file__).with_name("evidence_readme.md").read_text(encoding="utf-8")
    since, until = (
        evidence_figures.moment(manifest["since_us"]),
        evidence_figures.moment(manifest["until_us"]),
    )
    return text.replace("{since}", since).replace("{until}", until).replace("{version}", manifest["version"])
