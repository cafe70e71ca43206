"""The reviewer's pages: sign in, the queue, a trace and its verdict, eval runs. Each also answers `.json`."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute

from proxy.api.deps import problem, reply
from proxy.api.traces import review as keep_review
from proxy.context import Context
from proxy.errors import BadRequest, Forbidden, NotFound, PayloadTooLarge, ProxyError, RateLimited
from proxy.exchange import Principal
from proxy.review import runs, views
from proxy.review.filters import OUTCOMES, REVIEW, SHADOW, SINCE, Asked, asked, trace_path
from proxy.review.pages import HEADERS, Pages, redirect, secure
from proxy.review.session import HOME, HOURS, Attempts, Sessions, check_origin, safe_next
from proxy.store import queries, sessions

COOKIE = "guardhouse_review"
VISIT = "guardhouse_visit"
"""Cookie of somebody who is not signed in yet: what the sign-in form's token is bound to."""
FORM_BYTES = 64 << 10
ROWS = 50
"""Traces on one page of the queue."""
VERDICTS = {
    "true_positive": ("True positive", "The rule was right."),
    "false_positive": ("False positive", "There was nothing to find."),
    "wrong_action": ("Wrong action", "Rightly found, wrongly handled."),
    "missed": ("Missed", "Something got through."),
    "unsure": ("Unsure", "Somebody else should look."),
}
"""What a reviewer can say here, in the order of the keys 1 to 5."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who is looking at a page."""

    who: Principal
    token: str
    """For the forms on the page."""


class SignInNeeded(Exception):
    """The page is there, but not for strangers."""


def build_router(context: Context) -> APIRouter:
    """Every page below `/review`."""
    site = Site(context)
    routes = APIRouter(prefix=HOME, route_class=site.route_class())
    site.add_doors(routes)
    site.add_queue(routes)
    site.add_runs(routes)

    @routes.get("/static/{name}")
    def static(name: str) -> Response:
        """A style sheet, script or icon: the same for everybody, signed in or not."""
        return site.pages.asset(name)

    @routes.get("/{rest:path}", dependencies=[Depends(site.reader)])
    def nothing(rest: str) -> Response:
        """Any other address."""
        raise NotFound("There is no such page.")

    return routes


