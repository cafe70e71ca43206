"""What can be counted about an answer and its context without a model: the features of groundedness, tier T0.

Every feature points one way: 0 when the answer repeats its context, larger the less of it can be found there.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from guardrails.checks.grounding_record import (
    Fact,
    as_json,
    fact_errors,
    facts_of,
    longest_list,
    opening_hours,
    wrong_hours,
)
from guardrails.checks.grounding_text import WORD, Piece, stem_of, take_apart
from guardrails.sentences import sentences

SENTENCE_FEATURES = (
    "novel_share",
    "novel_count",
    "novel_to_context",
    "unseen_names",
    "unseen_numbers",
    "misplaced_numbers",
    "misplaced_names",
    "novel_bigrams",
    "novel_trigrams",
    "uncovered_by_one",
    "uncovered_by_two",
    "novel_run",
    "negation",
    "false_claimed",
    "null_claimed",
    "true_denied",
    "unseen_times",
    "wrong_hours",
    "null_denied",
    "loose_count",
    "loose_run",
    "loose_clause",
    "unpaired",
    "far_names",
    "far_numbers",
    "length",
    "late_bigrams",
    "altered_value",
    "contradicted",
    "foreign",
)
"""Names of one sentence's features, in order. The last three (EDITS) are marks of a short answer that was
tampered with."""

EDITS = 3

COUNTS = SENTENCE_FEATURES[: SENTENCE_FEATURES.index("length")]
"""What an answer is described by: these, over its sentences."""

LATE = 3
"""One part in so many of an answer's sentences, the last ones, is described again by itself: invention comes
late."""

ANSWER_FEATURES = (
    *(f"{name}_mean" for name in COUNTS),
    *(f"{name}_max" for name in COUNTS),
    *(f"{name}_sum" for name in COUNTS),
    *(f"{name}_late" for name in COUNTS),
    "words",
    "sentences",
    *(f"{name}_mean" for name in SENTENCE_FEATURES[-EDITS:]),
)
"""Names of one answer's features, in order: means, maxima and sums over its sentences, means over the last of
them, lengths, means of the
edits."""

COPIED = 0.45
"""Largest share of new word pairs in a sentence that is still a near copy: there, one strange value is an
altered one."""

FOREIGN = 0.25
"""Largest share of a sentence's content words in its best place that is still no support at all."""

COUNTED = 10.0
"""A paraphrase may count things ("three plans") up to this number without being asked where the number
stands."""

_JOINT = re.compile(
    r"[,;:()]|\b(?:and|which|who|but|while|as|with|by|in|to|for|after|before|that|due|because)\b",
    re.IGNORECASE,
)
"""Where a sentence may be taken apart."""

_LEAF = re.compile(r',\s*(?=")')


@dataclass(frozen=True, slots=True)
class Evidence:
    """The place in the context that best covers a sentence: offsets in one of the context strings."""

    context: int
    start: int
    end: int
    coverage: float
    """Share of the sentence's content words that stand there."""


