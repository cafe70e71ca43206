"""Retention: what is old goes with everything that hangs on it, what is held stays, and a dry run says just that."""

from __future__ import annotations

import shutil
import time
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, func, select, text

from proxy.config_retention import Clocks
from proxy.store import holds, partitions, refs, retention
from proxy.store.audit import Act, note
from proxy.store.budgets import spent
from proxy.store.data_keys import DAY_US, retire
from proxy.store.db import Store, open_store
from proxy.store.queries import get_run, get_trace
from proxy.store.retention import Limits, Tally
from proxy.store.reviews import NewReview, add_review
from proxy.store.schema import METADATA
from proxy.store.tables import BLOB, FEEDBACK, MESSAGE_REF, OUTSIDE_SPAN, RETRIEVAL_HIT, RUN, SPAN, TOOL_CALL
from proxy.store.tables_governance import AUDIT_EVENT, DATA_KEY, RETENTION_RUN
from tests.proxy.store.aged import NOW, id_at, lost, sent, thought, trace
from tests.proxy.store.databases import BOTH, KEY, opened

CLOCKS = Clocks(metadata=60, content=30, raw=7, runs=90, rollups=90, audit=90)


def _ids(store: Store, column: Any) -> set[str]:
    with store.read() as connection:
        return set(connection.execute(select(column)).scalars())


def _counts(store: Store) -> dict[str, int]:
    with store.read() as connection:
        return {
            name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in METADATA.tables.items()
        }


def _run(store: Store, clocks: Clocks = CLOCKS, **limits: Any) -> Tally:
    """A run, after a dry run that must have told the same."""
    planned = retention.plan(store, clocks, NOW)
    tally = retention.run(store, clocks, Limits(**limits), NOW)
    assert tally.counts == planned.counts
    return tally


def _orphans(store: Store, comments: set[str] = frozenset()) -> dict[str, int]:  # type: ignore[assignment]
    """Rows that point to what is not there, and blobs that nothing points to, but for these comments."""
    owners = _ids(store, SPAN.c.id) | _ids(store, OUTSIDE_SPAN.c.id)
    found = {
        name: len(_ids(store, METADATA.tables[name].c[column]) - owners)
        for name, column in (
            *(("message_ref", "span_id"), ("finding", "span_id"), ("tool_call", "span_id")),
            *(("retrieval_hit", "span_id"), ("annotation", "span_id"), ("feedback", "target")),
        )
    }
    with store.read() as connection:
        rows = connection.execute(select(MESSAGE_REF)).mappings()
        needed = {blob for row in rows for blob in refs.blobs_of(row)} | _ids(
            store, TOOL_CALL.c.arguments_blob
        )
    needed |= _ids(store, TOOL_CALL.c.result_blob) | _ids(store, RETRIEVAL_HIT.c.text_blob)
    needed |= _ids(store, OUTSIDE_SPAN.c.detail_blob) | _ids(store, FEEDBACK.c.comment_blob)
    found["blob"] = len(_ids(store, BLOB.c.id) - needed - comments)
    keys = {id for id in _ids(store, DATA_KEY.c.id) if id != "identity"}
    found["data_key"] = len(keys - _ids(store, BLOB.c.key_id))
    return {name: rows for name, rows in found.items() if rows}


@pytest.mark.parametrize("ahead", [False, True])
def test_each_clock_takes_what_is_its_own(store: Store, ahead: bool) -> None:
    """Content goes first and is `gone`, then the trace with all that hangs on it."""
    fresh, older, oldest = trace(1, "new"), trace(40, "older"), trace(80, "oldest")
    if ahead:
        for days in (0, 40, 80):
            partitions.make_ahead(store, NOW - days * DAY_US)
    store.write([fresh, older, oldest, thought(79, oldest["id"]), lost(80), lost(100)])
    add_review(store, oldest["id"], NewReview("pass", "ada"))

    tally = _run(store)

    assert _ids(store, SPAN.c.id) == {fresh["id"], older["id"]}
    assert tally.counts["metadata"] == {
        **{"span": 1, "message_ref": 2, "finding": 1, "tool_call": 1, "retrieval_hit": 1},
        **{"annotation": 1, "feedback": 1},
    }
    assert tally.counts["content"]["data_key"] == 3 and tally.counts["audit"] == {"gap": 1}
    assert (get_trace(store, fresh["id"]) or {})["content"] == "kept"
    assert (get_trace(store, older["id"]) or {})["content"] == "gone"
    assert _orphans(store) == {}
    assert _run(store).rows == 0


