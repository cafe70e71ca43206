"""The overview: what happened over the last day, week or month. Traffic is read from the rollups alone."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from proxy.errors import BadRequest, Code, plain_name
from proxy.recorder import Recorder
from proxy.review import words
from proxy.review.drawing import Drawn, Plan, draw, spark, when
from proxy.review.filters import term
from proxy.review.score_trend import RUNS, Score, faithful, scores
from proxy.review.site import Reader, Site, as_json
from proxy.review.tiles import Tile, dollars, listed, missed_by, tiles
from proxy.roles import Permission
from proxy.store import queries
from proxy.store.charts import Asked, chart
from proxy.store.db import Store
from proxy.store.deadline import Late
from proxy.store.groups import Group, groups
from proxy.store.periods import Period, any_traffic, period
from proxy.store.pipeline_state import PipelineState, pipeline_state
from proxy.store.queries import moment
from proxy.store.rollups import HOUR_US
from proxy.store.rule_figures import RuleFigures, figures
from proxy.store.tool_health import ToolHealth, tool_health

RANGES = {"24h": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days"}
_STEPS = {"24h": "hour", "7d": "day", "30d": "day"}
_AGO = {"24h": "a week ago", "7d": "the week before", "30d": "the 30 days before"}
_DAYS = {"24h": 7, "7d": 7, "30d": 30}
"""How long before the time that is shown the time lies with which it is compared."""
_SERIES = 5
"""Rules with a colour of their own."""
_OUTCOMES = {
    "passed": "green", "flagged": "amber", "masked": "violet", "blocked": "red", "failed": "teal", "cancelled": "grey",
}  # fmt: skip
STATE_TONES = {"new": "blue", "regressed": "red", "escalating": "red", "resolved": "green"}
"""Colours of the states that a group can be in."""
_GROUPS = 8
_FIGURES_S = 0.5
"""Seconds that the rules' figures may take."""
_ACTIONS = {"flag": "amber", "pseudonymize": "blue", "redact": "violet", "block": "red"}


@dataclass(frozen=True, slots=True)
class Seen:
    """All that the page shows, as it was read."""

    now: Period
    before: Period
    charts: dict[str, dict[str, Any]]
    fine: dict[str, Any]
    """Requests by outcome and hour, for the chart that zooms."""
    scores: list[Score]
    tools: ToolHealth | None
    pipeline: PipelineState | None
    """None for whoever sees one tenant only: the record is everybody's."""
    ever: bool
    """Whether anything ever came through."""
    rules: dict[str, RuleFigures] | None
    """What reviewers' judgements say of each rule; None where that could not be told in time."""
    groups: list[Group] | None
    """The most frequent groups of findings; None when they could not be told in time."""


def add(routes: APIRouter, site: Site) -> None:
    """What happened, over time."""

    viewer = Depends(site.allowed(Permission.TRACES_READ))

    @routes.get("/overview")
    def page(request: Request, reader: Reader = viewer) -> Response:
        """Numbers, charts each with its table, and how the record keeps itself."""
        since = range_of(request.query_params)
        found = seen(site, reader, since)
        changes = [
            (when(each["at_us"], "hour"), each["policy"]) for each in found.charts["requests"]["changes"]
        ]
        values = {
            "reader": reader, "since": since, "ranges": RANGES, "changes": changes, "ever": found.ever,
            "tiles": shown(found, since), "charts": drawn(found, since), "scores": found.scores,
            "tools": found.tools, "spool": spool(site), "pipeline": found.pipeline,
            "groups": found.groups, "rules": found.rules, "states": STATE_TONES, "spark": spark,
            "listed": listed, "term": term, "address": str(request.base_url),
        }  # fmt: skip
        return site.pages.html("overview.html", values)

    @routes.get("/overview.json")
    def page_json(request: Request, reader: Reader = viewer) -> Response:
        """The same as data."""
        found = seen(site, reader, range_of(request.query_params))
        told = {
            name: value for name, value in asdict(found).items() if name not in ("charts", "fine", "ever")
        }
        return as_json(found.charts | told | {"spool": spool(site)})


def range_of(parameters: Mapping[str, str]) -> str:
    """How far back the page looks. Raises BadRequest for a range that is none."""
    for name in parameters:
        if name != "since":
            raise BadRequest(
                f"Query parameter {plain_name(name)} is unknown. Known: since.", code=Code.UNKNOWN_PARAMETER
            )
    since = parameters.get("since", "7d")
    if since not in RANGES:
        raise BadRequest(f"since takes one of {', '.join(RANGES)}.", param="since")
    return since


def seen(site: Site, reader: Reader, since: str) -> Seen:
    """Reads all that the page shows."""
    store, tenant = site.store, reader.tenant
    first, until = moment("since", since), time.time_ns() // 1000
    first -= first % HOUR_US
    ago = _DAYS[since] * 24 * HOUR_US
    heads = queries.list_runs(store, RUNS * 2, None, tenant).items if reader.may("runs.read") else []
    return Seen(
        now=period(store, first, until, tenant),
        before=period(store, first - ago, until - ago, tenant),
        charts=charts(store, since, tenant),
        fine=chart(store, Asked("requests", "outcome", first, None, "hour", _only(tenant))),
        scores=scores(heads),
        tools=tool_health(store, first, until, site.context.config.run_idle_s, tenant),
        pipeline=pipeline_state(store, first) if tenant is None else None,
        ever=any_traffic(store, tenant),
        rules=_rules(store, tenant, first),
        groups=_groups(store, tenant, first),
    )


