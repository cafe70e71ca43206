"""The tables: one class per table, ending in Row. Rows are written once; what is learnt later is a new row.

Ids are UUIDv7 in hex, times are integer microseconds UTC, and every row names its tenant. Every text in these
tables went through the guardrails first. `docs/reference/database.md` describes each column.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import BigInteger, Column, Index, LargeBinary, MetaData, Table, Text
from sqlmodel import Field, SQLModel

METADATA = MetaData()
"""Every table of the store, and nothing else."""


class Row(SQLModel):
    """Base of every table: keeps them in their own MetaData."""

    metadata: ClassVar[MetaData] = METADATA


def _big(**options: Any) -> Any:
    return Field(sa_type=BigInteger, **options)


def _text(**options: Any) -> Any:
    return Field(sa_type=Text, **options)


class SpanRow(Row, table=True):
    """One exchange in one wide row, never changed. The list view reads only this table."""

    __tablename__ = "span"

    id: str = _text(primary_key=True)
    trace_id: str = _text()
    tenant: str = _text()
    key_id: str | None = _text(default=None)
    started_us: int = _big()
    duration_us: int | None = _big(default=None)
    first_token_us: int | None = _big(default=None)
    path: str = _text()
    dialect: str = _text()
    stream: bool
    model: str = _text()
    answered_model: str | None = _text(default=None)
    deployment: str = _text()
    provider: str = _text()
    object_id: str | None = _text(default=None)
    """Id under which the provider keeps the reply."""
    policy: str = _text()
    outcome: str = _text()
    action: str = _text()
    decided: str = _text()
    flagged: bool
    """Something was found, failed to run, masked or blocked: the reviewers' queue."""
    http_status: int
    error_type: str | None = _text(default=None)
    error_code: str | None = _text(default=None)
    error_message: str | None = _text(default=None)
    error_param: str | None = _text(default=None)
    upstream_called: bool
    attempts: int
    tokens_in: int | None = _big(default=None)
    """NULL when the provider did not say, never 0."""
    tokens_out: int | None = _big(default=None)
    rules: str = _text()
    """JSON array of the rules that found something, each once, sorted."""
    entities: str = _text()
    """JSON array of the kinds of thing found, each once, sorted."""
    findings: int
    tool_calls: int
    hits: int
    preview: str = _text()
    """The start of the last message, as stored: after guardrails."""
    detail: str = _text()
    """JSON object of what only the detail view needs: usage, finish_reasons, timings, failures."""
    shadow_of: str | None = _text(default=None)
    """The span that this is a copy of, answered by another model for nobody; NULL for a caller's own."""
    team: str | None = _text(default=None)
    tags: str | None = _text(default=None)
    """JSON object of the key's tags; NULL when it has none."""
    cost_nanousd: int | None = _big(default=None)
    """Billionths of a US dollar; NULL when the price or the usage is not known, never 0 for that."""
    charged_nanousd: int | None = _big(default=None)
    """What budgets were charged with, estimated where the cost is not known; NULL where no limits held."""
    price_version: str | None = _text(default=None)
    prompt: str | None = _text(default=None)
    """Name of the prompt template that made the request."""
    prompt_version: str | None = _text(default=None)
    prompt_hash: str | None = _text(default=None)
    session_id: str | None = _text(default=None)
    """Keyed hash of the session that the caller named."""
    run_id: str | None = _text(default=None)
    """The agent run or conversation that it is a step of."""
    run_source: str | None = _text(default=None)
    """What the run was known by."""
    parent_span: str | None = _text(default=None)
    """W3C id of the caller's span, 16 hex digits."""
    response_id: str | None = _text(default=None)
    """Id that the provider gave the reply."""
    asked: str | None = _text(default=None)
    """Keyed hash of the last text asked, by which a span without trace id is joined."""
    config: str | None = _text(default=None)
    """Revision of the configuration under which it was answered."""


class MessageRefRow(Row, table=True):
    """One piece of a request or reply: which blob stands at which place."""

    __tablename__ = "message_ref"

    span_id: str = _text(primary_key=True)
    side: str = _text(primary_key=True)
    """`request` or `response`."""
    seq: int = Field(primary_key=True)
    tenant: str = _text()
    pointer: str = _text()
    """Empty for the frame (everything but the long lists), else `/messages/3`."""
    blob_id: str = _text()


