"""How the record keeps itself: what was lost, the end of the audit chain, the last retention."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from proxy.store.db import Store
from proxy.store.tables import GAP
from proxy.store.tables_governance import AUDIT_HEAD, RETENTION_RUN
from proxy.strangers import REASON


@dataclass(frozen=True, slots=True)
class PipelineState:
    """What the database says of the pipeline that fills it."""

    lost: int
    """Traces known to be lost in the time asked for."""
    audit_events: int
    audit_us: int | None
    """When the newest event of the chain was added; None for an empty chain."""
    retention_us: int | None
    """When retention last began; None when it never did."""
    retention_error: str | None
    """Why it failed; None when it did not."""


def pipeline_state(store: Store, since_us: int) -> PipelineState:
    """The state of the whole installation."""
    gaps = select(func.sum(GAP.c.lost)).where(GAP.c.ended_us >= since_us, GAP.c.reason != REASON)
    head = select(AUDIT_HEAD.c.seq, AUDIT_HEAD.c.at_us)
    newest = select(RETENTION_RUN.c.started_us, RETENTION_RUN.c.error)
    newest = newest.order_by(RETENTION_RUN.c.started_us.desc()).limit(1)
    with store.read() as connection:
        lost = connection.execute(gaps).scalar_one()
        chain = connection.execute(head).first()
        retention = connection.execute(newest).first()
    return PipelineState(
        lost=int(lost or 0),
        audit_events=chain.seq if chain else 0,
        audit_us=chain.at_us if chain and chain.seq else None,
        retention_us=retention.started_us if retention else None,
        retention_error=retention.error if retention else None,
    )
