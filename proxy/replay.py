"""What another policy would have made of stored traffic: masked texts filled with stand-ins, judged by both."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from guardrails.conversation import Conversation
from guardrails.engine import Guard
from guardrails.stand_ins import fill
from guardrails.types import ALLOWED, Action, Segment, Stage, Verdict
from proxy.dialects.served import dialect_named


@dataclass(frozen=True, slots=True)
class Side:
    """What both policies make of one side of an exchange."""

    side: str
    """`input` or `output`."""
    old: Action
    new: Action
    gone: tuple[str, ...]
    """`rule ENTITY` that only the old policy finds, sorted."""
    come: tuple[str, ...]
    """`rule ENTITY` that only the new policy finds, sorted."""
    failures: tuple[str, ...] = ()
    """Ids of rules that could not be asked, in either policy."""
    kinds: frozenset[str] = frozenset()
    """Kinds of thing that the old policy finds."""
    new_kinds: frozenset[str] = frozenset()
    """The same of the new one."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What both policies make of one trace."""

    id: str
    sides: tuple[Side, ...]

    @property
    def change(self) -> str:
        """`stricter` or `weaker` by action, `other` when only findings differ, `same`."""
        for one in self.sides:
            if one.old is not one.new:
                return "stricter" if one.new.rank > one.old.rank else "weaker"
        return "other" if any(one.gone or one.come for one in self.sides) else "same"


@dataclass(slots=True)
class Summary:
    """A replay so far."""

    traces: int = 0
    skipped: int = 0
    """Traces of which no text was kept."""
    changes: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    """`+rule ENTITY` and `-rule ENTITY`: in how many traces it comes or goes."""
    left: Counter[str] = field(default_factory=Counter)
    """Masked values without a stand-in, by entity: no policy can find them again."""
    failures: Counter[str] = field(default_factory=Counter)
    """Rules that could not be asked, by id."""


async def replay(
    documents: Iterable[Mapping[str, Any]], old: Guard, new: Guard, summary: Summary
) -> AsyncIterator[Replayed]:
    """Each trace document judged by both policies, in order; what they add up to goes into the summary."""
    for document in documents:
        if not document.get("request") or dialect_named(document["dialect"]) is None:
            summary.skipped += 1
            continue
        told = Replayed(document["id"], tuple([side async for side in _sides(document, old, new, summary)]))
        summary.traces += 1
        summary.changes[told.change] += 1
        for side in told.sides:
            summary.rules.update([*(f"-{name}" for name in side.gone), *(f"+{name}" for name in side.come)])
            summary.failures.update(side.failures)
        yield told


async def _sides(
    document: Mapping[str, Any], old: Guard, new: Guard, summary: Summary
) -> AsyncIterator[Side]:
    dialect = dialect_named(document["dialect"])
    assert dialect is not None
    request: dict[str, Any] = _filled(document["request"], summary.left)
    texts = [*dialect.texts(request), *_retrieved(document, summary.left)]
    said = dialect.conversation(request, texts, document.get("key_id") or "")
    verdicts = [await guard.inspect(texts, conversation=said) for guard in (old, new)]
    yield _side("input", *verdicts)
    response = document.get("response")
    if not response or all(verdict.action is Action.BLOCK for verdict in verdicts):
        return
    reply: dict[str, Any] = _filled(response, summary.left)
    calling = said.calling(dialect.reply_calls(reply))
    answers = dialect.reply_texts(reply)
    yield _side(
        "output",
        *[
            ALLOWED if verdict.action is Action.BLOCK else await _replied(guard, answers, calling)
            for guard, verdict in zip((old, new), verdicts, strict=True)
        ],
    )


async def _replied(guard: Guard, answers: list[Segment], said: Conversation) -> Verdict:
    return await guard.inspect(answers, reply=True, conversation=said)


def _side(name: str, old: Verdict, new: Verdict) -> Side:
    before, after = _named(old), _named(new)
    failures = sorted({failed.rule for verdict in (old, new) for failed in verdict.failures})
    return Side(
        name,
        old.action,
        new.action,
        tuple(sorted(before - after)),
        tuple(sorted(after - before)),
        tuple(failures),
        frozenset(found.entity for found in old.findings),
        frozenset(found.entity for found in new.findings),
    )


def _named(verdict: Verdict) -> set[str]:
    return {f"{found.rule} {found.entity}" for found in verdict.findings}


def _retrieved(document: Mapping[str, Any], left: Counter[str]) -> Iterable[Segment]:
    for place, hit in enumerate(document.get("retrieval") or ()):
        if hit.get("source", "request") != "request":
            continue  # what the provider retrieved stands in its reply
        pointer = f"/guardhouse/retrieval/{place}/text"
        found = Segment(
            str(hit.get("text") or ""), pointer, Stage.RETRIEVAL, f"retrieved:{hit.get('doc_id')}"
        )
        filled = fill(found.text)
        left.update(filled.left)
        yield replace(found, text=filled.text)


def _filled(value: Any, left: Counter[str]) -> Any:
    """A stored body with stand-ins in all its texts."""
    if isinstance(value, str):
        filled = fill(value)
        left.update(filled.left)
        return filled.text
    if isinstance(value, dict):
        return {name: _filled(item, left) for name, item in value.items()}
    return [_filled(item, left) for item in value] if isinstance(value, list) else value
