"""An erasure reaches everything that belongs to it and nothing else, whatever stops it on its way."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Any

import orjson
import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from proxy.document import document
from proxy.exchange import new_id
from proxy.identity import subject_hash
from proxy.store import audit, bodies, erasing, queries, seals
from proxy.store.db import Store
from proxy.store.erasures import Asked, Meant, Who, count, meant, receipt, request, unfinished
from proxy.store.outside import spans_by_id
from proxy.store.subject_data import records
from proxy.store.tables import ANNOTATION, BLOB, FEEDBACK, OUTSIDE_SPAN, SPAN
from proxy.store.tables_governance import AUDIT_EVENT, HOLD, REVEAL
from proxy.store.verify import verify
from tests.proxy.exchanges import masked
from tests.proxy.store.app_documents import app_span
from tests.proxy.store.persons import Person, found, person, shadow

WHY = Asked("cli", "they asked for it")


def of(store: Store, *names: str, kind: Any = "user", **more: Any) -> Meant:
    """What an erasure of this kind means."""
    return meant(store, Who(kind, names, **more))


def erased(store: Store, which: Meant) -> dict[str, Any]:
    """The receipt of an erasure, done."""
    return erasing.erase(store, request(store, which, WHY))


def everything(store: Store, whom: Person) -> list[Any]:
    """All that can be read of somebody."""
    with store.read() as connection:
        ids = list(connection.execute(select(OUTSIDE_SPAN.c.id).order_by(OUTSIDE_SPAN.c.id)).scalars())
        spans = [one for one in spans_by_id(connection, store.keys, ids) if whom.word.decode() in one["name"]]
    return [
        *(queries.get_trace(store, one.id) for one in whom.traces),
        spans,
        queries.get_run(store, whom.run),
    ]


def ids(store: Store, column: Any) -> set[str]:
    """Every value of a column."""
    with store.read() as connection:
        return set(connection.execute(select(column)).scalars())


@pytest.mark.long
def test_a_person_is_erased_and_everybody_else_stays(store: Store) -> None:
    """No byte of theirs is left in the files; what others share with them is still there."""
    ada, bob = person(store, "ada"), person(store, "bob")
    before, blobs = everything(store, bob), ids(store, BLOB.c.id)
    assert all(found(store, ada.word, bob.word))

    told = erased(store, of(store, "ada"))

    assert told["traces"] == sorted(one.id for one in ada.traces)
    assert (told["held"], unfinished(store)) == (0, [])
    assert told["rows"] | {"blob": 0} == {
        "span": 3, "message_ref": 6, "finding": 3, "tool_call": 3, "retrieval_hit": 6, "annotation": 3,
        "feedback": 3, "outside_span": 4, "run_item": 5, "span_text": 3, "blob": 0,
    }  # fmt: skip
    assert everything(store, bob) == before
    assert ids(store, SPAN.c.id) == {one.id for one in bob.traces}
    assert ids(store, BLOB.c.id) < blobs
    until = time.monotonic() + 120
    while not told["rewritten"] and time.monotonic() < until:
        # Other tests read this server too: whatever they began before has to end.
        told = erasing.erase(store, told["id"])
    mine, theirs = found(store, ada.word, bob.word)
    assert mine == 0 < theirs


def test_what_the_audit_and_reveals_say_of_them_goes_and_that_there_were_acts_stays(store: Store) -> None:
    """And the erasure itself is told with numbers and hashes alone."""
    ada = person(store, "ada")
    person(store, "bob")
    told = erased(store, of(store, "ada"))

    with store.read() as connection:
        acts = {row.object: row.detail for row in connection.execute(select(AUDIT_EVENT)).all()}
        asked, done = (
            orjson.loads(row.detail)
            for row in connection.execute(
                select(AUDIT_EVENT)
                .where(AUDIT_EVENT.c.object == told["id"])
                .where(AUDIT_EVENT.c.action.in_(["erasure.request", "erasure.done"]))
                .order_by(AUDIT_EVENT.c.seq)
            ).all()
        )
        reasons = {row.span_id: row.reason for row in connection.execute(select(REVEAL)).all()}
    assert all(acts[one.id] is None and reasons[one.id] == "" for one in ada.traces)
    assert sum(bool(reason) for reason in reasons.values()) == 3
    assert asked == {
        "kind": "user",
        "subject": told["subject"],
        "held": 0,
        "traces": 3,
        "commitment": told["commitment"],
    }
    assert done == {**{name: asked[name] for name in asked if name != "held"}, "rows": told["rows"]}
    assert audit.acts(store)


@pytest.mark.parametrize("kind", ["session", "value", "traces", "filter", "scan"])
def test_traces_are_known_by_more_than_a_person(store: Store, kind: str) -> None:
    """By the session, by a value that a rule found, by their ids, by a filter, by what stands in them."""
    ada = person(store, "ada", value="+1 415 555 0199") if kind == "value" else person(store, "ada")
    bob = person(store, "bob")
    asked = {
        "session": Who("session", ("session of ada",)),
        "value": Who("value", ("+1 415 555 0199",)),
        "traces": Who("traces", tuple(one.id for one in ada.traces)),
        "filter": Who("filter", ("subject:ada",)),
        "scan": Who("value", (ada.word.decode().upper(),), scan=True),
    }[kind]
    which = meant(store, asked)

    assert count(store, which)["traces"] == 3
    assert erased(store, which)["traces"] == sorted(one.id for one in ada.traces)
    assert ids(store, SPAN.c.id) == {one.id for one in bob.traces}


def test_a_shadow_goes_with_what_it_copies(store: Store) -> None:
    """Named by its id alone, a trace takes its copies along."""
    ada = person(store, "ada")
    copy = shadow(store, ada.traces[0])

    assert erased(store, of(store, ada.traces[0].id, kind="traces"))["traces"] == sorted(
        (ada.traces[0].id, copy.id)
    )


def test_an_erasure_that_is_cut_off_anywhere_goes_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each of its transactions in turn; the receipt counts every row once, and a second time finds nothing."""
    monkeypatch.setattr(erasing, "AT_ONCE", 1)
    _, bob = person(store, "ada"), person(store, "bob")
    id = request(store, of(store, "ada"), WHY)

    class CutOff(Exception):
        """Stands for kill -9."""

    begin, left = Store.begin, [0]

    def counted(self: Store) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise CutOff
        return begin(self)

    monkeypatch.setattr(Store, "begin", counted)
    for attempt in range(1, 100):
        left[0] = attempt
        try:
            told = erasing.erase(store, id, rewritten=False)
            break
        except CutOff:
            assert unfinished(store) == [id]
    monkeypatch.setattr(Store, "begin", begin)

    assert attempt > 5
    assert told["rows"]["span"] == 3 and told["rows"]["run_item"] == 5 and told["rows"]["outside_span"] == 4
    assert ids(store, SPAN.c.id) == {one.id for one in bob.traces}
    assert erasing.erase(store, id)["rows"] == told["rows"] == receipt(store, id)["rows"]  # type: ignore[index]


