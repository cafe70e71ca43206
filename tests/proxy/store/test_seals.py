"""Seals: what is there and what was taken away with a receipt always adds up to what was sealed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from proxy.store import seals
from proxy.store.audit import Act, acts, note
from proxy.store.db import Store
from proxy.store.tables import FINDING, SPAN
from proxy.store.verify import verify
from tests.proxy.store.aged import NOW, trace

HOUR_US = seals.HOUR_US


def test_every_column_is_sealed_but_the_preview() -> None:
    """A new column needs a new form, or it could be changed unseen."""
    assert {column.name for column in SPAN.columns} - {*seals.SPAN_COLUMNS} == {"preview"}
    assert {column.name for column in FINDING.columns} == {*seals.FINDING_COLUMNS}


def test_hours_that_are_over_are_sealed_once(store: Store) -> None:
    """After a while for what takes long; nothing to seal is sealed too, so that nothing can be put in later."""
    hour = NOW // HOUR_US * HOUR_US
    store.write([{**trace(0), "started_us": hour + 1}, {**trace(0), "started_us": hour - 1}])
    assert seals.seal(store, hour + HOUR_US - 1) == 1
    assert seals.seal(store, hour + HOUR_US + seals.GRACE_US - 1) == 0
    assert seals.seal(store, hour + HOUR_US + seals.GRACE_US) == 1
    last, first = acts(store)
    assert (first["detail"]["from"], first["detail"]["until"]) == (0, hour)
    assert [count for count, _ in first["detail"]["hours"].values()] == [1]
    assert list(last["detail"]["hours"]) == [str(hour)] and last["detail"]["from"] == hour
    assert verify(store, None).counts["sealed_traces"] == 2


def test_a_long_past_is_sealed_in_several_acts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when an older version's database is opened: no act grows without limit."""
    monkeypatch.setattr(seals, "_WEEK", 24)
    store.write([trace(days) for days in (9, 5, 5, 2)])
    assert seals.seal(store, NOW) == 4
    report = verify(store, None)
    assert report.sound and report.counts["sealed_traces"] == 4


def test_months_are_unsealed_as_they_were_sealed(store: Store) -> None:
    """Without reading them where seals say it, and anew where none does."""
    store.write([trace(3), trace(2), trace(1)])
    seals.seal(store, NOW - 2 * 86_400_000_000 + HOUR_US * 2)
    with store.begin() as connection:
        ids = connection.execute(select(SPAN.c.id)).scalars().all()
        since = NOW // HOUR_US * HOUR_US - 10 * 24 * HOUR_US
        assert seals.unseal_hours(connection, since, since + 11 * 24 * HOUR_US) == seals.unseal(
            connection, ids
        )


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 6)),
        st.tuples(st.just("seal"), st.integers(0, 6)),
        st.tuples(st.just("remove"), st.integers(0, 20)),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_whatever_comes_late_and_goes_with_a_receipt_the_sums_add_up(store: Store, steps: list[Any]) -> None:
    """Traces are stored for any hour at any time, hours are sealed, traces are taken away: nothing looks changed."""
    hour = NOW // HOUR_US * HOUR_US
    for what, number in steps:
        if what == "write":
            store.write([{**trace(0), "started_us": hour + number * HOUR_US + 5}])
        elif what == "seal":
            seals.seal(store, hour + number * HOUR_US + seals.GRACE_US)
        else:
            with store.begin() as connection:
                ids = list(connection.execute(select(SPAN.c.id).order_by(SPAN.c.id)).scalars())
                some = ids[: number % 4]
                unsealed = seals.unseal(connection, some)
                for table, column in ((FINDING, FINDING.c.span_id), (SPAN, SPAN.c.id)):
                    connection.execute(delete(table).where(column.in_(some)))
                note(connection, Act("cli", "erasure.done", "x", {"unsealed": unsealed}))
    seals.seal(store, hour + 10 * HOUR_US)
    report = verify(store, None)
    assert report.sound, report.evidence