class Site:
    """The pages of one running proxy, and what they share."""

    def __init__(self, context: Context) -> None:
        self.store = context.store
        self.context = context
        self.pages = Pages(lambda: context.policies.label)
        self.sessions = Sessions(context.key, context.keyring)
        self.attempts = Attempts()

    # --- who is there

    def signed_in(self, request: Request) -> Reader | None:
        """Who sends this request's cookie; None for a stranger."""
        cookie = request.cookies.get(COOKIE, "")
        who = self.sessions.holder(cookie)
        return None if who is None else Reader(who, self.sessions.token(cookie))

    def reader(self, request: Request) -> Reader:
        """Who may see this page. A program may send its key to a `.json` page instead of a cookie.

        Raises SignInNeeded, or Unauthorized and Forbidden for `.json`.
        """
        found = self.signed_in(request)
        if found is not None:
            return found
        if not request.url.path.endswith(".json"):
            raise SignInNeeded
        who = self.context.keyring.principal(request.headers.get("authorization"))
        if not who.admin:
            raise Forbidden("This needs the admin key, or a key made with --admin.")
        return Reader(who, "")

    def route_class(self) -> type[APIRoute]:
        """A route that tells errors as a page, or as JSON where JSON was asked for."""
        site = self

        class Page(APIRoute):
            def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
                answer = super().get_route_handler()

                async def told(request: Request) -> Response:
                    try:
                        return await answer(request)
                    except SignInNeeded:
                        return site.ask_to_sign_in(request)
                    except ProxyError as error:
                        if request.url.path.endswith(".json"):
                            return problem(error)
                        return site.pages.problem(error, site.signed_in(request))

                return told

        return Page

    def ask_to_sign_in(self, request: Request) -> Response:
        """The way to the sign-in form, and from there back to this page."""
        query = f"?{request.url.query}" if request.url.query else ""
        target = safe_next(quote(request.url.path) + query) if request.method == "GET" else HOME
        if request.headers.get("sec-fetch-site") == "cross-site" and request.method == "GET":
            # A link from another site comes without our strict cookie. Asked for again by our own page, it
            # comes with it, and whoever is signed in need not sign in again.
            return self.pages.html("again.html", {"reader": None, "target": target})
        return redirect(f"{HOME}/login" + (f"?next={quote(target, safe='')}" if target != HOME else ""))

    # --- doors

    def add_doors(self, routes: APIRouter) -> None:
        """Sign in and sign out."""

        @routes.get("/login")
        def ask(request: Request) -> Response:
            """The sign-in form."""
            target = safe_next(request.query_params.get("next", ""))
            if self.signed_in(request) is not None:
                return redirect(target)
            return self._sign_in_form(request, target)

        @routes.post("/login")
        def sign_in(request: Request, form: dict[str, str] = Depends(read_form)) -> Response:
            """Check the key; on to the page that was asked for."""
            target = safe_next(form.get("next", ""))
            address = request.client.host if request.client else ""
            try:
                self.sessions.check_form(request.cookies.get(VISIT, ""), form.get("token", ""))
                if wait := self.attempts.take(address):
                    raise RateLimited(
                        f"Too many attempts. Try again in {wait} seconds.", headers={"retry-after": str(wait)}
                    )
                cookie = self.sessions.sign_in(form.get("key", "").strip())
            except ProxyError as error:
                return self._sign_in_form(request, target, error)
            self.attempts.forget(address)
            answer = redirect(target)
            _set_cookie(request, answer, COOKIE, cookie)
            answer.delete_cookie(VISIT, path="/")
            return answer

        @routes.post("/logout")
        def sign_out(
            request: Request,
            reader: Reader = Depends(self.reader),
            form: dict[str, str] = Depends(read_form),
        ) -> Response:
            """Forget the cookie."""
            self.sessions.check_form(request.cookies.get(COOKIE, ""), form.get("token", ""))
            answer = redirect(f"{HOME}/login")
            answer.delete_cookie(COOKIE, path="/")
            return answer

    def _sign_in_form(self, request: Request, target: str, error: ProxyError | None = None) -> Response:
        visit = request.cookies.get(VISIT, "")
        fresh = not (visit.isascii() and visit.isalnum() and len(visit) == 32)
        visit = secrets.token_hex(16) if fresh else visit
        known = {401: "That key is not known here, or was revoked."}
        values = {
            "reader": None,
            "next": target,
            "token": self.sessions.token(visit),
            "closed": self.context.keyring.closed,
            "error": error and known.get(error.status, error.message),
        }
        answer = self.pages.html("login.html", values, error.status if error else 200)
        if error is not None and "retry-after" in error.headers:
            answer.headers["retry-after"] = error.headers["retry-after"]
        if fresh:
            _set_cookie(request, answer, VISIT, visit)
        return answer

    # --- traces

    def add_queue(self, routes: APIRouter) -> None:
        """The queue, a trace, and a verdict on it."""

        @routes.get("")
        def queue(request: Request, reader: Reader = Depends(self.reader)) -> Response:
            """Traces that need a look, newest first."""
            filters, page, total = self._queue(request.query_params)
            values = {
                "reader": reader, "asked": filters, "page": page, "total": total,
                "before": request.query_params.get("before"), "outcomes": OUTCOMES, "reviews": REVIEW,
                "since": SINCE, "shadow": SHADOW, "base": str(request.base_url).rstrip("/"),
                "rules": self.context.policies.rules(),
                "models": self.context.router.models(),
            }  # fmt: skip
            return self.pages.html("queue.html", values)

        @routes.get(".json", dependencies=[Depends(self.reader)])
        def queue_json(request: Request) -> Response:
            """The same as data."""
            _, page, total = self._queue(request.query_params)
            return as_json({"data": page.items, "next": page.next, "total": total})

        @routes.get("/traces/{id}.json", dependencies=[Depends(self.reader)])
        def trace_json(id: str) -> Response:
            """The trace document."""
            return as_json(self._trace(id))

        @routes.get("/traces/{id}")
        def trace(id: str, request: Request, reader: Reader = Depends(self.reader)) -> Response:
            """One trace: what was said, what was found in it, what reviewers said."""
            return self._trace_page(self._trace(id), request.query_params, reader)

        @routes.post("/traces/{id}/reviews")
        def judge(
            id: str,
            request: Request,
            reader: Reader = Depends(self.reader),
            form: dict[str, str] = Depends(read_form),
        ) -> Response:
            """Keep a verdict; back to the trace, or on to the next."""
            self.sessions.check_form(request.cookies.get(COOKIE, ""), form.get("token", ""))
            filters = asked(dict(parse_qsl(form.get("filter", "").removeprefix("?"))))
            # Where to go on is settled first: the verdict may take the trace out of the filter.
            after = self._around(self._trace(id), filters).older
            keep_review(self.context, id, reader.who.key_id, _judgement(form))
            if form.get("then") == "next":
                return redirect(trace_path(after, filters.query()) if after else HOME + filters.query())
            return redirect(trace_path(quote(id), filters.query(saved="1")) + "#reviews")

    def _queue(self, parameters: Mapping[str, str]) -> tuple[Asked, queries.Page, int]:
        filters = asked(parameters, "before")
        spans = filters.spans()
        try:
            page = queries.list_spans(self.store, spans, ROWS, parameters.get("before"))
        except queries.QueryError as error:
            raise BadRequest(str(error), param="before") from None
        return filters, page, queries.count_spans(self.store, spans)

    def _trace(self, id: str) -> dict[str, Any]:
        found = queries.get_trace(self.store, id) if id.isprintable() else None
        if found is None:
            raise NotFound("There is no trace with this id. It may not be written yet: reload in a second.")
        return found

    def _shadows(self, id: str) -> list[dict[str, Any]]:
        return queries.list_spans(self.store, queries.SpanFilter(shadow_of=id)).items

    def _steps(self, trace: Mapping[str, Any]) -> dict[str, Any] | None:
        """The run that a trace is a step of, from its first step on; None when it is the only one."""
        idle_s = self.context.config.run_idle_s
        found = sessions.read_run(self.store, trace["run_id"], idle_s) if trace["run_id"] else None
        return found if found is not None and found["n_exchanges"] > 1 else None

    def _around(self, trace: Mapping[str, Any], filters: Asked) -> queries.Neighbours:
        return queries.neighbours(self.store, filters.spans(), trace["started_us"], trace["id"])

    def _trace_page(self, trace: dict[str, Any], parameters: Mapping[str, str], reader: Reader) -> Response:
        filters = asked(parameters, "finding", "saved")
        around = self._around(trace, filters)
        chosen = parameters.get("finding", "")
        values = {
            "reader": reader, "trace": trace, "detail": views.detail(trace), "asked": filters,
            "around": around, "verdicts": VERDICTS, "saved": "saved" in parameters,
            "shadows": self._shadows(trace["id"]), "run": self._steps(trace),
            "total": queries.count_spans(self.store, filters.spans()) if around.inside else None,
            "chosen": int(chosen) if chosen.isascii() and chosen.isdigit() and len(chosen) < 7 else None,
        }  # fmt: skip
        return self.pages.html("trace.html", values)

    # --- runs

    def add_runs(self, routes: APIRouter) -> None:
        """Eval runs."""

        @routes.get("/runs")
        def run_list(request: Request, reader: Reader = Depends(self.reader)) -> Response:
            """Published runs, newest first."""
            page = self._runs(request.query_params)
            rows = [(run, runs.head(run)) for run in page.items]
            return self.pages.html(
                "runs.html", {"reader": reader, "rows": rows, "next": page.next, "most": runs.MEANS}
            )

        @routes.get("/runs.json", dependencies=[Depends(self.reader)])
        def run_list_json(request: Request) -> Response:
            """The same as data."""
            page = self._runs(request.query_params)
            return as_json({"data": page.items, "next": page.next})

        @routes.get("/runs/{id}.json", dependencies=[Depends(self.reader)])
        def run_json(id: str) -> Response:
            """The run document."""
            return as_json(self._run(id))

        @routes.get("/runs/{id}")
        def run_page(id: str, request: Request, reader: Reader = Depends(self.reader)) -> Response:
            """One run: what the gate said, and every item."""
            run = self._run(id)
            text = request.query_params.get("first", "0")
            if not text.isascii() or not text.isdigit() or len(text) > 9:
                raise BadRequest("first takes a number.", param="first")
            values = {
                "reader": reader, "head": runs.head(run), "metrics": runs.metrics(run),
                "flips": runs.flips(run), "baseline": runs.baseline(run), "first": int(text),
                "items": runs.page(run, int(text)), "size": runs.PAGE,
                "total": len(run["items"]) if isinstance(run.get("items"), list) else 0,
            }  # fmt: skip
            return self.pages.html("run.html", values)

    def _runs(self, parameters: Mapping[str, str]) -> queries.Page:
        try:
            return queries.list_runs(self.store, ROWS, parameters.get("before"))
        except queries.QueryError as error:
            raise BadRequest(str(error), param="before") from None

    def _run(self, id: str) -> dict[str, Any]:
        found = queries.get_run(self.store, id) if id.isprintable() else None
        if found is None:
            raise NotFound("There is no run with this id.")
        return found


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form that a page of ours sent. Raises Forbidden, PayloadTooLarge or BadRequest."""
    check_origin(request.headers)
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > FORM_BYTES:
            raise PayloadTooLarge(f"The form is over {FORM_BYTES} bytes.")
    try:
        pairs = parse_qsl(data.decode("ascii"), keep_blank_values=True, max_num_fields=20, errors="strict")
    except ValueError:
        raise BadRequest("The form cannot be read.") from None
    return dict(pairs)


def as_json(value: Any) -> Response:
    """Data, under the same protection as a page."""
    answer = reply(value)
    answer.headers.update(HEADERS)
    return answer


def _judgement(form: Mapping[str, str]) -> dict[str, Any]:
    verdict, finding = form.get("verdict", ""), form.get("finding", "")
    if verdict not in VERDICTS:
        raise BadRequest("Choose a verdict.", param="verdict")
    if finding and not (finding.isascii() and finding.isdigit() and len(finding) < 7):
        raise BadRequest("finding takes the number of a finding.", param="finding")
    note = form.get("note", "").replace("\r\n", "\n").strip()
    return {"verdict": verdict, "note": note, "finding": int(finding) if finding else None}


def _set_cookie(request: Request, answer: Response, name: str, value: str) -> None:
    # Not for /review alone: `/review.json` is not below it.
    answer.set_cookie(
        name, value, max_age=HOURS * 3600, path="/", secure=secure(request), httponly=True, samesite="strict"
    )
