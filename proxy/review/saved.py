"""Saved views: a filter with a name, for everybody of the tenant."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Request, Response

from proxy.api.traces import unfit
from proxy.errors import BadRequest, NotFound, Unavailable
from proxy.review.forms import read_form
from proxy.review.pages import redirect
from proxy.review.session import HOME
from proxy.review.site import Reader, Site, as_json
from proxy.roles import Permission
from proxy.said import masked
from proxy.store import views
from proxy.store.filters import FilterError


def add(routes: APIRouter, site: Site) -> None:
    """The routes."""
    viewer = Depends(site.allowed(Permission.TRACES_READ))
    reviewer = Depends(site.allowed(Permission.REVIEWS_WRITE))

    @routes.get("/views.json")
    def listed(reader: Reader = viewer) -> Response:
        """Every saved view, as data."""
        return as_json({"data": [asdict(view) for view in views.views(site.store, reader.tenant)]})

    @routes.get("/views/{id}")
    def open_view(id: str, reader: Reader = viewer) -> Response:
        """The queue by a saved view: an address that can be passed on."""
        found = views.view(site.store, id, reader.tenant) if id.isprintable() else None
        if found is None:
            raise NotFound("There is no saved view with this id. It may have been deleted.")
        return redirect(listing(found.filter))

    @routes.post("/views")
    async def save(
        request: Request, reader: Reader = reviewer, form: dict[str, str] = Depends(read_form)
    ) -> Response:
        """Give a filter a name."""
        site.check_form(request, form)
        name, filter = form.get("name", "").strip(), form.get("q", "").strip()
        await _check_clean(site, reader, name, filter)
        return await asyncio.to_thread(_save, site, reader, name, filter)

    @routes.post("/views/{id}/delete")
    def delete(
        id: str, request: Request, reader: Reader = reviewer, form: dict[str, str] = Depends(read_form)
    ) -> Response:
        """Forget a view."""
        site.check_form(request, form)
        views.delete(site.store, id, reader.tenant, reader.who.key_id)
        return redirect(listing(form["q"]) if "q" in form else HOME)


def listing(filter: str) -> str:
    """The address of the queue by a filter."""
    return f"{HOME}?{urlencode({'q': filter}, errors='replace')}"


async def _check_clean(site: Site, reader: Reader, *texts: str) -> None:
    """Raises BadRequest when the policy would mask some of it: a view is kept as it is, or not at all."""
    for text in texts:
        if not text:
            continue
        kept = await masked(site.context, reader.who, text)
        if kept is None:
            raise Unavailable("The view was not saved: a rule could not look at it. Send it again later.")
        if kept != text:
            raise BadRequest(
                "The view was not saved: the policy masks something in its name or filter.", param="q"
            )


def _save(site: Site, reader: Reader, name: str, filter: str) -> Response:
    try:
        view = views.save(site.store, reader.who.tenant, name, filter, reader.who.key_id)
    except views.ViewError as error:
        raise BadRequest(str(error), param="name") from None
    except FilterError as error:
        raise unfit(error) from None
    return redirect(f"{HOME}/views/{quote(view.id)}")
