"""The verifier: what was done to a log or to sealed traces is found, and nothing is claimed that was not checked."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from sqlalchemy import delete, update

from proxy.store import retention, seals
from proxy.store.anchors import Anchors, read_anchors
from proxy.store.audit import Act, acts, erase_details, note
from proxy.store.db import Store
from proxy.store.tables import FINDING, SPAN
from proxy.store.tables_governance import AUDIT_EVENT
from proxy.store.verify import UNCOVERED, Report, check, verify
from tests.proxy.store.aged import NOW, trace
from tests.proxy.store.tampering import TOLD_ALONE, TOLD_BY_ANCHORS, Attack, Scene, grown
from tests.proxy.store.test_retention import CLOCKS

DAY_US = 86_400_000_000


class _Undo(Exception):
    """Ends a transaction that is not to be committed."""


def tampered(store: Store, scene: Scene, attack: Attack, random: Random, anchors: Path | None) -> Report:
    """What the verifier says after an attack, which is undone."""
    key = seals.ledger_key(store)
    known = read_anchors(anchors, key) if anchors else None
    with pytest.raises(_Undo), store.begin() as connection:
        attack(connection, scene, random)
        report = check(connection, key, known)
        raise _Undo
    return report


@pytest.mark.parametrize("attack", TOLD_ALONE, ids=lambda attack: attack.__name__)
def test_what_is_done_to_the_log_is_found(store: Store, attack: Attack) -> None:
    """Without any anchor, whatever is made to fit."""
    scene, random = grown(store, 12), Random(7)
    for _ in range(10):
        assert not tampered(store, scene, attack, random, None).sound
    assert verify(store, None).sound


@pytest.mark.parametrize("attack", TOLD_BY_ANCHORS, ids=lambda attack: attack.__name__)
def test_older_copies_are_found_by_anchors_alone(store: Store, attack: Attack, tmp_path: Path) -> None:
    """And without any, the verifier says that it could not look."""
    object.__setattr__(store, "anchors", Anchors(tmp_path / "anchors"))
    scene, random = grown(store, 8), Random(3)
    assert not tampered(store, scene, attack, random, tmp_path / "anchors").sound
    report = tampered(store, scene, attack, random, None)
    assert report.sound and any("there are no anchors" in each for each in report.unchecked)


def test_the_verifier_says_up_to_where_it_is_anchored(store: Store, tmp_path: Path) -> None:
    """Events after the last anchor could have had others after them."""
    file = Anchors(tmp_path / "anchors")
    object.__setattr__(store, "anchors", file)
    grown(store, 3)
    object.__setattr__(store, "anchors", None)
    grown(store, 2)
    report = verify(store, file.file)
    assert report.sound and report.counts["anchored_until"] == 3
    assert any(each.startswith("events 4 to 5") for each in report.unchecked)
    assert any(
        f"{file.file} is whole: its last anchor is of event 3, 20" in each for each in report.unchecked
    )
    assert UNCOVERED in report.unchecked


def test_a_line_of_anchors_that_was_forged_is_found(store: Store, tmp_path: Path) -> None:
    """And one that was cut off is told, as no evidence."""
    file = Anchors(tmp_path / "anchors")
    object.__setattr__(store, "anchors", file)
    grown(store, 2)
    whole = file.file.read_text()
    file.file.write_text(whole + whole.splitlines()[-1][:40])
    report = verify(store, file.file)
    assert report.sound and any("cut off" in each for each in report.unchecked)
    file.file.write_text(whole.replace('"seq":2', '"seq":3'))
    assert any("not signed under this key" in each for each in verify(store, file.file).evidence)
    file.file.write_text(whole.splitlines()[-1].replace('"seq":2', '"seq":3'))
    assert any("not signed under this key" in each for each in verify(store, file.file).evidence)
    file.file.write_text("junk\n")
    assert any(each.startswith("1 lines of anchors") for each in verify(store, file.file).unchecked)


def test_erased_details_leave_the_log_sound(store: Store) -> None:
    """The report tells how many; the erasure is an act of its own."""
    grown(store, 4)
    with store.begin() as connection:
        assert erase_details(connection, [2, 3], "ada", "asked for") == 2
    report = verify(store, None)
    assert report.sound and report.counts["erased_details"] == 2
    assert acts(store)[0]["detail"] == {"events": [2, 3], "reason": "asked for"}
    assert acts(store)[2]["detail"] is None


def test_what_was_sealed_is_held_against_what_is_there(store: Store) -> None:
    """A change of a trace or a finding, a deletion and an insertion are each told with their hour."""
    store.write([trace(3), trace(2), trace(2)])
    seals.seal(store, NOW)
    assert verify(store, None).sound
    assert verify(store, None).counts["sealed_traces"] == 3
    for statement in (
        update(SPAN).values(outcome="passed", action="allow"),
        update(FINDING).values(rule="none"),
        delete(FINDING),
        delete(SPAN),
    ):

        def attack(connection: object, _scene: Scene, _random: Random, statement: object = statement) -> None:
            connection.execute(statement)  # type: ignore[attr-defined]

        report = tampered(store, Scene([], []), attack, Random(1), None)
        assert any(each.startswith("traces of 20") for each in report.evidence), statement
    store.write([trace(2)])
    assert verify(store, None).sound
    assert acts(store)[0]["action"] == seals.LATE


def test_retention_leaves_everything_sound(store: Store) -> None:
    """Traces that go leave a receipt, events that go leave the hash of the last one; both are checked."""
    store.write([trace(80), trace(80), trace(61), trace(5)])
    seals.seal(store, NOW - 10 * DAY_US)
    grown(store, 5)
    retention.run(store, CLOCKS, retention.Limits(), NOW)
    report = verify(store, None)
    assert report.sound, report.evidence
    assert report.counts["sealed_traces"] == 0
    seals.seal(store, NOW)
    pruned = Act("proxy", "audit.prune", "audit_event", {"through": 3, "hash": acts(store)[-3]["hash"]})
    with store.begin() as connection:
        note(connection, pruned)
        connection.execute(delete(AUDIT_EVENT).where(AUDIT_EVENT.c.seq <= 3))
    report = verify(store, None)
    assert report.sound, report.evidence
    assert any(each.startswith("events 1 to 3, which were deleted") for each in report.unchecked)
    with store.begin() as connection:
        connection.execute(delete(AUDIT_EVENT).where(AUDIT_EVENT.c.seq == 4))
    assert "event 4 is missing" in verify(store, None).evidence


def test_a_report_has_an_end(store: Store) -> None:
    """However much is wrong."""
    grown(store, 3)
    report = Report()
    for number in range(1_000):
        report.found(str(number))
    assert len(report.evidence) + report.more == 1_000 and len(report.evidence) < 1_000
    assert report.document()["sound"] is False
