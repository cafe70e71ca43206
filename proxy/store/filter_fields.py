"""What the fields of a filter mean, as conditions on SPAN."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, exists, or_, true

from guardrails.types import Action, Mode, Stage
from proxy.identity import session_hash, subject_hash
from proxy.store import sql
from proxy.store.blindness import told_to
from proxy.store.feedback import judged_as
from proxy.store.filter_text import Pattern
from proxy.store.filter_values import at_first, at_last
from proxy.store.tables import ANNOTATION, FINDING, RETRIEVAL_HIT, SPAN, TOOL_CALL
from proxy.store.tables_review import ITEM, QUEUE

OUTCOMES = ("blocked", "masked", "flagged", "failed", "cancelled", "passed")
"""What can become of an exchange, the most pressing first."""
VERDICTS = ("true_positive", "false_positive", "wrong_action", "missed", "unsure", "pass", "fail", "defer")
"""What a reviewer can say: five words about a finding or what was missed, three about the trace."""
WITHDRAWN = "withdrawn"
"""Verdict of a judgement that takes back the one it supersedes."""
TAGS = ("retrieval", "generation", "tool", "planning", "safety", "format", "refusal")
"""What can have gone wrong in a trace."""

STATES = ("open", "agreed", "disputed", "adjudicated", "closed")
"""How far the review of an item of a queue is."""

_HASH = re.compile(r"[0-9a-f]{32}")
_PERSON = "user:"


class Names(NamedTuple):
    """What turns a name into what is stored in its place, and who asks."""

    key: bytes
    tenant: str
    reader: str | None = None
    """From whom some judgements may be hidden; None: whoever sees all."""


Condition = Callable[[Pattern, Names], ColumnElement[bool]]

COLUMNS: dict[str, ColumnElement[Any]] = {
    "outcome": SPAN.c.outcome,
    "action": SPAN.c.action,
    "model": SPAN.c.model,
    "answered": SPAN.c.answered_model,
    "deployment": SPAN.c.deployment,
    "provider": SPAN.c.provider,
    "team": SPAN.c.team,
    "key": SPAN.c.key_id,
    "tenant": SPAN.c.tenant,
    "run": SPAN.c.run_id,
    "run_source": SPAN.c.run_source,
    "dialect": SPAN.c.dialect,
    "path": SPAN.c.path,
    "response": SPAN.c.response_id,
    "config": SPAN.c.config,
    "shadow_of": SPAN.c.shadow_of,
}
"""Fields that are a column of their own."""


def standing() -> ColumnElement[bool]:
    """The condition of judgements that their author has neither replaced nor withdrawn."""
    later = ANNOTATION.alias()
    replaced = exists().where(later.c.span_id == ANNOTATION.c.span_id, later.c.supersedes == ANNOTATION.c.id)
    return and_(ANNOTATION.c.verdict != WITHDRAWN, ~replaced)


REVIEWED = exists().where(ANNOTATION.c.span_id == SPAN.c.id, standing())
"""Whether somebody has judged a trace or one of its findings."""


def reviewed(reader: str | None) -> ColumnElement[bool]:
    """The same, as far as a reader may know."""
    return exists().where(ANNOTATION.c.span_id == SPAN.c.id, standing(), told_to(reader))


def _column(name: str) -> Condition:
    return lambda pattern, _: sql.matches(COLUMNS[name], pattern)


def _trace(pattern: Pattern, _: Names) -> ColumnElement[bool]:
    return or_(sql.matches(SPAN.c.id, pattern), sql.matches(SPAN.c.trace_id, pattern))


def _error(pattern: Pattern, _: Names) -> ColumnElement[bool]:
    return or_(sql.matches(SPAN.c.error_code, pattern), sql.matches(SPAN.c.error_type, pattern))


def _policy(pattern: Pattern, _: Names) -> ColumnElement[bool]:
    """A policy by name has any revision."""
    if at_last(pattern, "@") is None:
        pattern = (*pattern[:-1], pattern[-1] + "@", "")
    return sql.matches(SPAN.c.policy, pattern)


def _prompt(pattern: Pattern, _: Names) -> ColumnElement[bool]:
    cut = at_last(pattern, "@")
    if cut is None:
        return sql.matches(SPAN.c.prompt, pattern)
    return and_(sql.matches(SPAN.c.prompt, cut[0]), sql.matches(SPAN.c.prompt_version, cut[1]))


def _named(column: ColumnElement[Any], hashed: Callable[[bytes, str, str], str]) -> Condition:
    """A name is stored as its hash, which may be given instead."""

    def condition(pattern: Pattern, names: Names) -> ColumnElement[bool]:
        if len(pattern) > 1:
            return sql.matches(column, pattern)
        name = pattern[0].strip()
        told = [hashed(names.key, names.tenant, name)]
        return column.in_([*told, name] if _HASH.fullmatch(name) else told)

    return condition


def _rule(pattern: Pattern, _: Names) -> ColumnElement[bool]:
    """A rule by its id, or by its id, a point and the kind of thing it found."""
    whole = sql.matches(FINDING.c.rule, pattern)
    cut = at_last(pattern, ".")
    if cut is None:
        return whole
    return or_(whole, and_(sql.matches(FINDING.c.rule, cut[0]), _kind(cut[1])))


def _kind(pattern: Pattern) -> ColumnElement[bool]:
    """A kind in any case, by the whole name or its first words: `iban` for IBAN_CODE."""
    small = tuple(literal.lower() for literal in pattern)
    column = sql.lower(FINDING.c.entity)
    return or_(sql.matches(column, small), sql.matches(column, (*small[:-1], small[-1] + "_", "")))


def finding(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether one finding is all that."""
    return exists().where(FINDING.c.span_id == SPAN.c.id, *conditions)