class BlobRow(Row, table=True):
    """Bytes stored once, however often a chat resends them."""

    __tablename__ = "blob"

    id: str = _text(primary_key=True)
    """Keyed hash of tenant and bytes under the data key: equal content shares a row, and no guess can be tested."""
    tenant: str = _text()
    codec: str = _text()
    """`zlib` or `raw`."""
    size: int
    """Bytes before compression."""
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class ToolCallRow(Row, table=True):
    """A tool call that a reply asked for, or one that a request's history answers."""

    __tablename__ = "tool_call"

    span_id: str = _text(primary_key=True)
    seq: int = Field(primary_key=True)
    tenant: str = _text()
    started_us: int = _big()
    call_id: str = _text()
    name: str = _text()
    arguments_blob: str = _text()
    result_blob: str | None = _text(default=None)
    state: str = _text()
    """`requested` or `answered`; `ran` for one that an app's own span tells of."""


class RetrievalHitRow(Row, table=True):
    """One retrieved document, at its rank."""

    __tablename__ = "retrieval_hit"

    span_id: str = _text(primary_key=True)
    seq: int = Field(primary_key=True)
    tenant: str = _text()
    rank: int
    doc_id: str = _text()
    score: float | None = None
    text_blob: str = _text()
    source: str = _text()


class FindingRow(Row, table=True):
    """One thing a rule found: where and what kind, never the matched text."""

    __tablename__ = "finding"

    span_id: str = _text(primary_key=True)
    seq: int = Field(primary_key=True)
    tenant: str = _text()
    side: str = _text()
    rule: str = _text()
    check: str = _text()
    entity: str = _text()
    stage: str = _text()
    pointer: str = _text()
    within: str = _text()
    start: int
    end: int
    score: float
    action: str = _text()
    mode: str = _text()
    fingerprint: str = _text()
    masked_start: int | None = None
    masked_end: int | None = None


class AnnotationRow(Row, table=True):
    """A reviewer's judgement. Append-only: a later one of the same author on the same thing supersedes it."""

    __tablename__ = "annotation"

    id: str = _text(primary_key=True)
    tenant: str = _text()
    span_id: str = _text()
    finding: int | None = None
    """Index of the finding judged, or NULL for the whole trace."""
    verdict: str = _text()
    note: str = _text()
    author: str = _text()
    created_us: int = _big()
    supersedes: str | None = _text(default=None)


class RunRow(Row, table=True):
    """One eval run as the runner wrote it, with the columns its list needs."""

    __tablename__ = "run"

    id: str = _text(primary_key=True)
    tenant: str = _text()
    received_us: int = _big()
    created_at: str = _text()
    suite: str = _text()
    head: str = _text()
    """JSON of the document without its items."""
    items: int
    document: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """The whole document, zlib-compressed JSON."""


class ApiKeyRow(Row, table=True):
    """A virtual key: its hash, never the key."""

    __tablename__ = "api_key"

    id: str = _text(primary_key=True)
    tenant: str = _text()
    name: str = _text()
    hash: str = _text(unique=True)
    """SHA-256 of the key in hex. A key is 256 random bits, so a fast hash cannot be searched."""
    admin: bool
    created_us: int = _big()
    revoked_us: int | None = _big(default=None)
    team: str | None = _text(default=None)
    models: str | None = _text(default=None)
    """JSON array of the models it may ask for; NULL: all."""
    policy: str | None = _text(default=None)
    """Name of the policy that judges its requests; NULL: as the configuration says."""
    tags: str | None = _text(default=None)
    """JSON object of texts."""
    limits: str | None = _text(default=None)
    """JSON object of its limits; NULL: none of its own."""
    expires_us: int | None = _big(default=None)


class OutsideSpanRow(Row, table=True):
    """A span that an app sent: a retrieval, a tool, a step of an agent. Its hits and calls stand under its id."""

    __tablename__ = "outside_span"

    id: str = _text(primary_key=True)
    """Trace id and span id, 48 hex digits, `@` and the key that sent it: none can take the place of another's."""
    tenant: str = _text()
    key_id: str | None = _text(default=None)
    trace_id: str = _text()
    parent_span: str | None = _text(default=None)
    kind: str = _text()
    """`retrieval`, `tool`, `llm`, `agent`, `chain`, `embedding`, `reranker`, `guardrail` or `other`."""
    name: str = _text()
    service: str | None = _text(default=None)
    source: str = _text()
    """`otlp` or `api`."""
    started_us: int = _big()
    ended_us: int | None = _big(default=None)
    received_us: int = _big()
    error: bool
    response_id: str | None = _text(default=None)
    """Id of the reply that it tells of, for an LLM span that names one."""
    asked: str | None = _text(default=None)
    """Keyed hash of the last text asked, for an LLM span."""
    detail_blob: str | None = _text(default=None)
    """JSON object of its attributes, after guardrails."""