def _rules(store: Store, tenant: str | None, since_us: int) -> dict[str, RuleFigures] | None:
    try:
        return {each.rule: each for each in figures(store, tenant, since_us, _FIGURES_S)}
    except Late:
        return None


def _groups(store: Store, tenant: str | None, since_us: int) -> list[Group] | None:
    try:
        return groups(store, tenant, since_us, _GROUPS)
    except Late:
        return None


def shown(found: Seen, since: str) -> list[Tile]:
    """The numbers at the top, in order."""
    requests, stopped, missed, latency, cost = tiles(
        found.now, found.before, found.charts, since, _AGO[since], missed_by((found.rules or {}).values())
    )
    return [requests, stopped, missed, faithful(found.scores), latency, cost]


def spool(site: Site) -> dict[str, float] | None:
    """What waits to be written in this process; None where nothing is recorded."""
    recorder = site.context.recorder
    if not isinstance(recorder, Recorder):
        return None
    return {
        "queued": recorder.queued(),
        "spool_bytes": recorder.spool_bytes(),
        "oldest_seconds": round(recorder.oldest_unwritten_seconds(), 1),
    }


def charts(store: Store, since: str, tenant: str | None = None) -> dict[str, dict[str, Any]]:
    """The series of the page, by name."""
    first, step = moment("since", since), _STEPS[since]
    requests = chart(store, Asked("requests", "outcome", first, None, step, _only(tenant), most=12))

    def told(metric: str, by: str | None = None) -> dict[str, Any]:
        most = _SERIES if by == "rule" else 12
        return chart(store, Asked(metric, by, first, None, step, _only(tenant), most=most), known=requests)

    latency = told("latency_p95")
    half = told("latency_p50")
    tokens, more = told("tokens_in"), told("tokens_out")
    return {
        "requests": requests,
        "actions": told("requests", "action"),
        "findings": told("findings", "rule"),
        "latency": latency | {"series": [*_named(latency, "p95"), *_named(half, "p50")]},
        "tokens": tokens | {"series": [*_named(tokens, "in"), *_named(more, "out")]},
        "cost": told("cost"),
    }


def _only(tenant: str | None) -> dict[str, str]:
    return {} if tenant is None else {"tenant": tenant}


def _named(told: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    return [{**one, "name": name} for one in told["series"]]


def drawn(seen: Seen, since: str) -> list[Drawn]:
    """The charts of the page, in order: what guardrails did comes first."""
    found = seen.charts
    for name, order in (("requests", [*_OUTCOMES]), ("actions", [*_ACTIONS])):
        found[name]["series"].sort(
            key=lambda one: order.index(one["name"]) if one["name"] in order else len(order)
        )
    plans = _plans(
        found, lambda field: lambda value: listed(f"{term(field, value)} shadow:false since:{since}")
    )
    told = {name: draw(found[name], plan) for name, plan in plans.items()}
    told["requests"] = replace(told["requests"], zoom=_zoom(seen.fine))
    return [*told.values()]


def _plans(found: Mapping[str, dict[str, Any]], by: Any) -> dict[str, Plan]:
    silent = sum(sum(one["unknown"]) for one in found["tokens"]["series"][:1])
    unknown = sum(sum(one["unknown"]) for one in found["cost"]["series"])
    rest = listed("flagged:true shadow:false")
    return {
        "actions": Plan(
            "Guardrail actions", words.count, _ACTIONS, link=by("action"), without=frozenset({"allow"}),
            note="Requests by the strictest action that was applied; those that were let through are left out.",
        ),
        "requests": Plan("Requests by outcome", words.count, _OUTCOMES, link=by("outcome")),
        "findings": Plan(
            "Findings by rule", words.count, {"(rest)": "grey"},
            link=lambda rule: rest if rule.startswith("(") else by("rule")(rule),
        ),
        "latency": Plan(
            "Latency", words.duration, {"p95": "red", "p50": "blue"},
            note="From a histogram: within 9 %, or 0.6 ms below 1.2 ms.", line=True, axis=_short,
        ),
        "tokens": Plan(
            "Tokens", words.count, {"in": "blue", "out": "violet"},
            note=f"{words.count(silent)} exchanges whose provider named no usage: not in the sums." if silent else "",
        ),
        "cost": Plan(
            "Cost", dollars, {"all": "green"}, {"all": "known"},
            note=f"{words.count(unknown)} exchanges whose cost nobody knows: not in the sum." if unknown else "",
        ),
    }  # fmt: skip


def _short(microseconds: float) -> str:
    """A duration in few letters."""
    return f"{microseconds / 1e6:g} s" if microseconds >= 1e6 else f"{microseconds / 1e3:g} ms"


def _zoom(told: Mapping[str, Any]) -> str:
    """Seconds, and each series with its tone."""
    series = [
        {"name": one["name"], "tone": _OUTCOMES.get(one["name"], "grey"), "values": one["values"]}
        for one in told["series"]
    ]
    return json.dumps(
        {"times": [at // 1_000_000 for at in told["times"]], "series": series}, separators=(",", ":")
    )
