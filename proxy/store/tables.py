"""The tables of traces, and of what is said about them: one class per table, ending in Row.

Rows are written once; what is learnt later is a new row. Ids are UUIDv7 in hex, times are integer microseconds UTC,
and every row names its tenant. Every text in these tables went through the guardrails first, but for blobs of raw
texts, where a policy keeps them. `docs/reference/database.md` describes each column.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, false
from sqlmodel import Field

from proxy.store.base import Row, big, table, text


class SpanRow(Row, table=True):
    """One exchange in one wide row, never changed. The list view reads only this table."""

    __tablename__ = "span"

    id: str = text(primary_key=True)
    trace_id: str = text()
    tenant: str = text()
    key_id: str | None = text(default=None)
    started_us: int = big()
    duration_us: int | None = big(default=None)
    first_token_us: int | None = big(default=None)
    path: str = text()
    dialect: str = text()
    stream: bool
    model: str = text()
    answered_model: str | None = text(default=None)
    deployment: str = text()
    provider: str = text()
    object_id: str | None = text(default=None)
    """Id under which the provider keeps the reply."""
    policy: str = text()
    outcome: str = text()
    action: str = text()
    decided: str = text()
    flagged: bool
    """Something was found, failed to run, masked or blocked: the reviewers' queue."""
    http_status: int
    error_type: str | None = text(default=None)
    error_code: str | None = text(default=None)
    error_message: str | None = text(default=None)
    error_param: str | None = text(default=None)
    upstream_called: bool
    attempts: int
    tokens_in: int | None = big(default=None)
    """NULL when the provider did not say, never 0."""
    tokens_out: int | None = big(default=None)
    rules: str = text()
    """JSON array of the rules that found something, each once, sorted."""
    entities: str = text()
    """JSON array of the kinds of thing found, each once, sorted."""
    findings: int
    tool_calls: int
    hits: int
    preview: str = text()
    """The start of the last message, as stored: after guardrails."""
    detail: str = text()
    """JSON object of what only the detail view needs: usage, finish_reasons, timings, failures."""
    shadow_of: str | None = text(default=None)
    """The span that this is a copy of, answered by another model for nobody; NULL for a caller's own."""
    team: str | None = text(default=None)
    tags: str | None = text(default=None)
    """JSON object of the key's tags; NULL when it has none."""
    cost_nanousd: int | None = big(default=None)
    """Billionths of a US dollar; NULL when the price or the usage is not known, never 0 for that."""
    charged_nanousd: int | None = big(default=None)
    """What budgets were charged with, estimated where the cost is not known; NULL where no limits held."""
    price_version: str | None = text(default=None)
    prompt: str | None = text(default=None)
    """Name of the prompt template that made the request."""
    prompt_version: str | None = text(default=None)
    prompt_hash: str | None = text(default=None)
    session_id: str | None = text(default=None)
    """Keyed hash of the session that the caller named."""
    run_id: str | None = text(default=None)
    """The agent run or conversation that it is a step of."""
    run_source: str | None = text(default=None)
    """What the run was known by."""
    parent_span: str | None = text(default=None)
    """W3C id of the caller's span, 16 hex digits."""
    response_id: str | None = text(default=None)
    """Id that the provider gave the reply."""
    asked: str | None = text(default=None)
    """Keyed hash of the last text asked, by which a span without trace id is joined."""
    config: str | None = text(default=None)
    """Revision of the configuration under which it was answered."""
    subject: str | None = text(default=None)
    """Keyed hash of the person that the request says it is for."""
    raw: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    """Whether what was said is also kept as it was before the guardrails, encrypted."""


class MessageRefRow(Row, table=True):
    """One side of an exchange, and the blobs that it is made of: `proxy.store.refs` reads and writes it."""

    __tablename__ = "message_ref"

    span_id: str = text(primary_key=True)
    side: str = text(primary_key=True)
    """`request` or `response`; `raw_request` or `raw_response` for what the guardrails did not see to."""
    seq: int = Field(primary_key=True)
    tenant: str = text()
    pointer: str = text()
    """With `pieces`: the lists whose items they are, JSON of pairs of pointer and count. Else empty; older versions
    wrote a row for each item, with its pointer, `/messages/3`."""
    blob_id: str = text()
    """The frame: everything but the items of long lists."""
    pieces: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    """The items' blobs, 16 bytes each: their ids begin with the frame's day and end with these in hex."""


