"""Pages of the queues: what waits in each, what one has claimed, and where reviewers disagree."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from proxy.errors import BadRequest, NotFound, plain_name, plain_param
from proxy.review.forms import read_form
from proxy.review.pages import redirect
from proxy.review.session import HOME
from proxy.review.site import Reader, Site, as_json
from proxy.review.undoing import saved
from proxy.roles import Permission
from proxy.store import adjudication, claims, filling, queues
from proxy.store.agreements import agreements
from proxy.store.filters import FIELDS, FilterError
from proxy.store.overdue import MARGIN_US
from proxy.store.queue_figures import QueueFigures, disputed, queue_figures, submitted_by
from proxy.store.queues import NewQueue, QueueError

_UNSAID = {"name": "", "filter": "", "percent": "100", "reviews": "1", "priority": "0", "blind": ""}
FILL_S = 0.3
"""Seconds that a page may take to fill a queue whose job is late."""
_STALE_US = 60_000_000


def add(routes: APIRouter, site: Site) -> None:
    """The routes."""
    viewer = Depends(site.allowed(Permission.TRACES_READ))
    reviewer = Depends(site.allowed(Permission.REVIEWS_WRITE))

    @routes.get("/queues.json")
    def queues_json(request: Request, reader: Reader = viewer) -> Response:
        """The queues as data."""
        _known(request, "nothing", "saved", "given")
        return as_json({"data": _queues(site, reader)})

    @routes.get("/queues")
    def listed(request: Request, reader: Reader = viewer) -> Response:
        """The queues: what waits in each, and the button that begins."""
        _known(request, "nothing", "saved", "given")
        return _queues_page(site, reader, request.query_params)

    @routes.get("/claims.json")
    def claims_json(request: Request, reader: Reader = reviewer) -> Response:
        """One's claims and reviews as data."""
        _known(request, "released")
        return as_json(_mine(site, reader))

    @routes.get("/claims")
    def mine(request: Request, reader: Reader = reviewer) -> Response:
        """What one has claimed, what one has said, and how much."""
        _known(request, "released")
        values = {"reader": reader, "released": request.query_params.get("released", ""), "now": _now()}
        return site.pages.html("claims.html", values | _mine(site, reader))

    @routes.get("/disputed.json")
    def disputed_json(request: Request, reader: Reader = reviewer) -> Response:
        """Disputed items and agreement as data."""
        _known(request, "taken", "done")
        return as_json(_disputed(site, reader))

    @routes.get("/disputed")
    def disagreed(request: Request, reader: Reader = reviewer) -> Response:
        """Where reviewers disagree, and how much."""
        _known(request, "taken", "done")
        asked = {name: name in request.query_params for name in ("taken", "done")}
        found = _disputed(site, reader)
        people = {who for item in found["items"] for who in item["said"]}
        people |= {who for pair in found["agreement"]["pairs"] for who in (pair["first"], pair["second"])}
        values = {"reader": reader, **asked, **found, "called": site.called(people)}
        return site.pages.html("disputed.html", values)

    _changes(routes, site)


def _changes(routes: APIRouter, site: Site) -> None:
    editor = Depends(site.allowed(Permission.QUEUES_WRITE))

    @routes.post("/queues")
    def make(
        request: Request, reader: Reader = editor, form: dict[str, str] = Depends(read_form)
    ) -> Response:
        """Make a queue."""
        site.check_form(request, form)
        try:
            row = queues.add_queue(site.store, _new(form), reader.who.tenant, reader.who.key_id)
        except QueueError as error:
            return _queues_page(site, reader, {}, str(error), form)
        return redirect(f"{HOME}/queues?saved={row['id']}")

    @routes.post("/queues/{id}")
    def change(
        id: str, request: Request, reader: Reader = editor, form: dict[str, str] = Depends(read_form)
    ) -> Response:
        """Change a queue, close it, or open it again."""
        site.check_form(request, form)
        act = form.get("act", "change")
        if queues.find_queue(site.store, id, reader.tenant) is None:
            raise NotFound("There is no queue with this id.")
        if act in ("close", "open"):
            work = queues.close_queue if act == "close" else queues.open_queue
            work(site.store, id, reader.tenant, reader.who.key_id)
        else:
            try:
                changes = asdict(_new(form))
                queues.change_queue(site.store, id, changes, reader.tenant, reader.who.key_id)
            except QueueError as error:
                return _queues_page(site, reader, {}, str(error), {**form, "id": id})
        return redirect(f"{HOME}/queues?saved={id}")


