"""Taking items of queues, keeping them, giving them back, and handing in what one thinks of them."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Request, Response

from proxy.api.deps import check
from proxy.errors import BadRequest, Conflict, NotFound, ProxyError, Unavailable
from proxy.review.filters import trace_path
from proxy.review.forms import Fields, read_fields, read_form
from proxy.review.judging import new_reviews
from proxy.review.pages import HEADERS, redirect
from proxy.review.saying import unsaved
from proxy.review.session import HOME
from proxy.review.site import BUSY, Reader, Site, as_json
from proxy.review.typed import typed
from proxy.review.undoing import given
from proxy.roles import Permission
from proxy.store import claims
from proxy.store.claims import Claim, Held
from proxy.store.db import AWAY
from proxy.store.reopening import take_back_submitted
from proxy.store.reviews import ReviewError

WHY = {
    "gone": "The trace was deleted while you looked at it, and its place in the queue with it.",
    "given": "Your review of this item is already there: it was sent from another window, or twice.",
    "closed": "Nobody reviews this item any more.",
    "again": "Another window of yours has claimed this item again and holds it now: hand your review in from there.",
    "taken": "Your claim ended, because the page gave no sign of life for five minutes, and the item went to others.",
}
"""Why nothing is taken under a stale token."""
STAYS = {
    "none": "There is no review of yours on this item to take back.",
    "late": "A review can be taken back for ten seconds after it was submitted, and these are over.",
    "decided": "Others have gone on with this item: it was decided, or is being decided, with your review.",
    "seen": "Somebody else has reviewed this item too, and you could have read it: in a blind queue your review stays.",
}
"""Why a review that was submitted is not taken back."""
BUSY_NEXT = (
    "Your review was saved. The database is busy or away, so there is no next item yet: ask in a moment."
)


def add(routes: APIRouter, site: Site) -> None:
    """The routes."""
    reviewer = Depends(site.allowed(Permission.REVIEWS_WRITE))
    adjudicator = Depends(site.allowed(Permission.REVIEWS_ADJUDICATE))

    @routes.post("/queues/{id}/next")
    def next_item(
        id: str, request: Request, reader: Reader = reviewer, form: dict[str, str] = Depends(read_form)
    ) -> Response:
        """Take the next item of a queue, and on to its trace."""
        site.check_form(request, form)
        return _next(site, id, reader)

    @routes.post("/items/{id}/adjudicate")
    def adjudicate(
        id: str, request: Request, reader: Reader = adjudicator, form: dict[str, str] = Depends(read_form)
    ) -> Response:
        """Take a disputed item, and on to its trace."""
        site.check_form(request, form)
        claim = claims.take(site.store, id, reader.who.key_id, reader.tenant)
        if claim is None:
            return redirect(f"{HOME}/disputed?taken=1")
        return redirect(_path(claim))

    @routes.post("/items/{id}/beat")
    def beat(
        id: str, request: Request, reader: Reader = reviewer, form: dict[str, str] = Depends(read_form)
    ) -> Response:
        """A sign of life: until when the claim holds now. 409 when it is lost, with why."""
        site.check_form(request, form)
        lease_us = claims.beat(site.store, id, reader.who.key_id, form.get("claim", ""))
        if lease_us is None:
            why = claims.why_not(site.store, id, reader.who.key_id)
            answer = as_json({"lost": why, "message": WHY[why]})
            answer.status_code = 409
            return answer
        return as_json({"lease_us": lease_us})

    @routes.post("/items/{id}/release")
    def release(
        id: str, request: Request, reader: Reader = reviewer, form: dict[str, str] = Depends(read_form)
    ) -> Response:
        """Give an item back; with `leaving`, in a moment, unless its page comes again."""
        site.check_form(request, form)
        if form.get("leaving"):
            claims.leave(site.store, id, reader.who.key_id, form.get("claim", ""))
            return Response(status_code=204, headers=HEADERS)
        given = claims.release(site.store, id, reader.who.key_id, form.get("claim", ""))
        return redirect(f"{HOME}/claims?released={int(given)}")

    @routes.post("/items/{id}/undo")
    def undo(
        id: str, request: Request, reader: Reader = reviewer, form: dict[str, str] = Depends(read_form)
    ) -> Response:
        """Take back the review that was just submitted, and on to its trace again."""
        site.check_form(request, form)
        held = take_back_submitted(site.store, id, reader.who.key_id, reader.tenant)
        if not isinstance(held, Held):
            raise Conflict(STAYS[held])
        return redirect(_path(held, undone="1"))

    @routes.post("/items/{id}/submit")
    async def submit(
        id: str, request: Request, reader: Reader = reviewer, form: Fields = Depends(read_fields)
    ) -> Response:
        """Hand in a review, and on to the next item."""
        site.check_form(request, form)
        return await _submitted(site, id, reader, form)


async def _submitted(site: Site, id: str, reader: Reader, form: Fields) -> Response:
    who, token = reader.who.key_id, form.get("claim", "")
    claim = await asyncio.to_thread(claims.held, site.store, id, who, token)
    if claim is None:
        return await asyncio.to_thread(_stale, site, id, reader, form)
    if claim.adjudication:
        check(reader.who, Permission.REVIEWS_ADJUDICATE)
    try:
        said = await new_reviews(site, reader, claim.span_id, form, id)
    except NotFound:
        return await asyncio.to_thread(_stale, site, id, reader, form)
    except ProxyError as error:
        return unsaved(site, reader, claim.span_id, form, error, id)
    try:
        hold = claims.Hold(id, who, token)
        kept = await asyncio.to_thread(claims.submit, site.store, hold, said, reader.tenant)
    except ReviewError as error:
        unfit = BadRequest(str(error), param=str(error).partition(" ")[0])
        return unsaved(site, reader, claim.span_id, form, unfit, id)
    except AWAY:
        return unsaved(site, reader, claim.span_id, form, Unavailable(BUSY), id)
    if not kept:
        return await asyncio.to_thread(_stale, site, id, reader, form)
    site.context.metrics.review.judged(each.verdict for each in said)
    done = given(id)
    if claim.adjudication:
        return redirect(f"{HOME}/disputed?done=1")
    if form.get("then") == "stay":
        return redirect(trace_path(quote(claim.span_id), f"?given={done.mark}"))
    return await asyncio.to_thread(_next, site, claim.queue_id, reader, given=done.mark)


def _next(site: Site, queue_id: str, reader: Reader, **also: str) -> Response:
    try:
        claim = claims.take_place(site.store, queue_id, reader.who.key_id, reader.tenant)
    except AWAY:
        raise Unavailable(BUSY_NEXT if also else BUSY) from None
    if claim is None:
        return redirect(f"{HOME}/queues?{urlencode({'nothing': queue_id, **also}, errors='replace')}")
    return redirect(_path(claim, **also))


def _path(claim: Claim | Held, **also: str) -> str:
    return trace_path(quote(claim.span_id), "?" + urlencode({"item": claim.item_id, **also}))


def _stale(site: Site, id: str, reader: Reader, form: Fields) -> Response:
    """What was typed, so that nothing is lost, and why it was not kept."""
    why = claims.why_not(site.store, id, reader.who.key_id)
    values: dict[str, Any] = {
        "reader": reader,
        "why": WHY[why],
        "gone": why == "gone",
        "again": why == "again",
        "item": id,
        "typed": typed(form.pairs),
        "span_id": claims.span_of(site.store, id, reader.tenant),
    }
    return site.pages.html("stale.html", values, 409)
