"""Pages on what was said before the guardrails: asking to read it, the text itself, and who read what."""

from __future__ import annotations

import time
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Request, Response

from proxy.api.reveals import granted, revealed
from proxy.errors import BadRequest, plain_name, plain_param
from proxy.review.filters import trace_path
from proxy.review.forms import read_form
from proxy.review.pages import redirect
from proxy.review.site import Reader, Site
from proxy.roles import Permission, tenant_of
from proxy.store import reveals


def add(routes: APIRouter, site: Site) -> None:
    """The routes."""
    may_reveal = Depends(site.allowed(Permission.TRACES_REVEAL))
    auditor = Depends(site.allowed(Permission.AUDIT_READ))

    @routes.post("/traces/{id}/reveal")
    def ask(
        id: str, request: Request, reader: Reader = may_reveal, form: dict[str, str] = Depends(read_form)
    ) -> Response:
        """Ask for leave, and on to the text."""
        site.check_form(request, form)
        part = form.get("part", "")
        grant = granted(site.context, reader.who, id, part, form.get("reason", ""))
        if form.get("view") == "diff":
            shown = {"tab": "diff", "part": part, "grant": grant.id}
            return redirect(f"{trace_path(quote(id, safe=''))}?{urlencode(shown)}")
        return redirect(f"{trace_path(quote(id))}/raw/{part}?{urlencode({'grant': grant.id})}")

    @routes.get("/traces/{id}/raw/{part}")
    def raw(id: str, part: str, request: Request, reader: Reader = may_reveal) -> Response:
        """A part as it was. When the time is over, the browser goes back to the trace."""
        found = revealed(site.context, reader.who, id, part, request.query_params.get("grant", ""))
        left = max(1, (found.expires_us - time.time_ns() // 1000) // 1_000_000)
        values = {
            "reader": reader,
            "id": id,
            "part": part,
            "text": found.data.decode("utf-8", "replace"),
            "found": found,
            "minutes": -(-left // 60),
        }
        answer = site.pages.html("raw.html", values)
        answer.headers["refresh"] = f"{left}; url={trace_path(quote(id, safe=''))}"
        return answer

    @routes.get("/reveals")
    def listed(request: Request, reader: Reader = auditor) -> Response:
        """Who had leave to read what, newest first; `trace` names one trace."""
        for name in request.query_params:
            if name != "trace":
                raise BadRequest(
                    f"Query parameter {plain_name(name)} is unknown. Known: trace.", param=plain_param(name)
                )
        trace = request.query_params.get("trace", "")
        if not trace.isprintable():
            raise BadRequest("trace takes the id of a trace.", param="trace")
        rows = reveals.reveals(site.store, trace or None, tenant_of(reader.who))
        called = site.called(row["actor"] for row in rows)
        values = {"reader": reader, "trace": trace, "rows": rows, "called": called}
        return site.pages.html("reveals.html", values)
