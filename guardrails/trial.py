"""A policy tried on texts outside any traffic: what `guardhouse check` shows and what `guardhouse policy test` runs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

from guardrails import redact
from guardrails.engine import Guard, load_guard
from guardrails.errors import GuardrailsError
from guardrails.policy import Policy, PolicyTest
from guardrails.pseudonyms import Vault
from guardrails.types import Action, Segment, Stage, Verdict

_KEY = b"guardhouse trial"
"""Trials keep nothing, so their tokens and fingerprints need no secret; a fixed key makes them repeatable."""

_PIECES = (1, 3, 7)
"""Sizes of the pieces in which a test's text is streamed."""


class BadLine(GuardrailsError):
    """A line of a JSONL input is not `{"text": ..., "stage"?: ...}`."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a policy made of one text."""

    text: str
    """The text as given."""
    released: str
    """The text as it would go on: masked; empty when blocked."""
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """How one of a policy's own tests went."""

    __test__ = False

    number: int
    """1 for the first test in the file."""
    line: int
    problems: tuple[str, ...]
    """What differs from what the test expects; empty when it passed."""


@dataclass(frozen=True, slots=True)
class Ordinary:
    """What a policy changes in ordinary prompts, in which there is nothing to change."""

    kind: str
    """`coding` or `everyday`."""
    prompts: int
    changed: int
    by: tuple[tuple[str, int], ...]
    """Rule and entity, and in how many prompts, the most frequent first."""


ORDINARY = ("coding", "everyday")
"""The corpora of ordinary prompts that ship, files beside the policies."""

_SAMPLE = 4096
_ROUNDS = 5


async def ordinary(policy: Policy) -> list[Ordinary]:
    """What a policy changes in the prompts that ship: each change is a false alarm."""
    guard, told = guard_for(policy), []
    for kind in ORDINARY:
        texts = _prompts(kind)
        changed, by = 0, Counter[str]()
        for text in texts:
            verdict = (await run(guard, text)).verdict
            changed += verdict.action.rank >= Action.PSEUDONYMIZE.rank
            acting = [each for each in verdict.findings if each.action.rank >= Action.PSEUDONYMIZE.rank]
            by.update({f"{found.rule} {found.entity}" for found in acting})
        told.append(Ordinary(kind, len(texts), changed, tuple(by.most_common())))
    return told


async def costs(policy: Policy) -> dict[str, float]:
    """Milliseconds that each rule takes for 4 KB of ordinary text it has not seen, by rule id; the median of some."""
    guard = guard_for(policy)
    text = "\n".join(text for kind in ORDINARY for text in _prompts(kind))
    spent: dict[str, list[float]] = {rule.id: [] for rule in policy.rules}
    for rule in policy.rules:
        stage = sorted(rule.stages)[0]
        for number in range(_ROUNDS):
            piece = text[number * _SAMPLE : (number + 1) * _SAMPLE]
            began = perf_counter()
            timings = (await guard.inspect([Segment(piece, "", stage, "user")])).timings
            spent[rule.id].append(timings.get(rule.id, (perf_counter() - began) * 1000))
    return {rule: median(taken) for rule, taken in spent.items()}


def _prompts(kind: str) -> list[str]:
    """The prompts of one corpus."""
    path = Path(__file__).with_name("policies") / "ordinary" / f"{kind}.jsonl"
    return [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]


def guard_for(policy: Policy) -> Guard:
    """A guard for trials. Raises PolicyError when the policy cannot be enforced."""
    return load_guard(policy, _KEY)


async def run(guard: Guard, text: str, stage: Stage = Stage.INPUT) -> Trial:
    """The policy's verdict on one text at a stage, and the text as it would go on."""
    verdict = await guard.inspect([Segment(text, "", stage)], Vault(_KEY, "trial", "trial"))
    released = "" if verdict.blocked_by else redact.apply(text, verdict.edits)
    return Trial(text, released, verdict)


async def run_lines(guard: Guard, lines: Iterable[str]) -> AsyncIterator[Trial]:
    """One trial a JSONL line, in order. Raises BadLine naming the line that does not fit."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        text, stage = _read(line, number)
        yield await run(guard, text, stage)


def as_json(trial: Trial) -> str:
    """The trial as one line of JSON: action, findings with code point offsets, failures, and the released text."""
    verdict = trial.verdict
    return json.dumps(
        {
            "action": verdict.action,
            "decided": verdict.decided,
            "findings": [
                {
                    "rule": found.rule,
                    "check": found.check,
                    "entity": found.entity,
                    "start": found.start,
                    "end": found.end,
                    "score": found.score,
                    "action": found.action,
                    "mode": found.mode,
                }
                for found in verdict.findings
            ],
            "failures": [
                {
                    "rule": failure.rule,
                    "kind": failure.kind,
                    "reason": failure.reason,
                    "action": failure.action,
                }
                for failure in verdict.failures
            ],
            "text": trial.released,
        },
        ensure_ascii=False,
    )


async def run_tests(policy: Policy) -> list[TestOutcome]:
    """Runs every test the policy carries; those of stage output also split as a stream, which must end the same."""
    guard = guard_for(policy)
    return [
        TestOutcome(number, test.line, tuple([problem async for problem in _problems(guard, test)]))
        for number, test in enumerate(policy.tests, 1)
    ]


async def _problems(guard: Guard, test: PolicyTest) -> AsyncIterator[str]:
    trial = await run(guard, test.text, test.stage)
    verdict = trial.verdict
    if test.action is not None and verdict.action is not test.action:
        yield f"expected action {test.action}, got {verdict.action}"
    if test.findings is not None:
        found = [(each.rule, each.entity, test.text[each.start : each.end]) for each in verdict.findings]
        matches = len(found) == len(test.findings) and all(
            want.rule == rule and want.entity in (None, entity) and want.text in (None, text)
            for want, (rule, entity, text) in zip(test.findings, found, strict=True)
        )
        if not matches:
            yield f"expected {len(test.findings)} findings as listed, got " + (
                ", ".join(f"{rule}/{entity} {text!r}" for rule, entity, text in found) or "none"
            )
    if test.stage is Stage.OUTPUT:
        for size in _PIECES:
            streamed = await _streamed(guard, test.text, size)
            if streamed != (trial.released, verdict.action):
                yield f"streamed in pieces of {size}, it ends otherwise than whole"


async def _streamed(guard: Guard, text: str, size: int) -> tuple[str, Action]:
    stream = guard.stream("")
    pieces = [stream.push(text[at : at + size]) for at in range(0, len(text), size)]
    pieces.append(await stream.finish())
    return "" if stream.blocked else "".join(pieces), stream.verdict.action


def _read(line: str, number: int) -> tuple[str, Stage]:
    try:
        item = json.loads(line)
    except ValueError:
        raise BadLine(f'line {number} is not JSON. Write {{"text": "..."}} on each line.') from None
    if not isinstance(item, dict) or not isinstance(item.get("text"), str):
        raise BadLine(f'line {number} has no string "text". Write {{"text": "..."}} on each line.')
    try:
        return item["text"], Stage(item.get("stage", Stage.INPUT))
    except ValueError:
        raise BadLine(f"line {number}: unknown stage. Stages: {', '.join(Stage)}.") from None
