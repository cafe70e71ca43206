"""What a text says once the ways of hiding a value in it are undone, with the exact way back.

A text is unwrapped up to LAYERS times. One layer turns reversed text round, folds characters and decodes
what encodings.py lists, each a Rewriting of the one before. Everything is found by regexes that need nothing
but their match, so the rewriting of a text depends neither on what stands before nor, up to what `undecided`
says, on what comes after. Offsets are code points.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterator, Sequence
from functools import cache

from guardrails.encodings import SPELLINGS, Decoder
from guardrails.foldings import ATTACHED, CONFUSABLE, FOLDED, PUNCTUATION, REMOVED, TAGS, character_class
from guardrails.linear import Find, Source, chooser, finder
from guardrails.prefixes import read
from guardrails.rewriting import Rewriting, Stretches, without

LAYERS = 3
"""How often what was unwrapped is looked at again."""

CONTEXT = 0
"""Code points left of a position that what is found from it depends on."""

_LONGEST_GAP = 16
"""Removed characters in a row that leave nothing behind; a longer row becomes a newline."""

_NOISE = character_class(sorted(set(REMOVED) - set(ATTACHED)))
_ATTACHED = character_class(ATTACHED)
_FOLD = character_class(FOLDED)
_ALIKE = character_class(CONFUSABLE)
_REVERSED = "\u202e[^\u202c\u202e\n]{1,400}(?:[\u202c\n]|\\Z)"
_MIXED = (
    f"(?:[A-Za-z0-9][A-Za-z0-9@._+\\-]*[{_ALIKE}]|[{_ALIKE}][{_ALIKE}@._+\\-]*[A-Za-z0-9])"
    f"[A-Za-z0-9{_ALIKE}@._+\\-]*|[{character_class(PUNCTUATION)}]+[!-~]"
)

_DECORATED = f"(?:[!-~{_FOLD}{_ALIKE}]| [0-9])"
_FOLDABLE = f"[{_NOISE}{_FOLD}]|[{_ATTACHED}]{_DECORATED}"
TRIGGERS = (
    _FOLDABLE,
    f"[A-Za-z0-9][@._+\\-]*[{_ALIKE}]|[{_ALIKE}][@._+\\-]*[A-Za-z0-9]",
    f"[{character_class(PUNCTUATION)}][!-~]",
    *(spelling.regex for spelling in SPELLINGS),
)
"""Regexes of which one occurs in every text that has a view."""

WHOLE = (
    f"[{character_class(REMOVED)}]+ ?",
    _REVERSED,
    _MIXED,
    *(spelling.regex for spelling in SPELLINGS),
)
"""Regexes of all that is rewritten as one: only a beginning of a match of one of them is ever undecided."""


class View:
    """One reading of a text, and where in the text each part of it stands."""

    __slots__ = ("_original", "_steps", "text")

    def __init__(self, original: str, steps: tuple[Rewriting, ...]) -> None:
        self._original, self._steps = original, steps
        self.text = steps[-1].text
        """What is to be looked at."""

    def start(self, index: int) -> int:
        """Where in the original the view's character at `index` begins; the original's length at its end."""
        if index >= len(self.text):
            return len(self._original)
        for step in reversed(self._steps):
            index = step.start(index)
        return index

    def end(self, index: int) -> int:
        """One past where in the original what the view's first `index` characters came from ends."""
        for step in reversed(self._steps):
            index = step.end(index)
        return index

    def index(self, position: int) -> int:
        """Index of the first character of the view that begins at or after a position of the original."""
        for step in self._steps:
            position = step.index(position)
        return position

    def outside(self, position: int) -> int:
        """The position, or if it is inside something that was rewritten as one, where that begins."""
        while True:
            lowered = self._lowered(position)
            if lowered == position:
                return position
            position = lowered

    def foreign(self, start: int, end: int) -> bool:
        """Whether original[start:end] has look-alike letters of other scripts, and no ASCII letter or digit."""
        alike = False
        for character in self._original[start:end]:
            if character.isascii():
                if character.isalnum():
                    return False
            elif ord(character) in CONFUSABLE:
                alike = True
            elif character.isalpha():
                return False
        return alike

    def _lowered(self, position: int) -> int:
        at = position
        for depth, step in enumerate(self._steps):
            cut = step.outside(at)
            if cut < at:
                for before in reversed(self._steps[:depth]):
                    cut = before.start(cut)
                return min(cut, position)
            at = step.index(at)
            if at == 0:
                # Only what was left out stands before: the text begins here as it does at 0.
                return 0
        return position


