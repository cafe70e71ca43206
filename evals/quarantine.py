"""Quarantine: an item that cannot be relied on stays out of runs for a while, with somebody to see to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from evals.errors import GoldenError
from evals.golden import ITEMS, Item, agree, check_item, read_items, read_manifest, some
from evals.golden_files import alone
from evals.versioning import Difference, change

LONGEST = timedelta(days=90)


def begin(
    directory: Path, ids: Sequence[str], owner: str, until: str, reason: str = ""
) -> tuple[str, Difference]:
    """Quarantine items, or give those that are quarantined another end. Gives the new version and what changed.

    Args:
        directory: the set's folder.
        ids: the items.
        owner: who sees to them.
        until: the last day, YYYY-MM-DD: from today to 90 days ahead.
        reason: why they cannot be relied on.

    Raises GoldenError, and changes nothing, for an id that is not there or retired, no owner, or another day.
    """
    if not owner.strip():
        raise GoldenError("a quarantine needs an owner", fix="name who sees to it with --owner")
    _within(until, datetime.now(UTC).date())
    told = {"owner": owner.strip(), "until": until} | ({"reason": reason} if reason else {})
    return _changed(directory, ids, lambda item: item | {"status": "quarantined", "quarantine": told})


def lift(directory: Path, ids: Sequence[str]) -> tuple[str, Difference]:
    """Make items active again. Gives the new version and what changed. Raises GoldenError as `begin` does."""

    def active(item: Item) -> Item:
        if item.get("status") != "quarantined":
            raise GoldenError(f"{item['id']} is not quarantined", fix="leave it out", file=str(directory))
        return {key: value for key, value in item.items() if key != "quarantine"} | {"status": "active"}

    return _changed(directory, ids, active)


def wrong_with(items: Sequence[Item], today: date) -> list[tuple[str, tuple[str, ...]]]:
    """What is wrong with the quarantines of a set on a day, each with the items that it is about."""
    held = [item for item in items if item.get("status") == "quarantined"]
    ends = {
        str(item["id"]): date.fromisoformat(item["quarantine"]["until"])
        for item in held
        if item.get("quarantine")
    }
    found = {
        "quarantined, with no owner and no end": tuple(str(i["id"]) for i in held if not i.get("quarantine")),
        "the quarantine has expired, so it is run again": tuple(i for i, end in ends.items() if end < today),
        f"the quarantine ends more than {LONGEST.days} days ahead": tuple(
            i for i, end in ends.items() if end > today + LONGEST
        ),
    }
    return [(what, ids) for what, ids in found.items() if ids]


def _within(until: str, today: date) -> None:
    try:
        end = date.fromisoformat(until)
    except ValueError:
        raise GoldenError(f"{until!r} is no date", fix="give --until as YYYY-MM-DD") from None
    if not today <= end <= today + LONGEST:
        what = f"a quarantine ends from today to {LONGEST.days} days ahead, not on {until}"
        raise GoldenError(what, fix=f"give --until {today + LONGEST} or sooner")


def _changed(directory: Path, ids: Sequence[str], new: Callable[[Item], Item]) -> tuple[str, Difference]:
    with alone(directory):
        manifest, items = read_manifest(directory), read_items(directory / ITEMS)
        agree(manifest, items, directory)
        known = {str(item["id"]): item for item in items}
        strange = [name for name in ids if known.get(name, {"status": "retired"}).get("status") == "retired"]
        if strange:
            what = f"no item that could be run: {some(strange)}"
            raise GoldenError(what, fix="name ids of the set", file=str(directory), field="id")
        changed = {name: check_item(new(known[name]), str(directory), None) for name in ids}
        version, changes = change(directory, (known | changed).values())
        if changes.step == "none":
            raise GoldenError(
                "nothing would change", fix="give another end, owner or reason", file=str(directory)
            )
        return version, changes
