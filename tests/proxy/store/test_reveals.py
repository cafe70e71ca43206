"""Nobody reads what was said before the guardrails without leave, and nobody has leave or reads without a record."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from proxy.document import document
from proxy.raw import Raw, sealed
from proxy.store.audit import acts
from proxy.store.db import Store
from proxy.store.queries import get_trace
from proxy.store.reveals import (
    ASKED,
    READ,
    Gone,
    NoGrant,
    NotThere,
    TooMany,
    Wanted,
    ask,
    checked_reason,
    read,
    reveals,
)  # fmt: skip
from proxy.store.tables import BLOB, MESSAGE_REF, SPAN
from proxy.store.tables_governance import DATA_KEY, REVEAL
from tests.proxy.exchanges import SECRET, masked

WHY = "ticket 4711, the caller disputes it"
REQUEST, REPLY = f"mail {SECRET}".encode(), b'{"choices": []}\xff'


def stored(store: Store, raw: Raw | None = None, **over: Any) -> Wanted:
    """A trace with what was said before masking, and who wants to read its request."""
    exchange = masked(**over)
    exchange.sealed = sealed(store.key, exchange.id, raw or Raw(REQUEST, bytearray(REPLY)))
    told = document(exchange)
    assert store.write([told]) == []
    return Wanted(told["id"], "request", "key-9", "default")


def leave(store: Store, wanted: Wanted, per_hour: int = 100) -> str:
    """The id of a grant."""
    return ask(store, wanted, WHY, 60, per_hour).id


def done(store: Store) -> list[tuple[str, str]]:
    """What the audit log says, oldest first."""
    return [
        (act["action"], act["actor"]) for act in reversed(acts(store)) if act["action"].startswith("trace.")
    ]


def test_both_parts_come_back_byte_for_byte_and_each_step_is_on_record(store: Store) -> None:
    """The document itself has none of it."""
    wanted = stored(store)
    other = replace(wanted, part="response")

    assert read(store, wanted, leave(store, wanted), 100).data == REQUEST
    assert read(store, other, leave(store, other), 100).data == REPLY
    assert done(store) == [(ASKED, "key-9"), (READ, "key-9")] * 2
    told = get_trace(store, wanted.span_id) or {}
    assert told["raw"] is True and "sealed" not in told and SECRET not in str(told)
    listed = reveals(store, wanted.span_id)
    assert [(one["part"], one["actor"], one["reason"]) for one in listed] == [
        ("response", "key-9", WHY), ("request", "key-9", WHY),
    ]  # fmt: skip
    assert reveals(store, "other") == [] and reveals(store) == listed
    assert acts(store)[0]["detail"]["part"] == "response"


def test_what_is_stored_is_encrypted_under_the_raw_key_of_its_day(store: Store) -> None:
    """Deleting that key takes it away, and nothing else."""
    wanted = stored(store)
    grant = leave(store, wanted)
    with store.begin() as connection:
        blobs = select(MESSAGE_REF.c.blob_id).where(MESSAGE_REF.c.side.like("raw%"))
        rows = connection.execute(select(BLOB).where(BLOB.c.id.in_(blobs))).mappings().all()
        assert {row["key_id"].partition(".")[0] for row in rows} == {"raw"}
        assert not any(SECRET.encode() in bytes(row["body"]) for row in rows)
        connection.execute(delete(DATA_KEY).where(DATA_KEY.c.id.like("raw%")))
    store.keys.forget()

    with pytest.raises(Gone):
        read(store, wanted, grant, 100)
    with pytest.raises(Gone):
        leave(store, wanted)
    assert (get_trace(store, wanted.span_id) or {})["content"] == "kept"
    assert done(store) == [(ASKED, "key-9")]


@pytest.mark.parametrize(
    "other",
    [{"actor": "key-8"}, {"part": "response"}, {"span_id": "0" * 32}, {"part": "both"}, {"span_id": "a\0"}],
)
def test_a_grant_is_for_one_key_part_and_trace(store: Store, other: dict[str, str]) -> None:
    """Nobody else has leave by it, and a try leaves no reading on record."""
    wanted = stored(store)
    grant = leave(store, wanted)
    with pytest.raises(NoGrant):
        read(store, replace(wanted, **other), grant, 100)
    assert done(store) == [(ASKED, "key-9")]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(forged=st.text(max_size=40) | st.from_regex(r"[0-9a-f]{32}", fullmatch=True))
def test_a_forged_grant_is_none(store: Store, forged: str) -> None:
    """Whatever is sent."""
    with pytest.raises(NoGrant):
        read(store, Wanted("0" * 32, "request", "key-9", "default"), forged, 100)


def test_a_grant_ends(store: Store) -> None:
    """To the microsecond."""
    wanted = stored(store)
    grant = leave(store, wanted)
    with store.begin() as connection:
        connection.execute(update(REVEAL).values(expires_us=time.time_ns() // 1000))
    with pytest.raises(NoGrant):
        read(store, wanted, grant, 100)


def test_nothing_is_granted_where_nothing_was_kept(store: Store) -> None:
    """No trace, another tenant's, one without raw texts, a part that never was; nothing is on record then."""
    wanted = stored(store)
    plain = document(masked())
    store.write([plain])
    alone = stored(store, Raw(REQUEST))
    for one in (
        replace(wanted, span_id="0" * 32), replace(wanted, tenant="other"), replace(wanted, span_id=plain["id"]),
        replace(alone, part="response"), replace(wanted, part="both"), replace(wanted, span_id="\0"),
    ):  # fmt: skip
        with pytest.raises(NotThere):
            leave(store, one)
    assert done(store) == []
    assert leave(store, replace(wanted, tenant=None))


