"""What no database took is erased, and told of, like what it took."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proxy.document import document
from proxy.exchange import new_id
from proxy.identity import subject_hash
from proxy.store import erasing, holds
from proxy.store.bodies import encode
from proxy.store.db import Store
from proxy.store.erasures import Asked, Who, meant, request
from proxy.store.spool_seal import Seal
from proxy.store.subject_data import records
from tests.proxy.exchanges import masked
from tests.proxy.store.persons import Person, person

WHY = Asked("cli", "they asked for it")


@pytest.fixture
def spooled(store: Store, tmp_path: Path) -> Store:
    """The store, knowing where the spool puts what is refused."""
    (tmp_path / "refused").mkdir(exist_ok=True)
    return replace(store, refused=tmp_path / "refused")


def put(store: Store, name: str, told: dict[str, Any], key: bytes | None = None) -> None:
    """Put a document there, sealed."""
    assert store.refused is not None
    (store.refused / f"{name}.sealed").write_bytes(Seal(key or store.key).close(encode(told)))


def fill(store: Store) -> Person:
    """Records of ada, about a trace of hers, of somebody else, of another tenant, and one of another key."""
    ada = person(store, "ada", 1)
    for name, tenant in (("ada", "default"), ("bob", "default"), ("ada", "other")):
        whose = subject_hash(store.key, "default", name)
        told = document(masked(subject=whose, safe_request={"model": "\0"}))
        put(store, f"{name}-{tenant}", {**told, "tenant": tenant, "sealed": {"cut": []}})
    put(store, "feedback", {"kind": "feedback", "id": new_id(), "target": ada.traces[0].id})
    put(store, "unreadable", {}, b"another" * 5)
    return ada


def left(store: Store) -> set[str]:
    """Names of the files."""
    assert store.refused is not None
    return {file.stem for file in store.refused.iterdir()}


def test_an_erasure_takes_what_was_refused(spooled: Store) -> None:
    """Of the person and about their traces; the receipt counts it, and what nobody can read. Nothing goes twice."""
    fill(spooled)
    id = request(spooled, meant(spooled, Who("user", ("ada",))), WHY)
    told = erasing.erase(spooled, id)

    assert told["refused"] == {"deleted": 2, "held": 0, "unread": 1}
    assert left(spooled) == {"bob-default", "ada-other", "unreadable"}
    assert erasing.erase(spooled, id)["refused"] == told["refused"]


def test_under_a_hold_only_what_is_about_erased_traces_goes(spooled: Store) -> None:
    """No filter can be asked of the others: they stay, and are counted."""
    fill(spooled)
    holds.add(spooled, "model:nothing", "a case", "cli")
    told = erasing.erase(spooled, request(spooled, meant(spooled, Who("user", ("ada",))), WHY))

    assert told["refused"] == {"deleted": 1, "held": 1, "unread": 1}
    assert "ada-default" in left(spooled)


def test_a_trace_is_taken_by_its_id(spooled: Store) -> None:
    """Then only what is about it."""
    ada = fill(spooled)
    erasing.erase(
        spooled, request(spooled, meant(spooled, Who("traces", (ada.traces[0].id,))), WHY), rewritten=False
    )

    assert left(spooled) == {"ada-default", "bob-default", "ada-other", "unreadable"}


def test_what_was_refused_is_told(spooled: Store) -> None:
    """Without what is encrypted in it; of an unreadable one that it is there."""
    fill(spooled)
    told = [
        one
        for one in records(spooled, meant(spooled, Who("user", ("ada",))), "cli")
        if one["kind"] == "refused"
    ]

    assert [one["file"] for one in told] == ["ada-default.sealed", "feedback.sealed", "unreadable.sealed"]
    assert told[2]["document"] is None
    assert all("sealed" not in one["document"] for one in told[:2])
