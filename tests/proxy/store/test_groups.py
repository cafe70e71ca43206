"""Groups of findings: their numbers from the rollups, and what people say is done about them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from proxy.document import document
from proxy.exchange import Principal
from proxy.store.audit import acts
from proxy.store.db import Store
from proxy.store.group_states import DAY_US
from proxy.store.groups import Change, GroupError, change, group, group_id, groups
from tests.proxy.exchanges import masked

PII = group_id("default", "pii", "EMAIL_ADDRESS")


def _fill(store: Store, count: int, rule: str = "pii", tenant: str = "default", **over: Any) -> None:
    traces = []
    for _ in range(count):
        one = document(masked(principal=Principal("k", tenant)))
        for found in one["findings"]:
            found["rule"] = rule
        traces.append({**one, **over})
    assert store.write(traces) == []


def _now() -> int:
    return time.time_ns() // 1000


def test_findings_alike_are_one_group(store: Store) -> None:
    """By tenant, rule and kind: with counts, days and the first and last hour; the most frequent first."""
    now = _now()
    _fill(store, 3)
    _fill(store, 2, started_us=now - 5 * DAY_US)
    _fill(store, 1, "secrets", "acme")
    found = groups(store, None)

    assert [(one.tenant, one.rule, one.entity, one.findings) for one in found] == [
        ("default", "pii", "EMAIL_ADDRESS", 5),
        ("acme", "secrets", "EMAIL_ADDRESS", 1),
    ]
    first = found[0]
    assert (first.id, first.state, first.days[-1], first.days[-6]) == (PII, "new", 3, 2)
    assert sum(first.days) == first.findings and len(first.days) == 31
    assert (first.first_us or 0) <= now - 5 * DAY_US < (first.last_us or 0)
    assert group(store, PII, None) == first
    assert groups(store, "acme") == found[1:]
    assert groups(store, None, limit=1) == found[:1]


def test_no_tenant_sees_or_changes_another_ones_group(store: Store) -> None:
    """It is not there."""
    _fill(store, 1)

    assert groups(store, "acme") == []
    assert group(store, PII, "acme") is None
    assert change(store, PII, "acme", Change("resolved"), "ann", 0) is None
    assert group(store, "nonsense", None) is None


def test_what_comes_again_after_it_was_resolved_is_told(store: Store) -> None:
    """Also within the same hour; and it is over when somebody says so again."""
    _fill(store, 2)
    resolved = change(store, PII, None, Change("resolved", owner="bob"), "ann", 0)

    assert resolved is not None and resolved.kept
    assert (resolved.group.state, resolved.group.owner, resolved.group.actor) == ("resolved", "bob", "ann")
    _fill(store, 1)
    again = group(store, PII, None)
    assert again is not None and (again.state, again.came) == ("regressed", 1)
    opened = change(store, PII, None, Change("ongoing"), "ann", again.changed_us)
    assert opened is not None and opened.kept and opened.group.state == "ongoing"


def test_an_archive_ends_when_as_many_came_as_it_was_made_for(store: Store) -> None:
    """Not before."""
    _fill(store, 2)
    change(store, PII, None, Change("archived", until_count=2), "ann", 0)
    states = []
    for _ in range(2):
        _fill(store, 1)
        found = group(store, PII, None)
        assert found is not None
        states.append(found.state)

    assert states == ["archived", "ongoing"]


def test_an_archive_ends_when_they_come_much_more_often(store: Store) -> None:
    """Than in the week before."""
    now = _now()
    _fill(store, 14, started_us=now - 3 * DAY_US)
    change(store, PII, None, Change("archived", escalating=True), "ann", 0)
    _fill(store, 9)
    quiet = group(store, PII, None)
    _fill(store, 1)
    loud = group(store, PII, None)

    assert quiet is not None and quiet.state == "archived"
    assert loud is not None and (loud.state, bool(loud.why)) == ("ongoing", True)


def test_two_people_at_once_do_not_overwrite_each_other(store: Store) -> None:
    """The second is told what is there now, nothing is changed, and one act is in the log."""
    _fill(store, 1)
    first = change(store, PII, None, Change("resolved"), "ann", 0)
    second = change(store, PII, None, Change("archived"), "bob", 0)

    assert first is not None and second is not None
    assert (first.kept, second.kept) == (True, False)
    assert second.group == first.group
    third = change(store, PII, None, Change("archived"), "bob", first.group.changed_us)
    assert third is not None and third.kept
    late = change(store, PII, None, Change("ongoing"), "cy", first.group.changed_us)
    assert late is not None and (late.kept, late.group.state) == (False, "archived")
    told = [one["action"] for one in acts(store) if one["action"].startswith("group.")]
    assert sorted(told) == ["group.archived", "group.resolved"]


@pytest.mark.parametrize(
    "made",
    [
        Change("new"),
        Change("resolved", until_us=1),
        Change("archived", until_us=1, until_count=1),
        Change("archived", until_count=0),
    ],
)
def test_a_change_without_sense_is_refused(store: Store, made: Change) -> None:
    """Nothing is kept."""
    _fill(store, 1)
    with pytest.raises(GroupError):
        change(store, PII, None, made, "ann", 0)
    assert (group(store, PII, None) or groups(store, None)[0]).actor is None