def test_a_trace_that_is_erased_while_it_is_open_is_gone(store: Store) -> None:
    """Its blobs, its pieces, or all of it."""
    wanted = stored(store)
    grant = leave(store, wanted)
    with store.begin() as connection:
        connection.execute(delete(MESSAGE_REF).where(MESSAGE_REF.c.span_id == wanted.span_id))
    with pytest.raises(Gone):
        read(store, wanted, grant, 100)
    with store.begin() as connection:
        connection.execute(delete(SPAN).where(SPAN.c.id == wanted.span_id))
    with pytest.raises(NotThere):
        read(store, wanted, grant, 100)
    assert done(store) == [(ASKED, "key-9")]


def test_a_key_asks_and_reads_so_often_an_hour(store: Store) -> None:
    """Whoever is stopped has no leave and no record of one; others go on."""
    wanted = stored(store)
    grant = leave(store, wanted, 2)
    read(store, wanted, grant, 2)
    with pytest.raises(TooMany):
        read(store, wanted, grant, 2)
    with pytest.raises(TooMany):
        leave(store, wanted, 2)
    assert len(done(store)) == 2 and len(reveals(store)) == 1
    assert leave(store, replace(wanted, actor="key-8"), 2)


def test_many_at_once_have_a_grant_and_a_record_each(store: Store) -> None:
    """Concurrent askers and readers lose nothing."""
    wanted = stored(store)

    def both(number: int) -> bytes:
        one = replace(wanted, actor=f"key-{number}")
        return read(store, one, leave(store, one), 100).data

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(both, range(16))) == {REQUEST}
    assert sorted(done(store)) == sorted((act, f"key-{n}") for n in range(16) for act in (ASKED, READ))


def test_what_was_cut_says_so(store: Store) -> None:
    """Of the part that was longer."""
    wanted = stored(store, Raw(REQUEST, bytearray(REPLY), ("response",)))
    other = replace(wanted, part="response")
    assert read(store, wanted, leave(store, wanted), 100).cut is False
    assert read(store, other, leave(store, other), 100).cut is True
    assert (get_trace(store, wanted.span_id) or {})["raw_cut"] == ["response"]


@pytest.mark.parametrize("reason", ["", "short", " " * 20, "x" * 501, "line\x00 with a control"])
def test_a_reason_says_something(reason: str) -> None:
    """Ten characters at least, on one line."""
    with pytest.raises(ValueError, match="reason takes 10 to 500"):
        checked_reason(reason)
    assert checked_reason("  ticket\n 4711, disputed ") == "ticket 4711, disputed"
