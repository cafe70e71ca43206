"""What reviewers say of a trace: verdicts, taking them back, comments. Each a form that works without a script."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from fastapi import APIRouter, Depends, Request, Response

from proxy.api.comments import commented
from proxy.errors import BadRequest, Conflict, NotFound, ProxyError
from proxy.review.filters import Asked, asked, trace_path
from proxy.review.forms import Fields, read_fields, read_form
from proxy.review.judging import judgements, new_reviews
from proxy.review.pages import redirect
from proxy.review.session import HOME
from proxy.review.site import Reader, Site
from proxy.review.trace import ALSO, beside, parts, read
from proxy.review.typed import typed
from proxy.review.undoing import UNDO_S, Saved
from proxy.roles import Permission
from proxy.store import comments, reviews
from proxy.store.comments import About
from proxy.store.reviews import NewReview, ReviewError

LOST = "There is no trace with this id any more: it was deleted while you had it open. Nothing was saved."


def add(routes: APIRouter, site: Site) -> None:
    """The routes."""
    reviewer = Depends(site.allowed(Permission.REVIEWS_WRITE))

    @routes.post("/traces/{id}/reviews")
    async def judge(
        id: str, request: Request, reader: Reader = reviewer, form: Fields = Depends(read_fields)
    ) -> Response:
        """Keep verdicts; back to the trace, or on to the next."""
        site.check_form(request, form)
        try:
            given = await new_reviews(site, reader, id, form)
            return await asyncio.to_thread(_judged, site, id, reader, form, given, _swaps(request))
        except ProxyError as error:
            return unsaved(site, reader, id, form, error)

    @routes.post("/traces/{id}/undo")
    def undo(
        id: str, request: Request, reader: Reader = reviewer, form: dict[str, str] = Depends(read_form)
    ) -> Response:
        """Take back what was just said; to the trace that it was said of."""
        site.check_form(request, form)
        since = form.get("since", "")
        if not (since.isascii() and since.isdigit() and len(since) <= 18):
            raise BadRequest("since takes microseconds.", param="since")
        filter, more = _rest(form)
        reviews.withdraw_since(site.store, id, reader.who.key_id, int(since), reader.tenant)
        return redirect(trace_path(quote(id, safe=""), filter.query(**more, undone="1")))

    @routes.post("/traces/{id}/reviews/{review_id}/withdraw")
    def withdraw(
        id: str,
        review_id: str,
        request: Request,
        reader: Reader = reviewer,
        form: dict[str, str] = Depends(read_form),
    ) -> Response:
        """Take one judgement of one's own back."""
        site.check_form(request, form)
        read(site, id, reader)
        try:
            taken_back = reviews.withdraw(site.store, review_id, reader.who.key_id, id)
        except ReviewError as error:
            raise Conflict(f"This {error}") from None
        if not taken_back:
            raise NotFound("This judgement does not stand any more, or is somebody else's.")
        filter, more = _rest(form)
        return redirect(trace_path(quote(id, safe=""), filter.query(**more)) + "#reviews")

    @routes.post("/traces/{id}/comments")
    async def comment(
        id: str, request: Request, reader: Reader = reviewer, form: Fields = Depends(read_fields)
    ) -> Response:
        """Say something about a trace."""
        site.check_form(request, form)
        filter, more = _rest(form)
        try:
            await commented(site.context, reader.who, About(span_id=id), form.get("text", ""))
        except ProxyError as error:
            return unsaved(site, reader, id, form, error)
        return redirect(trace_path(quote(id, safe=""), filter.query(**more)) + "#comments")

    @routes.post("/traces/{id}/comments/{comment_id}/delete")
    def uncomment(
        id: str,
        comment_id: str,
        request: Request,
        reader: Reader = reviewer,
        form: dict[str, str] = Depends(read_form),
    ) -> Response:
        """Empty a comment of one's own."""
        site.check_form(request, form)
        if not comments.delete_comment(site.store, comment_id, reader.who.key_id, reader.tenant):
            raise NotFound("This comment is not there any more, or is somebody else's.")
        filter, more = _rest(form)
        return redirect(trace_path(quote(id, safe=""), filter.query(**more)) + "#comments")


def unsaved(
    site: Site, reader: Reader, id: str, form: Fields, error: ProxyError, item: str | None = None
) -> Response:
    """A page that says why nothing was saved, and still has all that was typed and chosen."""
    values = {
        "reader": reader,
        "message": LOST if isinstance(error, NotFound) else error.message,
        "gone": isinstance(error, NotFound),
        "path": trace_path(quote(id, safe=""), "?" + urlencode({"item": item}) if item else ""),
        "typed": typed(form.pairs),
    }
    answer = site.pages.html("trace_unsaved.html", values, error.status)
    answer.headers.update(error.headers)
    return answer


def _judged(
    site: Site, id: str, reader: Reader, form: Fields, given: list[NewReview], swaps: bool
) -> Response:
    filter, more = _rest(form)
    # Where to go on is settled first: the verdict may take the trace out of the filter.
    after = beside(site, read(site, id, reader), filter, reader).older if form.get("then") == "next" else None
    try:
        rows = reviews.add_reviews(site.store, id, given, reader.tenant)
    except ReviewError as error:
        raise BadRequest(str(error), param=str(error).partition(" ")[0]) from None
    if not rows:
        raise NotFound(LOST)
    saved = Saved(id, min(row["created_us"] for row in rows), True)
    if swaps and form.get("only"):
        return _row(site, id, reader, form, saved)
    if form.get("then") == "next":
        # The neighbour's page offers to undo what was said of this one.
        at = trace_path(quote(after, safe=""), filter.query(**more, saved=saved.mark)) if after else None
        return redirect(at or HOME + filter.query())
    anchor = f"#finding-{int(form['only']) + 1}" if form.get("only") else "#reviews"
    return redirect(trace_path(quote(id, safe=""), filter.query(**more, saved=saved.mark)) + anchor)


def _row(site: Site, id: str, reader: Reader, form: Fields, saved: Saved) -> Response:
    """The row of one finding as it is now, and what to undo it with: nothing else of the page moves."""
    [given] = judgements(form)
    values: dict[str, Any] = parts(site, read(site, id, reader), reader)
    shown = [found for found in values["detail"].findings if found.number - 1 == given.finding]
    values |= {"found": shown[0] if shown else None, "saved": saved, "query": form.get("filter", "")}
    return site.pages.html("trace_row.html", values | {"undo_s": UNDO_S, "claim": None})


def _swaps(request: Request) -> bool:
    """Whether a script sent the form, and puts the answer into the page."""
    return request.headers.get("hx-request") == "true"


def _rest(form: dict[str, str]) -> tuple[Asked, dict[str, str]]:
    """The filter that a form carries along, and what of the page's other parameters stays. Raises BadRequest."""
    pairs = dict(parse_qsl(form.get("filter", "").removeprefix("?"), keep_blank_values=True))
    more = {name: pairs[name] for name in ("turn",) if name in pairs}
    return asked(pairs, *ALSO), more
