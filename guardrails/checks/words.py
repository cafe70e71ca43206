"""Finds words that a policy names, and whatever its own regular expressions match."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from guardrails.check import Check, in_process
from guardrails.errors import CheckError
from guardrails.patterns import Pattern, PatternSet
from guardrails.prefixes import RegexError, read
from guardrails.types import Segment, Span

DENIED = "DENIED_WORD"
"""Entity of a word from the deny list."""

_SPACE = "[ \\t\\r\\n\u00a0]{1,4}"
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\ud7ff\uf900-\ufaff\uff66-\uffdc\U00020000-\U0003ffff]"
)
"""Scripts written without spaces between words, or with endings attached: no boundary is asked for there."""


_LEET = {
    "a": "4@",
    "b": "8",
    "e": "3",
    "g": "9",
    "i": "1!",
    "l": "1|",
    "o": "0",
    "s": "5$",
    "t": "7+",
    "z": "2",
}
"""Letters by the digits and marks that are written for them."""

_UNLEET = str.maketrans({mark: letter for letter, marks in _LEET.items() for mark in marks})

_SHORTEST_LEET = 4


@in_process()
def words(
    deny: Sequence[str] = (),
    patterns: Sequence[dict[str, str]] = (),
    case_sensitive: bool = False,
    leet: bool = True,
) -> Check:
    """A check for named words and the user's patterns: a scanner unless a pattern's matches have no bound.

    Args:
        deny: words and phrases, found whole; a space in a phrase stands for up to four of any white space.
        patterns: `{name, regex}` each; the name becomes the entity, an upper-case identifier.
        case_sensitive: whether the deny list is; patterns say so themselves with `(?i)`.
        leet: whether denied words of four letters or more are also found with digits or marks for up to half
            of their letters, such as `p4ssw0rd`.

    Raises CheckError naming the word or pattern that cannot be used, and why.
    """
    if not deny and not patterns:
        raise CheckError("words: there is nothing to look for. Give a list in `deny`, or `patterns`.")
    found = [*_denied(deny, case_sensitive, leet), *(_written(pattern) for pattern in patterns)]
    scanner = PatternSet(found)
    return scanner if scanner.max_length is not None else _WholeText(scanner)


class _WholeText:
    """Runs a pattern set over whole texts only, as some match has no longest form to wait for in a stream."""

    def __init__(self, scanner: PatternSet) -> None:
        self._scanner = scanner

    async def __call__(self, segments: Sequence[Segment], /) -> list[list[Span]]:
        """Spans found in each segment, in the order of the segments."""
        return await asyncio.to_thread(lambda: [self._scanner.scan(segment.text) for segment in segments])


def _denied(deny: Iterable[str], case_sensitive: bool, leet: bool) -> list[Pattern]:
    """Patterns of the deny list. Within one no word begins another, so that none hides a shorter one."""
    layers: defaultdict[tuple[int, bool, bool, bool], list[str]] = defaultdict(list)
    normal = {}
    for word in deny:
        parts = word.split()
        if not parts:
            raise CheckError("words: `deny` holds an empty word, which would be found everywhere. Remove it.")
        normal[" ".join(parts) if case_sensitive else " ".join(parts).lower()] = parts
    read_alike = {_plain(word) if leet else word for word in normal}
    for word, parts in normal.items():
        alike = _plain(word) if leet else word
        depth = sum(alike[:size] in read_alike for size in range(1, len(alike)))
        spelled = leet and _may_be_leet(parts)
        regex = _SPACE.join(map(_leet if spelled else re.escape, parts))
        layers[depth, spelled, _bounded(word[0]), _bounded(word[-1])].append(regex)
    flag = "" if case_sensitive else "(?i)"
    return [
        Pattern(
            DENIED,
            flag + "|".join(alternatives),
            1.0,
            validate=_mostly_letters if spelled else None,
            before=_apart if left else None,
            reach=1 if left else 0,
            after=_apart if right else None,
        )
        for (_, spelled, left, right), alternatives in layers.items()
    ]


def _plain(word: str) -> str:
    """A word with all that may be written alike made the same; `1` is both i and l."""
    return word.lower().translate(_UNLEET).replace("i", "l")


def _may_be_leet(parts: Sequence[str]) -> bool:
    return all(part.isascii() and part.isalpha() for part in parts) and sum(map(len, parts)) >= _SHORTEST_LEET


def _leet(part: str) -> str:
    """A regex of a word and its spellings with digits and marks."""
    return "".join(
        f"[{letter}{re.escape(_LEET[letter.lower()])}]" if letter.lower() in _LEET else letter
        for letter in part
    )


def _mostly_letters(found: str) -> bool:
    """Whether at least half of a match, spaces aside, is letters."""
    letters = sum(character.isalpha() for character in found)
    return 2 * letters >= sum(not character.isspace() for character in found)


def _bounded(letter: str) -> bool:
    """Whether a word that begins or ends with this character must not touch another letter there."""
    return (letter.isalnum() or letter == "_") and _UNSPACED.match(letter) is None


def _apart(neighbour: str) -> bool:
    """Whether a word may stand beside this character."""
    return not (neighbour.isalnum() or neighbour == "_")


def _written(pattern: dict[str, str]) -> Pattern:
    """One pattern from the policy. Raises CheckError when it cannot be run safely."""
    if set(pattern) != {"name", "regex"}:
        raise CheckError("words: each entry of `patterns` takes exactly `name` and `regex`.")
    name, regex = pattern["name"], pattern["regex"]
    if re.fullmatch(r"[A-Z][A-Z0-9_]{0,63}", name) is None:
        raise CheckError(f"words: pattern name {name!r} becomes an entity. Write it like PROJECT_CODE.")
    try:
        read(regex)
        PatternSet([Pattern(name, regex, 1.0)])
    except RegexError as error:
        raise CheckError(f"words: pattern {name!r} cannot be used: {error}") from None
    return Pattern(name, regex, 1.0)
