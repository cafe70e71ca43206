"""Answers and contexts taken apart into sentences of stems, names, numbers and times, without any model."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from guardrails.sentences import sentences


def _listed(text: str) -> list[str]:
    return text.split()


def _words(text: str) -> frozenset[str]:
    return frozenset(_listed(text))


_STOP = _words(
    "a about above after again against all also am an and any are as at be because been before being "
    "below between both but by can could did do does doing down during each either few for from further "
    "had has have having he her here hers him his how however i if in into is it its itself just like may "
    "me might more most much must my no nor not now of off on once only or other our out over own per "
    "same she should so some such than that the their them then there these they this those through to "
    "too under until up upon us very was we were what when where which while who whom whose why will with "
    "within without would yes you your s t re ve ll d m"
)

_TELLING = _words(
    "accord additional additionally address answer article aspect available base both case claim "
    "conclusion consider context customer describ detail discus discuss document establishment exampl "
    "explain explor express feature focu follow furthermor general give given highlight importan "
    "important includ including indicat inform information involv issue item key known large likely list "
    "locat main mak making many meanwhil mention moreover name not noted numerou offer option overall "
    "particular passag peopl person place popular possibl praise process provid provided question range "
    "rate rating reader receiv refer regard relat report restaurant result review say several situation "
    "someone source specific specifically stat statement step stress suggest summary take text thing "
    "topic typical typically unfortunately use using variety variou visitor way well work"
)
"""Stems of words that answers use to tell what they found; they claim next to nothing themselves."""

NEGATIONS = _words(
    "no not never none neither nor nothing nobody without cannot lacks lack lacking unavailable isn't "
    "aren't wasn't weren't don't doesn't didn't can't couldn't won't wouldn't hasn't haven't hadn't "
    "shouldn't"
)

_LANGUAGES: dict[str, frozenset[str]] = {
    "en": _words("the of and to is that for it with on be this are from not or which have they you were has"),
    "de": _words(
        "der die das und ist nicht ein eine den dem mit von zu auf für im sich sie wird auch werden"
    ),
    "fr": _words("le les des et est une un du dans pour que qui sur pas avec ce il au aux sont ou par"),
    "es": _words("el los las y es una un del en para que con por se su lo como más pero son al está"),
    "it": _words("il gli e è una un del della che per con non di si dei nel alla sono le da come anche"),
    "pt": _words("o os as e é uma um do da que em para com não no na dos se por mais ao são foi"),
    "nl": _words("de het een en van is dat niet op te zijn voor met die aan er ook als naar wordt bij"),
    "sv": _words("och att det som en på är av för med den till inte om har de ett var kan från"),
}
"""The commonest small words of some languages: enough to see that two texts are not in one language."""

_ONES = _listed(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty"
)

_TENS = _listed("thirty forty fifty sixty seventy eighty ninety")

_ORDINALS = _listed("first second third fourth fifth sixth seventh eighth ninth tenth")

_NUMBER_WORDS: dict[str, float] = {
    **{word: float(value) for value, word in enumerate(_ONES)},
    **{word: float(30 + 10 * index) for index, word in enumerate(_TENS)},
    **{word: float(1 + index) for index, word in enumerate(_ORDINALS)},
    "dozen": 12.0,
    "twice": 2.0,
    "thrice": 3.0,
}

_LOOSE = frozenset({"one", "first", "second", "zero"})
"""Number words that mostly are not numbers; they count in the context but claim nothing in an answer."""

_SCALES = {
    "hundred": 1e2,
    "thousand": 1e3,
    "million": 1e6,
    "billion": 1e9,
    "trillion": 1e12,
    "k": 1e3,
    "m": 1e6,
    "bn": 1e9,
}

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d[\d,]*(?:\.\d+)?")

CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+(?:['’][a-z]+)*|\d[\d,]*(?:\.\d+)?")

_CLOCK = re.compile(r"\b(\d{1,2})(?::(\d{1,2}))?\s*([ap])\.?m\b|\b(\d{1,2}):(\d{1,2})\b", re.IGNORECASE)

_SCALE_BEFORE = re.compile(r"\bout of $")
"""The end of a scale ("3.5 out of 5") is no claim."""

_NAMED_TIME = re.compile(r"\b(?:noon|midnight)\b", re.IGNORECASE)

_MARKER = re.compile(r"^\s*(?:[-*•]\s*)?(?:\(?\d{1,2}[.)]\s+)?")

_CITATION = re.compile(
    r"\[\d+\]|\b(?:passages?|documents?|sources?|contexts?)\s+\d+(?:(?:,\s*|,?\s+and\s+)\d+)*", re.IGNORECASE
)

_GREETING = re.compile(
    r"(?:hi|hello|hey|greetings|welcome|good (?:morning|afternoon|evening|day)|thanks|sure"
    r"|thank you(?: (?:so|very) much)?|certainly|of course|ok|okay|great question|you(?:'|’)re welcome"
    r"|goodbye|bye)(?: there)?"
    r"(?: for (?:asking|reaching out|contacting us|waiting|your (?:question|message|patience|time)))?"
    r"\b[\s,!.:–-]*",
    re.IGNORECASE,
)

_OFFER = re.compile(
    r"(?:please )?(?:let me know|feel free|do not hesitate|don't hesitate|i hope (?:this|that) helps"
    r"|how (?:can|may) i help|i(?:'|’)?m (?:here|happy|glad) to help|happy to help)\b",
    re.IGNORECASE,
)

_ABSTAIN = re.compile(
    r"(?:(?:i(?:'|’)?m|i am|we(?:'|’)?re) (?:very |so )?sorry\W+|sorry\W+|unfortunately\W+|but )*"
    r"(?:(?:based on|according to|from|in) [^,]{0,60},\s*)?"
    r"(?:(?:i|we) (?:do not|don['’]t|can ?not|can['’]t|could not|couldn['’]t|am unable to|are unable to"
    r"|am not able to|have no|am not sure|was unable to) ?"
    r"(?:know|answer|find|say|tell|determine|provide|confirm|help|see|have|information|idea|what|how|if|whether|who|when|where|why)\b"
    r"|(?:it is |i am )?(?:unable|impossible|not possible) to (?:answer|determine|say|tell|provide)\b"
    r"|there (?:is|was|are) (?:no|not enough|insufficient) "
    r"(?:information|mention|answer|details?|data|evidence)\b"
    r"|(?:the |this |these |that |given |provided |retrieved )*"
    r"(?:context|passages?|documents?|texts?|sources?|information|articles?)"
    r" (?:provided |given |above )*(?:(?:does|do|did) not|doesn['’]t|don['’]t) "
    r"(?:contain|provide|mention|say|state|include|specify|answer|give|tell|have)\b)",
    re.IGNORECASE,
)

_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")

_NO_LETTER = re.compile(r"[^A-Za-z]+")

_LONGEST = 40
"""Letters of the longest stem that is taken for a word."""

_TURN = re.compile(
    r"\b(?:but|however|although|though|because|since|except|instead)\b(?!\s+i\b)|;", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Piece:
    """One sentence, of the context or of the answer, taken apart."""

    document: int
    """Which context string it stands in; 0 for an answer."""
    start: int
    end: int
    words: tuple[str, ...]
    """All words as stems, in order."""
    content: tuple[str, ...]
    """The stems that carry meaning, in order."""
    names: tuple[str, ...]
    """Stems of words with a capital that does not come from the sentence's start."""
    numbers: frozenset[float]
    times: frozenset[int]
    """Times of day, in minutes after midnight."""
    negated: bool


