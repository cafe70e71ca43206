"""What is told about somebody. That it is everything an erasure would delete is tested with erasures."""

from __future__ import annotations

import orjson
from sqlalchemy import select

from proxy.store.bodies import Blobs
from proxy.store.db import Store
from proxy.store.erasures import Who, meant
from proxy.store.subject_data import records
from proxy.store.tables import BLOB, MESSAGE_REF
from proxy.store.tables_governance import AUDIT_EVENT
from tests.proxy.store.persons import person


def test_asking_is_noted_before_the_first_record(store: Store) -> None:
    """With the hash of whom it was, and whether raw texts came along."""
    person(store, "ada")
    told = records(store, meant(store, Who("user", ("ada",))), "key-9", raw=True)
    head = next(told)

    with store.read() as connection:
        [act] = connection.execute(select(AUDIT_EVENT).where(AUDIT_EVENT.c.action == "subject.export")).all()
    assert (act.actor, act.object) == ("key-9", head["subject"])
    assert orjson.loads(act.detail) == {"kind": "user", "subject": head["subject"], "traces": 3, "raw": True}


def test_raw_texts_come_only_when_they_are_asked_for(store: Store) -> None:
    """As they were kept."""
    ada = person(store, "ada", 1)
    blobs = Blobs(store.keys)
    ref = {"span_id": ada.traces[0].id, "side": "raw_request", "seq": 0, "tenant": "default", "pointer": ""}
    ref["blob_id"] = blobs.on("default", 0, "raw").add(b"as it came")
    with store.begin() as connection:
        connection.execute(BLOB.insert(), [*blobs.rows.values()])
        connection.execute(MESSAGE_REF.insert(), [ref])
    which = meant(store, Who("user", ("ada",)))

    told = [next(records(store, which, "cli", raw=raw))["raw"] for raw in (True, False)]
    assert told == ["told", "left out"]
    person(store, "bob", 1)
    assert next(records(store, meant(store, Who("user", ("bob",))), "cli"))["raw"] == "none"

    [raw] = [one for one in records(store, which, "cli", raw=True) if one["kind"] == "raw"]

    assert raw == {"kind": "raw", "trace": ada.traces[0].id, "side": "raw_request", "text": "as it came"}
    assert "raw" not in {one["kind"] for one in records(store, which, "cli")}


def test_why_somebody_asks_is_noted(store: Store) -> None:
    """Where it is told."""
    person(store, "ada", 1)
    next(records(store, meant(store, Who("user", ("ada",))), "cli", raw=True, reason="they asked"))

    with store.read() as connection:
        [act] = connection.execute(select(AUDIT_EVENT).where(AUDIT_EVENT.c.action == "subject.export")).all()
    assert orjson.loads(act.detail)["reason"] == "they asked"