def _tool(pattern: Pattern, _: Names) -> ColumnElement[bool]:
    return exists().where(TOOL_CALL.c.span_id == SPAN.c.id, sql.matches(TOOL_CALL.c.name, pattern))


def _hit(pattern: Pattern, _: Names) -> ColumnElement[bool]:
    return exists().where(RETRIEVAL_HIT.c.span_id == SPAN.c.id, sql.matches(RETRIEVAL_HIT.c.doc_id, pattern))


def _tag(pattern: Pattern, _: Names) -> ColumnElement[bool]:
    cut = at_first(pattern, "=")
    name, value = cut if cut is not None else (pattern, ("", ""))
    if not any(name):
        return SPAN.c.tags.is_not(None)
    return sql.has_member(SPAN.c.tags, "*".join(name), value)


def _finish(pattern: Pattern, _: Names) -> ColumnElement[bool]:
    return sql.has_item(SPAN.c.detail, "finish_reasons", pattern)


def _verdict(pattern: Pattern, names: Names) -> ColumnElement[bool]:
    return exists().where(
        ANNOTATION.c.span_id == SPAN.c.id,
        sql.matches(ANNOTATION.c.verdict, pattern),
        standing(),
        told_to(names.reader),
    )


def _reviewer(pattern: Pattern, names: Names) -> ColumnElement[bool]:
    """Who said it, by the id of a key or the name of a person."""
    person = (_PERSON + pattern[0], *pattern[1:])
    said = or_(sql.matches(ANNOTATION.c.author, pattern), sql.matches(ANNOTATION.c.author, person))
    told = (standing(), told_to(names.reader))
    return exists().where(ANNOTATION.c.span_id == SPAN.c.id, said, *told)


