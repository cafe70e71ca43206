"""The tables that charts read: what happened by the hour."""

from __future__ import annotations

from sqlalchemy import Index
from sqlmodel import Field

from proxy.store.base import Row, big, table, text


class RollupHourRow(Row, table=True):
    """What happened in an hour, counted as it is stored. Every chart reads only the rollups.

    Tokens and costs leave out requests for objects that a provider keeps: those were paid for when they were made.
    """

    __tablename__ = "rollup_hour"

    hour_us: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    tenant: str = text(primary_key=True)
    team: str = text(primary_key=True)
    """Empty for none."""
    model: str = text(primary_key=True)
    policy: str = text(primary_key=True)
    outcome: str = text(primary_key=True)
    action: str = text(primary_key=True)
    """Strictest action that was applied."""
    shadow: bool = Field(primary_key=True)
    n: int = big()
    flagged: int = big()
    findings: int = big()
    tool_calls: int = big()
    hits: int = big()
    tokens_in: int = big()
    tokens_out: int = big()
    no_usage: int = big()
    """Exchanges for which a provider was called that did not say what it used: their tokens are not in the sums."""
    cost_nanousd: int = big()
    no_cost: int = big()
    """Exchanges whose cost is not known."""
    duration_us: int = big()


class RollupRuleRow(Row, table=True):
    """What a rule found in an hour in what callers asked and got; shadows are nobody's."""

    __tablename__ = "rollup_rule"

    hour_us: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    tenant: str = text(primary_key=True)
    policy: str = text(primary_key=True)
    rule: str = text(primary_key=True)
    entity: str = text(primary_key=True)
    action: str = text(primary_key=True)
    mode: str = text(primary_key=True)
    side: str = text(primary_key=True)
    findings: int = big()
    traces: int = big()


class RollupLatencyRow(Row, table=True):
    """How long callers' exchanges of an hour took: a histogram, from which charts read quantiles."""

    __tablename__ = "rollup_latency"

    hour_us: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    tenant: str = text(primary_key=True)
    model: str = text(primary_key=True)
    bucket: int = Field(primary_key=True)
    """4 * log2 of the milliseconds, rounded down, at least 0 and at most 99: each ends 19 % above the one before."""
    n: int = big()


class SpendDayRow(Row, table=True):
    """What a key was charged on a day whose traces are gone, so that budgets still count it."""

    __tablename__ = "spend_day"

    day_us: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    tenant: str = text(primary_key=True)
    team: str = text(primary_key=True)
    """Empty for none."""
    key_id: str = text(primary_key=True)
    """Empty for none."""
    nanousd: int = big()


ROLLUP_HOUR, ROLLUP_RULE, ROLLUP_LATENCY = table(RollupHourRow), table(RollupRuleRow), table(RollupLatencyRow)
SPEND_DAY = table(SpendDayRow)

Index(
    "rollup_rule_group", ROLLUP_RULE.c.tenant, ROLLUP_RULE.c.rule, ROLLUP_RULE.c.entity, ROLLUP_RULE.c.hour_us
)
