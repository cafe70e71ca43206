"""The nouns of an eval: Case in, Output out, Score on it, all gathered in a Run that a Gate judges."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

FORMAT = "guardhouse.run/1"
"""Name and version of the run document's format."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of the corpus that answers a case's question."""

    doc_id: str
    quote: str = ""
    """Words copied from the document; empty when the whole document is meant."""
    grade: int = 1
    """How relevant it is; 0 is judged and not relevant."""


@dataclass(frozen=True, slots=True)
class ExpectedCall:
    """A tool call that the model should make."""

    name: str
    arguments: Mapping[str, Any]


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


@dataclass(frozen=True, slots=True)
class Case:
    """One item of a golden set. Either `question` or `messages` is set."""

    id: str
    sha256: str
    """Hash of what the scores depend on: input, expected, relevant."""
    question: str | None = None
    messages: tuple[Mapping[str, Any], ...] = ()
    tools: tuple[Mapping[str, Any], ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)
    """For a prompt that the proxy renders."""
    expected: Expected = field(default_factory=Expected)
    relevant: tuple[Passage, ...] = ()
    tags: tuple[str, ...] = ()
    cluster: str = ""
    """Cases of one cluster (source document, conversation) are not independent of each other."""


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
    tool_calls: tuple[ToolCall, ...] = ()
    hits: tuple[Hit, ...] | None = None
    """None when nothing was searched; empty when the search found nothing."""
    verdict: str | None = None
    """Action the guardrails took; None when the target does not say."""
    entities: tuple[str, ...] | None = None
    """Kinds of findings, sorted; None when the target does not say."""
    usage: Usage | None = None
    """None when the provider did not say."""
    latency_ms: float = 0.0
    """Wall time of the call, client retries included."""
    trace_id: str = ""
    answered_model: str = ""
    error: str = ""
    """Why there is no output; empty when there is one."""


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

    def __post_init__(self) -> None:
        """Holds the promise: scored means finite, unscored means no value. Raises ValueError."""
        finite = self.value is not None and math.isfinite(self.value)
        if finite != (self.status is Status.SCORED) or (self.value is not None and not finite):
            raise ValueError("a score is either a finite number or unscored without a value")

    @classmethod
    def of(cls, value: float, reason: str = "", spans: tuple[ScoreSpan, ...] = ()) -> Score:
        """A scored value, rounded to 1e-6 so that equal inputs give equal documents."""
        return cls(Status.SCORED, round(float(value), 6), reason, spans=spans)

    @classmethod
    def unscored(cls, reason: str, cause: Cause) -> Score:
        """No value, and why."""
        return cls(Status.UNSCORED, None, reason, cause)


@dataclass(frozen=True, slots=True)
class GoldenRef:
    """Which golden set a run used."""

    name: str
    version: str
    content_sha256: str
    n: int
    """Number of active cases."""


@dataclass(frozen=True, slots=True)
class PromptRef:
    """Which system prompt a run used. `sha256` is of its text."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class TargetRef:
    """What a run asked."""

    kind: str
    """`http` or `policy`."""
    base_url: str
    model: str
    answered_models: tuple[str, ...] = ()
    """Models that the replies named, sorted."""
    index: str = ""
    """Identity of the retrieval index; empty when nothing was searched."""
    signature: str = ""
    """Hash of everything about the target that may change an output."""


@dataclass(frozen=True, slots=True)
class ScorerRef:
    """Which scorer a run used. Values of different versions are never compared."""

    name: str
    version: str
    higher_is_better: bool = True


@dataclass(frozen=True, slots=True)
class Summary:
    """A scorer's mean over the cases it applies to, with a 95 % interval. None where nothing was scored."""

    mean: float | None
    n: int
    """Cases with at least one scored repeat."""
    unscored: int
    """Scores (case and repeat) without a value."""
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Gating:
    """A metric that may block, and by how much it may fall."""

    metric: str
    margin: float = 0.03
    """Largest loss that is acceptable, in the metric's unit."""
    min: float | None = None
    """Worst acceptable mean, with or without a baseline."""
    min_effect: float = 0.01
    """A smaller loss never blocks, however certain it is."""


