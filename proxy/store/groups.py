"""Groups of findings that are alike: one tenant, one rule, one kind of thing.

Their numbers are read from `rollup_rule`, as charts are; `finding_group` keeps only what people said is done about
them. No finding is looked at.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, select, tuple_

from proxy.store.audit import Act, note
from proxy.store.db import Store
from proxy.store.deadline import Late, Timed, timed
from proxy.store.group_states import DAY_US, STORED, UNTOUCHED, Kept, Now, Numbers, state_now
from proxy.store.rollups import HOUR_US, OTHER
from proxy.store.tables_review import GROUP
from proxy.store.tables_rollups import ROLLUP_RULE as RULE

GROUPS_S = 0.5
"""Seconds that a list of groups may take."""
MOST = 200
"""Groups of one list."""
WINDOW_US = 30 * DAY_US
"""How far back numbers are told where nothing else is asked for."""
_NAMES = (RULE.c.tenant, RULE.c.rule, RULE.c.entity)

Key = tuple[str, str, str]
"""Tenant, rule and kind."""


class GroupError(ValueError):
    """A change of a group that makes no sense. The message says why."""


@dataclass(frozen=True, slots=True)
class Group:
    """Findings that are alike, and what is done about them."""

    id: str
    tenant: str
    rule: str
    entity: str
    state: str
    """One of STATES."""
    why: str
    """What made it so, where time or new findings did."""
    findings: int
    """Within the time asked for."""
    traces: int
    """The same; one with findings on both sides counts twice."""
    days: tuple[int, ...]
    """Findings of each day of that time, the last one today."""
    first_us: int | None
    """Hour in which the first came, of all that is kept."""
    last_us: int | None
    came: int = 0
    """Since the state was set."""
    owner: str | None = None
    actor: str | None = None
    """Who set the state; None while nobody did."""
    changed_us: int = 0
    """When; 0 while nobody did."""
    until_us: int | None = None
    until_count: int | None = None
    escalating: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody makes of a group."""

    state: str
    """One of STORED."""
    owner: str | None = None
    until_us: int | None = None
    until_count: int | None = None
    escalating: bool = False


@dataclass(frozen=True, slots=True)
class Changed:
    """What became of a change."""

    group: Group
    """As it is now."""
    kept: bool
    """False: somebody else had changed it meanwhile, and nothing was."""


def group_id(tenant: str, rule: str, entity: str) -> str:
    """The id of a group: the same in every process, for ever."""
    told = "\0".join((tenant, rule, entity)).encode("utf-8", "surrogatepass")
    return hashlib.sha256(told).hexdigest()[:32]


def groups(
    store: Store,
    tenant: str | None,
    since_us: int | None = None,
    limit: int = MOST,
    now_us: int | None = None,
) -> list[Group]:
    """The groups that have findings since a moment (default: 30 days), the most frequent first.

    Raises Late when they cannot be told in time.
    """
    now = time.time_ns() // 1000 if now_us is None else now_us
    since = now - WINDOW_US if since_us is None else since_us
    with timed(store, GROUPS_S) as clock:
        return _read(clock, since, now, _of_tenant(tenant), limit)


def group(
    store: Store, id: str, tenant: str | None, since_us: int | None = None, now_us: int | None = None
) -> Group | None:
    """One group, whether it has findings in that time or not; None when there is none with this id."""
    now = time.time_ns() // 1000 if now_us is None else now_us
    since = now - WINDOW_US if since_us is None else since_us
    with timed(store, GROUPS_S * 4) as clock:
        key = _key(clock, id, tenant)
        if key is None:
            return None
        found = _read(clock, since, now, [_is(key)], 1)
        return found[0] if found else _read_quiet(clock, key, since, now)


