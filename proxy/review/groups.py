"""Pages of groups: findings that are alike, how many there are, and what is done about them."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Request, Response

from proxy.errors import BadRequest, Code, Conflict, NotFound, Unavailable, plain_name
from proxy.review.drawing import Spark, spark, when
from proxy.review.filters import term
from proxy.review.forms import read_form
from proxy.review.judging import NAMES
from proxy.review.pages import redirect
from proxy.review.saved import listing
from proxy.review.session import HOME
from proxy.review.site import Reader, Site, as_json
from proxy.roles import Permission
from proxy.said import masked
from proxy.store import groups as store_groups
from proxy.store.comments import About, CommentError, add_comment, comments
from proxy.store.deadline import Late
from proxy.store.filter_values import moment
from proxy.store.group_figures import Figures, figures
from proxy.store.group_states import DAY_US, STATES
from proxy.store.groups import Change, Changed, Group, GroupError
from proxy.store.rule_figures import Precision, group_precision

RANGES = {"7d": "7 days", "30d": "30 days", "90d": "90 days"}
TONES = {"regressed": "red", "new": "blue", "ongoing": "amber", "archived": "", "resolved": "green"}
_PRECISION_S = 0.5
"""Seconds that a group's precision may take."""
_NUMBER = re.compile(r"\d{1,10}", re.ASCII)
LATE = "The groups could not be counted in time. Choose a shorter time, or reload in a moment."


@dataclass(frozen=True, slots=True)
class Line:
    """A group in the list."""

    group: Group
    spark: Spark
    listed: str
    """Address of its traces."""


def add(routes: APIRouter, site: Site) -> None:
    """The routes."""
    viewer = Depends(site.allowed(Permission.TRACES_READ))
    reviewer = Depends(site.allowed(Permission.REVIEWS_WRITE))

    @routes.get("/groups")
    def listed(request: Request, reader: Reader = viewer) -> Response:
        """Every group with findings in a time, the most pressing first."""
        since, state = _asked(request.query_params)
        found = _groups(site, reader, since)
        shown = [one for one in found if state in ("", one.state)]
        counts = {name: sum(one.state == name for one in found) for name in STATES}
        lines = [Line(one, spark(one.days), traces_of(one, since)) for one in shown]
        values = {"reader": reader, "lines": lines, "counts": counts, "total": len(found)}
        return site.pages.html("groups.html", values | _shared(since, state))

    @routes.get("/groups.json")
    def listed_json(request: Request, reader: Reader = viewer) -> Response:
        """The same as data."""
        since, state = _asked(request.query_params)
        found = [one for one in _groups(site, reader, since) if state in ("", one.state)]
        return as_json({"data": [asdict(one) for one in found]})

    @routes.get("/groups/{id}.json")
    def one_json(id: str, request: Request, reader: Reader = viewer) -> Response:
        """A group as data."""
        since, _ = _asked(request.query_params)
        group, told = _one(site, reader, id, since)
        precision = _precision(site, group, since)
        return as_json(
            {
                **asdict(group),
                "figures": asdict(told),
                "precision": None if precision is None else asdict(precision),
                "comments": _comments(site, reader, id),
            }
        )

    @routes.get("/groups/{id}")
    def one(id: str, request: Request, reader: Reader = viewer) -> Response:
        """A group: its trend, how it divides, its commonest values, what was said."""
        since, _ = _asked(request.query_params)
        return _page(site, reader, id, since)

    @routes.post("/groups/{id}")
    def change(
        id: str, request: Request, reader: Reader = reviewer, form: dict[str, str] = Depends(read_form)
    ) -> Response:
        """Say what is done about a group, unless somebody else just did."""
        site.check_form(request, form)
        return _change(site, reader, id, form)

    @routes.post("/groups/{id}/comments")
    async def comment(
        id: str, request: Request, reader: Reader = reviewer, form: dict[str, str] = Depends(read_form)
    ) -> Response:
        """Say something to others."""
        site.check_form(request, form)
        text = await masked(site.context, reader.who, form.get("text", "").replace("\r\n", "\n").strip())
        if text is None:
            raise Unavailable("The comment was not kept: a rule could not look at it. Send it again later.")
        return await asyncio.to_thread(_comment, site, reader, id, text)


def traces_of(group: Group, since: str, **more: str) -> str:
    """The address of the list of a group's traces of some time. Shadows are left out, as of its numbers."""
    terms = {"rule": group.rule, "entity": group.entity, **more, "shadow": "false", "since": since}
    return listing(" ".join(term(name, value) for name, value in terms.items()))


def _divided(group: Group, since: str, more: Mapping[str, str]) -> str:
    """The address of one part of a group's traces, by a field of its figures."""
    return traces_of(
        group, since, **{"key" if name == "key_id" else name: value for name, value in more.items()}
    )


def _asked(parameters: Mapping[str, str]) -> tuple[str, str]:
    """How far back, and which state. Raises BadRequest."""
    for name in parameters:
        if name not in ("since", "state", "saved"):
            message = f"Query parameter {plain_name(name)} is unknown. Known: since, state."
            raise BadRequest(message, code=Code.UNKNOWN_PARAMETER)
    since, state = parameters.get("since", "30d"), parameters.get("state", "")
    if since not in RANGES:
        raise BadRequest(f"since takes one of {', '.join(RANGES)}.", param="since")
    if state not in ("", *STATES):
        raise BadRequest(f"state takes one of {', '.join(STATES)}.", param="state")
    return since, state


