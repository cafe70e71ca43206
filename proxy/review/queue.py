"""Pages of the queue: the traces that need a look, newest first."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from proxy.api.deps import own
from proxy.errors import BadRequest
from proxy.review.filters import Asked, asked
from proxy.review.site import Reader, Site, as_json
from proxy.roles import Permission
from proxy.store import filters, queries, views
from proxy.store.facets import FACETS, Facets, facets
from proxy.store.filters import FilterError
from proxy.store.item_states import ItemState, item_states
from proxy.store.newer import MOST as MOST_NEWER
from proxy.store.newer import newer

ROWS = 50
"""Traces on one page of the queue."""
_FIRST = ("outcome", "rule", "entity", "action", "team", "model", "reviewed", "verdict", "tool")
ORDER = (*_FIRST, *(name for name in FACETS if name not in _FIRST))
"""The facets in the order in which they are shown."""


def add(routes: APIRouter, site: Site) -> None:
    """The routes."""
    viewer = Depends(site.allowed(Permission.TRACES_READ))

    @routes.get("")
    def queue(request: Request, reader: Reader = viewer) -> Response:
        """Traces that need a look, newest first."""
        filter = asked(request.query_params, "before")
        now = time.time_ns() // 1000
        values = {
            "reader": reader, "asked": filter, "fields": filters.FIELDS, "error": None, "now": now,
            "before": request.query_params.get("before"), "base": str(request.base_url).rstrip("/"),
            "models": site.context.router.models(), "order": ORDER,
            "saved": views.views(site.store, reader.tenant),
        }  # fmt: skip
        page, counted = queries.Page([], None), Facets(0, False, {})
        try:
            page, counted = _queue(site, filter, request.query_params, reader)
        except FilterError as error:
            values["error"] = error
        newest = page.items[0]["started_us"] if page.items else now
        values |= {"page": page, "counted": counted, "items": _items(site, page, now), "newest": newest}
        return site.pages.html("queue.html", values, 400 if values["error"] else 200)

    @routes.get(".json")
    def queue_json(request: Request, reader: Reader = viewer) -> Response:
        """The same as data."""
        page, counted = _queue(site, asked(request.query_params, "before"), request.query_params, reader)
        return as_json(
            {
                "data": page.items,
                "next": page.next,
                "partial": page.partial,
                "total": counted.matches,
                "approximate": counted.approximate,
                "facets": counted.counts,
                "items": _items(site, page, time.time_ns() // 1000),
            }
        )

    @routes.get("/new")
    def fresh(request: Request, reader: Reader = viewer) -> Response:
        """How many traces of a filter are newer than a list: the page asks now and then."""
        filter = asked(request.query_params, "newer")
        since = request.query_params.get("newer", "")
        if not (since.isascii() and since.isdigit() and len(since) < 19):
            raise BadRequest("newer takes microseconds since 1970.", param="newer")
        count = newer(site.store, filter.spans() + own(reader.who), int(since))
        values: dict[str, Any] = {"reader": reader, "count": count, "most": MOST_NEWER}
        return site.pages.html("queue_new.html", values)


def _items(site: Site, page: queries.Page, now_us: int) -> dict[str, list[ItemState]]:
    """The queues that the traces of a page are in, by trace."""
    return item_states(site.store, [span["id"] for span in page.items], now_us)


def _queue(
    site: Site, filter: Asked, parameters: Mapping[str, str], reader: Reader
) -> tuple[queries.Page, Facets]:
    spans = filter.spans() + own(reader.who)
    try:
        page = queries.list_spans(site.store, spans, ROWS, parameters.get("before"))
    except queries.QueryError as error:
        raise BadRequest(str(error), param="before") from None
    return page, facets(site.store, spans)
