"""Scorers that compare the answer's text with what was expected: exact, f1, contains, semantic, refusal."""

from __future__ import annotations

import asyncio
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

REFUSALS = (
    "i do not know",
    "i dont know",
    "i am not sure",
    "i cannot answer",
    "i cant answer",
    "i am unable to",
    "unable to answer",
    "could not find",
    "couldnt find",
    "cannot find",
    "cant find",
    "did not find",
    "not in the documents",
    "not in the provided",
    "not in the context",
    "not mentioned in",
    "no information about",
    "no information on",
    "not enough information",
    "passages do not",
    "passages dont",
    "documents do not",
    "documents dont",
    "context does not",
    "context doesnt",
    "do not have that information",
    "dont have that information",
    "do not have information",
    "dont have information",
    "do not have any information",
    "dont have any information",
    "do not have enough",
    "dont have enough",
    "i cannot help",
    "i cant help",
    "i cannot share",
    "i cant share",
)
"""An answer that says one of these (lower case, without punctuation) says that it does not answer."""


def exact() -> Scorer:
    """1 when the answer is the expected one or an alias, after normalisation; else 0."""
    return Measure("exact", "1", _has_answer, lambda case, output: Score.of(max(_each(_exact, case, output))))


def f1() -> Scorer:
    """Token F1 with the expected answer or the alias it fits best, as SQuAD defines it."""
    return Measure("f1", "1", _has_answer, lambda case, output: Score.of(max(_each(token_f1, case, output))))


def contains() -> Scorer:
    """1 when the answer holds the words of the expected one (or an alias) in a row; else 0."""
    return Measure(
        "contains", "1", _has_answer, lambda case, output: Score.of(max(_each(_contains, case, output)))
    )


def refusal() -> Scorer:
    """1 when the answer refuses exactly if it should; else 0. A blocked reply counts as a refusal."""

    def score(case: Case, output: Output) -> Score:
        refused = refuses(output.text) or output.verdict == "block"
        said = "the answer refuses" if refused else "the answer does not refuse"
        return Score.of(refused == case.expected.refusal, said)

    return Measure("refusal", "1", lambda case: case.expected.refusal is not None, score)


def semantic() -> Scorer:
    """Cosine with the expected answer or the alias it fits best, clipped to 0..1, by the local encoder."""
    return _Semantic()


class _Semantic:
    name, higher_is_better = "semantic", True

    def __init__(self) -> None:
        self._embedder: Embedder | None = None
        self._lock = threading.Lock()

    @property
    def version(self) -> str:
        """Names the encoder by its hash once one has been needed."""
        return f"1+{self._embedder.sha256[:12]}" if self._embedder else "1"

    def applies(self, case: Case) -> bool:
        """As in Scorer."""
        return _has_answer(case)

    async def __call__(self, case: Case, output: Output, /) -> Score:
        """As in Scorer; the encoder runs in a thread."""
        return await asyncio.to_thread(self._score, case, output)

    def _score(self, case: Case, output: Output) -> Score:
        answer = without_citations(output.text)
        if not answer:
            return Score.of(0.0, "the answer is empty")
        vectors = self._load().encode([answer, *_golds(case)])
        return Score.of(min(1.0, max(0.0, float((vectors[1:] @ vectors[0]).max()))))

    def _load(self) -> Embedder:
        with self._lock:
            if self._embedder is None:
                from guardrails.embedding import load

                self._embedder = load()
            return self._embedder


def normalised(text: str) -> list[str]:
    """The words of a text, lower case, without punctuation and English articles (SQuAD's normalisation)."""
    return [word for word in _bare(text) if word not in {"a", "an", "the"}]


def without_citations(text: str) -> str:
    """The text without the `[doc-id]` marks that end it. A full stop after them stays away too."""
    rest = text.strip()
    while True:
        bare = rest.rstrip(" \t\n.")
        start = bare.rfind("[")
        inner = bare[start + 1 : -1]
        if (
            not bare.endswith("]")
            or start < 0
            or not 1 <= len(inner) <= 200
            or any(c.isspace() for c in inner.strip())
        ):
            return rest
        rest = bare[:start].rstrip()


def token_f1(gold: str, answer: str) -> float:
    """Harmonic mean of the shares of words that two texts have in common; 1 when both are empty."""
    expected, given = (Counter(words) for words in _words(gold, answer))
    if not expected or not given:
        return float(expected == given)
    common = (expected & given).total()
    return 2 * common / (expected.total() + given.total())


def refuses(text: str) -> bool:
    """Whether a text says that it does not answer."""
    bare = " ".join(
        "".join(" " if c == "\n" else "" if _is_punctuation(c) else c for c in text.lower()).split()
    )
    return any(phrase in bare for phrase in REFUSALS)


def _bare(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", text).lower()
    return "".join("" if _is_punctuation(character) else character for character in folded).split()


def _is_punctuation(character: str) -> bool:
    return character in string.punctuation or unicodedata.category(character).startswith("P")


def _has_answer(case: Case) -> bool:
    return case.expected.answer is not None


def _golds(case: Case) -> Sequence[str]:
    return [case.expected.answer or "", *case.expected.aliases]


def _each(compare: Callable[[str, str], float], case: Case, output: Output) -> list[float]:
    answer = without_citations(output.text)
    return [compare(gold, answer) for gold in _golds(case)]


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