def _queues_page(
    site: Site,
    reader: Reader,
    asked: Mapping[str, str],
    error: str = "",
    form: Mapping[str, str] | None = None,
) -> Response:
    values = {
        "reader": reader, "rows": _queues(site, reader), "error": error, "form": {**_UNSAID, **(form or {})},
        "nothing": asked.get("nothing", ""), "saved": asked.get("saved", ""), "now": _now(),
        "given": saved({"given": asked.get("given", "")}),
        "most": filling.MOST_OPEN, "fields": FIELDS, "most_reviews": queues.MOST_REVIEWS,
    }  # fmt: skip
    return site.pages.html("queues.html", values, 400 if error else 200)


def _queues(site: Site, reader: Reader) -> list[dict[str, Any]]:
    """Every queue with how it stands; one whose job is late is filled first."""
    filling.make_defaults(site.store)
    rows = queues.queues(site.store, reader.tenant)
    end = time.monotonic() + FILL_S
    trouble = {}
    for row in rows:
        try:
            filling.check(site.store, row)
            late = row["closed_us"] is None and row["filled_us"] < _now() - MARGIN_US - _STALE_US
            if late and time.monotonic() < end:
                filling.fill(site.store, row, end - time.monotonic())
        except FilterError as error:
            trouble[row["id"]] = str(error)
    found = queue_figures(site.store, [row["id"] for row in rows])
    agreed: dict[str, list[dict[str, Any]]] = {}
    for each in agreements(site.store, reader.tenant).queues:
        agreed.setdefault(each.name, []).append(asdict(each))
    return [
        {
            **row,
            **asdict(found.get(row["id"], QueueFigures())),
            "agreement": agreed.get(row["name"], []),
            "full": found[row["id"]].open >= filling.MOST_OPEN,
            "trouble": trouble.get(row["id"]),
        }
        for row in rows
    ]


def _mine(site: Site, reader: Reader) -> dict[str, Any]:
    who, now = reader.who.key_id, _now()
    given = submitted_by(site.store, who, 200)
    today = [row for row in given if row["submitted_us"] >= now - now % 86_400_000_000]
    ended = [
        row for row in given if row["place"] >= 0 and row["state"] in ("agreed", "disputed", "adjudicated")
    ]
    return {
        "claims": [asdict(claim) for claim in claims.claims_of(site.store, who)],
        "given": given[:50],
        "numbers": {
            "today": len(today),
            "ended": len(ended),
            "agreed": sum(row["state"] == "agreed" for row in ended),
        },
    }


def _disputed(site: Site, reader: Reader) -> dict[str, Any]:
    items = disputed(site.store, reader.tenant)
    with site.store.read() as connection:
        said = adjudication.labels(connection, [item["id"] for item in items])
    for item in items:
        by_reviewer = said[item["id"]]
        item["said"] = by_reviewer
        what = sorted({each for labels in by_reviewer.values() for each in labels})
        item["differs"] = [each for each in what if adjudication.differs([*by_reviewer.values()], each)]
        item["mine"] = reader.who.key_id in by_reviewer
    return {"items": items, "agreement": asdict(agreements(site.store, reader.tenant))}


def _new(form: Mapping[str, str]) -> NewQueue:
    """A queue as a form gives it: the share in percent. Raises QueueError."""
    return NewQueue(
        name=form.get("name", ""),
        filter=form.get("filter", ""),
        share=_number(form, "percent", "100") / 100,
        reviews=int(_number(form, "reviews", "1")),
        blind=form.get("blind", "") == "on",
        priority=int(_number(form, "priority", "0")),
    )


def _number(form: Mapping[str, str], name: str, unsaid: str) -> float:
    try:
        value = float(form.get(name) or unsaid)
    except ValueError:
        raise QueueError(f"{name} takes a number.") from None
    if not -1e6 < value < 1e6:
        raise QueueError(f"{name} takes a smaller number.")
    return value


def _known(request: Request, *names: str) -> None:
    for name in request.query_params:
        if name not in names:
            raise BadRequest(
                f"Query parameter {plain_name(name)} is unknown. Known: {', '.join(names)}.",
                param=plain_param(name),
            )


def _now() -> int:
    return time.time_ns() // 1000
