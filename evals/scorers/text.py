"""Scorers that compare the answer's text with what was expected: exact, f1, contains, semantic."""

from __future__ import annotations

import asyncio
import re
import string
import threading
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from evals.scorer import Measure, Scorer
from evals.types import Case, Output, Score

if TYPE_CHECKING:
    from guardrails.embedding import Embedder


VERSION = "2"
"""Of exact, f1 and contains."""
MARK = 200
"""Characters of a citation at most."""


def exact() -> Scorer:
    """1 when the answer is the expected one or an alias, after normalisation; else 0.

    Needs `expected.answer`.
    """
    return _best("exact", _exact)


def f1() -> Scorer:
    """Token F1 with the expected answer or the alias it fits best, as SQuAD defines it; numbers stay whole.

    Needs `expected.answer`.
    """
    return _best("f1", token_f1)


def contains() -> Scorer:
    """1 when the answer holds the words of the expected one (or an alias) in a row; else 0.

    Needs `expected.answer`.
    """
    return _best("contains", _contains)


def semantic() -> Scorer:
    """Cosine with the expected answer or the alias it fits best, clipped to 0..1, by the local encoder.

    Needs `expected.answer`.
    """
    return _Semantic()


class _Semantic:
    name, higher_is_better = "semantic", True

    def __init__(self) -> None:
        self._embedder: Embedder | None = None
        self._lock = threading.Lock()

    @property
    def version(self) -> str:
        """Names the encoder by its hash once one has been needed."""
        return f"2+{self._embedder.sha256[:12]}" if self._embedder else "2"

    def applies(self, case: Case) -> bool:
        """As in Scorer."""
        return _has_answer(case)

    async def __call__(self, case: Case, output: Output, /) -> Score:
        """As in Scorer; the encoder runs in a thread."""
        return await asyncio.to_thread(self._score, case, output)

    def _score(self, case: Case, output: Output) -> Score:
        answer = without_citations(output.text)
        if not answer:
            return Score.of(0.0, "the answer is empty", looked_at=_compared(case, answer))
        golds = _golds(case)
        read = list(dict.fromkeys(each for gold in golds for each in _readings(gold, output.text)))
        vectors = self._load().encode([*read, *golds])
        cosines = vectors[len(read) :] @ vectors[: len(read)].T
        pairs = [
            (row, read.index(each)) for row, gold in enumerate(golds) for each in _readings(gold, output.text)
        ]
        nearest = max(float(cosines[pair]) for pair in pairs)
        # The encoder reads a long text in windows, all of them.
        return Score.of(min(1.0, max(0.0, nearest)), looked_at=_compared(case, answer), coverage=1.0)

    def _load(self) -> Embedder:
        with self._lock:
            if self._embedder is None:
                from guardrails.embedding import load

                self._embedder = load()
            return self._embedder


def normalised(text: str) -> list[str]:
    """The words of a text, lower case, without punctuation and English articles: SQuAD's normalisation.

    Other than there, what makes a number another one stays: its point, comma, slash and minus. Commas that only group
    its digits go.
    """
    return [word for word in _bare(text) if word not in {"a", "an", "the"}]


def without_citations(text: str) -> str:
    """The text without the `[doc-id]` marks that end it, nor a full stop after them; a text of marks alone as it is."""
    whole = text.strip()
    return whole[: _ends(whole)[-1]] or whole


def token_f1(gold: str, answer: str) -> float:
    """Harmonic mean of the shares of words that two texts have in common; 1 when both are empty."""
    expected, given = (Counter(words) for words in _words(gold, answer))
    if not expected or not given:
        return float(expected == given)
    common = (expected & given).total()
    return 2 * common / (expected.total() + given.total())


_MINUS = str.maketrans("\N{MINUS SIGN}\N{EN DASH}", "--")
_GROUPED = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{2,3})*,\d{3}(?!\d|,\d)")
"""A number with commas between groups of its digits: 1,500 and 1,00,000."""
_OF_A_NUMBER = re.compile(
    r"(?<=\d)[.,/](?=\d)|(?<![\w.])\.(?=\d)|(?<![\w-])-(?=[$\u20ac\u00a3\u00a5]?\.?\d)|(?<=\de)-(?=\d)"
)
"""Punctuation without which a number is another one: 1.5, 1,5, 1/2, .5, -5, 1e-5."""


def _bare(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", text).lower().translate(_MINUS)
    folded = _GROUPED.sub(lambda match: match[0].replace(",", ""), folded)
    kept = {match.start() for match in _OF_A_NUMBER.finditer(folded)}
    return "".join(
        "" if _is_punctuation(character) and place not in kept else character
        for place, character in enumerate(folded)
    ).split()


def _ends(text: str) -> list[int]:
    """Where a text ends that begins and ends with no space: with all the marks at its end, with one less, and so on."""
    ends = [len(text)]
    while True:
        end = ends[-1]
        while end and text[end - 1] in " \t\n.":
            end -= 1
        start = text.rfind("[", max(0, end - MARK - 2), end)
        inner = text[start + 1 : end - 1]
        if start < 0 or text[end - 1] != "]" or not inner or any(c.isspace() for c in inner.strip()):
            return ends
        while start and text[start - 1].isspace():
            start -= 1
        ends.append(start)


def _readings(gold: str, text: str) -> list[str]:
    """The answer as it may be meant: without citations. Where the expectation itself ends in brackets, also whole, and
    with as many brackets as that."""
    if (kept := len(_ends(gold.strip())) - 1) == 0:
        return [without_citations(text)]
    whole = text.strip()
    ends = _ends(whole)
    return list(dict.fromkeys([without_citations(text), whole, whole[: ends[max(0, len(ends) - 1 - kept)]]]))


def _is_punctuation(character: str) -> bool:
    return character in string.punctuation or unicodedata.category(character).startswith("P")


def _has_answer(case: Case) -> bool:
    return case.expected.answer is not None


def _golds(case: Case) -> Sequence[str]:
    return [case.expected.answer or "", *case.expected.aliases]


def _best(name: str, compare: Callable[[str, str], float]) -> Scorer:
    """A measure of the answer against the wording that it fits best."""

    def score(case: Case, output: Output) -> Score:
        answer = without_citations(output.text)
        golds = _golds(case)
        value = max(compare(gold, each) for gold in golds for each in _readings(gold, output.text))
        return Score.of(value, looked_at=_compared(case, answer))

    return Measure(name, VERSION, _has_answer, score)


def _compared(case: Case, answer: str) -> str:
    wordings = len(_golds(case))
    return f"{len(answer)} characters against {wordings} wording{'s' if wordings > 1 else ''}"


def _exact(gold: str, answer: str) -> float:
    expected, given = _words(gold, answer)
    return float(expected == given)


def _contains(gold: str, answer: str) -> float:
    expected, given = (f" {' '.join(words)} " for words in _words(gold, answer))
    return float(expected in given)


def _words(gold: str, answer: str) -> tuple[list[str], list[str]]:
    """The words of both, normalised only as far as the expectation keeps any: "A" and "?!" are answers too."""
    for read in (normalised, _bare):
        if read(gold):
            return read(gold), read(answer)
    return gold.casefold().split(), answer.casefold().split()
