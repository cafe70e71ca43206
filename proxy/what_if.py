"""What a draft policy would change for reviewed traces, beside what reviewers said of them. Pure but for the guards."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from guardrails.engine import Guard
from guardrails.types import Action
from proxy.estimates import Estimate, share, was_right
from proxy.replay import Replayed, Side, Summary, replay
from proxy.store.filter_fields import WITHDRAWN

Json = Mapping[str, Any]


@dataclass(slots=True)
class Rule:
    """One rule's findings under both policies, beside the verdicts."""

    gone: int = 0
    """Traces in which only the policy in force finds something of a kind."""
    come: int = 0
    lost_right: int = 0
    """Findings judged right of a kind that the draft does not find there."""
    lost_wrong: int = 0


@dataclass(frozen=True, slots=True)
class Flip:
    """A trace that would be handled otherwise."""

    id: str
    kind: str
    """`blocks`, `stops` (blocking), `stricter`, `weaker` or `other`."""
    before: str
    after: str
    judged: str
    """`right`, `wrong` or empty: what reviewers said of what was found in it."""
    findings: tuple[str, ...]


@dataclass(slots=True)
class Outcome:
    """What came of a replay, so far."""

    summary: Summary = field(default_factory=Summary)
    flips: list[Flip] = field(default_factory=list)
    rules: dict[str, Rule] = field(default_factory=lambda: defaultdict(Rule))
    right: int = 0
    """Findings judged right that the policy in force finds again."""
    missed: int = 0
    """Those of them that the draft would miss."""
    wrong: int = 0
    spared: int = 0
    """Findings judged wrong that the draft does not make."""
    unseen: int = 0
    """Judged findings that the policy in force does not find again in the stored text: they say nothing here."""
    whole: bool = True
    """Whether every trace was looked at before the time was over."""

    def of(self, kind: str, judged: str = "") -> int:
        """How many traces flip in a way; of these, how many with that verdict."""
        return sum(flip.kind == kind and judged in ("", flip.judged) for flip in self.flips)

    def told(self) -> dict[str, Any]:
        """All of it as plain data."""
        counts = ("right", "missed", "wrong", "spared", "unseen", "whole")
        return {
            **{name: getattr(self, name) for name in counts},
            "traces": self.summary.traces,
            "skipped": self.summary.skipped,
            "without_stand_in": {**self.summary.left},
            "failures": {**self.summary.failures},
            "flips": [asdict(flip) for flip in self.flips],
            "rules": {name: asdict(rule) for name, rule in self.rules.items()},
        }


async def what_if(documents: Iterable[Json], old: Guard, new: Guard, seconds: float) -> Outcome:
    """Both policies on each trace, until the time is over."""
    outcome, until = Outcome(), time.monotonic() + seconds
    for document in documents:
        if time.monotonic() > until:
            outcome.whole = False
            break
        try:
            async for told in replay([document], old, new, outcome.summary):
                _add(outcome, document, told)
        except (KeyError, TypeError, ValueError):
            # A request of a shape that its dialect does not take any more.
            outcome.summary.skipped += 1
    return outcome


def _add(outcome: Outcome, document: Json, told: Replayed) -> None:
    judged = _judged(document)
    sides = {side.side: side for side in told.sides}
    blocks = sides["input"].new is Action.BLOCK
    for place, right in judged.items():
        finding = document["findings"][place]
        _weigh(outcome, finding, right, sides.get(finding["side"]), blocks)
    for name in {name.partition(" ")[0] for side in told.sides for name in side.gone}:
        outcome.rules[name].gone += 1
    for name in {name.partition(" ")[0] for side in told.sides for name in side.come}:
        outcome.rules[name].come += 1
    if told.change != "same":
        before = max((side.old for side in told.sides), key=lambda action: action.rank, default=Action.ALLOW)
        after = max((side.new for side in told.sides), key=lambda action: action.rank, default=Action.ALLOW)
        gone = tuple(f"−{name}" for side in told.sides for name in side.gone)
        come = tuple(f"+{name}" for side in told.sides for name in side.come)
        kind = _kind(told, before, after)
        outcome.flips.append(
            Flip(told.id, kind, str(before), str(after), _said(document, judged), (*gone, *come))
        )


def _weigh(outcome: Outcome, finding: Json, right: bool, side: Side | None, blocks: bool) -> None:
    """Count what becomes of one judged finding: whether anything of its kind is still found on its side."""
    kind = finding["entity"]
    before = set() if side is None else side.kinds
    if side is None or kind not in before:
        outcome.unseen += 1
        return
    # A request that the draft blocks has no reply in which something could be missed.
    lost = kind not in side.new_kinds and not (blocks and side.side == "output")
    outcome.right += right
    outcome.wrong += not right
    if lost and right:
        outcome.missed += 1
        outcome.rules[finding["rule"]].lost_right += 1
    elif lost:
        outcome.spared += 1
        outcome.rules[finding["rule"]].lost_wrong += 1


def _kind(told: Replayed, before: Action, after: Action) -> str:
    if (before is Action.BLOCK) != (after is Action.BLOCK):
        return "blocks" if after is Action.BLOCK else "stops"
    return told.change


def _judged(document: Json) -> dict[int, bool]:
    """The findings on which reviewers came to a verdict, and which."""
    said: dict[int, list[str]] = defaultdict(list)
    for review in document.get("reviews") or ():
        if review.get("finding") is not None and not review.get("superseded"):
            said[review["finding"]].append(review["verdict"])
    sides = {place: was_right(verdicts) for place, verdicts in said.items()}
    known = range(len(document.get("findings") or ()))
    return {place: right for place, right in sides.items() if right is not None and place in known}


def _said(document: Json, judged: Mapping[int, bool]) -> str:
    """What reviewers said of a trace: by its findings, else of the whole."""
    if judged:
        return "right" if any(judged.values()) else "wrong"
    whole = [
        review["verdict"]
        for review in document.get("reviews") or ()
        if review.get("finding") is None and not review.get("superseded") and review["verdict"] != WITHDRAWN
    ]
    return {True: "right", False: "wrong", None: ""}[was_right(whole)]


# --- thresholds


@dataclass(frozen=True, slots=True)
class Threshold:
    """What a rule's findings would be at another threshold."""

    value: float
    kept: int
    precision: Estimate | None
    """Of the judged findings that stay."""
    recall: float
    """Of the findings judged right, the share that stays."""


def thresholds(scored: Sequence[tuple[float, bool]], now: float, most: int = 8) -> list[Threshold]:
    """Thresholds to choose from, of the score and verdict of each judged finding; the present one is among them."""
    right = sum(one for _, one in scored)
    if not right or len({round(score, 2) for score, _ in scored}) < 2:
        return []
    scores = sorted({round(score, 2) for score, _ in scored if score > now})
    step = max(1, len(scores) // (most - 1))
    told = []
    for value in [now, *scores[::step]][:most]:
        kept = [one for score, one in scored if score >= value]
        precision = share([(one, 1.0) for one in kept])
        told.append(Threshold(value, len(kept), precision, sum(kept) / right))
    return told