class Reference:
    """A context and its question, read once, to compare sentences with. Nothing of the context is left
    out."""

    def __init__(self, context: Sequence[str], question: str) -> None:
        self.pieces: list[Piece] = []
        self.facts: list[Fact] = []
        self.hours: dict[str, tuple[int, int]] = {}
        self.structured = False
        items = 0
        for index, text in enumerate(context):
            parsed = as_json(text)
            if parsed is not None:
                self.structured = True
                self.facts.extend(facts_of(parsed))
                items = max(items, longest_list(parsed))
                self.hours.update(opening_hours(parsed))
            self.pieces.extend(_pieces(text, index, structured=parsed is not None))
        asked = take_apart(question, 0, 0, len(question))
        self.stems = frozenset(stem for piece in self.pieces for stem in (*piece.words, *piece.content))
        self.known = self.stems | frozenset(asked.words)
        self.numbers = frozenset(number for piece in self.pieces for number in piece.numbers)
        if self.structured:
            self.numbers |= {float(len(self.hours)), *map(float, range(1, 1 + items))}
        self.times = frozenset(time for piece in self.pieces for time in piece.times)
        self.grams = frozenset(_grams([*(piece.words for piece in self.pieces), asked.words]))
        self._prefixes = frozenset(stem[:6] for stem in self.known if len(stem) >= 6)
        self._starts = frozenset(stem[:size] for stem in self.known for size in range(4, min(len(stem), 9)))
        self._neighbours: dict[str, frozenset[int]] = {}
        self._postings: dict[str, list[int]] = {}
        self._by_number: dict[float, list[int]] = {}
        for index, piece in enumerate(self.pieces):
            for stem in set(piece.content):
                self._postings.setdefault(stem, []).append(index)
            for number in piece.numbers:
                self._by_number.setdefault(number, []).append(index)

    def resembles(self, stem: str) -> bool:
        """Whether a stem is known, or looks like another form of a known one ("accus", "accusation")."""
        if stem in self.known or stem[:6] in self._prefixes or stem in self._starts:
            return True
        return any(stem[:size] in self.known for size in range(max(4, len(stem) - 5), len(stem)))

    def places(self, stem: str) -> Sequence[int]:
        """The sentences that hold a stem, in order."""
        return self._postings.get(stem, ())

    def places_of(self, number: float) -> Sequence[int]:
        """The sentences that hold a number, in order."""
        return self._by_number.get(number, ())

    def hits(self, wanted: Iterable[str]) -> dict[int, set[str]]:
        """The wanted stems that each sentence holds, without the sentences that hold none."""
        found: dict[int, set[str]] = {}
        for stem in sorted(set(wanted)):
            for index in self.places(stem):
                found.setdefault(index, set()).add(stem)
        return found

    def unpaired(self, content: Sequence[str]) -> float:
        """Share of neighbouring content words, both known, that never stand in one sentence or in two
        neighbours."""
        pairs = [(a, b) for a, b in itertools.pairwise([s for s in content if s in self._postings]) if a != b]
        return sum(self._near(a).isdisjoint(self.places(b)) for a, b in pairs) / max(1, len(pairs))

    def far(self, places: Iterable[Sequence[int]], hits: Mapping[int, set[str]]) -> float:
        """How far some things stand from the rest of a sentence: of the worst of them, the share of the
        sentence's known stems that is around none of its places."""
        known = len(set().union(*hits.values())) if hits else 0
        worst = 0.0
        for each in places:
            if each and known > 1:
                best = max(len(self._around(at, hits)) for at in each)
                worst = max(worst, 1.0 - best / known)
        return worst

    def _around(self, at: int, hits: Mapping[int, set[str]]) -> set[str]:
        document = self.pieces[at].document
        return set().union(
            *(
                hits[near]
                for near in (at - 1, at, at + 1)
                if near in hits and self.pieces[near].document == document
            )
        )

    def _near(self, stem: str) -> frozenset[int]:
        found = self._neighbours.get(stem)
        if found is None:
            found = frozenset(
                at + step
                for at in self.places(stem)
                for step in (-1, 0, 1)
                if 0 <= at + step < len(self.pieces)
                and self.pieces[at + step].document == self.pieces[at].document
            )
            self._neighbours[stem] = found
        return found

    def best(
        self, wanted: Iterable[str], hits: Mapping[int, set[str]] | None = None
    ) -> tuple[float, float, int, int]:
        """Best cover by one sentence, by two neighbours, and the first and last sentence of the latter (-1
        when none). `hits` are those of the wanted stems, where they are known already."""
        stems = set(wanted)
        if not stems:
            return 1.0, 1.0, -1, -1
        if hits is None:
            hits = self.hits(stems)
        one, two, first, last = 0, 0, -1, -1
        for index in sorted(hits):
            alone = len(hits[index])
            one = max(one, alone)
            if alone > two:
                two, first, last = alone, index, index
            if index + 1 in hits and self.pieces[index + 1].document == self.pieces[index].document:
                both = len(hits[index] | hits[index + 1])
                if both > two:
                    two, first, last = both, index, index + 1
        return one / len(stems), two / len(stems), first, last

    def evidence(self, sentence: Piece) -> Evidence | None:
        """Where the context covers a sentence best; None when no content word of it is found."""
        _, two, first, last = self.best(sentence.content)
        if first < 0:
            return None
        return Evidence(
            self.pieces[first].document, self.pieces[first].start, self.pieces[last].end, round(two, 6)
        )


