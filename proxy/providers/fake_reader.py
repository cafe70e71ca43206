"""How the scripted model reads: an extractive answerer over the passages of a prompt, the same every time."""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

UNKNOWN = "I do not know."
UNSUPPORTED = (
    "It was first introduced in 1987 by a committee in Oslo.",
    "Most customers are charged a fee of 49 dollars for this.",
    "This also applies to every partner in South America.",
    "The rule will be dropped at the end of next year.",
)
"""What the careless model adds although no passage says so."""

ENOUGH = 0.25
"""Share of the question's weight that the passages have to hold for a careful answer."""
MORE = 0.2
"""Share that a second sentence has to add."""
AROUND = 0.5
"""What a word counts that stands elsewhere in the sentence's passage."""
LATER = 0.08
"""What each place further down the list of passages costs."""
FITS = 0.15
"""What a sentence gains that holds the kind of value asked for: an amount, a time, a number."""

_PASSAGE = re.compile(r"^\[([^\]\n]+)\][ \t]+(.+)$", re.MULTILINE)
_QUESTION = re.compile(r"^Question:[ \t]*", re.MULTILINE | re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_WORD = re.compile(r"[a-z0-9]+")
_NUMBER = re.compile(r"\d+")
_NAME = re.compile(r"(?<=[\w,] )[A-Z](?!\w*day\b)[a-z]+")
_ASKED_FOR = re.compile(r"\b(?:which|what|who|whose|how many|how much)\b(?:\W+\w+){1,4}", re.IGNORECASE)
_COUNTS = "one|two|three|four|five|six|seven|eight|nine|ten"
_KINDS = tuple(
    (re.compile(rf"\b(?:{asked})\b", re.IGNORECASE), re.compile(value, re.IGNORECASE))
    for asked, value in (
        (
            "costs?|prices?|charged?|fees?|pay|how much|percentage|deposit|penalty",
            r"[$€£%]|\b(dollars?|cents?|percent|free)\b",
        ),
        (
            "when|how long|how late|how quickly|what time",
            rf"\d:\d|\b(\d+|{_COUNTS})\b.*\b(minute|hour|day|week|month|year)",
        ),
        ("how (?:many|old|thick|far|often|high|big|heavy|wide)", rf"\d|\b({_COUNTS}|once|twice)\b"),
    )
)
"""What a question asks for, and what a sentence that holds such a value looks like."""
_STOPWORDS = frozenset(
    _WORD.findall(
        """
        a against all also already an and any are as ask at back be become becomes been but by can come
        could did do does for from get had happen happens has have how i if in into is it its just late
        long many may me mean most much my need no not of often old on only or our out part shall should
        so than that the their them then there these they this time to up us want was we were what when
        where which who whom whose why will with worth would you your
        """
    )
)


@dataclass(frozen=True, slots=True)
class Passage:
    """One retrieved passage as it stands in the prompt: a line `[doc-id] text`."""

    doc_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a passage, judged against a question."""

    text: str
    doc_id: str
    words: frozenset[str]
    score: float


def read_prompt(prompt: str) -> tuple[list[Passage], str]:
    """Passages (lines `[doc-id] text`) and the question (what follows `Question:`, else the other lines)."""
    passages = [Passage(found[1], found[2].strip()) for found in _PASSAGE.finditer(prompt)]
    pieces = _QUESTION.split(prompt)
    if len(pieces) > 1:
        return passages, _PASSAGE.sub("", pieces[-1]).strip()
    return passages, _PASSAGE.sub("", prompt).strip()


def has_passages(prompt: str) -> bool:
    """Whether a prompt holds a passage or a line `Question:`."""
    return bool(_PASSAGE.search(prompt) or _QUESTION.search(prompt))


def careful(passages: Sequence[Passage], question: str) -> str:
    """The one or two sentences that fit the question best, with their documents; UNKNOWN when it is not answered."""
    ranked = rank(passages, question)
    if not ranked or not answerable(passages, question):
        return UNKNOWN
    best = ranked[0]
    weights = _weights(passages, question)
    chosen = [best, *[item for item in ranked[1:] if _share(weights, item.words - best.words) >= MORE][:1]]
    return " ".join(f"{item.text} [{item.doc_id}]" for item in chosen)


def answerable(passages: Sequence[Passage], question: str) -> bool:
    """Whether the passages speak of what is asked.

    They hold enough of the question's weight, every name in it, and the thing after its `which`, `what` or `who`.
    """
    known = frozenset(word for passage in passages for word in words(f"{passage.doc_id} {passage.text}"))
    needed = {word for name in _NAME.findall(question) for word in words(name)}
    clause = _ASKED_FOR.search(question)
    if clause is not None:
        things = [word for word in _content(clause[0]) if not any(asked.match(word) for asked, _ in _KINDS)]
        needed |= set(map(stem, things[:1]))
    return needed <= known and _share(_weights(passages, question), known) >= ENOUGH


def careless(passages: Sequence[Passage], question: str) -> str:
    """The best sentence with a number changed, or followed by one that no passage supports. Never doubts."""
    ranked = rank(passages, question)
    chance = crc(question)
    invented = UNSUPPORTED[chance % len(UNSUPPORTED)]
    if not ranked:
        return invented
    sentence = ranked[0].text
    number = _NUMBER.search(sentence)
    if number is not None and chance % 3:
        wrong = str(int(number[0][:15]) + 1 + chance % 9)
        return sentence[: number.start()] + wrong + sentence[number.end() :]
    return f"{sentence} {invented}"


def rank(passages: Sequence[Passage], question: str) -> list[Sentence]:
    """Every sentence, best first. A word weighs more the fewer sentences hold it."""
    weights = _weights(passages, question)
    fitting = [value for asked, value in _KINDS if asked.search(question)][:1]
    ranked = []
    for place, passage in enumerate(passages):
        around = words(f"{passage.doc_id} {passage.text}")
        for text in _SENTENCE_END.split(passage.text):
            found = words(text)
            score = _share(weights, found) + AROUND * _share(weights, around - found) - LATER * place
            score += FITS if any(value.search(text) for value in fitting) else 0.0
            ranked.append(Sentence(text.strip(), passage.doc_id, found, score))
    return sorted(ranked, key=lambda item: -item.score)


def _weights(passages: Sequence[Passage], question: str) -> dict[str, float]:
    split = [words(text) for passage in passages for text in _SENTENCE_END.split(passage.text)]
    held = Counter(word for found in split for word in found)
    return {word: math.log1p(len(split) / max(1, held[word])) for word in words(question)}


def _share(weights: Mapping[str, float], found: Set[str]) -> float:
    """The part of the weight that some words hold, 0 to 1; `fsum`, so that the order of a set changes nothing."""
    held = math.fsum(weight for word, weight in weights.items() if word in found)
    return held / (math.fsum(weights.values()) or 1.0)


def words(text: str) -> frozenset[str]:
    """The words that matter, in lower case and without common endings."""
    return frozenset(map(stem, _content(text)))


def _content(text: str) -> list[str]:
    return [word for word in _WORD.findall(text.lower()) if word not in _STOPWORDS]


def stem(word: str) -> str:
    """The word without a common English ending, so that `refunds`, `refunded` and `refund` are one."""
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    if len(word) <= 3:
        return word
    word = word.rstrip("e")
    if word[-1] == word[-2]:
        return word[:-1]
    return f"{word[:-1]}i" if word[-1] == "y" else word


def crc(text: str) -> int:
    """A number that is the same for the same text, in every process."""
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))
