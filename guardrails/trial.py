"""A policy tried on texts outside any traffic: what `guardhouse check` shows."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from guardrails.conversation import Outside
from guardrails.engine import Guard, load_guard
from guardrails.errors import GuardrailsError, PolicyError
from guardrails.lines import read_json
from guardrails.policy import Policy
from guardrails.policy_keys import SAMPLE
from guardrails.pseudonyms import Vault
from guardrails.sample import Sample, sample
from guardrails.types import Finding, Verdict

_KEY = b"guardhouse trial"
"""Trials keep nothing, so their tokens and fingerprints need no secret; a fixed key makes them repeatable."""


class BadLine(GuardrailsError):
    """A line of a JSONL input is not a sample: `{"text": ...}`, or `{"call": {"name": ..., "arguments": ...}}`."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a policy made of one text or call."""

    sample: Sample
    """What was looked at."""
    released: str
    """The text, or the call's arguments, as it would go on: masked; empty when blocked."""
    verdict: Verdict

    def found(self, finding: Finding) -> str:
        """The text that a finding is about."""
        texts = {(each.pointer, each.within): each.text for each in self.sample.segments}
        return texts[finding.pointer, finding.within][finding.start : finding.end]


class _First:
    """A counter for trials, each of which is the first of its kind."""

    async def count(self, name: str, seconds: float) -> int:
        """One."""
        return 1


def guard_for(policy: Policy) -> Guard:
    """A guard for trials, without models. Raises PolicyError when the policy cannot be enforced."""
    return load_guard(policy, _KEY, Outside(counter=_First()))


async def run(guard: Guard, given: Sample) -> Trial:
    """The policy's verdict on a sample, and what would go on of it."""
    vault = Vault(_KEY, "trial", "trial")
    verdict = await guard.inspect(
        given.segments, vault, reply=given.is_reply, conversation=given.conversation
    )
    return Trial(given, "" if verdict.blocked_by else given.released(verdict.edits), verdict)


async def run_lines(guard: Guard, lines: Iterable[str]) -> AsyncIterator[Trial]:
    """One trial a JSONL line, in order. Raises BadLine naming the line that does not fit."""
    for _, given in samples(lines):
        yield await run(guard, given)


def samples(lines: Iterable[str]) -> Iterable[tuple[int, Sample]]:
    """The sample of each JSONL line that is not blank, with the line's number. Raises BadLine.

    Members of other names are passed over, so that a corpus may carry more.
    """
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield number, _read(line, number)


def _read(line: str, number: int) -> Sample:
    try:
        entry = read_json(line, "", number, "the line")
        return sample(entry, entry.fields(SAMPLE, others=True))
    except PolicyError as error:
        if error.line is None:
            raise BadLine(f'line {number} is not JSON. Write {{"text": "..."}} on each line.') from None
        raise BadLine(f"line {number}: {error.what} {error.fix}".rstrip()) from None


def as_json(trial: Trial) -> str:
    """The trial as one line of JSON: action, findings with code point offsets, failures, and the released text.

    Findings in a call also say where in it: `pointer`, and `within` the arguments.
    """
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
                    **({"pointer": found.pointer, "within": found.within} if trial.sample.call else {}),
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
            "timings": {rule: round(spent, 3) for rule, spent in verdict.timings.items()},
        },
        ensure_ascii=False,
    )