class BlobRow(Row, table=True):
    """Bytes stored once, however often a chat resends them."""

    __tablename__ = "blob"

    id: str = text(primary_key=True)
    """12 hex digits of its day in milliseconds, as in a UUIDv7, then a keyed hash of kind, tenant and bytes: equal
    content of a day shares a row, and no guess can be tested. Older versions wrote a hash alone."""
    tenant: str = text()
    codec: str = text()
    """`zlib` or `raw`."""
    size: int
    """Bytes before compression."""
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """AES-GCM: 12 bytes nonce, ciphertext, 16 bytes tag; bound to the id."""
    key_id: str | None = text(default=None)
    """The row of `data_key` that encrypts it; NULL for what an older version wrote, which is not encrypted."""
    created_us: int = big(sa_column_kwargs={"server_default": "0"})
    """Start of its day."""


class ToolCallRow(Row, table=True):
    """A tool call that a reply asked for, or one that a request's history answers."""

    __tablename__ = "tool_call"

    span_id: str = text(primary_key=True)
    seq: int = Field(primary_key=True)
    tenant: str = text()
    started_us: int = big()
    call_id: str = text()
    name: str = text()
    arguments_blob: str = text()
    result_blob: str | None = text(default=None)
    state: str = text()
    """`requested` or `answered`; `ran` for one that an app's own span tells of."""


class RetrievalHitRow(Row, table=True):
    """One retrieved document, at its rank."""

    __tablename__ = "retrieval_hit"

    span_id: str = text(primary_key=True)
    seq: int = Field(primary_key=True)
    tenant: str = text()
    rank: int
    doc_id: str = text()
    score: float | None = None
    text_blob: str = text()
    source: str = text()


class FindingRow(Row, table=True):
    """One thing a rule found: where and what kind, never the matched text."""

    __tablename__ = "finding"

    span_id: str = text(primary_key=True)
    seq: int = Field(primary_key=True)
    tenant: str = text()
    side: str = text()
    rule: str = text()
    check: str = text()
    entity: str = text()
    stage: str = text()
    pointer: str = text()
    within: str = text()
    start: int
    end: int
    score: float
    action: str = text()
    mode: str = text()
    fingerprint: str = text()
    masked_start: int | None = None
    masked_end: int | None = None


class AnnotationRow(Row, table=True):
    """A reviewer's judgement. Append-only: a later one of the same author on the same thing supersedes it."""

    __tablename__ = "annotation"

    id: str = text(primary_key=True)
    tenant: str = text()
    span_id: str = text()
    finding: int | None = None
    """Index of the finding judged, or NULL for the whole trace."""
    verdict: str = text()
    note: str = text()
    author: str = text()
    """Public id of a key, or `user:NAME`."""
    created_us: int = big()
    supersedes: str | None = text(default=None)
    tags: str | None = text(default=None)
    """JSON array of failure tags, sorted; NULL for none."""
    side: str | None = text(default=None)
    """With `pointer`, `within`, `start`, `end`: the range in the stored text that no rule found, for `missed`."""
    pointer: str | None = text(default=None)
    within: str | None = text(default=None)
    start: int | None = None
    end: int | None = None
    entity: str | None = text(default=None)
    """What kind of thing was missed there."""
    item_id: str | None = text(default=None)
    """The item of a queue in whose review it was said; NULL when it was said outside of one."""
    job_id: str | None = text(default=None)
    """The bulk job that said it; NULL for who said it of this trace."""


class RunRow(Row, table=True):
    """One eval run as the runner wrote it, with the columns its list needs."""

    __tablename__ = "run"

    id: str = text(primary_key=True)
    tenant: str = text()
    received_us: int = big()
    created_at: str = text()
    suite: str = text()
    head: str = text()
    """JSON of the document without its items."""
    items: int
    document: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """The whole document, zlib-compressed JSON, encrypted."""
    key_id: str | None = text(default=None)
    """The row of `data_key` that encrypts it; NULL for what an older version wrote, which is not encrypted."""


class ApiKeyRow(Row, table=True):
    """A virtual key: its hash, never the key."""

    __tablename__ = "api_key"

    id: str = text(primary_key=True)
    tenant: str = text()
    name: str = text()
    hash: str = text(unique=True)
    """SHA-256 of the key in hex. A key is 256 random bits, so a fast hash cannot be searched."""
    admin: bool
    created_us: int = big()
    revoked_us: int | None = big(default=None)
    team: str | None = text(default=None)
    models: str | None = text(default=None)
    """JSON array of the models it may ask for; NULL: all."""
    policy: str | None = text(default=None)
    """Name of the policy that judges its requests; NULL: as the configuration says."""
    tags: str | None = text(default=None)
    """JSON object of texts."""
    limits: str | None = text(default=None)
    """JSON object of its limits; NULL: none of its own."""
    expires_us: int | None = big(default=None)
    role: str | None = text(default=None)
    """What it may do besides asking models; NULL: nothing, or everything but raw texts where `admin` is set."""