class FeedbackRow(Row, table=True):
    """What somebody thought of a reply. Append-only."""

    __tablename__ = "feedback"

    id: str = _text(primary_key=True)
    tenant: str = _text()
    key_id: str | None = _text(default=None)
    target: str = _text()
    """Id of the exchange."""
    name: str = _text()
    """What was judged, e.g. `user`."""
    value: float | None = None
    """Thumbs are 1 and 0."""
    comment_blob: str | None = _text(default=None)
    """After guardrails."""
    created_us: int = _big()


class AuditEventRow(Row, table=True):
    """One act of an administrator. Append-only."""

    __tablename__ = "audit_event"

    id: str = _text(primary_key=True)
    at_us: int = _big()
    tenant: str = _text()
    actor: str = _text()
    """Public id of the key, or `cli`."""
    action: str = _text()
    """E.g. `key.create`."""
    object: str = _text()
    detail: str = _text()
    """JSON object; holds no secret and no text of an exchange."""


class GapRow(Row, table=True):
    """Traces known to be lost: how many, when and why. Absence of rows is a statement too."""

    __tablename__ = "gap"

    id: str = _text(primary_key=True)
    tenant: str = _text()
    started_us: int = _big()
    ended_us: int = _big()
    reason: str = _text()
    lost: int


class KeyCheckRow(Row, table=True):
    """One row: which data key the database belongs to, told without telling the key."""

    __tablename__ = "key_check"

    id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    tenant: str = _text()
    digest: str = _text()


def table(row: type[Row]) -> Table:
    """The SQLAlchemy table behind a row class, for statements that take lists."""
    return METADATA.tables[str(row.__tablename__)]


SPAN, MESSAGE_REF, BLOB = table(SpanRow), table(MessageRefRow), table(BlobRow)
TOOL_CALL, RETRIEVAL_HIT, FINDING = table(ToolCallRow), table(RetrievalHitRow), table(FindingRow)
ANNOTATION, RUN, API_KEY, GAP = table(AnnotationRow), table(RunRow), table(ApiKeyRow), table(GapRow)
OUTSIDE_SPAN, FEEDBACK, AUDIT_EVENT = table(OutsideSpanRow), table(FeedbackRow), table(AuditEventRow)
KEY_CHECK = table(KeyCheckRow)

Index("span_newest", SPAN.c.started_us, SPAN.c.id)
Index("span_outcome", SPAN.c.outcome, SPAN.c.started_us, SPAN.c.id)
Index(
    "span_flagged",
    SPAN.c.started_us,
    SPAN.c.id,
    sqlite_where=SPAN.c.flagged.is_(True),
    postgresql_where=SPAN.c.flagged.is_(True),
)
Index("span_trace", SPAN.c.trace_id)
Index(
    "span_shadow_of",
    SPAN.c.shadow_of,
    sqlite_where=SPAN.c.shadow_of.is_not(None),
    postgresql_where=SPAN.c.shadow_of.is_not(None),
)
Index(
    "span_object",
    SPAN.c.object_id,
    SPAN.c.key_id,
    sqlite_where=SPAN.c.object_id.is_not(None),
    postgresql_where=SPAN.c.object_id.is_not(None),
)
Index("message_ref_blob", MESSAGE_REF.c.blob_id)
Index("tool_call_join", TOOL_CALL.c.tenant, TOOL_CALL.c.call_id, TOOL_CALL.c.started_us)
Index("finding_rule", FINDING.c.rule, FINDING.c.span_id)
Index("finding_fingerprint", FINDING.c.fingerprint)
Index("annotation_span", ANNOTATION.c.span_id, ANNOTATION.c.created_us)
Index("run_newest", RUN.c.received_us, RUN.c.id)
Index("span_run", SPAN.c.run_id, SPAN.c.started_us)
Index("span_response", SPAN.c.response_id)
Index("span_asked", SPAN.c.asked)
Index("span_key", SPAN.c.key_id, SPAN.c.started_us)
Index("span_team", SPAN.c.team, SPAN.c.started_us)
Index("outside_span_trace", OUTSIDE_SPAN.c.trace_id)
Index("outside_span_response", OUTSIDE_SPAN.c.response_id)
Index("outside_span_asked", OUTSIDE_SPAN.c.asked)
Index("feedback_target", FEEDBACK.c.target, FEEDBACK.c.created_us)
Index("audit_event_newest", AUDIT_EVENT.c.at_us, AUDIT_EVENT.c.id)