def test_whole_months_go_as_partitions(tmp_path: Path) -> None:
    """Nothing of them is deleted row by row; the numbers are the same."""
    for store in opened("postgresql", tmp_path):
        for days in (0, 100, 130):
            partitions.make_ahead(store, NOW - days * DAY_US)
        store.write([trace(days, str(days)) for days in (1, 95, 100, 128, 130)])
        statements: list[str] = []
        event.listen(Engine, "before_cursor_execute", lambda *told: statements.append(told[2]))

        tally = _run(store)

        dropped = {line.split()[2] for line in statements if line.startswith("DROP TABLE")}
        assert any(name.startswith("span_2") for name in dropped)
        assert any(name.startswith("blob_2") for name in dropped)
        assert tally.counts["metadata"]["span"] == 4 and len(_ids(store, SPAN.c.id)) == 1
        assert _orphans(store) == {}


test_whole_months_go_as_partitions = pytest.mark.services(test_whole_months_go_as_partitions)


def test_a_month_with_something_held_goes_row_by_row(tmp_path: Path) -> None:
    """The held trace stays whole, its neighbours go."""
    for store in opened("postgresql", tmp_path):
        partitions.make_ahead(store, NOW - 130 * DAY_US)
        kept, gone = trace(130, "kept"), trace(130, "gone")
        store.write([kept, gone])
        holds.add(store, f"trace:{kept['id']}", "lawsuit", "cli")

        tally = _run(store)

        assert _ids(store, SPAN.c.id) == {kept["id"]} and tally.rows
        assert (get_trace(store, kept["id"]) or {})["request"] == kept["request"]
        assert _orphans(store) == {}


@pytest.mark.services
@pytest.mark.parametrize("mode", ["ROW EXCLUSIVE", "ACCESS SHARE"])
def test_a_month_in_use_goes_row_by_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    """Whether somebody writes to it, so that it cannot be closed, or reads it, so that it cannot be dropped."""
    monkeypatch.setattr(partitions, "_WAIT_MS", 50)
    for store in opened("postgresql", tmp_path):
        partitions.make_ahead(store, NOW - 130 * DAY_US)
        old, young = trace(130), trace(1)
        store.write([old, young])
        month = partitions.Month.of(old["started_us"]).name
        with store.read() as other:
            for table in ("span", "blob"):
                other.execute(text(f"LOCK TABLE {table}_{month} IN {mode} MODE"))
            tally = _run(store)

        assert tally.done and tally.counts["metadata"]["span"] == 1
        assert _ids(store, SPAN.c.id) == {young["id"]} and _orphans(store) == {}
        with store.read() as connection:
            assert month in {each.name for each in partitions.months(connection, "span")}


test_a_month_with_something_held_goes_row_by_row = pytest.mark.services(
    test_a_month_with_something_held_goes_row_by_row
)


