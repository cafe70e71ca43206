"""The guards that are measured, and what they make of a whole text."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from functools import cache
from typing import Any

from guardrails import redact
from guardrails.arming import acts
from guardrails.check import Scanner
from guardrails.checks.pii import STRUCTURED, pii
from guardrails.checks.secrets import secrets
from guardrails.checks.words import words
from guardrails.engine import Guard
from guardrails.policy import BUILT_IN, builtin, parse
from guardrails.pseudonyms import Vault
from guardrails.types import Action, Segment, Stage, Verdict

KEY = b"bench"
WORDS = [
    "Project Nightjar",
    "internal only",
    "do not forward",
    "Blue Heron",
    "merger talks",
    "codename osprey",
]

EVERYTHING = f"""
name: everything
rules:
  - {{id: secrets, check: secrets, stages: [input, tool_call, tool_result, output], action: redact}}
  - id: pii
    check: pii
    with: {{entities: [{", ".join(STRUCTURED)}]}}
    stages: [input, tool_call, tool_result, output]
    action: redact
  - id: words
    check: words
    with: {{deny: [{", ".join(f'"{word}"' for word in WORDS)}]}}
    stages: [input, tool_call, tool_result, output]
    action: redact
"""
"""Every structured entity, every secret and a word list, redacted in both directions."""

OPEN = "{name: open, rules: [{id: words, check: words, with: {deny: [nevermore]}, stages: [input], action: flag}]}"
"""Nothing looks at replies: what a stream costs without a guard."""

WRITTEN = {"everything": EVERYTHING, "open": OPEN}
"""Policies of the benchmarks' own, by name."""


@cache
def guard(name: str) -> Guard:
    """The guard of a policy that ships with the product, or of one written here."""
    return Guard(builtin(name) if name in BUILT_IN else parse(WRITTEN[name]), KEY)


def scanners() -> dict[str, Scanner]:
    """The bare checks of `everything`."""
    built = {"pii": pii(entities=STRUCTURED), "secrets": secrets(), "words": words(deny=WORDS)}
    return {name: check for name, check in built.items() if isinstance(check, Scanner)}


def inspected(judge: Guard, text: str, stage: Stage = Stage.INPUT, vault: Vault | None = None) -> Verdict:
    """The verdict on one whole text."""
    channel = "assistant" if stage is Stage.OUTPUT else "user"
    return at_once(judge.inspect([Segment(text, "/p", stage, channel)], vault))


def at_once(work: Coroutine[Any, Any, Verdict]) -> Verdict:
    """What a coroutine returns: without an event loop when it waits for nothing, so that no loop is measured."""
    try:
        work.send(None)
    except StopIteration as done:
        verdict: Verdict = done.value
        return verdict
    work.close()
    raise AssertionError("this guard waits for something: use an event loop")


def looped(work: Coroutine[Any, Any, Verdict]) -> Verdict:
    """What a coroutine returns, in an event loop."""
    return asyncio.run(work)


def released(text: str, verdict: Verdict) -> tuple[str, list[str]]:
    """What the caller may read of a whole text: edited, up to a block; and the values that were taken out."""
    found = [each for each in verdict.findings if acts(each.mode, each.action)]
    taken = [text[each.start : each.end] for each in found]
    edits: list[redact.Edit] = []
    for mark in redact.clusters(redact.marks(found)):
        if mark.action is Action.BLOCK:
            return redact.apply(text[: mark.start], edits), taken
        edits.append(redact.Edit("/p", mark.start, mark.end, redact.redaction(mark.entity)))
    return redact.apply(text, edits), taken


def spans(verdict: Verdict) -> Sequence[tuple[int, int, str]]:
    """Start, end and entity of every finding."""
    return [(each.start, each.end, each.entity) for each in verdict.findings]