class OutsideSpanRow(Row, table=True):
    """A span that an app sent: a retrieval, a tool, a step of an agent. Its hits and calls stand under its id."""

    __tablename__ = "outside_span"

    id: str = text(primary_key=True)
    """Trace id and span id, 48 hex digits, `@` and the key that sent it: none can take the place of another's."""
    tenant: str = text()
    key_id: str | None = text(default=None)
    trace_id: str = text()
    parent_span: str | None = text(default=None)
    kind: str = text()
    """`retrieval`, `tool`, `llm`, `agent`, `chain`, `embedding`, `reranker`, `guardrail` or `other`."""
    name: str = text()
    service: str | None = text(default=None)
    source: str = text()
    """`otlp` or `api`."""
    started_us: int = big()
    ended_us: int | None = big(default=None)
    received_us: int = big()
    error: bool
    response_id: str | None = text(default=None)
    """Id of the reply that it tells of, for an LLM span that names one."""
    asked: str | None = text(default=None)
    """Keyed hash of the last text asked, for an LLM span."""
    detail_blob: str | None = text(default=None)
    """JSON object of its attributes, after guardrails."""
    subject: str | None = text(default=None)
    """Keyed hash of the person whom the app names in it."""


class FeedbackRow(Row, table=True):
    """What somebody thought of a reply. Append-only."""

    __tablename__ = "feedback"

    id: str = text(primary_key=True)
    tenant: str = text()
    key_id: str | None = text(default=None)
    target: str = text()
    """Id of the exchange."""
    name: str = text()
    """What was judged, e.g. `user`."""
    value: float | None = None
    """Thumbs are 1 and 0."""
    comment_blob: str | None = text(default=None)
    """After guardrails."""
    created_us: int = big()


class GapRow(Row, table=True):
    """Traces known to be lost: how many, when and why. Absence of rows is a statement too."""

    __tablename__ = "gap"

    id: str = text(primary_key=True)
    tenant: str = text()
    started_us: int = big()
    ended_us: int = big()
    reason: str = text()
    lost: int


SPAN, MESSAGE_REF, BLOB = table(SpanRow), table(MessageRefRow), table(BlobRow)
TOOL_CALL, RETRIEVAL_HIT, FINDING = table(ToolCallRow), table(RetrievalHitRow), table(FindingRow)
ANNOTATION, RUN, API_KEY, GAP = table(AnnotationRow), table(RunRow), table(ApiKeyRow), table(GapRow)
OUTSIDE_SPAN, FEEDBACK = table(OutsideSpanRow), table(FeedbackRow)

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
Index("tool_call_join", TOOL_CALL.c.tenant, TOOL_CALL.c.call_id, TOOL_CALL.c.started_us)
Index("finding_rule", FINDING.c.rule, FINDING.c.span_id)
Index("finding_fingerprint", FINDING.c.fingerprint)
Index("annotation_span", ANNOTATION.c.span_id, ANNOTATION.c.created_us)
Index(
    "annotation_job",
    ANNOTATION.c.job_id,
    ANNOTATION.c.id,
    sqlite_where=ANNOTATION.c.job_id.is_not(None),
    postgresql_where=ANNOTATION.c.job_id.is_not(None),
)
Index("run_newest", RUN.c.received_us, RUN.c.id)
Index("span_run", SPAN.c.run_id, SPAN.c.started_us)
Index("span_response", SPAN.c.response_id)
Index("span_asked", SPAN.c.asked)
Index("span_key", SPAN.c.key_id, SPAN.c.started_us)
Index("span_team", SPAN.c.team, SPAN.c.started_us)
Index("outside_span_trace", OUTSIDE_SPAN.c.trace_id)
Index("outside_span_response", OUTSIDE_SPAN.c.response_id)
Index("outside_span_asked", OUTSIDE_SPAN.c.asked)
Index("outside_span_received", OUTSIDE_SPAN.c.received_us)
Index("feedback_target", FEEDBACK.c.target, FEEDBACK.c.created_us)
Index("feedback_created", FEEDBACK.c.created_us)
Index(
    "span_subject",
    SPAN.c.subject,
    sqlite_where=SPAN.c.subject.is_not(None),
    postgresql_where=SPAN.c.subject.is_not(None),
)
Index("blob_created", BLOB.c.created_us)
Index(
    "outside_span_subject",
    OUTSIDE_SPAN.c.subject,
    sqlite_where=OUTSIDE_SPAN.c.subject.is_not(None),
    postgresql_where=OUTSIDE_SPAN.c.subject.is_not(None),
)
# Who else refers to a blob has to be known before an erasure may delete it.
Index("tool_call_arguments", TOOL_CALL.c.arguments_blob)
Index("tool_call_result", TOOL_CALL.c.result_blob)
Index("retrieval_hit_text", RETRIEVAL_HIT.c.text_blob)
Index("outside_span_detail", OUTSIDE_SPAN.c.detail_blob)
Index("feedback_comment", FEEDBACK.c.comment_blob)
