"""The nouns of asking: a Case goes in, an Output comes out, and gets a Score."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of the corpus that answers a case's question."""

    doc_id: str
    quote: str = ""
    """Words copied from the document; empty when the place is told otherwise, or the whole document is meant."""
    grade: int = 1
    """How relevant it is; 0 is judged and not relevant."""
    start: int | None = None
    end: int | None = None
    """The place in the document, in code points, end exclusive; None when it is not told."""
    quote_sha256: str = ""
    """Hash of the words at that place, single-spaced: it tells whether the document still says them."""
    doc_sha256: str = ""
    """Hash of the document's text as it was judged."""


@dataclass(frozen=True, slots=True)
class ExpectedCall:
    """A tool call that the model should make."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ScriptedResult:
    """What a tool answers in a scenario. Entries that fit a call are used in order, the last of them over and over."""

    tool: str
    result: str
    """The text that the model is given."""
    arguments: Mapping[str, Any] | None = None
    """Members that the call's arguments must have; None fits every call of the tool."""


@dataclass(frozen=True, slots=True)
class ExpectedVerdict:
    """What the guardrails should decide on a case's input."""

    action: str
    """`allow`, `flag`, `pseudonymize`, `redact` or `block`."""
    entities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Expected:
    """What a good output looks like. A field that is None says nothing, and no scorer reads it."""

    answer: str | None = None
    aliases: tuple[str, ...] = ()
    """Other wordings that are as good as `answer`."""
    refusal: bool | None = None
    """Whether the right reply is that the answer is not known."""
    tool_calls: tuple[ExpectedCall, ...] | None = None
    guardrail: ExpectedVerdict | None = None
    json_schema: Mapping[str, Any] | None = None
    """JSON Schema that the answer, read as JSON, has to fit."""


@dataclass(frozen=True, slots=True)
class Case:
    """One item of a golden set. One of `question`, `messages` and `turns` is set."""

    id: str
    sha256: str
    """Hash of what the scores depend on: input, expected, relevant."""
    question: str | None = None
    messages: tuple[Mapping[str, Any], ...] = ()
    tools: tuple[Mapping[str, Any], ...] = ()
    turns: tuple[str, ...] = ()
    """What the user says in a scenario, one after the other; the model answers each, calling tools as it likes."""
    script: tuple[ScriptedResult, ...] = ()
    """What the tools of a scenario answer."""
    variables: Mapping[str, Any] = field(default_factory=dict)
    """For a prompt that the proxy renders."""
    expected: Expected = field(default_factory=Expected)
    relevant: tuple[Passage, ...] = ()
    tags: tuple[str, ...] = ()
    cluster: str = ""
    """Cases of one cluster (source document, conversation) are not independent of each other."""
    trace: str = ""
    """Id of the trace that it was made from; empty when it was made from none."""
    subject: str = ""
    """Keyed hash of the person in that trace."""
    split: str = ""
    """Which part of the set it belongs to, e.g. `dev` or `test`; empty when the set is not split."""
    weight: float = 1.0
    """How much it counts in means and comparisons."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call that the model made."""

    name: str
    arguments: str
    """The JSON text as the model wrote it."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that retrieval found. `start` and `end` are code points in the document, None if unknown."""

    doc_id: str
    score: float
    text: str
    rank: int
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them."""

    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Output:
    """What a target gave back for a case."""

    text: str = ""
    tool_calls: tuple[ToolCall, ...] | None = ()
    """None when the target does not say; empty when the model called nothing."""
    hits: tuple[Hit, ...] | None = None
    """None when nothing was searched; empty when the search found nothing."""
    verdict: str | None = None
    """Action the guardrails took; None when the target does not say."""
    entities: tuple[str, ...] | None = None
    """Kinds of findings, sorted; None when the target does not say."""
    usage: Usage | None = None
    """None when the provider did not say."""
    latency_ms: float = 0.0
    """Wall time of the try that answered; of a scenario, of all its calls."""
    trace_id: str = ""
    answered_model: str = ""
    error: str = ""
    """Why there is no output; empty when there is one."""
    transcript: tuple[Mapping[str, Any], ...] = ()
    """Every message of a scenario in order, without the system prompt."""
    attempts: int = 1
    """Requests that were made for it, those that failed included."""
    policy: str = ""
    """`name@revision` of the policy under which a Guardhouse proxy let it pass; empty when none was told."""
    guardrail_ms: float | None = None
    """Milliseconds that guardrails took, of a scenario in all its calls; None when the target does not say."""


class Status(StrEnum):
    """Whether a score is a number."""

    SCORED = "scored"
    UNSCORED = "unscored"


class Cause(StrEnum):
    """Why a score is not a number."""

    NONE = ""
    EMPTY = "empty"
    """There was nothing to measure, e.g. an answer without a checkable claim. Not a failure."""
    TARGET = "target"
    """The target gave nothing that could be measured."""
    SCORER = "scorer"
    """The scorer failed."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A place in the context: which of its texts, and where in it. Offsets are code points, end exclusive."""

    context: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ScoreSpan:
    """A part of the answer that a score points at. Offsets are code points, end exclusive."""

    start: int
    end: int
    kind: str
    """`conflict`, `value_mismatch` or `baseless`; `class` in documents."""
    evidence: Evidence | None = None
    """The place in the context that comes closest; None when none does."""


@dataclass(frozen=True, slots=True)
class Score:
    """A finite number, or the reason why there is none. Use `Score.of` and `Score.unscored`."""

    status: Status
    value: float | None
    reason: str = ""
    cause: Cause = Cause.NONE
    spans: tuple[ScoreSpan, ...] = ()
    looked_at: str = ""
    """What was measured, e.g. `3 claims against 5 hits`."""
    coverage: float | None = None
    """Share of what had to be read that was read; None where everything always is."""
    usage: Usage | None = None
    """Tokens that a judge took for it; None without one, or where its provider did not say."""
    reply: str = ""
    """What a judge said, where nothing could be made of it."""

    def __post_init__(self) -> None:
        """Holds the promise: scored means finite, unscored means no value. Raises ValueError."""
        finite = self.value is not None and math.isfinite(self.value)
        if finite != (self.status is Status.SCORED) or (self.value is not None and not finite):
            raise ValueError("a score is either a finite number or unscored without a value")

    @classmethod
    def of(
        cls,
        value: float,
        reason: str = "",
        spans: tuple[ScoreSpan, ...] = (),
        *,
        looked_at: str = "",
        coverage: float | None = None,
        digits: int = 6,
    ) -> Score:
        """A scored value, rounded to so many digits after the point: equal inputs give equal documents everywhere."""
        told = round(float(value), digits)
        return cls(Status.SCORED, told, reason, spans=spans, looked_at=looked_at, coverage=coverage)

    @classmethod
    def unscored(cls, reason: str, cause: Cause, *, looked_at: str = "") -> Score:
        """No value, and why."""
        return cls(Status.UNSCORED, None, reason, cause, looked_at=looked_at)