def item(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether it is one item of a queue that is all that."""
    return exists().where(ITEM.c.span_id == SPAN.c.id, ITEM.c.queue_id == QUEUE.c.id, *conditions)


def _feedback(pattern: Pattern, _: Names) -> ColumnElement[bool]:
    return judged_as(pattern[0] if len(pattern) == 1 else "any")


PATTERNS: dict[str, tuple[str, Condition, Sequence[str]]] = {
    "outcome": ("What became of it.", _column("outcome"), OUTCOMES),
    "action": ("The strictest action that was applied.", _column("action"), tuple(Action)),
    "rule": ("A rule that found something: `pii`, or `pii.iban` for a kind of thing.", _rule, ()),
    "entity": ("A kind of thing that was found, in any case.", lambda pattern, _: _kind(pattern), ()),
    "stage": ("Where it was found.", lambda p, _: sql.matches(FINDING.c.stage, p), tuple(Stage)),
    "mode": (
        "Whether the rule that found it acts.",
        lambda p, _: sql.matches(FINDING.c.mode, p),
        tuple(Mode),
    ),
    "fingerprint": (
        "One found value, by its keyed hash.",
        lambda p, _: sql.matches(FINDING.c.fingerprint, p),
        (),
    ),
    "model": ("The model that was asked for.", _column("model"), ()),
    "answered": ("The model that answered.", _column("answered"), ()),
    "deployment": ("The deployment that answered.", _column("deployment"), ()),
    "provider": ("The provider behind it.", _column("provider"), ()),
    "policy": ("The policy: `default`, or `default@REVISION`.", _policy, ()),
    "team": ("Team of the key.", _column("team"), ()),
    "key": ("Public id of the key.", _column("key"), ()),
    "tenant": ("The tenant.", _column("tenant"), ()),
    "tag": ("A tag of the key: `env=prod`, or `env` for any value.", _tag, ()),
    "session": ("The session, by the name its caller gave it.", _named(SPAN.c.session_id, session_hash), ()),
    "subject": ("The person that it was for, by name.", _named(SPAN.c.subject, subject_hash), ()),
    "run": ("The agent run or conversation.", _column("run"), ()),
    "run_source": ("What the run was known by.", _column("run_source"), ()),
    "trace": ("Its id, or the W3C trace id.", _trace, ()),
    "response": ("Id that the provider gave the reply.", _column("response"), ()),
    "shadow_of": ("The trace that it is a shadow of.", _column("shadow_of"), ()),
    "prompt": ("The prompt template: `welcome`, or `welcome@2`.", _prompt, ()),
    "tool": ("A tool that was called.", _tool, ()),
    "hit": ("Id of a retrieved document.", _hit, ()),
    "error": ("Code or type of the error.", _error, ()),
    "finish": ("Why a choice of the reply ended.", _finish, ()),
    "verdict": ("What a reviewer said and has not replaced.", _verdict, VERDICTS),
    "reviewer": ("Who said so.", _reviewer, ()),
    "queue": ("A queue that it was put into, by name.", lambda p, _: sql.matches(QUEUE.c.name, p), ()),
    "state": ("How far its review in a queue is.", lambda p, _: sql.matches(ITEM.c.state, p), STATES),
    "feedback": ("What users thought of it.", _feedback, ("up", "down", "any")),
    "dialect": ("The wire format.", _column("dialect"), ()),
    "path": ("The route.", _column("path"), ()),
    "config": ("Revision of the configuration.", _column("config"), ()),
}
"""Fields whose values are patterns: what they mean, their condition, and the values there are where they are few."""

FINDINGS = ("rule", "entity", "stage", "mode", "fingerprint")
"""Fields that are about findings: what a filter says of them must be true of one."""
ITEMS = ("queue", "state")
"""The same for items of queues."""

SWITCHES: dict[str, tuple[str, ColumnElement[bool]]] = {
    "flagged": ("Whether it needs a look.", SPAN.c.flagged.is_(true())),
    "reviewed": ("Whether somebody has judged it.", REVIEWED),
    "shadow": ("Whether it is a shadow of another.", SPAN.c.shadow_of.is_not(None)),
    "stream": ("Whether it was streamed.", SPAN.c.stream.is_(true())),
    "raw": ("Whether it is also kept as it was before the guardrails.", SPAN.c.raw.is_(true())),
}
"""Fields that are true or false."""
