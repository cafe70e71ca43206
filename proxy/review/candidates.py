"""Pages of golden candidates: promoting a trace, and what is expected of it, until somebody takes it into a set."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response

from guardrails.types import Action
from proxy import golden_case
from proxy.api.golden import one, told_of
from proxy.errors import BadRequest, Conflict, NotFound, Unavailable
from proxy.review.forms import read_form
from proxy.review.pages import redirect
from proxy.review.session import HOME
from proxy.review.site import Reader, Site, as_json
from proxy.review.trace import read as read_trace
from proxy.roles import Permission
from proxy.said import masked
from proxy.store import candidates
from proxy.store.blindness import hidden_from
from proxy.store.candidates import Candidate
from proxy.store.queries import QueryError

ROWS = 50
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LISTS = {"entities": re.compile(r"[A-Z][A-Z0-9_]{1,63}"), "tags": _NAME}
"""Fields with several words, and what one of them looks like."""
_MOST_WORDS = 40
_TEXTS = {"answer": 20_000, "note": 4_000}


def add(routes: APIRouter, site: Site) -> None:
    """Candidates for golden sets."""
    viewer = Depends(site.allowed(Permission.TRACES_READ))
    reviewer = Depends(site.allowed(Permission.REVIEWS_WRITE))

    @routes.post("/traces/{id}/promote")
    async def promote(
        id: str, request: Request, reader: Reader = reviewer, form: dict[str, str] = Depends(read_form)
    ) -> Response:
        """Make a reviewed trace a candidate."""
        site.check_form(request, form)
        document = await asyncio.to_thread(read_trace, site, id, reader)
        golden_case.check_reviewed(document)
        given = {**golden_case.suggested(document), **_given(form)} if "action" not in form else _given(form)
        labels = await _masked(site, reader, given)
        found = await asyncio.to_thread(
            candidates.promote, site.store, id, _dataset(form), labels, reader.who.key_id, reader.tenant
        )
        if found is None:
            raise NotFound("There is no trace with this id.")
        return redirect(f"{HOME}/golden/candidates/{found.id}")

    @routes.get("/golden/candidates.json")
    def candidate_list_json(request: Request, reader: Reader = viewer) -> Response:
        """The candidates as data, without their items."""
        return as_json(_listed(site, request.query_params, reader))

    @routes.get("/golden/candidates")
    def candidate_list(request: Request, reader: Reader = viewer) -> Response:
        """Candidates, newest first."""
        told = _listed(site, request.query_params, reader)
        values = {"reader": reader, **told, "asked": request.query_params.get("set", "")}
        values["called"] = site.called(each["by"] for each in told["data"])
        return site.pages.html("candidates.html", values)

    @routes.get("/golden/candidates/{id}.json")
    def candidate_json(id: str, reader: Reader = viewer) -> Response:
        """One candidate with its item."""
        return as_json(told_of(site.context, one(site.context, id, reader.tenant), reader.who.key_id))

    @routes.get("/golden/candidates/{id}")
    def candidate_page(id: str, request: Request, reader: Reader = viewer) -> Response:
        """What is expected of a candidate, the line that it becomes, and the command that takes it."""
        found = one(site.context, id, reader.tenant)
        told = told_of(site.context, found, reader.who.key_id)
        hidden, item = bool(_hidden(site, [found], reader)), told["item"]
        values = {
            "reader": reader, "candidate": found, "told": told, "labels": {} if hidden else found.labels or {},
            "line": None if item is None else golden_case.line(item), "actions": [*Action],
            "verdicts": item["provenance"]["verdicts"] if item else [],
            "command": f"guardhouse golden add datasets/golden/{found.dataset} "
            f"--from {request.base_url}api/golden/candidates/{found.id}",
            "saved": "saved" in request.query_params, "called": site.called([found.actor]),
        }  # fmt: skip
        return site.pages.html("candidate.html", values)

    @routes.post("/golden/candidates/{id}")
    async def edit(
        id: str, request: Request, reader: Reader = reviewer, form: dict[str, str] = Depends(read_form)
    ) -> Response:
        """Change what is expected."""
        site.check_form(request, form)
        await asyncio.to_thread(_may_change, site, id, reader)
        labels = await _masked(site, reader, _given(form))
        found = await asyncio.to_thread(
            candidates.edit, site.store, id, _dataset(form), labels, reader.who.key_id, reader.tenant
        )
        if found is None:
            raise NotFound("There is no such candidate, or it was withdrawn.")
        return redirect(f"{HOME}/golden/candidates/{quote(id)}?saved=1")

    @routes.post("/golden/candidates/{id}/withdraw")
    async def withdraw(
        id: str, request: Request, reader: Reader = reviewer, form: dict[str, str] = Depends(read_form)
    ) -> Response:
        """Take a candidate back."""
        site.check_form(request, form)
        if not await asyncio.to_thread(candidates.withdraw, site.store, id, reader.who.key_id, reader.tenant):
            raise NotFound("There is no such candidate, or it was withdrawn.")
        return redirect(f"{HOME}/golden/candidates")


def _listed(site: Site, asked: Mapping[str, str], reader: Reader) -> dict[str, Any]:
    try:
        found, after = candidates.candidates(
            site.store, reader.tenant, asked.get("set", ""), 0, ROWS, asked.get("before")
        )
    except QueryError as error:
        raise BadRequest(str(error), param="before") from None
    hidden = _hidden(site, found, reader)
    rows = [
        {
            "id": each.id, "set": each.dataset, "trace": each.span_id, "state": each.state, "by": each.actor,
            "created_us": each.created_us, "taken_us": each.taken_us,
            "expects": "" if each.id in hidden else _expects(each.labels),
        }
        for each in found
    ]  # fmt: skip
    return {"data": rows, "next": after}


def _hidden(site: Site, found: Sequence[Candidate], reader: Reader) -> set[str]:
    """Those of which a reader must not know what others expect: they are to review the traces blindly."""
    others = [each for each in found if each.actor != reader.who.key_id]
    with site.store.read() as connection:
        spans = hidden_from(connection, [each.span_id for each in others], reader.who.key_id)
    return {each.id for each in others if each.span_id in spans}


def _may_change(site: Site, id: str, reader: Reader) -> None:
    """Raises NotFound, or Conflict for what the reader has not seen."""
    if _hidden(site, [one(site.context, id, reader.tenant)], reader):
        raise Conflict(
            "Its trace waits for your blind review: what others expect of it is changed afterwards."
        )


def _expects(labels: Mapping[str, Any] | None) -> str:
    if labels is None:
        return ""
    kinds = " ".join(labels.get("entities", ()))
    guardrail = f"{labels['action']} {kinds}".strip() if labels.get("action") else ""
    return "; ".join(part for part in (guardrail, labels.get("answer", "")) if part)


def _dataset(form: Mapping[str, str]) -> str:
    name = form.get("dataset", "").strip()
    if not _NAME.fullmatch(name):
        raise BadRequest(
            "dataset takes the name of a golden set: letters, digits, dots, dashes.", param="dataset"
        )
    return name


def _given(form: Mapping[str, str]) -> dict[str, Any]:
    """What is expected, as the form says it. Raises BadRequest."""
    given: dict[str, Any] = {}
    for name, most in _TEXTS.items():
        text = form.get("expected" if name == "answer" else name, "").replace("\r\n", "\n").strip()
        if len(text) > most:
            raise BadRequest(f"{name} is over {most:,} characters.", param=name)
        given[name] = text
    for name, shape in _LISTS.items():
        if name in form:
            words = form[name].replace(",", " ").split()
            if len(words) > _MOST_WORDS or not all(shape.fullmatch(word) for word in words):
                raise BadRequest(
                    f"{name} takes words such as {_LIKE[name]}, with spaces between.", param=name
                )
            given[name] = sorted({*words})
    if "action" in form:
        if form["action"] not in ("", *Action):
            raise BadRequest(f"action takes one of {', '.join(Action)}, or nothing.", param="action")
        given["action"] = form["action"]
    return given


_LIKE = {"entities": "EMAIL_ADDRESS", "tags": "billing"}


async def _masked(site: Site, reader: Reader, given: Mapping[str, Any]) -> dict[str, Any]:
    """What somebody wrote, after the policy. Raises Unavailable when a rule could not look at it."""
    kept = dict(given)
    for name in _TEXTS:
        if kept.get(name):
            text = await masked(site.context, reader.who, kept[name])
            if text is None:
                raise Unavailable(
                    "It was not kept: a rule could not look at what you wrote. Send it again later."
                )
            kept[name] = text
    return kept
