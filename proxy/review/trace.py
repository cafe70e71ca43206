"""The page of a trace: what was said, what was found in it, what reviewers said, and the form to judge it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import orjson
from fastapi import APIRouter, Depends, Request, Response

from proxy.api.deps import own
from proxy.api.reveals import revealed
from proxy.errors import BadRequest, NotFound
from proxy.raw import PARTS
from proxy.review import views
from proxy.review.diff_view import Compared, compared
from proxy.review.filters import Asked, asked
from proxy.review.judged import missed
from proxy.review.judging import NAMES, OF_FINDING, OF_TRACE
from proxy.review.new_turn import known
from proxy.review.room import LONGEST
from proxy.review.site import Reader, Site, as_json
from proxy.review.undoing import UNDO_S, saved
from proxy.roles import Permission
from proxy.store import claims, filters, queries, reveals, steps
from proxy.store.comments import LONGEST as LONGEST_COMMENT
from proxy.store.filter_fields import TAGS

TABS = {"": "Redacted", "diff": "Diff", "raw": "Raw (reason needed)", "json": "JSON"}
"""The ways to look at an exchange, by the value of `tab`."""
TURNS = ("", "new")
"""What is shown of the conversation: all of it, or what the step before did not have."""
ALSO = ("tab", "turn", "item", "saved", "given", "undone", "part", "grant")
"""Query parameters of the page besides the filter."""
WITHIN_S = 0.1
"""Seconds that finding the place in the filter may take."""
KINDS = (
    "EMAIL_ADDRESS", "PHONE_NUMBER", "PERSON", "LOCATION", "CREDIT_CARD", "IBAN_CODE", "US_SSN", "IP_ADDRESS",
    "SECRET", "INJECTION", "OTHER",
)  # fmt: skip
"""What the form offers as kinds of what was missed, besides those that were found."""


def add(routes: APIRouter, site: Site) -> None:
    """The routes."""
    viewer = Depends(site.allowed(Permission.TRACES_READ))

    @routes.get("/traces/{id}.json")
    def trace_json(id: str, reader: Reader = viewer) -> Response:
        """The trace document."""
        return as_json(read(site, id, reader))

    @routes.get("/traces/{id}")
    def trace(id: str, request: Request, reader: Reader = viewer) -> Response:
        """One trace: what was said, what was found in it, what reviewers said."""
        values = _page(site, read(site, id, reader), request.query_params, reader)
        return site.pages.html("trace.html", values)


def read(site: Site, id: str, reader: Reader) -> dict[str, Any]:
    """The trace document. Raises NotFound."""
    found = queries.get_trace(site.store, id, reader.tenant, reader.who.key_id) if id.isprintable() else None
    if found is None:
        raise NotFound("There is no trace with this id. It may not be written yet: reload in a second.")
    return found


def beside(site: Site, trace: Mapping[str, Any], filter: Asked, reader: Reader) -> queries.Neighbours:
    """The traces next to one in a filter."""
    mine = filter.spans() + own(reader.who)
    return queries.neighbours(site.store, mine, trace["started_us"], trace["id"], WITHIN_S)


def parts(site: Site, trace: dict[str, Any], reader: Reader) -> dict[str, Any]:
    """What the templates of a trace and of its parts share."""
    detail = views.detail(trace, reader.who.key_id)
    authors = [said["author"] for said in (*trace["reviews"], *trace["comments"])]
    entities = {str(found["entity"]) for found in trace["findings"]}
    return {
        "reader": reader,
        "trace": trace,
        "called": site.called(authors),
        "detail": detail,
        "names": NAMES,
        "of_finding": OF_FINDING,
        "of_trace": OF_TRACE,
        "tags": TAGS,
        "kinds": list(dict.fromkeys([*sorted(entities), *KINDS])),
        "missed": missed(trace),
        "me": reader.who.key_id,
    }


def _page(site: Site, trace: dict[str, Any], parameters: Mapping[str, str], reader: Reader) -> dict[str, Any]:
    filter = asked(parameters, *ALSO)
    tab = _one_of(parameters, "tab", tuple(TABS))
    turn = _one_of(parameters, "turn", TURNS)
    run = steps.around(site.store, trace)
    values = parts(site, trace, reader)
    detail: views.Detail = values["detail"]
    old = [False] * len(detail.messages)
    if turn == "new" and run is not None and run.previous is not None:
        old = known(trace, read(site, run.previous, reader), detail.messages)
    claim = _claim(site, trace, parameters, reader)
    revealed_to = reveals.reveals(site.store, trace["id"]) if reader.may(Permission.AUDIT_READ) else None
    may_reveal = bool(trace.get("raw")) and reader.may(Permission.TRACES_REVEAL)
    return values | {
        "asked": filter,
        # Who works through a queue goes on in its order: no neighbours are looked for.
        "around": None if claim else beside(site, trace, filter, reader),
        "tab": tab,
        "tabs": TABS,
        "turn": turn,
        "old": sum(old),
        "messages": list(zip(detail.messages, old, strict=True)),
        "run": run,
        "claim": claim,
        "lost": bool(parameters.get("item")) and claim is None,
        "query": filter.query(item=claim.item_id if claim else None, turn=turn or None),
        "saved": saved(parameters),
        "undone": "undone" in parameters,
        "shadows": queries.list_spans(site.store, filters.of(shadow_of=trace["id"])).items,
        "reveals": revealed_to,
        "called": {**values["called"], **site.called(each["actor"] for each in revealed_to or ())},
        "may_reveal": may_reveal,
        "compared": _compared(site, trace, parameters, reader) if tab == "diff" and may_reveal else None,
        "part": parameters.get("part", ""),
        "written": _written(trace) if tab == "json" else "",
        "longest_comment": LONGEST_COMMENT,
        "draft_of": _in_force(site, str(trace["policy"])),
        "undo_s": UNDO_S,
    }


def _in_force(site: Site, label: str) -> str:
    """The policy of which a draft is replayed: the trace's own if it is in force, else the first."""
    names = [each.guard.policy.name for each in site.context.policies.placed()]
    own = label.rpartition("@")[0]
    return own if own in names else next(iter(names), "")