def test_nothing_goes_by_a_clock_that_is_wrong(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that starts in another year must not delete what is young."""
    store.write([trace(130)])
    monkeypatch.setattr(Store, "clock", lambda self: time.time() - 90_000)
    with pytest.raises(retention.ClockError, match="a day apart"):
        retention.run(store, CLOCKS, Limits(), NOW)
    assert len(_ids(store, SPAN.c.id)) == 1


def test_the_key_of_a_day_goes_with_its_last_content(store: Store) -> None:
    """Copies of what it encrypted are noise from then on; the identity key stays."""
    told = trace(40)
    store.write([told])
    with store.read() as connection:
        blob = dict(connection.execute(select(BLOB)).mappings().first() or {})
    _run(store)

    assert _ids(store, DATA_KEY.c.id) == {"identity"}
    with pytest.raises(LookupError):
        store.keys.decrypt(blob["key_id"], blob["id"], bytes(blob["body"]))


def test_the_key_of_a_day_stays_while_an_eval_run_needs_it(store: Store) -> None:
    """Runs are no content of exchanges, but encrypted like it; keys that a rotation made go like the first."""
    at = NOW - 40 * DAY_US
    first = store.keys.current("content", at)[0]
    with store.begin() as connection:
        retire(connection)
    store.keys.forget()
    second, sealed = store.keys.encrypt("content", at, "run/r1", zlib.compress(b'{"id": "r1"}'))
    row = {
        "id": "r1",
        "tenant": "default",
        "received_us": at,
        "created_at": "",
        "suite": "s",
        "head": "{}",
        "items": 0,
    }
    with store.begin() as connection:
        connection.execute(RUN.insert(), [{**row, "document": sealed, "key_id": second}])
    _run(store)

    assert second == f"{first}.2"
    assert _ids(store, DATA_KEY.c.id) == {"identity", second}
    assert get_run(store, "r1") == {"id": "r1"}
    with store.begin() as connection:
        connection.execute(RUN.delete())
    _run(store)
    assert _ids(store, DATA_KEY.c.id) == {"identity"}


def test_raw_texts_go_by_their_own_clock(store: Store) -> None:
    """What the guardrails let through on the same day stays."""
    from proxy.store.bodies import Blobs

    told = trace(10)
    store.write([told])
    blobs = Blobs(store.keys)
    name = blobs.on("default", told["started_us"], "raw").add(b"raw text")
    ref = {"span_id": told["id"], "side": "raw_request", "seq": 0, "tenant": "default", "pointer": ""}
    with store.begin() as connection:
        connection.execute(BLOB.insert(), list(blobs.rows.values()))
        connection.execute(MESSAGE_REF.insert(), [{**ref, "blob_id": name}])

    hold = holds.add(store, f"trace:{told['id']}", "lawsuit", "cli")
    assert _run(store).rows == 0
    holds.release(store, hold["id"], "cli")
    tally = _run(store)

    assert tally.counts == {"raw": {"blob": 1, "data_key": 1}}
    assert name not in _ids(store, BLOB.c.id)
    assert (get_trace(store, told["id"]) or {})["content"] == "kept"


def test_what_is_held_stays_whole_until_it_is_released(store: Store) -> None:
    """Trace, contents, findings, reviews, feedback, what its app told; over a restart too. Nothing else does."""
    said = [{"role": "user", "content": f"turn {n} {'words ' * 400}"} for n in range(9)]
    long = {"model": "m", "messages": said}
    kept, other = trace(80, "kept", model="m1", request=long), trace(80, "other", model="m2")
    other["request"] = {**long, "messages": [*said, {"role": "user", "content": "more"}]}
    told = sent(80, "a1", trace_id=kept["trace_id"])
    elsewhere = sent(70, "b1", trace_id="f" * 32)
    store.write([kept, other, told, elsewhere, thought(79, kept["id"]), thought(79, other["id"])])
    add_review(store, kept["id"], NewReview("pass", "ada"))
    hold = holds.add(store, "model:m1 until:1d", "lawsuit", "cli")
    before = get_trace(store, kept["id"]) or {}

    planned = retention.plan(store, CLOCKS, NOW)
    assert planned.held["span"] == 1 and planned.held["blob"] >= 13
    _run(store)

    assert get_trace(store, kept["id"]) == before and before["reviews"] and before["feedback"]
    assert get_trace(store, other["id"]) is None
    assert _ids(store, OUTSIDE_SPAN.c.id) == {told["id"]}
    assert _orphans(store) == {}
    holds.release(store, hold["id"], "cli")
    _run(store)
    assert get_trace(store, kept["id"]) is None and _orphans(store) == {}


def test_a_hold_that_cannot_be_read_stops_everything(store: Store) -> None:
    """Nobody knows what it would have held."""
    store.write([trace(80)])
    hold = holds.add(store, "model:m1", "lawsuit", "cli")
    with store.begin() as connection:
        connection.execute(text("UPDATE legal_hold SET filter = 'colour:red'"))

    with pytest.raises(holds.HoldError, match=hold["id"]):
        retention.run(store, CLOCKS, Limits(), NOW)
    assert len(_ids(store, SPAN.c.id)) == 1


def test_a_run_leaves_a_receipt_and_one_that_finds_nothing_leaves_none(store: Store) -> None:
    """A row with what went, and an act in the audit log."""
    store.write([trace(80)])
    tally = _run(store, actor="key-9")
    _run(store)

    with store.read() as connection:
        [row] = connection.execute(select(RETENTION_RUN)).mappings()
        acts = connection.execute(select(AUDIT_EVENT).order_by(AUDIT_EVENT.c.seq)).mappings().all()
    assert (row["id"], row["actor"], row["error"]) == (tally.id, "key-9", None) and row["ended_us"]
    assert orjson.loads(row["counts"]) == tally.counts
    [traces, act] = acts
    assert (traces["action"], traces["actor"]) == ("retention.traces", "key-9")
    assert (act["action"], act["object"]) == ("retention.run", tally.id)
    assert orjson.loads(act["detail"])["counts"] == tally.counts


def test_a_run_may_stop_anywhere_and_the_next_one_goes_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What went until then is in its receipt; nothing hangs in the air."""
    monkeypatch.setattr(retention, "_SPANS", 2)
    monkeypatch.setattr(retention, "_ROWS", 3)
    store.write([trace(80, str(n)) for n in range(7)])
    planned = retention.plan(store, CLOCKS, NOW)
    went, runs, done = 0, 0, False
    while not done:
        steps = iter([False] * 4)
        limits = Limits(stop=lambda steps=steps: next(steps, True))
        tally = retention.run(store, CLOCKS, limits, NOW)
        went, runs, done = went + tally.rows, runs + 1, tally.done
        if runs == 3:
            # From here on the rest in one go.
            tally = retention.run(store, CLOCKS, Limits(), NOW)
            went, done = went + tally.rows, tally.done
    assert went == planned.rows and runs >= 3
    assert _orphans(store) == {}


def test_a_run_that_fails_tells_only_what_went(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The transaction that failed is not in its receipt."""
    monkeypatch.setattr(retention, "_SPANS", 2)
    store.write([trace(80, str(n)) for n in range(4)])
    seen: list[Any] = []
    from proxy.store import spend

    carry = spend.carry

    def failing(*told: Any) -> None:
        seen.append(told)
        if len(seen) == 2:
            raise RuntimeError("away")
        carry(*told)

    monkeypatch.setattr(spend, "carry", failing)
    with pytest.raises(RuntimeError):
        retention.run(store, CLOCKS, Limits(), NOW)

    with store.read() as connection:
        [row] = connection.execute(select(RETENTION_RUN)).mappings()
    assert orjson.loads(row["counts"])["metadata"]["span"] == 2 and row["error"] == "failed"
    assert len(_ids(store, SPAN.c.id)) == 2


def test_a_run_whose_process_was_killed_gets_an_end(store: Store) -> None:
    """The next one says what is known of it."""
    row = {"id": id_at(NOW), "tenant": "default", "actor": "proxy", "ended_us": None, "error": None}
    with store.begin() as connection:
        connection.execute(RETENTION_RUN.insert(), [{**row, "started_us": NOW - DAY_US, "counts": "{}"}])
    _run(store)

    with store.read() as connection:
        [found] = connection.execute(select(RETENTION_RUN)).mappings()
        assert connection.execute(select(AUDIT_EVENT.c.object)).scalars().all() == [row["id"]]
    assert found["error"] == "cut off" and found["ended_us"]


def test_the_oldest_acts_go_and_say_where_the_chain_goes_on(store: Store) -> None:
    """A later act names the last one that went, with its hash; the end of the chain always stays."""
    with store.begin() as connection:
        for seq, days in ((1, 120), (2, 100), (3, 80), (4, 100)):
            note(connection, Act("cli", "x", str(seq), {}))
            told = {"seq": seq, "at_us": NOW - days * DAY_US, "hash": f"h{seq}"}
            connection.execute(AUDIT_EVENT.update().where(AUDIT_EVENT.c.object == str(seq)).values(told))
    _run(store)

    with store.read() as connection:
        rows = connection.execute(select(AUDIT_EVENT)).mappings().all()
    found = {row["object"]: row for row in rows}
    assert {"3", "4"} < set(found) and not {"1", "2"} & set(found)
    pruned = next(row for row in rows if row["action"] == "audit.prune")
    assert orjson.loads(pruned["detail"]) == {"through": 2, "hash": "h2"}


def test_budgets_count_what_went(store: Store) -> None:
    """A trace is gone, what it cost is not."""
    costs = {"team": "search", "charged_nanousd": 700}
    store.write([trace(80, "a", **costs), trace(80, "b", **costs), trace(1, "c", **costs)])
    before = [spent(store, scope, 0, None, None) for scope in ("key:key-1", "team:default/search")]
    since = (NOW - 30 * DAY_US) // 1_000_000
    _run(store)

    assert [spent(store, scope, 0, None, None) for scope in ("key:key-1", "team:default/search")] == before
    assert before == [2100, 2100] and spent(store, "key:key-1", since, None, None) == 700


LONG = "word " * 500
"""Makes a body of several pieces."""
THING = st.tuples(
    st.sampled_from(["trace", "sent", "thought", "late"]),
    st.floats(0, 70).map(lambda days: round(days, 2)),
    st.sampled_from(["same", "a", "b", LONG]),
    st.sampled_from(["m1", "m2"]),
)


@pytest.mark.long
@pytest.mark.parametrize("kind", BOTH)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    things=st.lists(THING, max_size=14),
    held=st.sampled_from([None, "model:m1", "rule:pii until:20d"]),
    days=st.tuples(st.integers(1, 60), st.integers(1, 60), st.integers(1, 60)),
    ahead=st.booleans(),
)
def test_nothing_is_ever_left_behind(
    kind: str,
    tmp_path_factory: pytest.TempPathFactory,
    things: list[Any],
    held: str | None,
    days: tuple[int, int, int],
    ahead: bool,
) -> None:
    """Whatever there is and whatever is held: no orphan, no held trace touched, none forgotten, the plan was right."""
    raw, content, metadata = sorted(days)
    clocks = replace(CLOCKS, metadata=metadata, content=content, raw=raw)
    folder = tmp_path_factory.mktemp("store")
    for store in opened(kind, folder):
        if ahead:
            partitions.make_ahead(store, NOW - 65 * DAY_US)
        told: list[dict[str, Any]] = []
        for index, (what, age, words, model) in enumerate(things):
            traces = [one["id"] for one in told if "kind" not in one]
            if what in ("trace", "late"):
                # The clock of whoever made the id may have been wrong.
                one = trace(age, words, model=model)
                told.append(one if what == "trace" else {**one, "id": id_at(NOW)})
            elif what == "sent":
                told.append(sent(age, f"{index:x}"))
            elif traces:
                told.append(thought(min(age, 0.5), traces[-1], words))
        assert store.write(told) == []
        before = {one["id"]: get_trace(store, one["id"]) for one in told if "kind" not in one}
        if held:
            holds.add(store, held, "lawsuit", "cli")
        with store.read() as connection:
            condition = holds.held(connection, store.key)
            kept = set(connection.execute(select(SPAN.c.id).where(condition)).scalars())

        # What was said lately of an old trace is kept, unseen, until its own day is over.
        over = (NOW // DAY_US - content) * DAY_US
        said = select(FEEDBACK.c.comment_blob).where(FEEDBACK.c.created_us >= over)
        with store.read() as connection:
            comments = set(connection.execute(said).scalars())

        _run(store, clocks)

        limit = (NOW // DAY_US - metadata) * DAY_US
        there = _ids(store, SPAN.c.id)
        young = {id for id, one in before.items() if one and one["started_us"] >= limit}
        assert there == young | kept
        assert _orphans(store, comments) == {}
        for id in kept:
            found, was = get_trace(store, id) or {}, before[id] or {}
            assert found["request"] == was["request"] and found["feedback"] == was["feedback"]
            assert found["tool_calls"] == was["tool_calls"] and found["retrieval"] == was["retrieval"]
    shutil.rmtree(folder, ignore_errors=True)


def test_a_file_of_sqlite_stops_growing(tmp_path: Path) -> None:
    """Day after day as much comes as goes: its size stays; once all went it is small, and nothing of it is in there."""
    file = tmp_path / "traces.sqlite3"
    store = open_store(f"sqlite:///{file}", KEY)
    sizes = []
    for day in range(6):
        now = NOW + day * DAY_US
        told = [trace(0.0, f"{day} {n} " + "x" * 3000) for n in range(40)]
        store.write([{**one, "id": id_at(now), "started_us": now} for one in told])
        retention.run(store, Clocks(1, 1, 1, 1, 1, 1), Limits(), now + 1)
        sizes.append(sum(path.stat().st_size for path in tmp_path.iterdir()))
    assert max(sizes[2:]) <= sizes[1] * 1.1
    retention.run(store, Clocks(1, 1, 1, 1, 1, 1), Limits(), NOW + 30 * DAY_US)
    assert _counts(store)["span"] == 0
    assert file.stat().st_size < sizes[1] * 0.8
    store.close()
    assert b"mail [EMAIL_ADDRESS]" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