@dataclass(frozen=True, slots=True)
class Canaries:
    """Cases that must never fail, and the scorers that say so."""

    ids: tuple[str, ...] = ()
    scorers: tuple[str, ...] = ("guardrail", "tool_calls", "refusal")


class GateVerdict(StrEnum):
    """What a gate decides."""

    PASS = "pass"  # noqa: S105  (a verdict, not a password)
    BLOCK = "block"
    INVALID = "invalid"
    INCONCLUSIVE = "inconclusive"
    NONE = "none"

    @property
    def exit_code(self) -> int:
        """Exit code of the command: 0 pass or no gate, 1 block, 2 invalid, 3 inconclusive."""
        return {"pass": 0, "none": 0, "block": 1, "invalid": 2, "inconclusive": 3}[self.value]


@dataclass(frozen=True, slots=True)
class GateMetric:
    """The verdict on one gating metric. `delta` is candidate minus baseline in the metric's unit."""

    metric: str
    verdict: GateVerdict
    reason: str
    margin: float
    n: int = 0
    """Cases compared."""
    baseline: float | None = None
    candidate: float | None = None
    delta: float | None = None
    low: float | None = None
    high: float | None = None
    """Bounds of delta, each one-sided at the level that Holm's step gives this metric."""
    p: float | None = None
    """One-sided p of no loss."""
    method: str = ""
    detectable: float | None = None
    """Loss that this comparison would have seen with 80 % power."""
    gating: bool = True
    """Whether it may block, or is only reported."""


@dataclass(frozen=True, slots=True)
class GateResult:
    """The verdict on a run."""

    verdict: GateVerdict
    reason: str
    metrics: tuple[GateMetric, ...] = ()


@dataclass(frozen=True, slots=True)
class Flip:
    """A case that passes in one run and fails in the other. Values are means over the repeats."""

    id: str
    metric: str
    before: float
    after: float
    before_text: str = ""
    after_text: str = ""

    @property
    def lost(self) -> bool:
        """Whether it passed before and fails now."""
        return self.after < self.before


@dataclass(frozen=True, slots=True)
class BaselineRef:
    """What a run was compared with, and what came of it."""

    id: str
    created_at: str
    golden: GoldenRef
    prompt: PromptRef
    target: TargetRef
    repeats: int
    compared: int
    """Cases that are identical in both runs."""
    only_baseline: int
    only_candidate: int
    differences: tuple[str, ...] = ()
    """How the two runs differ besides their outputs, one sentence each."""
    flips: tuple[Flip, ...] = ()
    means: Mapping[str, float] = field(default_factory=dict)
    """The baseline's mean per scorer."""


@dataclass(frozen=True, slots=True)
class RunCase:
    """What a reader of the run needs to know of a case."""

    id: str
    sha256: str
    question: str
    expected: str
    tags: tuple[str, ...] = ()
    cluster: str = ""


@dataclass(frozen=True, slots=True)
class RunItem:
    """One case, asked once."""

    id: str
    sha256: str
    repeat: int
    output: Output
    scores: Mapping[str, Score]
    """Only scorers that apply to the case."""


@dataclass(frozen=True, slots=True)
class Run:
    """One self-contained eval: what was asked of what, what came back, how it scored, what the gate said."""

    id: str
    created_at: str
    """RFC 3339, UTC."""
    suite: str
    golden: GoldenRef
    prompt: PromptRef
    target: TargetRef
    repeats: int
    scorers: tuple[ScorerRef, ...]
    summary: Mapping[str, Summary]
    items: tuple[RunItem, ...]
    """Ordered by case id, then repeat."""
    cases: tuple[RunCase, ...] = ()
    gating: tuple[Gating, ...] = ()
    canaries: Canaries = field(default_factory=Canaries)
    gate: GateResult = field(default_factory=lambda: GateResult(GateVerdict.NONE, "not judged"))
    baseline: BaselineRef | None = None
    format: str = FORMAT
