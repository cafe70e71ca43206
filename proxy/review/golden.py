"""Pages of golden sets: what stands in them, where it came from, whether it last passed; and candidates for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from proxy import golden_sets
from proxy.errors import BadRequest, NotFound
from proxy.golden_sets import GoldenSet
from proxy.review.site import Reader, Site, as_json
from proxy.roles import Permission
from proxy.store import queries
from proxy.store.present import present

PAGE = 100
"""Items on one page."""
_RUNS, _LISTED = 5, 50
"""Documents of a set's runs that are read for its items' last results, and runs among which they are looked for."""
_PASSING = 0.5
"""An item passes a scorer from this value on, as comparisons of runs have it."""


def add(routes: APIRouter, site: Site) -> None:
    """Golden sets."""
    viewer = Depends(site.allowed(Permission.RUNS_READ))

    @routes.get("/golden")
    def set_list(reader: Reader = viewer) -> Response:
        """The sets beside the configuration, and those that only runs name."""
        found, elsewhere = _listed(site, reader)
        values = {
            "reader": reader,
            "sets": found,
            "elsewhere": elsewhere,
            "folder": _folder(site) is not None,
        }
        return site.pages.html("golden.html", values)

    @routes.get("/golden.json")
    def set_list_json(reader: Reader = viewer) -> Response:
        """The same as data."""
        found, elsewhere = _listed(site, reader)
        return as_json({"sets": found, "elsewhere": elsewhere})

    @routes.get("/golden/sets/{name}.json")
    def set_json(name: str, reader: Reader = viewer) -> Response:
        """One set with its items."""
        folder, one = _one(site, name)
        items, problem = golden_sets.items(folder, one)
        results = _results(site, one.name, reader)
        told = [{**_plain(item), "last": results.get((item.id, item.sha256))} for item in items]
        return as_json({**_plain(one), "problem": one.problem or problem, "items": told})

    @routes.get("/golden/sets/{name}")
    def set_page(name: str, request: Request, reader: Reader = viewer) -> Response:
        """One set: its items, its versions, its licence."""
        asked = request.query_params
        first, tag = asked.get("first", "0"), asked.get("tag", "")
        if not first.isascii() or not first.isdigit() or len(first) > 7:
            raise BadRequest("first takes a number.", param="first")
        folder, one = _one(site, name)
        items, problem = golden_sets.items(folder, one)
        chosen = [item for item in items if not tag or tag in item.tags]
        chosen = [item for item in chosen if asked.get("from") != "traces" or item.trace]
        shown = chosen[int(first) : int(first) + PAGE]
        values = {
            "reader": reader, "set": one, "problem": one.problem or problem, "items": shown, "size": PAGE,
            "first": int(first), "total": len(chosen), "all": len(items), "tag": tag,
            "from_traces": sum(bool(item.trace) for item in items), "only": asked.get("from") == "traces",
            "results": _results(site, one.name, reader), "traces": _traces(site, [i.trace for i in shown], reader),
            "changelog": golden_sets.changelog(folder, one)[:20_000],
        }  # fmt: skip
        return site.pages.html("golden_set.html", values)


def _folder(site: Site) -> Path | None:
    found: Path | None = getattr(site.context.config, "golden_dir", None)
    return found


def _one(site: Site, name: str) -> tuple[Path, GoldenSet]:
    """A set by its name. Raises NotFound."""
    folder = _folder(site)
    one = next((each for each in golden_sets.sets(folder) if each.name == name), None)
    if folder is None or one is None:
        raise NotFound("There is no golden set of this name here.")
    return folder, one


def _listed(site: Site, reader: Reader) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The sets of the folder, each with its newest run; and sets that only runs name."""
    newest: dict[str, Mapping[str, Any]] = {}
    run: Mapping[str, Any] | None
    for run in queries.list_runs(site.store, _LISTED, None, reader.tenant).items:
        if (name := _golden(run, "name")) and name not in newest:
            newest[name] = run
    found = []
    for one in golden_sets.sets(_folder(site)):
        run = newest.pop(one.name) if one.name in newest else None
        found.append({**_plain(one), "run": _run_of(run), "behind": bool(run) and _is_other(run, one)})
    others = [
        {"name": name, "version": _golden(run, "version"), "run": _run_of(run)}
        for name, run in newest.items()
    ]
    return found, others


def _is_other(run: Mapping[str, Any] | None, one: GoldenSet) -> bool:
    """Whether a run used another content than the set has now."""
    return run is not None and _golden(run, "content_sha256") != one.content_sha256


def _run_of(run: Mapping[str, Any] | None) -> dict[str, str] | None:
    if run is None:
        return None
    gate = run.get("gate")
    verdict = gate.get("verdict") if isinstance(gate, dict) else None
    return {
        "id": str(run.get("id")),
        "created_at": str(run.get("created_at"))[:19].replace("T", " "),
        "version": _golden(run, "version"),
        "verdict": verdict if verdict in ("pass", "block", "invalid", "inconclusive") else "none",
    }


def _golden(run: Mapping[str, Any], name: str) -> str:
    golden = run.get("golden")
    value = golden.get(name) if isinstance(golden, dict) else None
    return value if isinstance(value, str) else ""


def _results(site: Site, name: str, reader: Reader) -> dict[tuple[str, str], dict[str, Any]]:
    """What came of each item in the newest run that asked it, by id and hash: an item that changed has no result."""
    heads = queries.list_runs(site.store, _LISTED, None, reader.tenant).items
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for head in [head for head in heads if _golden(head, "name") == name][:_RUNS]:
        run = queries.get_run(site.store, str(head.get("id")), reader.tenant)
        items = run.get("items") if run is not None else None
        for item in items if isinstance(items, list) else ():
            if (
                isinstance(item, dict)
                and isinstance(item.get("id"), str)
                and isinstance(item.get("sha256"), str)
            ):
                told = {"run": str(head.get("id")), "passed": _passed(item.get("scores"))}
                found.setdefault((item["id"], item["sha256"]), told)
    return found


def _passed(scores: Any) -> bool | None:
    """Whether an item passed every scorer that gives shares; None where nothing was scored."""
    values = [
        score.get("value")
        for name, score in (scores.items() if isinstance(scores, dict) else ())
        if isinstance(score, dict) and score.get("status") == "scored" and name != "latency"
    ]
    known = [value for value in values if isinstance(value, int | float)]
    return all(value >= _PASSING for value in known) if known else None


def _traces(site: Site, ids: list[str], reader: Reader) -> dict[str, str]:
    """Which of some traces are `there`, and which were `erased`; the others are gone otherwise, or not of here."""
    found = present(site.store, sorted({id for id in ids if id}), reader.tenant)
    return {**dict.fromkeys(found.erased, "erased"), **dict.fromkeys(found.there, "there")}


def _plain(one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__slots__}
