"""Pages of eval runs: the list, one run, and two side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response

from proxy.errors import BadRequest, Code, NotFound, plain_name, plain_param
from proxy.paired import METHOD
from proxy.review import compare, runs
from proxy.review.compare_items import sides
from proxy.review.session import HOME
from proxy.review.site import Reader, Site, as_json
from proxy.review.trends import HEIGHT, WIDTH, trends
from proxy.roles import Permission
from proxy.store import queries
from proxy.store.present import present

ROWS = 50
"""Runs on one page."""
CASES = 20
"""Cases of a comparison on one page: each with both outputs."""


def add(routes: APIRouter, site: Site) -> None:
    """Eval runs."""

    viewer = Depends(site.allowed(Permission.RUNS_READ))

    @routes.get("/runs")
    def run_list(request: Request, reader: Reader = viewer) -> Response:
        """Published runs, newest first."""
        _known(request.query_params, "before", "suite")
        page = _runs(site, request.query_params, reader)
        values = {
            "reader": reader, "rows": [(run, runs.head(run)) for run in page.items], "next": page.next,
            "most": runs.MEANS, "suite": request.query_params.get("suite") or "",
            "suites": queries.suites(site.store, reader.tenant), "trends": trends(page.items),
            "size": (WIDTH, HEIGHT), "before": request.query_params.get("before"), "link": link,
        }  # fmt: skip
        return site.pages.html("runs.html", values)

    @routes.get("/runs.json")
    def run_list_json(request: Request, reader: Reader = viewer) -> Response:
        """The same as data."""
        _known(request.query_params, "before", "suite")
        page = _runs(site, request.query_params, reader)
        return as_json({"data": page.items, "next": page.next})

    _compare(routes, site, viewer)

    @routes.get("/runs/{id}.json")
    def run_json(id: str, reader: Reader = viewer) -> Response:
        """The run document."""
        return as_json(_run(site, id, reader))

    @routes.get("/runs/{id}")
    def run_page(id: str, request: Request, reader: Reader = viewer) -> Response:
        """One run: what the gate said, and every item."""
        _known(request.query_params, "first", "show")
        run = _run(site, id, reader)
        first, show = _first(request.query_params), _shown(request.query_params, runs.SHOWN)
        baseline = runs.baseline(run)
        kept = present(site.store, runs.traces_of(run), reader.tenant)
        values = {
            "reader": reader, "head": runs.head(run), "metrics": runs.metrics(run), "link": link,
            "flips": runs.flips(run), "baseline": baseline, "first": first, "show": show, "shown": runs.SHOWN,
            "items": runs.page(run, first, show), "size": runs.PAGE, "kept": kept,
            "baseline_here": bool(baseline) and _there(site, baseline, reader),
            "named": len(runs.traces_of(run)), "total": len(runs.asked(run, show)),
            "counts": {kind: len(runs.asked(run, kind)) for kind in runs.SHOWN},
            "erased": sum(bool(item.get("erased")) for item in runs.asked(run, "all") if isinstance(item, dict)),
        }  # fmt: skip
        return site.pages.html("run.html", values)


def _compare(routes: APIRouter, site: Site, viewer: Any) -> None:
    """Two runs side by side. Must be added before `/runs/{id}`."""

    def compared(request: Request, reader: Reader) -> dict[str, Any]:
        asked = request.query_params
        _known(asked, "a", "b", "show", "metric", "first")
        if not asked.get("a") or not asked.get("b"):
            raise BadRequest("Choose two runs: the list of runs has a column for each.", param="a")
        before, after = (_run(site, asked[name], reader) for name in ("a", "b"))
        found = compare.compare(before, after)
        show, metric, first = _shown(asked, compare.SHOWN), asked.get("metric", ""), _first(asked)
        rows = compare.narrowed(found.rows, show, metric)
        return {
            "before": before, "after": after, "found": found, "show": show, "metric": metric, "first": first,
            "total": len(rows), "rows": rows[first : first + CASES],
        }  # fmt: skip

    @routes.get("/runs/compare.json")
    def compare_json(request: Request, reader: Reader = viewer) -> Response:
        """The same as data: the rows of the page, without the outputs, which the runs have."""
        told = compared(request, reader)
        found = told["found"]
        return as_json(
            {
                "a": told["before"].get("id"),
                "b": told["after"].get("id"),
                "method": METHOD,
                "warnings": found.warnings,
                "differences": found.differences,
                "shared": found.shared,
                "only_a": found.only_before,
                "only_b": found.only_after,
                "metrics": found.changes,
                "counts": found.counts,
                "total": told["total"],
                "first": told["first"],
                "data": [
                    {
                        "id": row.key[0],
                        "metric": row.metric,
                        "kind": row.kind,
                        "a": row.before,
                        "b": row.after,
                        "delta": row.delta,
                    }
                    for row in told["rows"]
                ],
            }
        )

    @routes.get("/runs/compare")
    def compare_page(request: Request, reader: Reader = viewer) -> Response:
        """What changed from one run to another: metrics with intervals, cases that changed sides, outputs."""
        told = compared(request, reader)
        cards = sides(told["before"], told["after"], told["rows"])
        named = {given.trace_id for card in cards for given in (card.before, card.after)}
        values = told | {
            "reader": reader, "heads": [runs.head(told["before"]), runs.head(told["after"])], "link": link,
            "kinds": compare.KINDS, "shown": compare.SHOWN, "method": METHOD, "size": CASES,
            "cards": cards,
            "kept": present(site.store, {id for id in named if id.isprintable()}, reader.tenant),
        }  # fmt: skip
        return site.pages.html("compare.html", values)


def link(page: str = "", **parameters: str | int | None) -> str:
    """An address below the list of runs, with these parameters where they say something."""
    kept = {name: value for name, value in parameters.items() if value}
    return f"{HOME}/runs{page}" + ("?" + urlencode(kept, errors="replace") if kept else "")


def _known(parameters: Mapping[str, str], *known: str) -> None:
    for name in parameters:
        if name not in known:
            message = f"Query parameter {plain_name(name)} is unknown. Known: {', '.join(known)}."
            raise BadRequest(message, param=plain_param(name), code=Code.UNKNOWN_PARAMETER)


def _first(parameters: Mapping[str, str]) -> int:
    text = parameters.get("first", "0")
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise BadRequest("first takes a number.", param="first")
    return int(text)


def _shown(parameters: Mapping[str, str], known: tuple[str, ...]) -> str:
    show = parameters.get("show") or "all"
    if show not in known:
        raise BadRequest(f"show takes one of {', '.join(known)}.", param="show")
    return show


def _runs(site: Site, parameters: Mapping[str, str], reader: Reader) -> queries.Page:
    suite = parameters.get("suite") or None
    if suite is not None and "\0" in suite:
        raise BadRequest("suite holds a NUL, which no database takes.", param="suite")
    try:
        return queries.list_runs(site.store, ROWS, parameters.get("before"), reader.tenant, suite)
    except queries.QueryError as error:
        raise BadRequest(str(error), param="before") from None


def _there(site: Site, id: str, reader: Reader) -> bool:
    return id.isprintable() and queries.has_run(site.store, id, reader.tenant)


def _run(site: Site, id: str, reader: Reader) -> dict[str, Any]:
    found = queries.get_run(site.store, id, reader.tenant) if id.isprintable() else None
    if found is None:
        raise NotFound("There is no run with this id.")
    return found
