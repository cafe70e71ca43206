"""What a text says once the ways of hiding a value in it are undone, with the exact way back.

A text is unwrapped up to LAYERS times. One layer turns reversed text round, folds characters and decodes
what encodings.py lists, each a Rewriting of the one before. Everything is found by regexes that need nothing
but their match, so the rewriting of a text depends neither on what stands before nor, up to where one of them
begins that reaches the text's end, on what comes after. Offsets are code points.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

from guardrails.encodings import SPELLINGS, Spelling
from guardrails.foldings import ATTACHED, CONFUSABLE, FOLDED, PUNCTUATION, REMOVED, TAGS, character_class
from guardrails.linear import Find, Source, finder
from guardrails.prefixes import read
from guardrails.regexes import Chooser
from guardrails.rewriting import Rewriting, Stretches, without

LAYERS = 3
"""How often what was unwrapped is looked at again."""

_LONGEST_GAP = 16
"""Removed characters in a row that leave nothing behind; a longer row becomes a newline."""

_NOISE = character_class(sorted(set(REMOVED) - set(ATTACHED)))
_ATTACHED = character_class(ATTACHED)
_FOLD = character_class(FOLDED)
_ALIKE = character_class(CONFUSABLE)
_REVERSED = "\u202e[^\u202c\u202e\n]{1,200}(?:[\u202c\n]|\\Z)"
_MIXED = (
    f"(?:[A-Za-z0-9][A-Za-z0-9@._+\\-]{{0,63}}[{_ALIKE}]|[{_ALIKE}][{_ALIKE}@._+\\-]{{0,63}}[A-Za-z0-9])"
    f"[A-Za-z0-9{_ALIKE}@._+\\-]{{0,64}}|[{character_class(PUNCTUATION)}]+[!-~]"
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

NESTED = (
    f"[{character_class(REMOVED)}][{character_class(REMOVED)}]* ?",
    *(spelling.regex for spelling in SPELLINGS if spelling.nests),
)
"""Regexes of what is rewritten as one, right behind other text and inside what was decoded too."""

LAST = (*NESTED, _REVERSED, *(each.regex for each in SPELLINGS if not each.nests and not each.edged))
"""Regexes of what is rewritten as one, right behind other text."""

PENDING = f"[{_ALIKE}][{_ALIKE}@._+\\-]{{0,63}}|[{character_class(PUNCTUATION)}]{{1,64}}"
"""Regex of what stands for ASCII if ASCII follows. It has LONGEST_PENDING characters at most."""

LONGEST_PENDING = 64

EDGED = tuple(spelling.regex for spelling in SPELLINGS if spelling.edged)
"""Regexes of what is rewritten as one, but for the first character, its edge, if it is no letter or digit."""


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

    Of each layer first what its characters stand for, then what that decodes to, which is the next layer. Where
    invisible tag characters occur they are left out of these; then follow as many that read them as the ASCII
    they shadow. `begins` says whether the text begins where it stands: false for a piece cut from a longer one.
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


def _layers(text: str, hidden: bool, begins: bool) -> Iterator[tuple[Rewriting, ...]]:
    """The rewritings that each reading adds to the one before, as long as they change something.

    Decoding makes a reading of its own: what only looks encoded must still be readable before it is.
    """
    for layer in _LAYERS:
        changed = False
        for stages in (layer[:-1], layer[-1:]):
            steps = []
            for stage in stages:
                step = stage.rewrite(text, hidden, begins)
                if step is not None:
                    steps.append(step)
                    text = step.text
            if steps:
                changed = True
                yield tuple(steps)
        if not changed:
            return


class _Turning:
    """Reversed text: between U+202E and what ends it."""

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

    def rewrite(self, text: str, hidden: bool, begins: bool) -> Rewriting | None:
        """The text with the look-alikes of such words folded."""
        if text.isascii():
            return None
        stretches, mixed = Stretches(text), False
        for first, last in Source(text).spans(_search(_MIXED)):
            stretches.keep(first)
            mixed = True
            stretches.put(last, text[first:last].translate(_ALIKES), 1, 1)
        return stretches.done() if mixed else None


class _Decoding:
    """Some of what encodings.py lists."""

    def __init__(self, spellings: tuple[Spelling, ...]) -> None:
        self._spellings = spellings

    def rewrite(self, text: str, hidden: bool, begins: bool) -> Rewriting | None:
        """The text decoded; None when there is nothing to."""
        source = Source(text)
        chosen = [self._spellings[place] for place in sorted(_signs(self._spellings)(source.data))]
        if not chosen:
            return None
        stretches = Stretches(text)
        for first, last, spelling in _spelled(source, begins, chosen):
            found = text[first:last]
            stretches.keep(first)
            stretches.whole(first + spelling.edge(found), last)
            spelling.decode(found, first, stretches)
        return stretches.done() if stretches.cuts else None


def _spelled(source: Source, begins: bool, chosen: Sequence[Spelling]) -> Iterator[tuple[int, int, Spelling]]:
    """The matches of the chosen spellings from left to right, none overlapping but by an edge, as code points."""
    data = source.data
    following = []
    for order, spelling in enumerate(chosen):
        find = _search(_edged(spelling.regex, begins))
        first, last = find(data, 0)
        if first >= 0:
            following.append((first, order, last, spelling.edged, find))
    at = point = 0
    while following:
        first, order, last, _, _ = min(following)
        start = point + source.points(at, first) if first >= at else point - 1
        point = start + source.points(first, last)
        yield start, point, chosen[order]
        at = last
        following = list(_from(at, data, following))


_Next = tuple[int, int, int, bool, Find]
"""Of a spelling: where its next match begins, its place in the list, where the match ends, if it is edged, a search."""


def _from(at: int, data: bytes, following: list[_Next]) -> Iterator[_Next]:
    """Each spelling's next match that begins at or after a byte; an edge may be the character before it."""
    before = at - 1
    while before > 0 and data[before] & 0xC0 == 0x80:
        before -= 1
    for first, order, last, edged, find in following:
        if first < at:
            first, last = find(data, before if edged else at)
        if first >= 0:
            yield first, order, last, edged, find


_INNER = (_Folding(), _Mixing(), _Decoding(tuple(spelling for spelling in SPELLINGS if spelling.nests)))
_LAYERS = ((_Turning(), _Folding(), _Mixing(), _Decoding(SPELLINGS)), *[_INNER] * (LAYERS - 1))
"""What each layer undoes, in this order. Ways of writing that only people read are not nested."""
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


@cache
def _search(regex: str) -> Find:
    return finder(read(regex).scan)


@cache
def _signs(spellings: tuple[Spelling, ...]) -> Chooser:
    return Chooser([read(spelling.sign).scan for spelling in spellings])


@cache
def _trigger() -> Find:
    return finder("|".join(read(regex).scan for regex in TRIGGERS))


def _triggered(text: str) -> bool:
    return _trigger()(text.encode("utf-8", "surrogatepass"), 0)[0] >= 0


def _has_tags(text: str) -> bool:
    return not text.isascii() and _TAGGED.search(text) is not None
