"""Pages of the policies in force: what reviewers' verdicts say of each rule, the text, its versions, and a try."""

from __future__ import annotations

import asyncio
import difflib
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from guardrails.policy import Rule
from guardrails.pseudonyms import Vault
from guardrails.types import Segment, Stage, Verdict
from proxy.errors import BadRequest, NotFound
from proxy.policies import Placed
from proxy.policy_sources import texts
from proxy.review.forms import read_form
from proxy.review.marks import Mark, marked
from proxy.review.session import HOME
from proxy.review.site import Reader, Site, as_json
from proxy.roles import Permission
from proxy.store import policy_texts
from proxy.store.deadline import Late
from proxy.store.policy_texts import File
from proxy.store.rule_figures import DAY_US, RuleFigures, figures

DAYS = 30
"""How far back the pages look."""
TRY_CHARS = 20_000
"""The longest text that is tried."""
_MOST_LINES = 4_000
"""Lines of a comparison that are shown."""


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One rule as a page shows it."""

    rule: Rule
    figures: RuleFigures | None
    """None for a rule that found nothing."""
    work: Any
    """How its inspections went in this process; None before the first."""
    anchor: str
    """Where in the policy's text it is written; empty where that is not known."""


def add(routes: APIRouter, site: Site) -> None:
    """The policies in force."""
    either = Depends(site.allowed(Permission.TRACES_READ, Permission.POLICIES_READ))
    reads = Depends(site.allowed(Permission.POLICIES_READ))

    @routes.get("/policies")
    def policy_list(reader: Reader = either) -> Response:
        """Every policy in force, each rule with its numbers for who may see traces."""
        found, late = numbers_of(site, reader)
        shown = [(placed, _lines(site, placed, found)) for placed in _placed(site)]
        return site.pages.html(
            "policies.html", {"reader": reader, "policies": shown, "days": DAYS, "late": late}
        )

    @routes.get("/policies.json")
    def policy_list_json(reader: Reader = either) -> Response:
        """The same as data."""
        found, late = numbers_of(site, reader)
        told = [_told(placed, _lines(site, placed, found)) for placed in _placed(site)]
        return as_json({"days": DAYS, "late": late, "policies": told})

    @routes.get("/policies/{name}.json")
    def policy_json(name: str, reader: Reader = reads) -> Response:
        """The same as data."""
        placed = one(site, name)
        found, late = numbers_of(site, reader)
        files = _files(site, placed.guard.policy.label)
        versions = policy_texts.versions(site.store, name, reader.tenant)
        return as_json(
            {
                **_told(placed, _lines(site, placed, found)),
                "late": late,
                "files": [file._asdict() for file in files],
                "versions": versions,
            }
        )

    @routes.get("/policies/{name}")
    def policy_page(name: str, request: Request, reader: Reader = reads) -> Response:
        """One policy: its text, its versions, and a box to try it."""
        return site.pages.html(
            "policy.html", _page(site, name, reader, request.query_params.get("against", ""))
        )

    @routes.post("/policies/{name}/try")
    async def try_text(
        name: str, request: Request, reader: Reader = reads, form: dict[str, str] = Depends(read_form)
    ) -> Response:
        """What the policy makes of a text. Nothing of it is kept."""
        site.check_form(request, form)
        placed = one(site, name)
        text, stage = form.get("text", ""), form.get("stage", "input")
        if len(text) > TRY_CHARS:
            raise BadRequest(f"text is over {TRY_CHARS:,} characters.", param="text")
        if stage not in {*Stage}:
            raise BadRequest(f"stage takes one of {', '.join(Stage)}.", param="stage")
        text = text.replace("\r\n", "\n")
        segment = Segment(text, "/text", Stage(stage))
        # As /v1 does it: what is slow runs beside the event loop by itself.
        vault = Vault(site.context.key, "try", "try")
        verdict = await placed.guard.inspect([segment], vault, reply=stage == Stage.OUTPUT)
        values = await asyncio.to_thread(_page, site, name, reader, "")
        return site.pages.html("policy.html", values | {"tried": _tried(text, stage, verdict)})


def numbers_of(site: Site, reader: Reader) -> tuple[dict[str, RuleFigures], bool]:
    """What is known of each rule, and whether the time was over before it was counted."""
    since_us = time.time_ns() // 1000 - DAYS * DAY_US
    if not reader.may(Permission.TRACES_READ):
        return {}, False
    try:
        return {each.rule: each for each in figures(site.store, reader.tenant, since_us)}, False
    except Late:
        return {}, True