def views(text: str, begins: bool = True) -> list[View]:
    """The readings of a text in which something was undone: none for plain text.

    The first undoes one layer, the next what then shows, and so on. Where invisible tag characters occur they
    are left out of these; then follow as many that read them as the ASCII they shadow. `begins` says whether
    the text begins where it stands: false for a piece cut from a longer one.
    """
    if not _triggered(text):
        return []
    found: list[View] = []
    for hidden in (False, True) if _has_tags(text) else (False,):
        steps: tuple[Rewriting, ...] = ()
        for layer in _layers(text, hidden, begins):
            steps += layer
            if all(steps[-1].text != view.text for view in found):
                found.append(View(text, steps))
    return [view for view in found if view.text != text]


def undecided(text: str, start: int = 0) -> int:
    """The first position at or after start from which the text's end may be part of something unfinished.

    `start` is outside everything that is rewritten. len(text) when the text is decided to its end.
    """
    tail = text[start:] if start else text
    if not tail:
        return len(text)
    if not _triggered(tail):
        return start + _unfinished(tail, not start)
    return start + min(_decided(tail, hidden, not start) for hidden in (False, True))


def _unfinished(text: str, begins: bool) -> int:
    """As `_decided`, of a text in which no layer changes anything."""
    decided = len(text)
    for _ in range(LAYERS):
        known = text[:decided]
        for stage in _STAGES:
            decided = min(decided, stage.waits(known, begins))
            if not stage.keeps_ascii or not known.isascii():
                known = text[:decided]
    return decided


def _decided(text: str, hidden: bool, begins: bool) -> int:
    """Up to where no layer's rewriting of a text can change, whatever is appended."""
    steps: list[Rewriting] = []
    decided = len(text)
    for _ in range(LAYERS):
        for stage in _STAGES:
            decided = min(decided, stage.waits(text[:decided], begins))
            step = stage.rewrite(text, hidden, begins)
            if step is not None:
                decided = step.index(step.outside(decided))
                text = step.text
                steps.append(step)
    for step in reversed(steps):
        decided = step.start(decided)
    return decided


def _layers(text: str, hidden: bool, begins: bool) -> Iterator[tuple[Rewriting, ...]]:
    """The rewritings of each layer, as long as they change something."""
    for _ in range(LAYERS):
        steps = []
        for stage in _STAGES:
            step = stage.rewrite(text, hidden, begins)
            if step is not None:
                steps.append(step)
                text = step.text
        if not steps:
            return
        yield tuple(steps)


class _Turning:
    """Reversed text: between U+202E and what ends it."""

    keeps_ascii = False

    def waits(self, text: str, begins: bool) -> int:
        """Where an unfinished one begins; the text's length if there is none."""
        return _end("\u202e", text, _REVERSED) if "\u202e" in text else len(text)

    def rewrite(self, text: str, hidden: bool, begins: bool) -> Rewriting | None:
        """The text with them turned round; None when there are none."""
        if "\u202e" not in text:
            return None
        stretches = Stretches(text)
        source = Source(text)
        for first, last in source.spans(_search(_REVERSED)):
            stretches.keep(first)
            stretches.whole(first, last)
            closed = text[last - 1] == "\u202c"
            stretches.block(
                last, text[first + 1 : last - closed][::-1].strip("\n") + "\n" * (text[last - 1] == "\n")
            )
        return stretches.done() if stretches.cuts else None


class _Folding:
    """Characters that stand for another or for none."""

    keeps_ascii = True

    def waits(self, text: str, begins: bool) -> int:
        """Where characters that may be left out reach the text's end."""
        at = len(text)
        if text.endswith(" "):
            at -= 1
        bare = at
        while at and text[at - 1] in _LEFT_OUT:
            at -= 1
        return at if at < bare else len(text)

    def rewrite(self, text: str, hidden: bool, begins: bool) -> Rewriting | None:
        """The text without what is left out and with the rest folded; None when nothing was."""
        if text.isascii() or _search(_FOLDABLE)(text.encode("utf-8", "surrogatepass"), 0)[0] < 0:
            return None
        runs = (match.span() for match in _RUNS[hidden].finditer(text))
        rewriting = without(text, (run for run in runs if _goes(text, *run)), _LONGEST_GAP)
        rewriting.text = rewriting.text.translate(_FOLDS[hidden])
        return rewriting if rewriting.text != text else None