def test_what_comes_late_does_not_come_back(store: Store) -> None:
    """Records that began before the erasure: those of the person, a replay of erased ones, and what is about them."""
    ada = person(store, "ada")
    late = masked(trace_id=new_id(), subject=ada.traces[0].subject)
    told = erased(store, of(store, "ada"))
    again = document(ada.traces[0])
    judged = {
        "kind": "feedback", "id": new_id(), "tenant": "default", "key_id": "key-1", "target": ada.traces[1].id,
        "name": "user", "value": 1.0, "comment": "late", "created_us": 1,
    }  # fmt: skip
    span = app_span("aa", "tool", trace_id=ada.traces[2].trace_id, received_us=late.started_us)
    new = masked(trace_id=new_id(), subject=ada.traces[0].subject)
    other = masked(trace_id=new_id(), subject=subject_hash(store.key, "default", "bob"))

    assert store.write([document(late), again, judged, span, document(new), document(other)]) == []

    assert ids(store, SPAN.c.id) == {new.id, other.id}
    assert ids(store, FEEDBACK.c.id) == ids(store, OUTSIDE_SPAN.c.id) == set()
    assert sorted((*told["traces"], late.id)) == receipt(store, told["id"])["traces"]  # type: ignore[index]


def test_a_hold_keeps_what_it_covers_until_it_is_released(store: Store) -> None:
    """It is counted and named; once released, the erasure that goes on takes it."""
    ada = person(store, "ada")
    kept = ada.traces[1].id
    hold = {
        "id": "h1", "tenant": "default", "filter": f"trace:{kept}", "reason": "court", "actor": "cli",
        "created_us": 1, "released_us": None, "released_by": None,
    }  # fmt: skip
    with store.begin() as connection:
        connection.execute(HOLD.insert(), [hold])
    which = of(store, *(one.id for one in ada.traces), kind="traces")

    assert count(store, which)["held"] == 1
    told = erased(store, which)
    assert (told["held"], told["held_traces"], len(told["traces"])) == (1, [kept], 2)
    assert ids(store, SPAN.c.id) == {kept}
    assert ids(store, ANNOTATION.c.span_id) == {kept}

    with store.begin() as connection:
        connection.execute(HOLD.update().values(released_us=2))
    told = erasing.erase(store, told["id"])
    assert (told["held"], len(told["traces"]), ids(store, SPAN.c.id)) == (0, 3, set())