def claims(answer: str) -> list[Piece]:
    """The sentences of an answer that claim something, taken apart.

    Left out: greetings and offers of help, questions, sentences that only say the answer is not known, and
    sentences without any content word or number. List marks and citations ("[2]", "passage 3") are not read
    as claims.
    """
    blank = _CITATION.sub(lambda match: " " * len(match.group()), answer)
    found = []
    for start, end in sentences(answer):
        text = blank[start:end]
        if text.endswith("?") or _OFFER.match(text) or (_ABSTAIN.match(text) and not _TURN.search(text)):
            continue
        at = start
        for skipped in (_MARKER, _GREETING):
            mark = skipped.match(blank, at, end)
            at = mark.end() if mark else at
        piece = take_apart(blank, 0, at, end, outer=start)
        if piece.content or piece.numbers:
            found.append(piece)
    return found


def take_apart(
    text: str, document: int, start: int, end: int, *, outer: int | None = None, camel: bool = False
) -> Piece:
    """The words, names, numbers and times of text[start:end]; the piece says it begins at `outer` when
    given."""
    words: list[str] = []
    content: list[str] = []
    names: list[str] = []
    values: list[tuple[float, int]] = []
    negated = False
    for match in (CAMEL if camel else WORD).finditer(text, start, end):
        word = _word(match.group())
        words.append(word.stem)
        if word.carries:
            content.append(word.stem)
            if word.capital and len(words) > 1:
                names.append(word.stem)
        if word.plain:
            continue
        at = match.start()
        negated = negated or word.negates
        if word.number is not None and (
            camel or not (word.loose or _SCALE_BEFORE.search(text, max(start, at - 8), at))
        ):
            values.append((word.number, at))
        elif word.scale is not None and values and at - values[-1][1] < 24:
            values.append((values[-1][0] * word.scale, at))
    if camel:
        compounds = (match.group() for match in WORD.finditer(text, start, end))
        content.extend(stem_of(word.lower()) for word in compounds if not word[1:].islower())
    times = frozenset(times_of_day(text, start, end))
    numbers = frozenset(value for value, _ in values)
    return Piece(
        document,
        start if outer is None else outer,
        end,
        tuple(words),
        tuple(content),
        tuple(names),
        numbers,
        times,
        negated,
    )


