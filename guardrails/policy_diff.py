"""Two policies compared: what changed in meaning, and which texts that changes something for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from guardrails.engine import Guard
from guardrails.ordinary import KINDS, prompts
from guardrails.policy import Policy, meaning
from guardrails.sample import Sample
from guardrails.trial import Trial, run
from guardrails.types import Action, Finding, Mode


class Direction(StrEnum):
    """How a text fares under the new policy."""

    STRICTER = "stricter"
    WEAKER = "weaker"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Change:
    """One key whose value is another; None for what is not there."""

    path: str
    """Such as `unscannable` or `rules.pii.with.entities`."""
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Case:
    """A text or call that both policies are tried on."""

    place: str
    """`file:line`."""
    sample: Sample


@dataclass(frozen=True, slots=True)
class Difference:
    """A case that the policies make different things of."""

    case: Case
    direction: Direction
    old: Trial
    new: Trial


def changes(old: Policy, new: Policy) -> list[Change]:
    """What the new policy says differently, key by key, defaults filled in; rules are compared by id."""
    before, after = _by_id(meaning(old)), _by_id(meaning(new))
    found = list(_changes("", before, after))
    both = before["rules"].keys() & after["rules"].keys()
    kept = [[rule.id for rule in each.rules if rule.id in both] for each in (old, new)]
    return found if kept[0] == kept[1] else [*found, Change("order of rules", *kept)]


def _by_id(told: dict[str, Any]) -> dict[str, Any]:
    rules = {rule["id"]: {key: value for key, value in rule.items() if key != "id"} for rule in told["rules"]}
    return {**told, "rules": rules}


def _changes(path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for key in dict.fromkeys((*old, *new)):
        before, after = old.get(key), new.get(key)
        here = f"{path}.{key}" if path else key
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _changes(here, before, after)
        elif before != after:
            yield Change(here, before, after)


def cases(old: Policy, new: Policy, lines: Iterable[Case] = ()) -> list[Case]:
    """What both policies are tried on: the tests of both, the ordinary prompts that ship, and some more; each once."""
    tests = (Case(f"{test.file}:{test.line}", test.sample) for each in (old, new) for test in each.tests)
    ordinary = (
        Case(f"{kind}.jsonl:{number}", Sample(text))
        for kind in KINDS
        for number, text in enumerate(prompts(kind), 1)
    )
    seen: dict[str, Case] = {}
    for case in (*tests, *ordinary, *lines):
        seen.setdefault(repr(case.sample), case)
    return list(seen.values())


async def differences(
    old: Guard, new: Guard, tried: Iterable[Case]
) -> AsyncIterator[tuple[Case, Difference | None]]:
    """Each case in order, with what differs in action, findings or released text; None when nothing does."""
    for case in tried:
        before, after = await run(old, case.sample), await run(new, case.sample)
        same = _made(before) == _made(after)
        yield case, None if same else Difference(case, direction(before, after), before, after)


def direction(old: Trial, new: Trial) -> Direction:
    """Weaker when any character, or the whole, is treated less strictly than before; else stricter when any more."""
    before, after = _strictness(old), _strictness(new)
    pairs = list(zip(before, after, strict=True))
    if any(now < then for then, now in pairs):
        return Direction.WEAKER
    return Direction.STRICTER if any(now > then for then, now in pairs) else Direction.OTHER


def told(finding: Finding) -> tuple[object, ...]:
    """What of a finding counts as a difference."""
    return (
        *(finding.rule, finding.entity, finding.pointer, finding.within),
        *(finding.start, finding.end, finding.action, finding.mode),
    )


def _made(trial: Trial) -> tuple[object, ...]:
    return trial.verdict.action, trial.released, sorted(map(told, trial.verdict.findings), key=repr)


def _strictness(trial: Trial) -> list[int]:
    """Rank of the action on the whole, then on each character of each text."""
    verdict, ranks = trial.verdict, [trial.verdict.action.rank]
    for segment in trial.sample.segments:
        here = [Action.BLOCK.rank if verdict.blocked_by else 0] * len(segment.text)
        for found in verdict.findings:
            at = (found.pointer, found.within) == (segment.pointer, segment.within)
            if at and found.mode is Mode.ENFORCE:
                for place in range(found.start, found.end):
                    here[place] = max(here[place], found.action.rank)
        ranks += here
    return ranks