class _Mixing:
    """Words that mix ASCII with look-alike letters of other scripts."""

    keeps_ascii = True

    def waits(self, text: str, begins: bool) -> int:
        """Where a word that could become one begins."""
        if not text.isascii():
            return _end("", text, _MIXED)
        word = text[len(text.rstrip(_WORD)) :]
        return len(text) - len(word.lstrip(_MARKS))

    def rewrite(self, text: str, hidden: bool, begins: bool) -> Rewriting | None:
        """The text with the look-alikes of such words folded."""
        if text.isascii():
            return None
        stretches = Stretches(text)
        for first, last in Source(text).spans(_search(_MIXED)):
            stretches.keep(first)
            stretches.whole(first, last)
            stretches.put(last, text[first:last].translate(_ALIKES), 1, 1)
        return stretches.done() if stretches.cuts else None


class _Decoding:
    """What encodings.py lists."""

    keeps_ascii = False

    def waits(self, text: str, begins: bool) -> int:
        """Where a spelling that is not finished begins."""
        return _end("", text, _ANY[begins])

    def rewrite(self, text: str, hidden: bool, begins: bool) -> Rewriting | None:
        """The text decoded; None when there is nothing to."""
        source = Source(text)
        if not (chosen := _signs()(source.data)):
            return None
        stretches = Stretches(text)
        for first, last, decode in _spelled(source, begins, chosen):
            stretches.keep(first)
            stretches.whole(first, last)
            decode(text[first:last], first, stretches)
        return stretches.done() if stretches.cuts else None


def _spelled(source: Source, begins: bool, chosen: Sequence[int]) -> Iterator[tuple[int, int, Decoder]]:
    """The matches of the chosen spellings from left to right, none overlapping, as code points."""
    data = source.data
    following = []
    for order in chosen:
        find = _search(_edged(SPELLINGS[order].regex, begins))
        first, last = find(data, 0)
        if first >= 0:
            following.append((first, order, last, find))
    at = point = 0
    while following:
        first, order, last, _ = min(following)
        start = point + source.points(at, first)
        point = start + source.points(first, last)
        yield start, point, SPELLINGS[order].decode
        at = last
        following = list(_from(at, data, following))


_Next = tuple[int, int, int, Find]
"""Of one spelling: where its next match begins, its place in the list, where the match ends, its search."""


def _from(at: int, data: bytes, following: list[_Next]) -> Iterator[_Next]:
    """Each spelling's next match that begins at or after a byte."""
    for first, order, last, find in following:
        if first < at:
            first, last = find(data, at)
        if first >= 0:
            yield first, order, last, find


_STAGES = (_Turning(), _Folding(), _Mixing(), _Decoding())
_MARKS = "@._+-"
_WORD = string.ascii_letters + string.digits + _MARKS
_LEFT_OUT = frozenset(map(chr, REMOVED))
_FOLDS = (FOLDED, FOLDED | {tag: chr(tag - 0xE0000) for tag in TAGS})
_RUNS = (
    re.compile(f"[{character_class(REMOVED)}]+"),
    re.compile(f"[{character_class(sorted(set(REMOVED) - set(TAGS)))}]+"),
)
_ALIKES = CONFUSABLE | PUNCTUATION
_TAGGED = re.compile(f"[{character_class(TAGS)}]")
_UNATTACHED = re.compile(f"[{_NOISE}]")
_FOLLOWING = re.compile(_DECORATED)


def _goes(text: str, start: int, end: int) -> bool:
    """Whether a run of removable characters is left out: if it has noise in it, or ASCII follows."""
    return _FOLLOWING.match(text, end) is not None or _UNATTACHED.search(text, start, end) is not None


def _edged(regex: str, begins: bool) -> str:
    """A spelling's regex, in which a text's beginning is an edge only if the text begins there."""
    return regex if begins else regex.replace("\\A|", "")


_ANY = [_edged("|".join(spelling.regex for spelling in SPELLINGS), begins) for begins in (False, True)]


@cache
def _search(regex: str) -> Find:
    return finder(read(regex).scan)


@cache
def _waiting(regex: str) -> Find:
    return finder(f"(?:{read(regex).prefix})\\z")


def _end(sign: str, text: str, regex: str) -> int:
    """Where the beginning of a match of the regex begins that reaches to the text's end."""
    if sign not in text:
        return len(text)
    source = Source(text)
    return len(text) - source.points(_waiting(regex)(source.data, 0)[0], len(source.data))


@cache
def _signs() -> Callable[[bytes], Sequence[int]]:
    return chooser([read(spelling.sign).scan for spelling in SPELLINGS])


@cache
def _trigger() -> Find:
    return finder("|".join(read(regex).scan for regex in TRIGGERS))


def _triggered(text: str) -> bool:
    return _trigger()(text.encode("utf-8", "surrogatepass"), 0)[0] >= 0


def _has_tags(text: str) -> bool:
    return not text.isascii() and _TAGGED.search(text) is not None
