"""The tables of reviewing: who may, what is to be looked at, who looks at it now, and what is being said about it.

Judgements themselves stand in `annotation`. None of these tables holds a text of an exchange, but for comments and
saved filters, which people wrote.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field

from proxy.store.base import Row, big, table, text


class AccountRow(Row, table=True):
    """A person who may sign in to the pages. Never deleted: judgements and acts name it as `user:NAME`."""

    __tablename__ = "account"

    name: str = text(primary_key=True)
    """What the person signs in with: lower case, for good."""
    tenant: str = text()
    display: str = text()
    """How pages call the person."""
    role: str = text()
    password: str | None = text(default=None)
    """Argon2 hash; NULL for who signs in through an identity provider alone."""
    issuer: str | None = text(default=None)
    """With `subject`: who the person is at an OpenID provider; NULL for who never signed in through one."""
    subject: str | None = text(default=None)
    created_us: int = big()
    disabled_us: int | None = big(default=None)
    signed_in_us: int | None = big(default=None)
    """When the person last signed in."""
    revision: int = big()
    """Grows with each change, but for signing in: who changes what somebody else changed meanwhile is told so."""


class VisitRow(Row, table=True):
    """A person who is signed in, in one browser: ends when it is signed out, too old, or the account disabled."""

    __tablename__ = "visit"

    id: str = text(primary_key=True)
    """SHA-256 of the cookie's secret: who reads the database cannot sign in with it."""
    tenant: str = text()
    account: str = text()
    address: str = text()
    """Where the person signed in from."""
    browser: str = text()
    """What the browser called itself, cut short: so that the person knows it again."""
    created_us: int = big()
    seen_us: int = big()
    expires_us: int = big()


class QueueRow(Row, table=True):
    """A selection of traces that are to be reviewed."""

    __tablename__ = "review_queue"

    id: str = text(primary_key=True)
    tenant: str = text()
    name: str = text()
    filter: str = text()
    """In the filter grammar; without times, and with hashes for names of sessions and subjects."""
    share: float
    """Which part of the traces in the filter is taken, by chance: above 0, at most 1."""
    reviews: int
    """How many reviewers look at each trace, independently."""
    blind: bool
    """Whether nobody sees what others said before having said something."""
    priority: int
    """Queues with a higher one come first."""
    actor: str = text()
    created_us: int = big()
    filled_us: int = big()
    """Traces that started until then were looked at. What is stored late sets it back."""
    closed_us: int | None = big(default=None)
    """From when on nothing more is taken; NULL while it is open."""


class ItemRow(Row, table=True):
    """A trace in a queue, with what it was chosen by: that stays, whatever becomes of the queue."""

    __tablename__ = "review_item"

    id: str = text(primary_key=True)
    tenant: str = text()
    queue_id: str = text()
    span_id: str = text()
    filter: str = text()
    """Of the queue, when it was chosen; empty for what somebody chose by hand."""
    share: float
    """1 / weight: for what is estimated of all traffic."""
    reviews: int
    priority: int
    state: str = text()
    """`open`, `agreed`, `disputed`, `adjudicated` or `closed` (not to be reviewed any more)."""
    submitted: int
    """Reviews so far, adjudication not counted."""
    created_us: int = big()
    started_us: int = big()
    """When the trace started."""
    ended_us: int | None = big(default=None)
    verdict: str | None = text(default=None)
    """What reviewers agreed on, or the adjudicator said, of the whole trace."""


class AssignmentRow(Row, table=True):
    """One review of an item that is wanted: taken by one reviewer at a time, for as long as the lease lasts.

    There are as many as the item needs reviews, and one more for an adjudication: no race can make it more.
    """

    __tablename__ = "review_assignment"

    item_id: str = text(primary_key=True)
    place: int = Field(primary_key=True)
    """From 0; -1 for the adjudication."""
    tenant: str = text()
    queue_id: str = text()
    span_id: str = text()
    """The item's trace."""
    state: str = text()
    """`free`, `claimed` or `submitted`. A claim whose lease is over is as free."""
    reviewer: str | None = text(default=None)
    token: str | None = text(default=None)
    """Random, new with each claim: what is sent under an older one is refused."""
    lease_us: int = big()
    """Until when the claim holds."""
    claimed_us: int | None = big(default=None)
    submitted_us: int | None = big(default=None)
    priority: int
    """The item's, negative: the next one is the first in an index."""
    started_us: int = big()

    __table_args__ = (UniqueConstraint("item_id", "reviewer", name="review_assignment_once"),)


class GroupRow(Row, table=True):
    """What is being done about findings of one tenant, rule and kind. Their numbers stand in `rollup_rule`."""

    __tablename__ = "finding_group"

    id: str = text(primary_key=True)
    """Hash of tenant, rule and kind."""
    tenant: str = text()
    rule: str = text()
    entity: str = text()
    state: str = text()
    """`new` (nobody set one), `ongoing`, `archived` or `resolved`. `regressed` follows from what came since."""
    owner: str | None = text(default=None)
    until_us: int | None = big(default=None)
    """With `archived`: until when."""
    until_count: int | None = big(default=None)
    """With `archived`: until so many more findings have come."""
    escalating: bool
    """With `archived`: until they come much more often than before."""
    changed_us: int = big()
    findings: int = big()
    """How many the hour in which the state was set had until then: what came since is told by them."""
    actor: str = text()