def _one_of(parameters: Mapping[str, str], name: str, known: tuple[str, ...]) -> str:
    value = parameters.get(name, "")
    if value not in known:
        raise BadRequest(f"{name} takes {', '.join(filter(None, known))}, or nothing.", param=name)
    return value


def _claim(
    site: Site, trace: Mapping[str, Any], parameters: Mapping[str, str], reader: Reader
) -> claims.Claim | None:
    """The reader's live claim that the address names, if it is one on this trace."""
    item = parameters.get("item", "")
    if not item or not item.isprintable() or not reader.may(Permission.REVIEWS_WRITE):
        return None
    found = claims.claim_of(site.store, item, reader.who.key_id)
    return found if found is not None and found.span_id == trace["id"] else None


def _compared(
    site: Site, trace: Mapping[str, Any], parameters: Mapping[str, str], reader: Reader
) -> Compared | str | None:
    """A part before and after the guardrails, for who has leave; None for who has none, a text for why not.

    Reading it is an act of the audit log. Raises Forbidden, Gone, NotFound or RateLimited.
    """
    grant, part = parameters.get("grant", ""), parameters.get("part", "")
    if not grant:
        return None
    if part not in PARTS:
        raise BadRequest(f"part takes one of {', '.join(PARTS)}.", param="part")
    raw = revealed(site.context, reader.who, trace["id"], part, grant)
    found = compared(raw.data, trace[part])
    if found is not None:
        return found
    return f"/traces/{quote(str(trace['id']), safe='')}/raw/{part}?grant={quote(grant, safe='')}"


def _written(trace: Mapping[str, Any]) -> str:
    """The document as it reads best, cut to what a page shows."""
    option = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    try:
        text = orjson.dumps(trace, option=option).decode()
    except TypeError:
        return "This document holds numbers or characters that only the JSON itself can show."
    return text[:LONGEST] + ("\n…" if len(text) > LONGEST else "")
