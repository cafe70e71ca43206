"""Rewriting text: what is replaced when findings overlap, and how a value is named without telling it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from guardrails.keyed import keyed_hash
from guardrails.types import Action, Edit, Finding, Style


@dataclass(frozen=True, slots=True)
class Mark:
    """A piece of one text that has to go, and how."""

    start: int
    end: int
    entity: str
    action: Action
    style: Style = Style.TOKEN


def redaction(entity: str) -> str:
    """What stands in place of a redacted value: `[EMAIL_ADDRESS]`."""
    return f"[{entity}]"


def fingerprint(key: bytes, entity: str, value: str) -> str:
    """16 hex digits that are equal for equal values under one key, and tell nothing else."""
    message = f"{entity}\0{value}".encode("utf-8", "surrogatepass")
    return keyed_hash(key, message, 8).hex()


def marks(findings: Iterable[Finding]) -> list[Mark]:
    """The marks that findings of one text ask for, each by its rule's action."""
    return [Mark(found.start, found.end, found.entity, found.action, found.style) for found in findings]


def clusters(found: Iterable[Mark]) -> Iterator[Mark]:
    """Marks that never overlap and cover all that the given ones cover, in order.

    Marks that overlap become one: it reaches over all of them, and the strictest (then the longest, then the
    first) says what becomes of it. So no part of a value is left standing because another mark cut it in two.
    """
    group: list[Mark] = []
    end = 0
    for mark in sorted(found, key=lambda mark: (mark.start, mark.end, mark.entity)):
        if group and mark.start >= end:
            yield _joined(group, end)
            group, end = [], 0
        group.append(mark)
        end = max(end, mark.end)
    if group:
        yield _joined(group, end)


def _joined(group: Sequence[Mark], end: int) -> Mark:
    if len(group) == 1:
        return group[0]
    winner = max(group, key=lambda mark: (mark.action.rank, mark.end - mark.start))
    return Mark(group[0].start, end, winner.entity, winner.action, winner.style)


def apply(text: str, edits: Iterable[Edit], offset: int = 0) -> str:
    """The text with some edits made. The edits belong to this text, do not overlap and come in order.

    Args:
        text: what to edit.
        edits: their start and end count from `offset` code points before the text.
        offset: where the text begins in the whole that the edits count in.
    """
    pieces: list[str] = []
    done = 0
    for edit in edits:
        pieces += (text[done : edit.start - offset], edit.replacement)
        done = edit.end - offset
    pieces.append(text[done:])
    return "".join(pieces)


def beside(edits: Sequence[Edit], others: Sequence[Edit]) -> list[Edit]:
    """The edits, and those of the others that overlap none of them. Both belong to one text and come in its order."""
    if not edits or not others:
        return [*edits, *others]
    starts = [edit.start for edit in edits]
    free = []
    for other in others:
        following = bisect_left(starts, other.end)  # the first edit that begins after it
        if not following or edits[following - 1].end <= other.start:
            free.append(other)
    return sorted((*edits, *free), key=lambda edit: edit.start)


def mask(findings: Iterable[Finding]) -> tuple[Edit, ...]:
    """Edits that redact every finding, whatever its rule does: for keeping what was blocked or flagged."""
    ordered = sorted(findings, key=lambda found: (found.pointer, found.within))
    return tuple(
        Edit(pointer, mark.start, mark.end, redaction(mark.entity), within)
        for (pointer, within), group in groupby(ordered, key=lambda found: (found.pointer, found.within))
        for mark in clusters(marks(group))
    )