def change(
    store: Store, id: str, tenant: str | None, change: Change, actor: str, seen_us: int
) -> Changed | None:
    """Set what is done about a group, unless somebody changed it since `seen_us`; None when there is no such group.

    Raises GroupError.
    """
    _check(change)
    with timed(store, GROUPS_S * 4) as clock:
        key = _key(clock, id, tenant)
    if key is None:
        return None
    with store.begin() as connection:
        now = max(time.time_ns() // 1000, seen_us + 1)
        row = {
            "id": id, "tenant": key[0], "rule": key[1], "entity": key[2], "state": change.state,
            "owner": change.owner, "until_us": change.until_us, "until_count": change.until_count,
            "escalating": change.escalating, "changed_us": now, "findings": _of_hour(connection, key, now),
            "actor": actor,
        }  # fmt: skip
        if seen_us:
            same = (GROUP.c.id == id, GROUP.c.changed_us == seen_us)
            kept = connection.execute(GROUP.update().where(*same).values(row)).rowcount == 1
        else:
            new = store.insert_or_ignore(GROUP).values(row).returning(GROUP.c.id)
            kept = connection.execute(new).first() is not None
        if kept:
            told = {name: row[name] for name in ("state", "owner", "until_us", "until_count", "escalating")}
            note(connection, Act(actor, f"group.{change.state}", id, told, key[0]))
    found = group(store, id, tenant)
    return None if found is None else Changed(found, kept)


def keep(store: Store, id: str, tenant: str | None, actor: str) -> None:
    """See to it that a group has a row, so that comments can be on it. What is done about it stays as it is."""
    with timed(store, GROUPS_S * 4) as clock:
        key = _key(clock, id, tenant)
    if key is None:
        return
    row = {
        "id": id, "tenant": key[0], "rule": key[1], "entity": key[2], "state": UNTOUCHED, "owner": None,
        "until_us": None, "until_count": None, "escalating": False, "changed_us": time.time_ns() // 1000,
        "findings": 0, "actor": actor,
    }  # fmt: skip
    with store.begin() as connection:
        connection.execute(store.insert_or_ignore(GROUP).values(row))


def _check(change: Change) -> None:
    if change.state not in STORED:
        raise GroupError(f"state takes one of {', '.join(STORED)}.")
    until = (change.until_us is not None) + (change.until_count is not None) + change.escalating
    if until > 1 or (until and change.state != "archived"):
        raise GroupError("until goes with archived, and takes one of a date, a count or escalating.")
    if change.until_count is not None and not 0 < change.until_count <= 1_000_000_000:
        raise GroupError("until_count takes a number from 1 to 1,000,000,000.")


def _of_tenant(tenant: str | None) -> list[ColumnElement[bool]]:
    return [] if tenant is None else [RULE.c.tenant == tenant]


def _is(key: Key) -> ColumnElement[bool]:
    return and_(*(column == value for column, value in zip(_NAMES, key, strict=True)))


def _key(clock: Timed, id: str, tenant: str | None) -> Key | None:
    """Whose id it is: of a group that somebody touched, or else of one that has ever found something."""
    own = [] if tenant is None else [GROUP.c.tenant == tenant]
    query = select(GROUP.c.tenant, GROUP.c.rule, GROUP.c.entity).where(GROUP.c.id == id, *own)
    for row in clock.rows(query):
        return row["tenant"], row["rule"], row["entity"]
    for row in clock.rows(select(*_NAMES).where(RULE.c.rule != OTHER, *_of_tenant(tenant)).distinct()):
        if group_id(row["tenant"], row["rule"], row["entity"]) == id:
            return row["tenant"], row["rule"], row["entity"]
    return None


def _read(
    clock: Timed, since_us: int, now_us: int, which: Sequence[ColumnElement[bool]], limit: int
) -> list[Group]:
    """Groups by the numbers of their days, in three queries."""
    day = RULE.c.hour_us - RULE.c.hour_us % DAY_US
    where = (RULE.c.hour_us >= _first_day(since_us), RULE.c.rule != OTHER, *which)
    counted = (func.sum(RULE.c.findings).label("findings"), func.sum(RULE.c.traces).label("traces"))
    query = select(*_NAMES, day.label("day"), *counted).where(*where).group_by(*_NAMES, day)
    by_key: dict[Key, dict[int, tuple[int, int]]] = {}
    for row in clock.rows(query):
        days = by_key.setdefault((row["tenant"], row["rule"], row["entity"]), {})
        days[row["day"]] = (int(row["findings"]), int(row["traces"]))
    most = sorted(by_key, key=lambda key: (-sum(n for n, _ in by_key[key].values()), key))[: min(limit, MOST)]
    kept = _kept(clock, most, now_us)
    ends = _ends(clock, most)
    return [_group(key, by_key[key], ends.get(key), kept.get(key), since_us, now_us) for key in most]


def _read_quiet(clock: Timed, key: Key, since_us: int, now_us: int) -> Group:
    """A group without findings in the time asked for."""
    kept = _kept(clock, [key], now_us)
    return _group(key, {}, _ends(clock, [key]).get(key), kept.get(key), since_us, now_us)


@dataclass(frozen=True, slots=True)
class _Stored:
    row: Mapping[str, Any]
    came: int
    last_day: int
    usual: float


def _kept(clock: Timed, keys: Sequence[Key], now_us: int) -> dict[Key, _Stored]:
    """What was set for some groups, with what has come since."""
    if not keys:
        return {}
    hour = GROUP.c.changed_us - GROUP.c.changed_us % HOUR_US
    since = RULE.c.hour_us >= hour
    sums = [
        func.coalesce(func.sum(case((condition, RULE.c.findings), else_=0)), 0)
        for condition in (
            since,
            and_(since, RULE.c.hour_us > now_us - DAY_US),
            RULE.c.hour_us < hour,
        )
    ]
    near = and_(
        *(RULE.c[name] == GROUP.c[name] for name in ("tenant", "rule", "entity")),
        RULE.c.hour_us >= hour - 7 * DAY_US,
    )
    ids = [group_id(*key) for key in keys]
    query = (
        select(GROUP, *(each.label(f"n{place}") for place, each in enumerate(sums)))
        .select_from(GROUP.outerjoin(RULE, near))
        .where(GROUP.c.id.in_(ids))
        .group_by(*GROUP.c)
    )
    found = {}
    for row in clock.rows(query):
        came = max(int(row["n0"]) - row["findings"], 0)
        last_day = min(int(row["n1"]), came)
        found[row["tenant"], row["rule"], row["entity"]] = _Stored(row, came, last_day, int(row["n2"]) / 7)
    return found


def _ends(clock: Timed, keys: Sequence[Key]) -> dict[Key, tuple[int, int]]:
    """The first and the last hour of some groups, of all that is kept. Each is found in an index."""
    if not keys:
        return {}
    hour = RULE.c.hour_us
    query = select(*_NAMES, func.min(hour).label("first"), func.max(hour).label("last"))
    try:
        rows = clock.rows(query.where(tuple_(*_NAMES).in_(keys)).group_by(*_NAMES))
    except Late:
        return {}
    return {(row["tenant"], row["rule"], row["entity"]): (row["first"], row["last"]) for row in rows}


def _group(
    key: Key,
    days: Mapping[int, tuple[int, int]],
    ends: tuple[int, int] | None,
    stored: _Stored | None,
    since_us: int,
    now_us: int,
) -> Group:
    first = ends[0] if ends else min(days, default=None)
    numbers = Numbers(first)
    kept, now = None, None
    if stored is not None:
        row = stored.row
        kept = Kept(row["state"], row["changed_us"], row["until_us"], row["until_count"], row["escalating"])
        numbers = Numbers(first, stored.came, stored.last_day, stored.usual)
    now = state_now(kept, numbers, now_us)
    told = range(_first_day(since_us), now_us + 1, DAY_US)
    return Group(
        **_named(key, now, stored),
        findings=sum(n for n, _ in days.values()),
        traces=sum(n for _, n in days.values()),
        days=tuple(days.get(day, (0, 0))[0] for day in told),
        first_us=first,
        last_us=ends[1] if ends else max(days, default=None),
        came=numbers.came,
    )


def _named(key: Key, now: Now, stored: _Stored | None) -> dict[str, Any]:
    tenant, rule, entity = key
    told = {"id": group_id(*key), "tenant": tenant, "rule": rule, "entity": entity}
    told |= {"state": now.state, "why": now.why}
    if stored is None:
        return told
    names = ("owner", "actor", "changed_us", "until_us", "until_count", "escalating")
    return told | {name: stored.row[name] for name in names}


def _first_day(us: int) -> int:
    return max(us, 0) // DAY_US * DAY_US


def _of_hour(connection: Connection, key: Key, now_us: int) -> int:
    """How many the hour of a moment has, and those after it."""
    since = RULE.c.hour_us >= now_us - now_us % HOUR_US
    query = select(func.coalesce(func.sum(RULE.c.findings), 0)).where(_is(key), since)
    return int(connection.execute(query).scalar_one())


def in_state(found: Iterable[Group], state: str) -> list[Group]:
    """Those that are in a state now."""
    return [one for one in found if one.state == state]
