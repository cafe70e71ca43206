"""Seals over traces: what the traces of each hour were, as an event of the audit chain, so that they cannot be changed.

The sum of an hour is a keyed multiset hash: each row of `span` with its findings is hashed under the verification
key, and the hashes are added modulo 2^256. So rows can be taken away with a receipt that holds their sum, and the
rest still adds up: present + taken away = sealed. Whoever deletes spans puts `unseal` of them, before they go, as
`unsealed` into the detail of an event whose action begins with `retention.` or `erasure.`, in the same transaction.

An hour is closed first; what is stored for it afterwards brings a seal of its own. Then what is there is summed up.
"""

from __future__ import annotations

import hmac
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Integer,
    Select,
    Table,
    cast,
    func,
    or_,
    select,
    text,
)

from proxy.chain import verification_key
from proxy.store.audit import PROXY, Act, ledger_of, moment, move, note, read_head
from proxy.store.tables import FINDING, SPAN
from proxy.store.tables_governance import AUDIT_EVENT

if TYPE_CHECKING:
    from proxy.store.db import Store

HOUR_US = 3_600_000_000
GRACE_US = 15 * 60_000_000
"""How long after its end an hour is left open, for exchanges that began in it and take long."""
SEAL, LATE = "traces.seal", "traces.seal_late"
RECEIPTS = ("retention.", "erasure.")
"""How the actions of events begin whose `unsealed` says what was taken away."""
LOCK = 0x6775617264736561
"""Advisory lock ("guardsea" in ASCII): those who store traces share it, who closes an hour has it alone."""
_ALONE, _SHARED = (
    text(f"SELECT pg_advisory_xact_lock{how}(hashtextextended(current_schema(), :id))")
    for how in ("", "_shared")
)
FORM = 1
"""Which columns the sums are over; another set is another form."""
SPAN_COLUMNS = [
    "id",
    "trace_id",
    "tenant",
    "key_id",
    "started_us",
    "duration_us",
    "first_token_us",
    "path",
    "dialect",
    "stream",
    "model",
    "answered_model",
    "deployment",
    "provider",
    "object_id",
    "policy",
    "outcome",
    "action",
    "decided",
    "flagged",
    "http_status",
    "error_type",
    "error_code",
    "error_message",
    "error_param",
    "upstream_called",
    "attempts",
    "tokens_in",
    "tokens_out",
    "rules",
    "entities",
    "findings",
    "tool_calls",
    "hits",
    "detail",
    "shadow_of",
    "team",
    "tags",
    "cost_nanousd",
    "charged_nanousd",
    "price_version",
    "prompt",
    "prompt_version",
    "prompt_hash",
    "session_id",
    "run_id",
    "run_source",
    "parent_span",
    "response_id",
    "asked",
    "config",
    "subject",
    "raw",
]
"""All but `preview`, which goes with the content when its time is up."""
FINDING_COLUMNS = [
    "span_id",
    "seq",
    "tenant",
    "side",
    "rule",
    "check",
    "entity",
    "stage",
    "pointer",
    "within",
    "start",
    "end",
    "score",
    "action",
    "mode",
    "fingerprint",
    "masked_start",
    "masked_end",
]
_MODULUS = 1 << 256
_WEEK = 168
"""Hours that one event seals at most, of those that have traces."""
_ROWS = 2_000
"""Rows read at a time."""
_IDS = 500

Told = dict[str, list[Any]]
"""Count and sum (hex) by hour, as an event tells them: the hour is its start in microseconds, in digits."""
Progress = Callable[[int], None]


