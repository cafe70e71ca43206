"""What can be counted about an answer and its context without a model: the features of groundedness, tier T0.

Every feature points one way: 0 when the answer repeats its context, larger the less of it can be found there.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from guardrails.checks.grounding_record import (
    Fact,
    as_json,
    fact_errors,
    facts_of,
    opening_hours,
    wrong_hours,
)
from guardrails.checks.grounding_text import Piece, take_apart
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
    "length",
    "altered_value",
    "contradicted",
    "foreign",
)
"""Names of one sentence's features, in order. The last three (EDITS) are marks of a short answer that was
tampered with."""

EDITS = 3

ANSWER_FEATURES = (
    *(f"{name}_mean" for name in SENTENCE_FEATURES[:12]),
    *(f"{name}_max" for name in SENTENCE_FEATURES[:12]),
    *(f"{name}_sum" for name in SENTENCE_FEATURES[1:18]),
    "words",
    "sentences",
    *(f"{name}_mean" for name in SENTENCE_FEATURES[-EDITS:]),
)
"""Names of one answer's features, in order: means, maxima and sums over its sentences, lengths, means of the
edits."""

COPIED = 0.45
"""Largest share of new word pairs in a sentence that is still a near copy: there, one strange value is an
altered one."""

COUNTED = 10.0
"""A paraphrase may count things ("three plans") up to this number without being asked where the number
stands."""

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
        for index, text in enumerate(context):
            parsed = as_json(text)
            if parsed is not None:
                self.structured = True
                self.facts.extend(facts_of(parsed))
                self.hours.update(opening_hours(parsed))
            self.pieces.extend(_pieces(text, index, structured=parsed is not None))
        asked = take_apart(question, 0, 0, len(question))
        self.stems = frozenset(stem for piece in self.pieces for stem in (*piece.words, *piece.content))
        self.known = self.stems | frozenset(asked.words)
        self.numbers = frozenset(number for piece in self.pieces for number in piece.numbers)
        self.times = frozenset(time for piece in self.pieces for time in piece.times)
        self.grams = frozenset(_grams([*(piece.words for piece in self.pieces), asked.words]))
        self._postings: dict[str, list[int]] = {}
        for index, piece in enumerate(self.pieces):
            for stem in set(piece.content):
                self._postings.setdefault(stem, []).append(index)

    def best(self, wanted: Iterable[str]) -> tuple[float, float, int, int]:
        """Best cover by one sentence, by two neighbours, and the first and last sentence of the latter (-1
        when none)."""
        stems = set(wanted)
        if not stems:
            return 1.0, 1.0, -1, -1
        hits: dict[int, set[str]] = {}
        for stem in sorted(stems):
            for index in self._postings.get(stem, ()):
                hits.setdefault(index, set()).add(stem)
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
    words = sum(len(piece.words) for piece in claims)
    # In a long answer a strange value in a copied sentence is common and mostly right; in a short one not.
    short = min(1.0, 2.0 / len(claims)) ** 3
    return [
        *(math.fsum(column) / len(column) for column in columns[:12]),
        *(max(column) for column in columns[:12]),
        *(math.log1p(math.fsum(column)) for column in columns[1:18]),
        math.log1p(words),
        math.log1p(len(claims)),
        *(math.fsum(column) / len(column) * short for column in columns[-EDITS:]),
    ]


def sentence_features(reference: Reference, sentence: Piece, text: str) -> list[float]:
    """One sentence's features, as named by SENTENCE_FEATURES. `text` is the sentence itself."""
    content, total = sentence.content, max(1, len(sentence.content))
    novel = [stem for stem in content if stem not in reference.known]
    one, two, first, last = reference.best(content)
    window = reference.pieces[first : last + 1] if first >= 0 else []
    near_numbers = {number for piece in window for number in piece.numbers}
    near_stems = {stem for piece in window for stem in piece.words}
    unseen = [
        n for n in sentence.numbers if n not in reference.numbers and not _is_time(n, sentence, reference)
    ]
    misplaced = [n for n in sentence.numbers if n in reference.numbers and n not in near_numbers]
    bigrams, trigrams = list(_ngrams(sentence.words, 2)), list(_ngrams(sentence.words, 3))
    names = sum(stem not in reference.known for stem in sentence.names)
    strange = sum(gram not in reference.grams for gram in bigrams) / max(1, len(bigrams))
    copied = strange <= COPIED
    altered = len(unseen) + len(misplaced) + names if copied else sum(number > COUNTED for number in unseen)
    turned = bool(window) and sentence.negated != any(piece.negated for piece in window)
    false_claimed, null_claimed, true_denied = fact_errors(reference.facts, text)
    return [
        len(novel) / total,
        float(len(novel)),
        sum(stem not in reference.stems for stem in content) / total,
        float(names),
        float(len(unseen)),
        float(len(misplaced)),
        float(sum(stem in reference.stems and stem not in near_stems for stem in sentence.names)),
        strange,
        sum(gram not in reference.grams for gram in trigrams) / max(1, len(trigrams)),
        1.0 - one,
        1.0 - two,
        math.log1p(_longest_run(content, reference.known)),
        float(turned),
        float(false_claimed),
        float(null_claimed),
        float(true_denied),
        float(sum(time not in reference.times for time in sentence.times) if reference.structured else 0),
        float(wrong_hours(reference.hours, text, sentence.times)),
        math.log1p(len(sentence.words)),
        float(altered > 0),
        float((turned and one >= 1.0 - COPIED / 2) or false_claimed + null_claimed + true_denied > 0),
        float(two <= COPIED),
    ]


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


def _longest_run(content: Sequence[str], known: frozenset[str]) -> int:
    longest = run = 0
    for stem in content:
        run = 0 if stem in known else run + 1
        longest = max(longest, run)
    return longest
