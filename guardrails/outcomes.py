"""A policy's own tests, run: whole, and cut into pieces as a streamed reply may be."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from guardrails.engine import Guard
from guardrails.policy import Policy
from guardrails.policy_tests import Expected, PolicyTest
from guardrails.sample import Sample
from guardrails.trial import Trial, guard_for, run
from guardrails.types import Action, Finding, Stage

_SIZES: Sequence[int] = (1, 3, 7)
"""Sizes of the pieces in which the text of a reply is streamed; besides it is cut once somewhere."""

_OTHERS: Sequence[int] = (7,)
"""The same for a text of another stage, which is only taken as a reply."""


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """How one of a policy's own tests went."""

    __test__ = False

    number: int
    """1 for the first test."""
    file: str
    line: int
    problems: tuple[str, ...]
    """What differs from what the test expects; empty when it passed."""


async def run_tests(policy: Policy, guard: Guard | None = None) -> AsyncIterator[TestOutcome]:
    """Runs every test that the policy carries, in order.

    Every text is also streamed in pieces, as a reply, where a rule looks at replies: it must end as it does whole.
    """
    guard = guard or guard_for(policy)
    for number, test in enumerate(policy.tests, 1):
        problems = [problem async for problem in _problems(guard, test, number)]
        yield TestOutcome(number, test.file, test.line, tuple(problems))


async def _problems(guard: Guard, test: PolicyTest, number: int) -> AsyncIterator[str]:
    trial = await run(guard, test.sample)
    verdict = trial.verdict
    if test.action is not None and verdict.action is not test.action:
        yield f"expected action {test.action}, got {verdict.action}"
    if test.findings is not None:
        wanted, found = test.findings, verdict.findings
        if len(found) != len(wanted) or not all(map(_matches, wanted, found, [trial] * len(found))):
            yield f"expected {_told_expected(wanted)}, got {_told(trial)}"
    if test.sample.call is None and guard.covers(Stage.OUTPUT):
        for how in [each async for each in _ends_otherwise(guard, test.sample, trial, number)]:
            yield how


def _matches(want: Expected, found: Finding, trial: Trial) -> bool:
    return (
        want.rule == found.rule
        and want.entity in (None, found.entity)
        and want.text in (None, trial.found(found))
        and want.within in (None, found.within)
    )


def _told_expected(wanted: Sequence[Expected]) -> str:
    shown = (
        f"{each.rule}/{each.entity or 'any'}"
        + (f" {each.text!r}" if each.text is not None else "")
        + (f" in {each.within}" if each.within is not None else "")
        for each in wanted
    )
    return f"{len(wanted)} findings" + (f" ({', '.join(shown)})" if wanted else "")


def _told(trial: Trial) -> str:
    shown = [
        f"{each.rule}/{each.entity} {trial.found(each)!r}" + (f" in {each.within}" if each.within else "")
        for each in trial.verdict.findings
    ]
    return ", ".join(shown) or "none"


async def _ends_otherwise(guard: Guard, given: Sample, trial: Trial, number: int) -> AsyncIterator[str]:
    """In which pieces the text as a reply ends otherwise than whole."""
    prefix, sizes = "", _SIZES
    if given.stage is not Stage.OUTPUT:
        trial = await run(guard, Sample(given.text, Stage.OUTPUT, "assistant", None, given.before))
        prefix, sizes = "as a reply, ", _OTHERS
    whole = (trial.released, trial.verdict.action)
    for how, pieces in _cuts(given.text, sizes, number):
        if await _streamed(guard, trial.sample, pieces) != whole:
            yield f"{prefix}streamed {how}, it ends otherwise than whole"


def _cuts(text: str, sizes: Sequence[int], number: int) -> Iterator[tuple[str, list[str]]]:
    """The text in pieces, and how it was cut; the same for the same number."""
    for size in sizes:
        yield f"in pieces of {size}", [text[at : at + size] for at in range(0, len(text), size)]
    place = Random(number).randrange(len(text) + 1)  # noqa: S311  (no secret, a place)
    yield f"cut at {place}", [text[start:end] for start, end in pairwise((0, place, len(text)))]


async def _streamed(guard: Guard, given: Sample, pieces: Sequence[str]) -> tuple[str, Action]:
    stream = guard.stream("", None, given.channel, given.conversation)
    released = [stream.push(piece) for piece in pieces]
    released.append(await stream.finish())
    return "" if stream.blocked else "".join(released), stream.verdict.action