def test_what_is_exported_is_what_is_erased(store: Store) -> None:
    """Every row that an erasure deletes is told before, and nothing else."""
    tables = {"trace": SPAN, "annotation": ANNOTATION, "feedback": FEEDBACK, "outside_span": OUTSIDE_SPAN}
    ada = person(store, "ada")
    person(store, "bob")
    told = list(records(store, of(store, "ada"), "cli", raw=True))
    exported = {name: {one["id"] for one in told if one["kind"] == name} for name in tables}
    before = {name: ids(store, table.c.id) for name, table in tables.items()}
    items = [one for one in told if one["kind"] in ("run_item", "run_case")]

    rows = erased(store, of(store, "ada"))["rows"]

    assert exported == {name: before[name] - ids(store, table.c.id) for name, table in tables.items()}
    assert {name: len(some) for name, some in exported.items()} == {
        name: rows[table.name] for name, table in tables.items()
    }
    assert len(items) == rows["run_item"]
    assert all(
        ada.word in bodies.encode(one) for one in told if one["kind"] in ("trace", "feedback", "run_item")
    )
    left = [one["kind"] for one in records(store, of(store, "ada"), "cli")]
    assert left == ["subject", "erasure"]


def test_who_writes_meanwhile_loses_nothing(store: Store) -> None:
    """Traces that come while others are erased keep what they share with these."""
    ada = person(store, "ada", 30)
    stop = threading.Event()
    mine = []

    def write() -> None:
        while not stop.is_set():
            new = masked(trace_id=new_id(), safe_request=ada.traces[0].safe_request)
            # As the recorder does it: what a busy database does not take is tried again.
            with suppress(OperationalError):
                store.write([document(new)])
                mine.append(new.id)
            time.sleep(0.001)  # Nor does it write again at once.

    thread = threading.Thread(target=write)
    thread.start()
    try:
        erased(store, of(store, "ada"))
    finally:
        stop.set()
        thread.join()

    assert mine
    assert {queries.get_trace(store, id)["content"] for id in mine} == {"kept"}  # type: ignore[index]


def test_after_an_erasure_the_audit_log_and_the_sealed_traces_still_verify(store: Store) -> None:
    """What went is named by its sum; what was told of acts on it is gone, and said to be."""
    ada, bob = person(store, "ada"), person(store, "bob")
    with store.begin() as connection:
        audit.note(connection, audit.Act("key-1", "review.add", ada.traces[0].id, {"verdict": "pass"}))
    assert seals.seal(store, time.time_ns() // 1000 + 2 * seals.HOUR_US) == 1

    erased(store, of(store, "ada"))

    report = verify(store, None)
    assert report.sound, report.document()
    with store.read() as connection:
        about = AUDIT_EVENT.c.object.in_([one.id for one in ada.traces])
        details = list(connection.execute(select(AUDIT_EVENT.c.detail).where(about)).scalars())
    assert details and set(details) == {None}
    assert report.counts["erased_details"] == len(details)
    with store.begin() as connection:
        connection.execute(SPAN.update().where(SPAN.c.id == bob.traces[0].id).values(outcome="blocked"))
    assert not verify(store, None).sound
