"""Encrypted content under keys of the day, the audit chain, rollups, holds, retention, erasure, reveals, roles."""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "v0005"
down_revision = "v0004"
branch_labels = None
depends_on = None

_SOME = sa.text("subject IS NOT NULL")
_INDEXES = (
    ("tool_call_arguments", "tool_call", "arguments_blob"),
    ("tool_call_result", "tool_call", "result_blob"),
    ("retrieval_hit_text", "retrieval_hit", "text_blob"),
    ("outside_span_detail", "outside_span", "detail_blob"),
    ("feedback_comment", "feedback", "comment_blob"),
)
"""By which it is known who refers to a blob."""
_HOUR_US = 3_600_000_000
_BOUNDS = tuple(round(1000 * 2 ** (bucket / 4)) for bucket in range(1, 100))
_ONE_MOST, _ROW_MOST = 2**40 - 1, 2**48 - 1
_TABLES = (
    "reveal",
    "erased_trace",
    "erasure",
    "retention_run",
    "legal_hold",
    "rollup_latency",
    "rollup_rule",
    "rollup_hour",
    "audit_head",
    "data_key",
)


def upgrade() -> None:
    """Add the columns and tables; content of older versions is taken for today's, not encrypted."""
    op.add_column("span", sa.Column("subject", sa.Text(), nullable=True))
    op.add_column("span", sa.Column("raw", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index("span_subject", "span", ["subject"], sqlite_where=_SOME, postgresql_where=_SOME)
    op.add_column("message_ref", sa.Column("pieces", sa.LargeBinary(), nullable=True))
    # A row names many blobs now: no index of one column could find them.
    op.drop_index("message_ref_blob", table_name="message_ref")
    op.add_column("blob", sa.Column("key_id", sa.Text(), nullable=True))
    op.add_column("blob", sa.Column("created_us", sa.BigInteger(), server_default="0", nullable=False))
    op.execute(sa.text("UPDATE blob SET created_us = :now").bindparams(now=time.time_ns() // 1000))
    op.create_index("blob_created", "blob", ["created_us"])
    op.add_column("outside_span", sa.Column("subject", sa.Text(), nullable=True))
    op.create_index("outside_span_subject", "outside_span", ["subject"], sqlite_where=_SOME, postgresql_where=_SOME)
    for name, table, column in _INDEXES:
        op.create_index(name, table, [column])
    op.add_column("api_key", sa.Column("role", sa.Text(), nullable=True))
    op.add_column("run", sa.Column("key_id", sa.Text(), nullable=True))
    wrapped = sa.Column("wrapped", sa.LargeBinary(), nullable=False)
    _table("data_key", _texts("id", "tenant"), wrapped, _big("created_us"), _big("retired_us", nullable=True))
    _audit()
    _rollups()
    _governance()


def _audit() -> None:
    with op.batch_alter_table("audit_event") as events:
        events.alter_column("detail", existing_type=sa.Text(), nullable=True)
        events.add_column(sa.Column("seq", sa.BigInteger(), nullable=True))
        for name in ("commitment", "detail_mac", "prev_hash", "hash"):
            events.add_column(sa.Column(name, sa.Text(), nullable=True))
        events.create_unique_constraint("audit_event_seq_key", ["seq"])
    op.create_index("audit_event_action", "audit_event", ["action", "seq"])
    head = (_big("id"), _text("tenant"), _big("seq"), _text("hash"), _text("mac"))
    _table("audit_head", (*head, _big("at_us"), _big("closed_us"), _big("sealed_us")))
    # Unsigned: the chain is to be begun. Only here: a database that lost its chain later is not given another.
    op.execute(sa.text("INSERT INTO audit_head VALUES (1, '', 0, '', '', 0, 0, 0)"))


def _rollups() -> None:
    hour = (
        *(_text(name) for name in ("tenant", "team", "model", "policy", "outcome", "action")),
        sa.Column("shadow", sa.Boolean(), nullable=False),
    )
    sums = "n flagged findings tool_calls hits tokens_in tokens_out no_usage cost_nanousd no_cost duration_us"
    _table("rollup_hour", (_big("hour_us"), *hour), *(_big(name) for name in sums.split()))
    rule = (_text(name) for name in ("tenant", "policy", "rule", "entity", "action", "mode", "side"))
    _table("rollup_rule", (_big("hour_us"), *rule), _big("findings"), _big("traces"))
    latency = (_big("hour_us"), _text("tenant"), _text("model"), sa.Column("bucket", sa.Integer(), nullable=False))
    _table("rollup_latency", latency, _big("n"))
    _count()


def _count() -> None:
    """Fill the rollups from what is stored, as `proxy.store.rollups` counts what comes."""
    hour = f"span.started_us - span.started_us % {_HOUR_US}"
    least = "MIN" if op.get_bind().dialect.name == "sqlite" else "LEAST"
    paid = "span.path NOT LIKE '%{%'"

    def total(value: str, where: str = "TRUE") -> str:
        capped = f"CASE WHEN {where} THEN {least}(COALESCE({value}, 0), {_ONE_MOST}) ELSE 0 END"
        return f"{least}(CAST(SUM({capped}) AS BIGINT), {_ROW_MOST})"

    sums = (
        *("COUNT(*)", total("CASE WHEN flagged THEN 1 ELSE 0 END")),
        *(total("findings"), total("tool_calls"), total("hits")),
        *(total("tokens_in", paid), total("tokens_out", paid)),
        total("1", f"{paid} AND upstream_called AND tokens_in IS NULL AND tokens_out IS NULL"),
        *(total("cost_nanousd", paid), total("1", f"{paid} AND cost_nanousd IS NULL"), total("duration_us")),
    )
    op.execute(
        f"INSERT INTO rollup_hour SELECT {hour}, tenant, COALESCE(team, ''), model, policy, outcome, action,"
        f" shadow_of IS NOT NULL, {', '.join(sums)} FROM span GROUP BY 1, 2, 3, 4, 5, 6, 7, 8"
    )
    op.execute(
        f"INSERT INTO rollup_rule SELECT {hour}, span.tenant, span.policy, finding.rule, finding.entity,"
        " finding.action, finding.mode, finding.side, COUNT(*), COUNT(DISTINCT span.id) FROM finding"
        " JOIN span ON span.id = finding.span_id WHERE span.shadow_of IS NULL GROUP BY 1, 2, 3, 4, 5, 6, 7, 8"
    )
    op.execute(
        f"INSERT INTO rollup_latency SELECT {hour}, tenant, model, {_bucket(0, len(_BOUNDS))}, COUNT(*) FROM span"
        " WHERE shadow_of IS NULL AND duration_us IS NOT NULL GROUP BY 1, 2, 3, 4"
    )


def _bucket(first: int, last: int) -> str:
    """How many bounds a duration has reached, as a tree of comparisons: not every SQLite has logarithms."""
    if first == last:
        return str(first)
    middle = (first + last) // 2
    below, above = _bucket(first, middle), _bucket(middle + 1, last)
    return f"CASE WHEN duration_us < {_BOUNDS[middle]} THEN {below} ELSE {above} END"


def _governance() -> None:
    _table(
        "legal_hold",
        _texts("id", "tenant", "filter", "reason", "actor"),
        *(_big("created_us"), _big("released_us", nullable=True), _unknown("released_by")),
    )
    _table(
        "retention_run",
        _texts("id", "tenant", "actor"),
        *(_big("started_us"), _big("ended_us", nullable=True), _text("counts"), _unknown("error")),
    )
    _table(
        "erasure",
        _texts("id", "tenant", "kind", "subject", "fingerprints", "actor", "reason"),
        *(_big("requested_us"), _big("done_us", nullable=True), _text("counts")),
    )
    op.create_index("erasure_requested", "erasure", ["requested_us"])
    op.create_table(
        "erased_trace",
        *_texts("span_id", "tenant", "erasure_id", "trace_id"),
        *(_unknown("key_id"), _unknown("session_id"), _unknown("object_id"), _big("started_us")),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("span_id"),
    )
    op.create_index("erased_trace_plan", "erased_trace", ["erasure_id", "done", "span_id"])
    op.create_index("erased_trace_trace", "erased_trace", ["trace_id"])
    _table(
        "reveal",
        _texts("id", "tenant", "span_id", "part", "actor", "reason"),
        *(_big("created_us"), _big("expires_us")),
    )
    op.create_index("reveal_span", "reveal", ["span_id"])


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False)


def _unknown(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=True)


def _texts(*names: str) -> tuple[sa.Column[Any], ...]:
    return tuple(map(_text, names))


def _big(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), autoincrement=False, nullable=nullable)


def _table(name: str, first: tuple[sa.Column[Any], ...], *more: sa.Column[Any]) -> None:
    """A table whose primary key is its `id`, or else all of its first columns."""
    keyed = ["id"] if first[0].name == "id" else [column.name for column in first]
    op.create_table(name, *first, *more, sa.PrimaryKeyConstraint(*keyed))


def downgrade() -> None:
    """Take them away again; what was encrypted cannot be read any more."""
    for name in _TABLES:
        op.drop_table(name)
    with op.batch_alter_table("audit_event") as events:
        events.drop_index("audit_event_action")
        events.drop_constraint("audit_event_seq_key", type_="unique")
        for name in ("hash", "prev_hash", "detail_mac", "commitment", "seq"):
            events.drop_column(name)
    op.create_index("message_ref_blob", "message_ref", ["blob_id"], unique=False)
    op.drop_column("message_ref", "pieces")
    op.drop_column("run", "key_id")
    op.drop_column("api_key", "role")
    for name, table, _ in _INDEXES:
        op.drop_index(name, table_name=table)
    op.drop_index("outside_span_subject", table_name="outside_span")
    op.drop_column("outside_span", "subject")
    op.drop_index("blob_created", table_name="blob")
    op.drop_index("span_subject", table_name="span")
    for name in ("created_us", "key_id"):
        op.drop_column("blob", name)
    for name in ("raw", "subject"):
        op.drop_column("span", name)