def foreign_script(text: str) -> bool:
    """Whether more than half of the letters are not Latin: words of such texts are not told apart here."""
    others = [character for character in _BEYOND_ASCII.findall(text) if character.isalpha()]
    foreign = sum(not _is_latin(letter) for letter in others)
    return foreign > 0 and 2 * foreign > len(others) + len(_NO_LETTER.sub("", text))


def language(words: Sequence[str], least: int = 5) -> tuple[str, dict[str, float]]:
    """The language of some stems, empty when it cannot be told, and the share of each language's small words.

    At least `least` words are needed, three in twenty of them small words of one language, half as many again
    as of any other.
    """
    counts = Counter(words)
    shares = {
        name: sum(counts[stem] for stem in counts.keys() & stems) / max(1, len(words))
        for name, stems in _SMALL.items()
    }
    best, second = sorted(shares.items(), key=lambda each: (-each[1], each[0]))[:2]
    clear = len(words) >= least and best[1] >= 0.15 and best[1] >= 1.5 * second[1]
    return best[0] if clear else "", shares


def has_evidence(piece: Piece) -> bool:
    """Whether the piece has a number, or a content word that a context could be searched for.

    Such a word has 2 to 40 Latin letters that are not all the same.
    """
    return bool(piece.numbers) or any(
        2 <= len(stem) <= _LONGEST and len(set(stem)) > 1 and all(_is_latin(c) for c in stem if c.isalpha())
        for stem in piece.content
    )


def _is_latin(letter: str) -> bool:
    return letter.isascii() or "LATIN" in unicodedata.name(letter, "")


class _Word(NamedTuple):
    """What a word is wherever it stands."""

    stem: str
    carries: bool
    """Whether it carries meaning."""
    capital: bool
    plain: bool
    """Whether it neither negates, nor counts, nor scales."""
    negates: bool
    number: float | None
    loose: bool
    """Whether it is a number that often counts nothing."""
    scale: float | None
    """What the number before it is multiplied by."""


@lru_cache(maxsize=1 << 14)
def _word(token: str) -> _Word:
    lower = token.lower().replace("’", "'")
    stem, number = stem_of(lower), _number(lower)
    negates, scale = lower in NEGATIONS, _SCALES.get(lower)
    return _Word(
        stem,
        carries=lower not in _STOP and stem not in _TELLING and number is None,
        capital=token[0].isupper(),
        plain=number is None and scale is None and not negates,
        negates=negates,
        number=number,
        loose=lower in _LOOSE,
        scale=scale,
    )


@lru_cache(maxsize=1 << 14)
def stem_of(word: str) -> str:
    """A crude English stem: close enough to join singular and plural, and the forms of a regular verb."""
    word = word.removesuffix("'s")
    for suffix, least in (
        ("ings", 4),
        ("ing", 3),
        ("edly", 4),
        ("ies", 3),
        ("ied", 3),
        ("ed", 3),
        ("es", 3),
        ("s", 3),
        ("ly", 4),
    ):
        if word.endswith(suffix) and len(word) - len(suffix) >= least and not word.endswith("ss"):
            word = word[: -len(suffix)] + ("y" if suffix in ("ies", "ied") else "")
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":
        word = word[:-1]
    return word.removesuffix("e") if len(word) > 4 else word


def _number(word: str) -> float | None:
    if word[0].isdigit():
        try:
            return float(word.replace(",", ""))
        except ValueError:
            return None
    return _NUMBER_WORDS.get(word)


def times_of_day(text: str, start: int, end: int) -> Iterator[int]:
    """Clock times in text[start:end], in minutes since midnight; also noon and midnight."""
    for match in _NAMED_TIME.finditer(text, start, end):
        yield 720 if match.group().lower() == "noon" else 0
    for match in _CLOCK.finditer(text, start, end):
        hour, minute, half, plain_hour, plain_minute = match.groups()
        if half:
            yield (int(hour) % 12 + (12 if half in "pP" else 0)) * 60 + int(minute or 0)
        else:
            yield int(plain_hour) % 24 * 60 + int(plain_minute)


_SMALL = {name: frozenset(stem_of(word) for word in words) for name, words in _LANGUAGES.items()}
