"""The figures of an evidence pack: policies in force, counts, reviews and how far they agree. No exchange's text."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Connection, func, select

from proxy.agreement import cohen_kappa, krippendorff_alpha, pairwise, wilson
from proxy.store.agreements import by_queue
from proxy.store.filter_fields import standing
from proxy.store.tables import ANNOTATION, FINDING, SPAN
from proxy.store.tables_governance import AUDIT_EVENT
from proxy.store.tables_review import ASSIGNMENT, ITEM, QUEUE

IN_FORCE = ("config.start", "config.reload")
"""Acts that tell which policies are in force."""
RIGHT, WRONG = ("true_positive", "wrong_action"), ("false_positive",)
"""Verdicts that say of a finding that there was something, and that there was nothing."""
_END = 253_402_300_799
"""The last second that has a date of four digits."""
_GOLDEN = ("name", "version", "hash", "content_hash")


def figures(connection: Connection, since_us: int, until_us: int) -> dict[str, Any]:
    """The figures of a period, by name of their file."""
    return {
        "policies.json": _policies(connection, since_us, until_us),
        "counts.json": _counts(connection, since_us, until_us),
        "agreement.json": _reviews(connection, since_us, until_us),
    }


def run_line(run: Mapping[str, Any]) -> dict[str, Any]:
    """What is told of an eval run: which, on what, what its gate said, and a hash of all of it."""
    head = orjson.loads(run["head"])
    golden = head.get("golden") if isinstance(head.get("golden"), dict) else {}
    gate = head.get("gate") if isinstance(head.get("gate"), dict) else {}
    return {
        **{name: run[name] for name in ("id", "tenant", "received_us", "created_at", "suite", "items")},
        "golden": {name: golden[name] for name in _GOLDEN if isinstance(golden.get(name), str | int)},
        "verdict": gate.get("verdict"),
        "document_sha256": hashlib.sha256(run["document"]).hexdigest(),
    }


def moment(us: int) -> str:
    """A time in RFC 3339, to the second."""
    return datetime.fromtimestamp(min(us // 1_000_000, _END), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _policies(connection: Connection, since_us: int, until_us: int) -> dict[str, Any]:
    """Policy versions by the acts that put them in force, and by the traces that they judged."""
    told = select(AUDIT_EVENT.c.at_us, AUDIT_EVENT.c.action, AUDIT_EVENT.c.object, AUDIT_EVENT.c.detail)
    told = told.where(AUDIT_EVENT.c.action.in_(IN_FORCE), AUDIT_EVENT.c.detail.is_not(None))
    inside = told.where(AUDIT_EVENT.c.at_us >= since_us, AUDIT_EVENT.c.at_us < until_us)
    earlier = told.where(AUDIT_EVENT.c.at_us < since_us).order_by(AUDIT_EVENT.c.seq.desc()).limit(1)
    rows = [*connection.execute(earlier), *connection.execute(inside.order_by(AUDIT_EVENT.c.seq))]
    used = (
        select(SPAN.c.policy, func.count(), func.min(SPAN.c.started_us), func.max(SPAN.c.started_us))
        .where(SPAN.c.started_us >= since_us, SPAN.c.started_us < until_us)
        .group_by(SPAN.c.policy)
    )
    return {
        "put_in_force": [
            {
                "at_us": at,
                "act": action,
                "config": revision,
                "policies": orjson.loads(detail).get("hashes", {}),
            }
            for at, action, revision, detail in rows
        ],
        "judged_by": [
            {"policy": name, "traces": n, "first_us": first, "last_us": last}
            for name, n, first, last in connection.execute(used)
        ],
    }


def _counts(connection: Connection, since_us: int, until_us: int) -> dict[str, Any]:
    inside = (SPAN.c.started_us >= since_us, SPAN.c.started_us < until_us)
    by = (SPAN.c.tenant, SPAN.c.policy, SPAN.c.outcome)
    outcomes = connection.execute(select(*by, func.count()).where(*inside).group_by(*by).order_by(*by))
    kinds = (FINDING.c.rule, FINDING.c.entity, FINDING.c.side, FINDING.c.action, FINDING.c.mode)
    found = select(*kinds, func.count(), func.count(FINDING.c.span_id.distinct()))
    found = found.join(SPAN, SPAN.c.id == FINDING.c.span_id).where(*inside).group_by(*kinds).order_by(*kinds)
    names = ("rule", "entity", "side", "action", "mode", "findings", "traces")
    return {
        "traces": [
            dict(zip(("tenant", "policy", "outcome", "traces"), row, strict=True)) for row in outcomes
        ],
        "findings": [dict(zip(names, row, strict=True)) for row in connection.execute(found)],
    }


def _reviews(connection: Connection, since_us: int, until_us: int) -> dict[str, Any]:
    """What reviewers said in a period and stands: by verdict, precision by rule, agreement, samples of queues."""
    query = (
        select(
            ANNOTATION.c.span_id,
            ANNOTATION.c.finding,
            ANNOTATION.c.author,
            ANNOTATION.c.verdict,
            FINDING.c.rule,
        )
        .outerjoin(
            FINDING, (FINDING.c.span_id == ANNOTATION.c.span_id) & (FINDING.c.seq == ANNOTATION.c.finding)
        )
        .where(ANNOTATION.c.created_us >= since_us, ANNOTATION.c.created_us < until_us, standing())
        .order_by(ANNOTATION.c.created_us, ANNOTATION.c.id)
    )
    last: dict[tuple[str, int | None], dict[str, str]] = defaultdict(dict)
    rules: dict[tuple[str, int | None], str] = {}
    missed = 0
    for span, finding, author, verdict, rule in connection.execute(query):
        if verdict == "missed" and finding is None:
            # A place in a text that nothing was found in: no verdict on the trace, and there may be many.
            missed += 1
            continue
        last[span, finding][author] = verdict
        if rule is not None:
            rules[span, finding] = rule
    verdicts = Counter(verdict for given in last.values() for verdict in given.values())
    verdicts += Counter(missed=missed)
    on_findings = [given for (_, finding), given in last.items() if finding is not None]
    on_traces = [given for (_, finding), given in last.items() if finding is None]
    return {
        "judged": len(last),
        "verdicts": dict(sorted(verdicts.items())),
        "findings": _agreement(on_findings),
        "traces": _agreement(on_traces),
        "rules": _precision(last, rules),
        "queues": _sampled(connection, since_us, until_us),
    }


def _agreement(judged: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """How far reviewers agree on things of one kind: verdicts on findings and on traces share no word."""
    units = [list(given.values()) for given in judged if len(given) > 1]
    authors = sorted({author for given in judged for author in given})
    pairs = [(given[authors[0]], given[authors[1]]) for given in judged if len(given) == 2]
    return {
        "judged_by_two_or_more": len(units),
        "pairwise_agreement": pairwise(units),
        "krippendorff_alpha": krippendorff_alpha(units),
        "cohen_kappa": cohen_kappa(pairs) if len(authors) == 2 else None,
    }


def _sampled(connection: Connection, since_us: int, until_us: int) -> list[dict[str, Any]]:
    """The reviewed sample of each queue: items of which a review was handed in, by the share that was taken."""
    inside = (ASSIGNMENT.c.submitted_us >= since_us, ASSIGNMENT.c.submitted_us < until_us)
    handed = select(ASSIGNMENT.c.item_id, func.count().label("reviews")).where(
        ASSIGNMENT.c.state == "submitted", ASSIGNMENT.c.place >= 0, *inside
    )
    given = handed.group_by(ASSIGNMENT.c.item_id).subquery()
    query = (
        select(
            ITEM.c.id,
            ITEM.c.span_id,
            ITEM.c.queue_id.label("name"),
            ITEM.c.share,
            ITEM.c.state,
            given.c.reviews,
        )
        .add_columns(ITEM.c.tenant, QUEUE.c.blind)
        .join(given, given.c.item_id == ITEM.c.id)
        .join(QUEUE, QUEUE.c.id == ITEM.c.queue_id)
    )
    items = connection.execute(query.order_by(ITEM.c.queue_id, ITEM.c.id)).all()
    agreed = by_queue(connection, items)
    queues: dict[str, list[Any]] = defaultdict(list)
    for item in items:
        queues[item.name].append(item)
    return [
        {
            "queue": id,
            "tenant": own[0].tenant,
            "blind": own[0].blind,
            "items": len(own),
            "reviews": sum(item.reviews for item in own),
            "shares": [
                {"share": share, "items": n} for share, n in sorted(Counter(i.share for i in own).items())
            ],
            "states": dict(sorted(Counter(item.state for item in own).items())),
            "agreement": {
                each.on: {
                    "compared": each.verdicts,
                    "pairwise_agreement": each.share,
                    "krippendorff_alpha": each.alpha,
                }
                for each in agreed.get(id, ())
            },
        }
        for id, own in queues.items()
    ]


def _precision(
    last: Mapping[tuple[str, int | None], Mapping[str, str]], rules: Mapping[tuple[str, int | None], str]
) -> list[dict[str, Any]]:
    """Precision of each rule over the verdicts on its findings, with Wilson's 95 % interval."""
    right: Counter[str] = Counter()
    judged: Counter[str] = Counter()
    for thing, rule in rules.items():
        for verdict in last[thing].values():
            right[rule] += verdict in RIGHT
            judged[rule] += verdict in (*RIGHT, *WRONG)
    return [
        {
            "rule": rule,
            "verdicts": judged[rule],
            "precision": right[rule] / judged[rule] if judged[rule] else None,
            "interval": wilson(right[rule], judged[rule]),
        }
        for rule in sorted(judged)
    ]