def _since_us(since: str) -> int:
    now = time.time_ns() // 1000
    return (moment(since, now) or now) // DAY_US * DAY_US


def _shared(since: str, state: str = "") -> dict[str, Any]:
    return {"since": since, "state": state, "ranges": RANGES, "states": STATES, "tones": TONES}


def _groups(site: Site, reader: Reader, since: str) -> list[Group]:
    """The most pressing state first, then the most frequent."""
    try:
        found = store_groups.groups(site.store, reader.tenant, _since_us(since))
    except Late:
        raise Unavailable(LATE, headers={"retry-after": "5"}) from None
    return sorted(found, key=lambda one: STATES.index(one.state))


def _one(site: Site, reader: Reader, id: str, since: str) -> tuple[Group, Figures]:
    try:
        found = store_groups.group(site.store, id, reader.tenant, _since_us(since))
    except Late:
        raise Unavailable(LATE, headers={"retry-after": "5"}) from None
    if found is None:
        raise _no_group()
    return found, figures(site.store, found, _since_us(since), reader.who.key_id)


def _precision(site: Site, group: Group, since: str) -> Precision | None:
    """How often the group's findings were right; None when that could not be told in time."""
    key = (group.tenant, group.rule, group.entity)
    try:
        return group_precision(site.store, key, _since_us(since), _PRECISION_S)
    except Late:
        return None


def _no_group() -> NotFound:
    return NotFound("There is no group with this id. One is there as soon as a rule finds something.")


def _comments(site: Site, reader: Reader, id: str) -> list[dict[str, Any]]:
    return comments(site.store, About(group_id=id), reader.tenant)


def _page(
    site: Site, reader: Reader, id: str, since: str = "30d", changed: Changed | None = None, status: int = 200
) -> Response:
    group, told = _one(site, reader, id, since)
    bulk = {"q": listing_text(group), "kind": "verdict", "rule": group.rule, "entity": group.entity}
    said = _comments(site, reader, id)
    states = [group, changed.group] if changed else [group]
    people = [each["author"] for each in said] + [
        who for state in states for who in (state.owner, state.actor)
    ]
    values = {
        "reader": reader, "called": site.called(people), "group": group, "told": told,
        "spark": spark(group.days), "listed": traces_of(group, since),
        "judge_all": f"{HOME}/jobs/new?{urlencode(bulk, errors='replace')}", "changed": changed,
        "precision": _precision(site, group, since),
        "values": [(value, traces_of(group, since, fingerprint=value.fingerprint)) for value in told.values],
        "comments": said, "verdicts": NAMES, "day_words": _days(group, since),
        "link": lambda **more: _divided(group, since, more), "highest": max(group.days, default=0),
    }  # fmt: skip
    return site.pages.html("group.html", values | _shared(since), status)


def _days(group: Group, since: str) -> list[str]:
    """The days of a group's trend, in words."""
    first = _since_us(since)
    return [when(first + place * DAY_US, "day") for place in range(len(group.days))]


def listing_text(group: Group) -> str:
    """The filter of a group's traces."""
    terms = {"rule": group.rule, "entity": group.entity}
    return " ".join(term(name, value) for name, value in terms.items())


def _change(site: Site, reader: Reader, id: str, form: Mapping[str, str]) -> Response:
    seen = form.get("seen", "0")
    if not (seen.isascii() and seen.isdigit() and len(seen) < 19):
        raise BadRequest("seen takes the number that the page gave.", param="seen")
    try:
        made = _made(form, reader)
        changed = store_groups.change(site.store, id, reader.tenant, made, reader.who.key_id, int(seen))
    except GroupError as error:
        raise BadRequest(str(error), param=str(error).partition(" ")[0]) from None
    except Late:
        raise Unavailable(LATE, headers={"retry-after": "5"}) from None
    if changed is None:
        raise _no_group()
    if not changed.kept:
        return _page(site, reader, id, changed=changed, status=Conflict.status)
    return redirect(f"{HOME}/groups/{quote(id)}?saved=1")


def _made(form: Mapping[str, str], reader: Reader) -> Change:
    """What a form makes of a group: a state, or who takes it. Raises BadRequest."""
    act, owner = form.get("act", ""), form.get("owner", "") or None
    if act == "take":
        return Change("ongoing", owner=reader.who.key_id)
    if act in ("resolved", "ongoing"):
        return Change(act, owner=owner)
    if act != "archived":
        raise BadRequest("act takes archived, resolved, ongoing or take.", param="act")
    until = form.get("until", "")
    if until == "escalating":
        return Change("archived", owner, escalating=True)
    if until == "count":
        count = form.get("count", "")
        if not _NUMBER.fullmatch(count):
            raise BadRequest("count takes a whole number.", param="count")
        return Change("archived", owner, until_count=int(count))
    if until == "date":
        us = moment(f"{form.get('date', '')}T00:00:00Z", 0)
        if us is None or us <= time.time_ns() // 1000:
            raise BadRequest("date takes a day that is yet to come.", param="date")
        return Change("archived", owner, until_us=us)
    if until:
        raise BadRequest("until takes date, count or escalating, or nothing.", param="until")
    return Change("archived", owner)


def _comment(site: Site, reader: Reader, id: str, text: str) -> Response:
    store_groups.keep(site.store, id, reader.tenant, reader.who.key_id)
    try:
        added = add_comment(site.store, About(group_id=id), reader.who.key_id, text, reader.tenant)
    except CommentError as error:
        raise BadRequest(str(error), param="text") from None
    if added is None:
        raise _no_group()
    return redirect(f"{HOME}/groups/{quote(id)}#comments")