class Sums:
    """Count and sum by hour."""

    def __init__(self) -> None:
        self.count: Counter[int] = Counter()
        self.sum: defaultdict[int, int] = defaultdict(int)

    def add(self, hour: int, count: int, sum: int) -> None:
        """Add to an hour; negative values take away."""
        self.count[hour] += count
        self.sum[hour] = (self.sum[hour] + sum) % _MODULUS

    def add_told(self, told: Mapping[str, Sequence[Any]], sign: int = 1) -> None:
        """Add what an event tells. Raises ValueError when it tells nothing that can be read."""
        for hour, (count, sum) in told.items():
            self.add(int(hour), sign * count, sign * int(sum, 16))

    def told(self, since: int = 0, until: int | None = None) -> Told:
        """As an event tells it, of the hours in a span of time."""
        return {
            str(hour): [self.count[hour], f"{self.sum[hour]:064x}"]
            for hour in sorted(self.count)
            if since <= hour and (until is None or hour < until) and (self.count[hour] or self.sum[hour])
        }


def seal(store: Store, now_us: int | None = None) -> int:
    """Seal the hours that ended long enough ago; returns how many events that took.

    For any number of processes: what another one has sealed meanwhile is left. Raises sqlalchemy's errors.
    """
    now = time.time_ns() // 1000 if now_us is None else now_us
    _close(store, (now - GRACE_US) // HOUR_US * HOUR_US)
    done = 0
    while _seal_next(store):
        done += 1
    return done


def _close(store: Store, until: int) -> None:
    """From here on every trace that is stored for an hour before `until` brings its own seal."""
    with store.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(_ALONE, {"id": LOCK})
        head = read_head(connection)
        if head is None or moment(head, "closed_us") < until:
            move(connection, closed_us=until)


def _seal_next(store: Store) -> bool:
    """Seal the next hours that are closed; False when there are none, or somebody else did."""
    with snapshot(store) as connection:
        head = read_head(connection)
        since, closed = moment(head, "sealed_us"), moment(head, "closed_us")
        if since >= closed:
            return False
        oldest = connection.execute(select(func.min(SPAN.c.started_us)).where(SPAN.c.started_us >= since))
        first = oldest.scalar()
        until = closed if first is None else min(closed, first // HOUR_US * HOUR_US + _WEEK * HOUR_US)
        sums = present(connection, ledger_key(store), since, until)
        add_receipts(connection, sums, 1)
        add_seals(connection, sums, -1, LATE)
    detail = {"form": FORM, "from": since, "until": until, "hours": sums.told(since, until)}
    with store.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(_ALONE, {"id": LOCK})
        now = read_head(connection)
        if moment(now, "sealed_us") != since:
            return False
        note(connection, Act(PROXY, SEAL, "traces", detail, ""), sealed_us=until)
    return True


def late(connection: Connection, fresh: Mapping[str, Mapping[str, Any]]) -> None:
    """Seal those of the traces just stored whose hour is closed already."""
    if not fresh:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(_SHARED, {"id": LOCK})
    head = read_head(connection)
    closed = moment(head, "closed_us")
    ids = [id for id, document in fresh.items() if document["started_us"] < closed]
    if ids:
        note(connection, Act(PROXY, LATE, "traces", {"form": FORM, "hours": unseal(connection, ids)}, ""))


def unseal(connection: Connection, span_ids: Iterable[str]) -> Told:
    """Count and sum by hour of some traces as they are now, for the event that says they are taken away.

    Ask before they are deleted, on a connection of `Store.begin`.
    """
    key, sums, ids = ledger_of(connection).key, Sums(), sorted({*span_ids})
    for first in range(0, len(ids), _IDS):
        _add_rows(connection, key, sums, SPAN.c.id.in_(ids[first : first + _IDS]))
    return sums.told()


def unseal_where(connection: Connection, which: ColumnElement[bool]) -> Told:
    """The same for the traces of a condition."""
    sums = Sums()
    _add_rows(connection, ledger_of(connection).key, sums, which)
    return sums.told()


def unseal_hours(connection: Connection, since_us: int, until_us: int) -> Told:
    """The same for all traces of whole hours, when they are dropped together.

    What was sealed counts as sealed, without reading the traces: nothing is said of whether they were still so.
    """
    head = read_head(connection)
    sealed = min(until_us, moment(head, "sealed_us")) if head is not None else since_us
    sums = Sums()
    add_seals(connection, sums, 1, SEAL, LATE)
    add_receipts(connection, sums, -1)
    told = sums.told(since_us, sealed)
    if sealed < until_us:
        rest = present(connection, ledger_of(connection).key, max(since_us, sealed), until_us)
        told |= rest.told()
    return told


def present(
    connection: Connection, key: bytes, since_us: int, until_us: int, progress: Progress | None = None
) -> Sums:
    """Count and sum by hour of the traces that are there."""
    sums = Sums()
    _add_rows(
        connection, key, sums, (SPAN.c.started_us >= since_us) & (SPAN.c.started_us < until_us), progress
    )
    return sums


def add_seals(connection: Connection, sums: Sums, sign: int, *actions: str) -> None:
    """Add what seals tell. Raises ValueError when one cannot be read."""
    for told in _details(connection, AUDIT_EVENT.c.action.in_(actions)):
        sums.add_told(told["hours"], sign)


def add_receipts(connection: Connection, sums: Sums, sign: int) -> None:
    """Add what events say was taken away. Raises ValueError when one cannot be read."""
    action = AUDIT_EVENT.c.action
    begins = [(action >= name) & (action < name[:-1] + "/") for name in RECEIPTS]
    for told in _details(connection, or_(*begins)):
        sums.add_told(told.get("unsealed") or {}, sign)


def _details(connection: Connection, which: ColumnElement[bool]) -> Iterator[dict[str, Any]]:
    query = select(AUDIT_EVENT.c.detail).where(which, AUDIT_EVENT.c.detail.is_not(None))
    for detail in connection.execute(query.execution_options(yield_per=_ROWS)).scalars():
        told = orjson.loads(detail)
        if not isinstance(told, dict):
            raise ValueError("the detail of an event is no object")
        yield told


def ledger_key(store: Store) -> bytes:
    """The verification key of a store."""
    return verification_key(store.key)


@contextmanager
def snapshot(store: Store) -> Iterator[Connection]:
    """A connection on which everything is read as of one moment, also on PostgreSQL."""
    with store.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


def _add_rows(
    connection: Connection,
    key: bytes,
    sums: Sums,
    which: ColumnElement[bool],
    progress: Progress | None = None,
) -> None:
    """Add the traces of a condition: both tables are read once, side by side, in the order of time."""
    order = (SPAN.c.started_us, SPAN.c.id)
    spans = _plain(SPAN, SPAN_COLUMNS).where(which).order_by(*order)
    found = _plain(FINDING, FINDING_COLUMNS).join(SPAN, SPAN.c.id == FINDING.c.span_id).where(which)
    found = found.order_by(*order, FINDING.c.seq)
    findings = groupby(_read(connection, found), key=lambda row: row[0])
    of, those = next(findings, (None, None))
    started = SPAN_COLUMNS.index("started_us")
    for number, span in enumerate(_read(connection, spans), 1):
        row = list(span)
        if of == row[0] and those is not None:
            row.extend(list(each) for each in those)
            of, those = next(findings, (None, None))
        digest = hmac.digest(key, b"trace\0" + orjson.dumps(row), "sha256")
        sums.add(row[started] // HOUR_US * HOUR_US, 1, int.from_bytes(digest))
        if progress is not None and not number % _ROWS:
            progress(number)


def _plain(table: Table, columns: Sequence[str]) -> Select[Any]:
    """Columns as both databases give them alike: booleans as 0 and 1."""
    found = (table.c[name] for name in columns)
    return select(*(cast(each, Integer) if isinstance(each.type, Boolean) else each for each in found))


def _read(connection: Connection, query: Select[Any]) -> Iterator[Sequence[Any]]:
    return iter(connection.execute(query.execution_options(yield_per=_ROWS)))