class CommentRow(Row, table=True):
    """What somebody said about a trace or a group, for others. After guardrails, like everything people write."""

    __tablename__ = "comment"

    id: str = text(primary_key=True)
    tenant: str = text()
    span_id: str | None = text(default=None)
    group_id: str | None = text(default=None)
    author: str = text()
    text: str = text()
    created_us: int = big()
    deleted_us: int | None = big(default=None)
    """Its text is empty then."""


class BulkRow(Row, table=True):
    """The same act on every trace of a filter: how far it is, what failed, and whether it was undone."""

    __tablename__ = "bulk_job"

    id: str = text(primary_key=True)
    tenant: str = text()
    scope: str | None = text(default=None)
    """The tenant whose traces it may touch; NULL: every one's."""
    actor: str = text()
    kind: str = text()
    """`verdict`, `queue` or `close`."""
    filter: str = text()
    """In the filter grammar; bounded by `created_us`."""
    detail: str = text()
    """JSON object: what is done."""
    state: str = text()
    """`running`, `done`, `failed`, `cancelled`, `undoing` or `undone`."""
    why: str | None = text(default=None)
    """What stopped it, where something did."""
    total: int = big()
    done: int = big()
    failed: int = big()
    undone: int = big()
    """Judgements of it that were taken back."""
    failures: str = text()
    """JSON array of the first that failed: id and why."""
    cursor: str = text()
    """Where to go on; empty at the beginning."""
    worker: str | None = text(default=None)
    """Random name of who does it."""
    lease_us: int = big()
    """When its worker may be taken for gone."""
    created_us: int = big()
    ended_us: int | None = big(default=None)


class ViewRow(Row, table=True):
    """A filter that somebody gave a name."""

    __tablename__ = "saved_view"

    id: str = text(primary_key=True)
    tenant: str = text()
    name: str = text()
    filter: str = text()
    actor: str = text()
    created_us: int = big()


class CandidateRow(Row, table=True):
    """A reviewed trace that is to become a golden case. The case itself is made of the trace when it is asked for."""

    __tablename__ = "golden_candidate"

    id: str = text(primary_key=True)
    tenant: str = text()
    span_id: str = text()
    dataset: str = text()
    """Name of the golden set that it is meant for."""
    labels: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """What the reviewer says of it, zlib-compressed JSON, encrypted: the expected answer, tags."""
    key_id: str = text()
    """The row of `data_key` that encrypts it."""
    actor: str = text()
    created_us: int = big()
    taken_us: int | None = big(default=None)
    """When it was first taken into a golden set."""
    withdrawn_us: int | None = big(default=None)


class PolicyTextRow(Row, table=True):
    """A policy as it was written when it came into force, so that versions can be compared."""

    __tablename__ = "policy_text"

    id: str = text(primary_key=True)
    """`name@revision`."""
    tenant: str = text()
    """Empty: policies are the operator's."""
    files: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """Its files, name and text, its own first: zlib-compressed JSON, encrypted."""
    key_id: str = text()
    """The row of `data_key` that encrypts it."""
    created_us: int = big()


ACCOUNT, VISIT = table(AccountRow), table(VisitRow)
QUEUE, ITEM, ASSIGNMENT = table(QueueRow), table(ItemRow), table(AssignmentRow)
GROUP, COMMENT, BULK, VIEW, CANDIDATE = (
    table(GroupRow),
    table(CommentRow),
    table(BulkRow),
    table(ViewRow),
    table(CandidateRow),
)
POLICY_TEXT = table(PolicyTextRow)

Index("account_subject", ACCOUNT.c.issuer, ACCOUNT.c.subject, unique=True)
Index("visit_account", VISIT.c.account)
Index("visit_expires", VISIT.c.expires_us)
Index("review_queue_name", QUEUE.c.tenant, QUEUE.c.name, unique=True)
Index("review_item_once", ITEM.c.queue_id, ITEM.c.span_id, unique=True)
Index("review_item_span", ITEM.c.span_id)
Index("review_item_state", ITEM.c.queue_id, ITEM.c.state, ITEM.c.created_us)
Index(
    "review_assignment_next",
    ASSIGNMENT.c.queue_id,
    ASSIGNMENT.c.priority,
    ASSIGNMENT.c.started_us,
    ASSIGNMENT.c.item_id,
    ASSIGNMENT.c.place,
    sqlite_where=ASSIGNMENT.c.state != "submitted",
    postgresql_where=ASSIGNMENT.c.state != "submitted",
)
Index("review_assignment_span", ASSIGNMENT.c.span_id)
Index("review_assignment_done", ASSIGNMENT.c.queue_id, ASSIGNMENT.c.submitted_us)
Index("review_assignment_mine", ASSIGNMENT.c.reviewer, ASSIGNMENT.c.state, ASSIGNMENT.c.submitted_us)
Index("finding_group_state", GROUP.c.tenant, GROUP.c.state)
Index("comment_span", COMMENT.c.span_id, COMMENT.c.created_us)
Index("comment_group", COMMENT.c.group_id, COMMENT.c.created_us)
Index("bulk_job_newest", BULK.c.created_us)
Index("saved_view_name", VIEW.c.tenant, VIEW.c.name, unique=True)
Index("golden_candidate_newest", CANDIDATE.c.created_us, CANDIDATE.c.id)
Index("golden_candidate_span", CANDIDATE.c.span_id)