def one(site: Site, name: str) -> Placed:
    """The policy of a name. Raises NotFound."""
    found = next((each for each in site.context.policies.placed() if each.guard.policy.name == name), None)
    if found is None:
        raise NotFound("No policy of this name is in force.")
    return found


def _placed(site: Site) -> list[Placed]:
    """Every policy in force once, with all whom it judges."""
    found: dict[str, Placed] = {}
    for each in site.context.policies.placed():
        label = each.guard.policy.label
        there = found.get(label)
        found[label] = each if there is None else there._replace(whom=f"{there.whom}; {each.whom}")
    return [*found.values()]


def _lines(site: Site, placed: Placed, found: dict[str, RuleFigures]) -> list[RuleLine]:
    policy = placed.guard.policy
    metrics = site.context.metrics
    work = metrics.rules.work() if metrics is not None else {}
    return [
        RuleLine(rule, found.get(rule.id), work.get(rule.id), _anchor(placed, rule)) for rule in policy.rules
    ]


def _anchor(placed: Placed, rule: Rule) -> str:
    place = rule.places.get("id")
    if place is None:
        return ""
    names = placed.guard.policy.files or (place.file,)
    number = names.index(place.file) if place.file in names else 0
    return f"f{number}-L{place.line - _skipped(placed)}"


def _skipped(placed: Placed) -> int:
    """Lines of the configuration before a policy that stands in it."""
    text = placed.source.value
    return len(text) - len(text.lstrip("\n")) if placed.source.kind == "inline" else 0


def _files(site: Site, label: str) -> list[File]:
    """The text of a policy: as it was kept, else as it is now, if that is what was loaded."""
    kept = policy_texts.readable(site.store, [label])
    return kept.get(label) or texts(site.context.policies).get(label, [])


def _page(site: Site, name: str, reader: Reader, against: str) -> dict[str, Any]:
    placed = one(site, name)
    label = placed.guard.policy.label
    found, late = numbers_of(site, reader)
    files = _files(site, label)
    versions = policy_texts.versions(site.store, name, reader.tenant)
    kept = policy_texts.readable(site.store, [version["label"] for version in versions])
    if against and against not in kept:
        raise NotFound("The text of this version is not kept.")
    return {
        "reader": reader, "placed": placed, "policy_": placed.guard.policy, "lines": _lines(site, placed, found),
        "files": [(file.name, file.text.splitlines()) for file in files], "versions": versions,
        "kept": {*kept}, "against": against, "late": late, "days": DAYS, "stages": [*Stage],
        "diff": [*_diff(kept[against], files)] if against else None, "tried": None, "most": TRY_CHARS,
        "policies": sorted({each.guard.policy.name for each in site.context.policies.placed()}),
    }  # fmt: skip


def _diff(old: Sequence[File], new: Sequence[File]) -> Iterator[tuple[str, str]]:
    """The lines of a comparison, each with what it is: `same`, `add`, `del` or `place`."""
    before, after = ([line for file in files for line in file.text.splitlines()] for files in (old, new))
    kinds = {"+": "add", "-": "del", "@": "place"}
    compared = difflib.unified_diff(before[:_MOST_LINES], after[:_MOST_LINES], lineterm="", n=3)
    for number, line in enumerate(compared):
        if number >= 2:
            kind = kinds.get(line[0], "same")
            yield kind, line if kind == "place" else line[1:]


def _tried(text: str, stage: str, verdict: Verdict) -> dict[str, Any]:
    marks = [
        Mark(
            found.start, found.end, number,
            "shadow" if found.mode == "shadow" else str(found.action),
            f"{found.rule} {found.entity} {found.score:.2f}",
        )
        for number, found in enumerate(verdict.findings, 1)
    ]  # fmt: skip
    return {
        "text": text, "stage": stage, "marked": marked(text, marks), "findings": verdict.findings,
        "action": str(verdict.action), "decided": str(verdict.decided), "failures": verdict.failures,
    }  # fmt: skip


def _told(placed: Placed, lines: Sequence[RuleLine]) -> dict[str, Any]:
    policy = placed.guard.policy
    return {
        "name": policy.name,
        "label": policy.label,
        "revision": policy.revision,
        "judges": placed.whom,
        "href": f"{HOME}/policies/{policy.name}",
        "rules": [
            {
                "id": line.rule.id,
                "check": line.rule.check,
                "action": line.rule.action,
                "mode": line.rule.mode,
                "threshold": line.rule.threshold,
                "stages": sorted(line.rule.stages),
                "figures": None if line.figures is None else asdict(line.figures),
                "work": None if line.work is None else line.work._asdict(),
            }
            for line in lines
        ],
    }
