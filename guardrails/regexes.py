"""RE2, reached directly: the package's own objects around its searches cost several times what most take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import re2

MAX_MEMORY = 256 << 20
"""Bytes that one automaton may take."""

_SENTINEL = 0
"""Index in a set of the empty pattern. It always matches: its absence says that the set's pass failed."""

Find = Callable[[bytes, int], list[tuple[int, int]]]
"""Bytes and where to begin in; the leftmost match and its groups out, as byte spans, (-1, -1) for none."""


def finder(regex: str, groups: bool = True, whole: bool = False, memory: int = MAX_MEMORY) -> Find:
    """A search for one RE2 regex in UTF-8. Raises re2.error when it cannot be compiled.

    Args:
        regex: in RE2's syntax.
        groups: whether the places of its groups are wanted; without them a search is much faster.
        whole: whether only a match of all that is searched counts.
        memory: bytes that its automaton may take; a regex that needs more cannot be compiled.
    """
    chosen = options()
    chosen.max_mem = memory
    chosen.never_capture = not groups
    match = re2.compile(regex.encode(), chosen)._regexp.Match
    anchor = re2._Anchor.ANCHOR_BOTH if whole else re2._Anchor.UNANCHORED

    def find(data: bytes, at: int) -> list[tuple[int, int]]:
        spans: list[tuple[int, int]] = match(anchor, data, at, len(data))
        return spans

    return find


class Chooser:
    """Says in one pass over a text which of many RE2 regexes occur in it."""

    def __init__(self, regexes: Sequence[str]) -> None:
        """Compiles them. When RE2 cannot hold them together, every regex is said to occur in every text."""
        self._all = range(len(regexes))
        chosen = re2.Set.SearchSet(options())
        chosen.Add(b"")
        for regex in regexes:
            chosen.Add(regex.encode())
        try:
            chosen.Compile()
        except re2.error:
            self._match: Any = None
        else:
            self._match = chosen._set.Match

    @property
    def compiled(self) -> bool:
        """Whether RE2 holds them together."""
        return self._match is not None

    def __call__(self, data: bytes) -> Sequence[int]:
        """Indices of the regexes that occur in UTF-8; all of them when the pass ran out of memory."""
        if self._match is None:
            return self._all
        fired: Sequence[int] = self._match(data) or ()
        if len(fired) == 1 and fired[0] == _SENTINEL:
            return ()
        return [index - 1 for index in fired if index != _SENTINEL] if _SENTINEL in fired else self._all


def options() -> re2.Options:
    """RE2 options: quiet, and with room for many patterns in one automaton."""
    options = re2.Options()
    options.max_mem = MAX_MEMORY
    options.log_errors = False
    return options
