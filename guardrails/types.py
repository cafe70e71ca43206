"""The nouns of a guardrail decision: Segment in, Finding and Edit out, gathered in a Verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Stage(StrEnum):
    """Where in an exchange a piece of text stands."""

    INPUT = "input"
    TOOL_DEFINITION = "tool_definition"
    TOOL_CALL = "tool_call"
    TOOL_RESULT = "tool_result"
    RETRIEVAL = "retrieval"
    OUTPUT = "output"


class Action(StrEnum):
    """What a rule does with a finding, weakest first; the strictest one wins."""

    ALLOW = "allow"
    FLAG = "flag"
    PSEUDONYMIZE = "pseudonymize"
    REDACT = "redact"
    BLOCK = "block"

    @property
    def rank(self) -> int:
        """Position in the order of strictness; 0 is the weakest."""
        return _RANK[self]


_RANK = {action: rank for rank, action in enumerate(Action)}


def strictest(actions: Iterable[Action]) -> Action:
    """The strictest of some actions; `allow` when there are none."""
    return max(actions, key=_RANK.__getitem__, default=Action.ALLOW)


class Mode(StrEnum):
    """Whether a rule acts, or only records what it would have done."""

    ENFORCE = "enforce"
    SHADOW = "shadow"


class Style(StrEnum):
    """How a pseudonym is written."""

    TOKEN = "token"  # noqa: S105  (no secret, a way of writing)
    """An opaque name: `EMAIL_ADDRESS_3f9a0c71d2`."""
    SURROGATE = "surrogate"
    """A stand-in of the same shape that belongs to nobody, where there is one; else a token."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One inspectable string and its exact address."""

    text: str
    """The string itself, never changed by a check."""
    pointer: str
    """RFC 6901 JSON pointer to the string in the message it came from, e.g. `/messages/0/content`."""
    stage: Stage
    """Where in the exchange it stands."""
    channel: str = "user"
    """Who it came from: `user`, `system`, `assistant`, `tool:<name>` or `retrieved:<doc>`."""
    within: str = ""
    """RFC 6901 pointer inside the JSON that the string at `pointer` holds (tool arguments); else empty."""


@dataclass(frozen=True, slots=True)
class Span:
    """What a check saw in one text. Offsets are code points, end exclusive."""

    start: int
    end: int
    entity: str
    """Kind of thing, in the field's words: `EMAIL_ADDRESS`, `AWS_ACCESS_KEY`."""
    score: float = 1.0
    """Confidence between 0 and 1."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A span that a rule took up. Never holds the matched text."""

    rule: str
    """Id of the rule in the policy."""
    check: str
    """Name of the check the rule runs."""
    entity: str
    stage: Stage
    pointer: str
    start: int
    """First code point in the segment's text."""
    end: int
    """One past the last code point."""
    score: float
    action: Action
    """What the rule asks for."""
    mode: Mode
    fingerprint: str = ""
    """Keyed hash of the matched text: equal values are recognised, nothing can be guessed from it."""
    within: str = ""
    """As in Segment."""
    style: Style = Style.TOKEN
    """How the rule wants a pseudonym to be written."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace text[start:end] of the segment at pointer (and within) by `replacement`."""

    pointer: str
    start: int
    end: int
    replacement: str
    within: str = ""


@dataclass(frozen=True, slots=True)
class CheckFailure:
    """A check that could not do its work: data, not an exception."""

    rule: str
    check: str
    kind: str
    """`error`, `timeout`, `over_budget`, `hold_overflow` or `unavailable`."""
    reason: str
    """Class of the failure; never text that passed through the check."""
    action: Action
    """What the rule's `on_error` made of it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found in some segments, and what is to be done about it."""

    action: Action = Action.ALLOW
    """The strictest action that applies."""
    decided: Action = Action.ALLOW
    """The same with shadow rules counted as if they were enforced."""
    findings: tuple[Finding, ...] = ()
    failures: tuple[CheckFailure, ...] = ()
    edits: tuple[Edit, ...] = ()
    """Non-overlapping edits, ordered by segment and start. Empty when blocked; but a stream that was blocked
    midway keeps the edits of what had left before."""
    timings: Mapping[str, float] = field(default_factory=dict)
    """Milliseconds spent by rule id."""
    blocked_by: str = ""
    """Id of the rule that blocks; empty when none does."""
    blocked_at: str = ""
    """JSON pointer of the segment that was blocked; empty when none was."""


ALLOWED = Verdict()
"""The verdict on text in which nothing was found."""


def conclude(
    findings: Sequence[Finding], failures: Sequence[CheckFailure], timings: Mapping[str, float]
) -> Verdict:
    """The verdict that some findings and failures add up to, without edits."""
    action = decided = strictest(failure.action for failure in failures)
    blocked_by = blocked_at = ""
    for finding in findings:
        decided = strictest((decided, finding.action))
        if finding.mode is Mode.ENFORCE:
            action = strictest((action, finding.action))
            if finding.action is Action.BLOCK and not blocked_by:
                blocked_by, blocked_at = finding.rule, finding.pointer
    if not blocked_by:
        blocked_by = next((failure.rule for failure in failures if failure.action is Action.BLOCK), "")
    return Verdict(
        action=action,
        decided=decided,
        findings=tuple(findings),
        failures=tuple(failures),
        timings=timings,
        blocked_by=blocked_by,
        blocked_at=blocked_at,
    )


def merge(verdicts: Iterable[Verdict]) -> Verdict:
    """One verdict for several texts: the strictest action, everything found, times added up."""
    parts = [verdict for verdict in verdicts if verdict is not ALLOWED]
    if len(parts) < 2:
        return parts[0] if parts else ALLOWED
    timings: dict[str, float] = {}
    for part in parts:
        for rule, spent in part.timings.items():
            timings[rule] = timings.get(rule, 0.0) + spent
    blocked = next((part for part in parts if part.blocked_by), ALLOWED)
    return Verdict(
        action=strictest(part.action for part in parts),
        decided=strictest(part.decided for part in parts),
        findings=tuple(finding for part in parts for finding in part.findings),
        failures=tuple(failure for part in parts for failure in part.failures),
        edits=tuple(edit for part in parts for edit in part.edits),
        timings=timings,
        blocked_by=blocked.blocked_by,
        blocked_at=blocked.blocked_at,
    )
