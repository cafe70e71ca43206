"""The scores of findings that reviewers judged, with what they said: of what thresholds are made."""

from __future__ import annotations

from sqlalchemy import and_, select

from proxy.store.blindness import told_to
from proxy.store.db import Store
from proxy.store.deadline import timed
from proxy.store.filter_fields import standing
from proxy.store.tables import ANNOTATION, FINDING

MOST = 20_000
"""Judgements that are looked at, the newest."""
WITHIN_S = 1.0

Judged = tuple[str, float, str, int]
"""A finding: its rule, its score, its trace and its place there."""


def judged_scores(store: Store, tenant: str | None, reader: str) -> dict[Judged, list[str]]:
    """The verdicts on each judged finding that a reader may see, of one tenant or of all. Raises Late."""
    query = (
        select(FINDING.c.rule, FINDING.c.score, FINDING.c.span_id, FINDING.c.seq, ANNOTATION.c.verdict)
        .join(
            ANNOTATION, and_(ANNOTATION.c.span_id == FINDING.c.span_id, ANNOTATION.c.finding == FINDING.c.seq)
        )
        .where(standing(), ANNOTATION.c.finding.is_not(None), told_to(reader))
        .where(*([] if tenant is None else [ANNOTATION.c.tenant == tenant]))
        .order_by(ANNOTATION.c.id.desc())
        .limit(MOST)
    )
    said: dict[Judged, list[str]] = {}
    with timed(store, WITHIN_S) as clock:
        for row in clock.rows(query):
            thing = (row["rule"], row["score"], row["span_id"], row["seq"])
            said.setdefault(thing, []).append(row["verdict"])
    return said
