"""The record of an eval: a Run holds what was asked of what, what came back, how it scored, and the gate's verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from evals.types import Output, Score

FORMAT = "guardhouse.run/1"
"""Name and version of the run document's format."""

INTERRUPTED = "interrupted before every case was asked"
"""Why an eval is unfinished after Ctrl-C."""


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
    """`http`, `index`, `rag`, `policy` or `callable`."""
    base_url: str
    model: str
    answered_models: tuple[str, ...] = ()
    """Models that the replies named, sorted."""
    index: str = ""
    """Identity of the retrieval index; empty when nothing was searched."""
    signature: str = ""
    """Hash of everything about the target that may change an output."""
    temperature: float | None = None
    """None leaves it to the server."""
    variant: str = ""
    """The suite's variant that was asked; empty when it was none."""


@dataclass(frozen=True, slots=True)
class ScorerRef:
    """Which scorer a run used. Values of different versions are never compared."""

    name: str
    version: str
    higher_is_better: bool = True
    advisory: str = ""
    """Why it may not gate, e.g. a judge that was not calibrated; empty when it may."""
    judge: str = ""
    """Identity of the judge that it asked; empty when it asked none."""


@dataclass(frozen=True, slots=True)
class JudgeRef:
    """Which model judged. Values of judges with different identities are never compared."""

    base_url: str
    model: str
    answered_models: tuple[str, ...] = ()
    """Models that the replies named, sorted."""
    identities: Mapping[str, str] = field(default_factory=dict)
    """By scorer: hash of provider, model, prompt, parser and sampling."""


@dataclass(frozen=True, slots=True)
class Grading:
    """What judging cost, apart from what the target cost."""

    calls: int = 0
    """Requests made of the judge, repairs and failed tries included."""
    cached: int = 0
    """Rulings that were taken from the cache."""
    unreadable: int = 0
    """Rulings without a verdict after the repair."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    uncounted: int = 0
    """Requests that may have cost something for which no tokens were told."""
    usd: float | None = None
    """None without prices, or where tokens were not told."""


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
    margin: float = 0.05
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
    """Bounds of delta, each one-sided: the worse one at the plain level, which decides a pass; the better one at the
    level that Holm's step gives this metric, which decides a block."""
    p: float | None = None
    """One-sided p of no loss."""
    method: str = ""
    detectable: float | None = None
    """Loss that this comparison would have seen with 80 % power."""
    gating: bool = True
    """Whether it may block, or is only reported."""
    adjusted_p: float | None = None
    """p after Holm among the metrics that gate, after Benjamini-Hochberg among the others."""
    worst: float | None = None
    """delta if what is missing were as bad as can be: the worst value for the candidate, the best for the baseline."""


@dataclass(frozen=True, slots=True)
class Slice:
    """One metric over the cases with one tag. Reported, never blocking."""

    tag: str
    metric: str
    n: int
    candidate: float
    baseline: float | None = None
    delta: float | None = None
    low: float | None = None
    high: float | None = None
    """Bounds of delta (of the mean, without a baseline) at 95 %."""


@dataclass(frozen=True, slots=True)
class Flaky:
    """A case that disagrees with itself: it passes a metric in some repeats of one run and fails it in others."""

    id: str
    metric: str
    passed: int
    failed: int


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A case that is kept out of the run for a while, because it could not be relied on."""

    id: str
    owner: str
    until: str
    """The last day of it, YYYY-MM-DD."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Ledger:
    """What a run cost, counted over the outputs that it kept, those of an earlier, broken-off try included."""

    answers: int = 0
    """Outputs without an error."""
    failures: int = 0
    """Outputs with one."""
    attempts: int = 0
    """Requests made for all of them."""
    cached: int = 0
    """Answers that were taken from the cache, for which this run asked nothing."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    """Tokens that providers counted, those of failed outputs included, those of cached answers left out."""
    uncounted: int = 0
    """Outputs, failed ones included, for which a model answered and its provider told no tokens."""
    usd: float | None = None
    """What the tokens cost at the prices that were given; None without prices, or where tokens were not told."""
    seconds: float = 0.0
    """Wall time of asking, in the try that ended it."""
    prices: tuple[float, float] | None = None
    """USD per million prompt and completion tokens, as they were given; None without."""


@dataclass(frozen=True, slots=True)
class GateResult:
    """The verdict on a run."""

    verdict: GateVerdict
    reason: str
    metrics: tuple[GateMetric, ...] = ()
    slices: tuple[Slice, ...] = ()


@dataclass(frozen=True, slots=True)
class Flip:
    """A case whose value differs between the runs. Values are means over the repeats."""

    id: str
    metric: str
    before: float
    after: float
    before_text: str = ""
    after_text: str = ""

    @property
    def lost(self) -> bool:
        """Whether it is smaller now."""
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
    """Cases that are identical in both runs; 0 where nothing could be compared."""
    only_baseline: int
    only_candidate: int
    differences: tuple[str, ...] = ()
    """How the two runs differ besides their outputs, one sentence each."""
    flips: tuple[Flip, ...] = ()
    """Cases that pass a metric in one run and fail it in the other."""
    means: Mapping[str, float] = field(default_factory=dict)
    """The baseline's mean per scorer."""
    moved: tuple[Flip, ...] = ()
    """The largest changes of other cases, on each metric that blocks or is inconclusive: losses, then gains."""


@dataclass(frozen=True, slots=True)
class RunCase:
    """What a reader of the run needs to know of a case."""

    id: str
    sha256: str
    question: str
    expected: str
    tags: tuple[str, ...] = ()
    cluster: str = ""
    trace: str = ""
    subject: str = ""
    relevant: tuple[str, ...] = ()
    """Documents that answer the question, as far as they are judged."""
    weight: float = 1.0
    split: str = ""


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
    screen: int = 0
    """With adaptive repeats: times every case was asked, before those that differed were asked more often; else 0."""
    seed: int | None = None
    """From which each call's seed was made, where the target was given one."""
    commit: str = ""
    """The working tree's commit, with `+` where it had changes; empty outside git."""
    flaky: tuple[Flaky, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    ledger: Ledger = field(default_factory=Ledger)
    judge: JudgeRef | None = None
    """None when no scorer asked a judge."""
    grading: Grading | None = None
    unfinished: str = ""
    """Why not every case was asked; empty when all were."""
    rescored: str = ""
    """Id of the run whose outputs were scored again, and where other hits were taken from; empty of one that asked."""
    format: str = FORMAT
