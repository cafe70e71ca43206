"""What of a context the encoder reads: passages as long as a sentence, and the few that each claim may rest on.

Every passage is looked at by its words; only the encoder's share is limited, by a number of words. Where the whole
context fits, all of it is encoded.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from guardrails.checks.grounding_features import Reference
from guardrails.checks.grounding_text import CAMEL, Piece, take_apart

WORDS = 80
"""Words of the context that are encoded for one answer, unless its claims' best passages alone have more."""

JOINED = 20
"""Words up to which neighbouring members of a JSON record are read as one passage."""


LONGEST = 600
"""Code points of the longest passage; what stands in one sentence longer than that is cut into several."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A sentence of the context, or some members of a JSON record. Offsets are code points of the context string."""

    document: int
    start: int
    end: int
    text: str
    """As the encoder reads it: a record without its punctuation, its keys as words."""
    stems: frozenset[str]
    size: int
    """Words."""


def passages(reference: Reference, context: Sequence[str]) -> list[Passage]:
    """The whole context, in order, as passages."""
    if reference.structured:
        return list(_joined(_members(reference, context)))
    return [passage for piece in reference.pieces for passage in _passages(piece, context[piece.document])]


def choose(found: Sequence[Passage], claims: Sequence[Piece], words: int = WORDS) -> list[int]:
    """Indices of the passages to encode, in order: the one that covers each claim best, then each claim's second, and
    so on until the words are used up.

    Rare words count more than common ones; of equal passages the first is taken. Time grows with the context's length.
    """
    if sum(passage.size for passage in found) <= words:
        return list(range(len(found)))
    postings: dict[str, list[int]] = {}
    for index, passage in enumerate(found):
        for stem in passage.stems:
            postings.setdefault(stem, []).append(index)
    ranked = [_ranked(found, postings, claim) for claim in claims]
    chosen: dict[int, None] = {}
    used = 0
    for rank in range(max(map(len, ranked), default=0)):
        for order in ranked:
            if rank < len(order) and order[rank] not in chosen:
                size = found[order[rank]].size
                if rank and used + size > words:
                    continue
                chosen[order[rank]] = None
                used += size
    return sorted(chosen)


_RANKS = 6
"""Passages that one claim may ask for."""


def _ranked(found: Sequence[Passage], postings: dict[str, list[int]], claim: Piece) -> list[int]:
    covered: dict[int, float] = {}
    for stem in sorted(set(claim.content)):
        places = postings.get(stem, ())
        weight = math.log1p(len(found) / max(1, len(places)))
        for index in places:
            covered[index] = covered.get(index, 0.0) + weight
    best = sorted(covered, key=lambda index: (-covered[index] / (8.0 + found[index].size) ** 0.25, index))
    return best[:_RANKS] or [0]


def _passages(piece: Piece, text: str) -> Iterator[Passage]:
    """A sentence as one passage, a very long one as several."""
    whole = piece.end - piece.start <= LONGEST
    for start in range(piece.start, piece.end, LONGEST):
        end = min(start + LONGEST, piece.end)
        part = piece if whole else take_apart(text, piece.document, start, end)
        yield Passage(
            piece.document, start, end, text[start:end], frozenset(part.content), max(1, len(part.words))
        )


def _members(reference: Reference, context: Sequence[str]) -> Iterator[Passage]:
    for piece in reference.pieces:
        for part in _passages(piece, context[piece.document]):
            words = CAMEL.findall(part.text)
            if words:
                yield replace(part, text=" ".join(words), size=len(words))


def _joined(members: Iterator[Passage]) -> Iterator[Passage]:
    held: Passage | None = None
    for member in members:
        if held and held.document == member.document and held.size + member.size <= JOINED:
            held = replace(
                held,
                end=member.end,
                text=f"{held.text} ; {member.text}",
                stems=held.stems | member.stems,
                size=held.size + member.size,
            )
            continue
        if held:
            yield held
        held = member
    if held:
        yield held