def answer_features(claims: Sequence[Piece], rows: Sequence[Sequence[float]]) -> list[float]:
    """One answer's features from the features of its claim sentences, as named by ANSWER_FEATURES."""
    columns = list(zip(*rows, strict=True))
    counts, late = columns[: len(COUNTS)], max(1, len(claims) // LATE)
    words = sum(len(piece.words) for piece in claims)
    # In a long answer a strange value in a copied sentence is common and mostly right; in a short one not.
    short = min(1.0, 2.0 / len(claims)) ** 3
    return [
        *(math.fsum(column) / len(column) for column in counts),
        *(max(column) for column in counts),
        *(math.log1p(math.fsum(column)) for column in counts),
        *(math.fsum(column[-late:]) / late for column in counts),
        math.log1p(words),
        math.log1p(len(claims)),
        *(math.fsum(column) / len(column) * short for column in columns[-EDITS:]),
    ]


def claim_rows(reference: Reference, answer: str, claims: Sequence[Piece]) -> list[list[float]]:
    """The features of each claim sentence of an answer, as named by SENTENCE_FEATURES."""
    return [
        sentence_features(reference, piece, answer[piece.start : piece.end], at / len(claims))
        for at, piece in enumerate(claims)
    ]


def sentence_features(reference: Reference, sentence: Piece, text: str, place: float = 0.0) -> list[float]:
    """One sentence's features, as named by SENTENCE_FEATURES. `text` is the sentence itself, `place` the share
    of the answer's claim sentences that stand before it."""
    content, total = sentence.content, max(1, len(sentence.content))
    novel = [stem for stem in content if stem not in reference.known]
    loose = frozenset(stem for stem in novel if not reference.resembles(stem))
    hits = reference.hits(content)
    one, two, first, last = reference.best(content, hits)
    window = reference.pieces[first : last + 1] if first >= 0 else []
    unseen, misplaced = _strange_numbers(reference, sentence, window)
    near_stems = {stem for piece in window for stem in piece.words}
    names = sum(stem not in reference.known for stem in sentence.names)
    bigrams = _novel_share(reference, sentence.words, 2)
    altered = unseen + misplaced + names if bigrams <= COPIED else _unseen_counts(reference, sentence)
    turned = bool(window) and sentence.negated != any(piece.negated for piece in window)
    false_claimed, null_claimed, true_denied, null_denied = fact_errors(reference.facts, text)
    record = false_claimed + null_claimed + true_denied
    return [
        len(novel) / total,
        float(len(novel)),
        sum(stem not in reference.stems for stem in content) / total,
        float(names),
        float(unseen),
        float(misplaced),
        float(sum(stem in reference.stems and stem not in near_stems for stem in sentence.names)),
        bigrams,
        _novel_share(reference, sentence.words, 3),
        1.0 - one,
        1.0 - two,
        math.log1p(_longest_run(content, novel)),
        float(turned),
        float(false_claimed),
        float(null_claimed),
        float(true_denied),
        float(sum(time not in reference.times for time in sentence.times) if reference.structured else 0),
        float(wrong_hours(reference.hours, text, sentence.times)),
        float(null_denied),
        float(sum(stem in loose for stem in content)),
        math.log1p(_longest_run(content, loose)),
        _worst_clause(sentence, text, loose),
        reference.unpaired(content),
        reference.far((reference.places(name) for name in sentence.names), hits),
        reference.far((reference.places_of(number) for number in sentence.numbers), hits),
        math.log1p(len(sentence.words)),
        place * bigrams,
        float(altered > 0),
        float((turned and one >= 1.0 - COPIED / 2) or record > 0),
        float(two <= FOREIGN),
    ]


def _strange_numbers(reference: Reference, sentence: Piece, window: Sequence[Piece]) -> tuple[int, int]:
    """How many numbers of a sentence the context has nowhere, and how many only away from the rest of it."""
    near = {number for piece in window for number in piece.numbers}
    unseen = misplaced = 0
    for number in sentence.numbers:
        if number in reference.numbers:
            misplaced += number not in near
        else:
            unseen += not _is_time(number, sentence, reference)
    return unseen, misplaced


def _unseen_counts(reference: Reference, sentence: Piece) -> int:
    return sum(
        number > COUNTED and number not in reference.numbers and not _is_time(number, sentence, reference)
        for number in sentence.numbers
    )


def _novel_share(reference: Reference, words: Sequence[str], size: int) -> float:
    grams = list(_ngrams(words, size))
    return sum(gram not in reference.grams for gram in grams) / max(1, len(grams))


def _worst_clause(sentence: Piece, text: str, novel: frozenset[str]) -> float:
    """Largest share of new content words in a stretch of at least two between commas and joining words."""
    if not novel:
        return 0.0
    content, worst = frozenset(sentence.content), 0.0
    for part in _JOINT.split(text):
        stems = [stem for stem in (stem_of(word.lower()) for word in WORD.findall(part)) if stem in content]
        if len(stems) > 1:
            worst = max(worst, sum(stem in novel for stem in stems) / len(stems))
    return worst


def _pieces(text: str, document: int, *, structured: bool) -> Iterator[Piece]:
    for start, end in sentences(text):
        if not structured:
            yield take_apart(text, document, start, end)
            continue
        at = start
        for cut in [*(match.end() for match in _LEAF.finditer(text, start, end)), end]:
            yield take_apart(text, document, at, cut, camel=True)
            at = cut


def _is_time(number: float, sentence: Piece, reference: Reference) -> bool:
    """Whether the number belongs to a time of day that the context knows in another notation."""
    return any(
        number in (time % 720 // 60, time // 60, time % 60, 12.0) for time in sentence.times & reference.times
    )


def _ngrams(words: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    return (tuple(words[at : at + size]) for at in range(len(words) - size + 1))


def _grams(texts: Iterable[Sequence[str]]) -> Iterator[tuple[str, ...]]:
    for words in texts:
        yield from itertools.pairwise(words)
        yield from zip(words, words[1:], words[2:], strict=False)


def _longest_run(content: Sequence[str], novel: Collection[str]) -> int:
    longest = run = 0
    for stem in content:
        run = run + 1 if stem in novel else 0
        longest = max(longest, run)
    return longest
