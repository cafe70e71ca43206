"""From one regular expression: the form RE2 runs, and the form that matches every beginning of its matches.

A regex is read with the standard library's own parser (`re._parser`, an internal of CPython: this module is
the only one that knows it) and written back in RE2's syntax. Reading once and writing twice makes the scanned
expression and its prefix form agree by construction. `\\d`, `\\w`, `\\s` and `\\b` mean ASCII, as in RE2.
"""

from __future__ import annotations

import re
import re._constants as sre  # type: ignore[import-not-found]
import re._parser as sre_parser  # type: ignore[import-not-found]
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

MAX_REPEAT = 1000
"""The largest repetition count RE2 compiles."""

_LONG_RUN = 12
_LEAVES = (sre.LITERAL, sre.NOT_LITERAL, sre.IN, sre.ANY)
_NAMES = {
    sre.ASSERT: "look-around",
    sre.ASSERT_NOT: "look-around",
    sre.GROUPREF: "a back-reference",
    sre.GROUPREF_EXISTS: "a conditional group",
    sre.ATOMIC_GROUP: "an atomic group",
    sre.POSSESSIVE_REPEAT: "a possessive repetition",
}
_CATEGORIES = {
    sre.CATEGORY_DIGIT: r"\d",
    sre.CATEGORY_NOT_DIGIT: r"\D",
    sre.CATEGORY_SPACE: r"\s",
    sre.CATEGORY_NOT_SPACE: r"\S",
    sre.CATEGORY_WORD: r"\w",
    sre.CATEGORY_NOT_WORD: r"\W",
}
_ASSERTIONS = {
    sre.AT_BEGINNING: r"\A",
    sre.AT_BEGINNING_STRING: r"\A",
    sre.AT_BOUNDARY: r"\b",
    sre.AT_NON_BOUNDARY: r"\B",
    sre.AT_END: r"\z",
    sre.AT_END_STRING: r"\z",
}
_LINE_ASSERTIONS = {**_ASSERTIONS, sre.AT_BEGINNING: "(?m:^)", sre.AT_END: "(?m:$)"}


class RegexError(ValueError):
    """A regular expression that cannot be read, or not run in linear time. The message says why."""


@dataclass(frozen=True, slots=True)
class Regex:
    """One expression in the forms the scanner needs."""

    scan: str
    """The expression in RE2 syntax."""
    prefix: str
    """Matches exactly the beginnings (the empty one and the whole included) of what `scan` matches."""
    waiting: str
    """As `prefix`, with long runs of one character class taken as endless: a superset that is small enough to
    put hundreds of them into one automaton."""
    min_length: int
    """Code points of the shortest match."""
    max_length: int | None
    """Code points of the longest match; None when there is no bound."""
    lead: int | None
    """Most code points of a match that stand before group 1; 0 without groups, None when unbounded."""
    groups: int
    """Number of capturing groups."""


@lru_cache(maxsize=4096)
def read(regex: str) -> Regex:
    """The forms of a regex written in Python's syntax. Raises RegexError for what RE2 cannot run."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tree = sre_parser.parse(regex)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        raise RegexError(f"it is not a regular expression: {error}.") from None
    flags = tree.state.flags
    scan = _sequence(tree, flags)
    prefix = _prefixes(list(tree), flags)
    waiting = _prefixes(_loosened(tree), flags)
    if flags & re.IGNORECASE:
        scan, prefix, waiting = f"(?i:{scan})", f"(?i:{prefix})", f"(?i:{waiting})"
    low, high = _width(tree)
    return Regex(scan, prefix, waiting, low, high, _lead(tree), tree.state.groups - 1)


def _loosened(nodes: Iterable[Any]) -> list[Any]:
    """The nodes with each long run of one character class made endless."""
    loose: list[Any] = []
    for op, value in nodes:
        if op in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            low, high, inner = value
            inner = _loosened(inner)
            if len(inner) == 1 and inner[0][0] in _LEAVES and (low > _LONG_RUN or high > _LONG_RUN):
                low, high = min(low, 1), sre.MAXREPEAT
            loose.append((op, (low, high, inner)))
        elif op is sre.SUBPATTERN:
            loose.append((op, (*value[:3], _loosened(value[3]))))
        elif op is sre.BRANCH:
            loose.append((op, (value[0], [_loosened(branch) for branch in value[1]])))
        else:
            loose.append((op, value))
    return loose


def _sequence(nodes: Iterable[Any], flags: int) -> str:
    """The concatenation of some nodes, in RE2 syntax."""
    return "".join(_write(node, flags) for node in nodes)


def _write(node: Any, flags: int) -> str:
    """One node in RE2 syntax. Raises RegexError for what RE2 does not have."""
    op, value = node
    if op is sre.LITERAL:
        return _char(value)
    if op is sre.NOT_LITERAL:
        return f"[^{_char(value)}]"
    if op is sre.IN:
        return _set(value)
    if op is sre.ANY:
        return "(?s:.)" if flags & re.DOTALL else "."
    if op is sre.AT:
        return (_LINE_ASSERTIONS if flags & re.MULTILINE else _ASSERTIONS)[value]
    if op is sre.BRANCH:
        return "(?:" + "|".join(_sequence(branch, flags) for branch in value[1]) + ")"
    if op is sre.SUBPATTERN:
        return _group(value, flags, _sequence)
    if op in (sre.MAX_REPEAT, sre.MIN_REPEAT):
        low, high, inner = value
        return f"(?:{_sequence(inner, flags)}){_count(low, high)}{'?' if op is sre.MIN_REPEAT else ''}"
    raise RegexError(
        f"it uses {_NAMES.get(op, str(op).lower())}, which has no linear-time matcher. "
        "Write what must match without it."
    )


def _group(value: Any, flags: int, write: Any) -> str:
    """A group's inside, written by `write` under the group's own flags."""
    number, added, removed, inner = value
    inside = write(list(inner), (flags | added) & ~removed)
    if added & re.IGNORECASE:
        return f"(?i:{inside})"
    if removed & re.IGNORECASE:
        return f"(?-i:{inside})"
    return f"({inside})" if number is not None and write is _sequence else f"(?:{inside})"


def _prefixes(nodes: list[Any], flags: int) -> str:
    """Every beginning, also the empty one, of a match of nodes in a row: pre(AB) = pre(A) | A pre(B)."""
    rest = ""
    for node in reversed(nodes):
        op = node[0]
        if op is sre.AT:
            rest = f"(?:{_write(node, flags)}{rest})?" if rest else ""
        elif op in _LEAVES:
            rest = f"(?:{_write(node, flags)}{rest})?"
        elif rest:
            rest = f"(?:{_prefix(node, flags)}|{_plain(node, flags)}{rest})"
        else:
            rest = _prefix(node, flags)
    return rest


def _plain(node: Any, flags: int) -> str:
    """A node without its capture: prefix forms report where they start, and nothing else."""
    op, value = node
    if op is sre.SUBPATTERN:
        return _group(value, flags, lambda nodes, inner: "".join(_plain(item, inner) for item in nodes))
    if op is sre.BRANCH:
        return "(?:" + "|".join("".join(_plain(item, flags) for item in branch) for branch in value[1]) + ")"
    if op in (sre.MAX_REPEAT, sre.MIN_REPEAT):
        low, high, inner = value
        return f"(?:{''.join(_plain(item, flags) for item in inner)}){_count(low, high)}"
    return _write(node, flags)


def _prefix(node: Any, flags: int) -> str:
    """Every beginning of a match of one node."""
    op, value = node
    if op is sre.BRANCH:
        return "(?:" + "|".join(_prefixes(list(branch), flags) for branch in value[1]) + ")"
    if op is sre.SUBPATTERN:
        return _group(value, flags, _prefixes)
    if op in (sre.MAX_REPEAT, sre.MIN_REPEAT):
        _, high, inner = value
        nodes = list(inner)
        last = _prefixes(nodes, flags)
        if high == 0:
            return ""
        if high == 1:
            return last
        before = "".join(_plain(item, flags) for item in nodes)
        return f"(?:{before}){_count(0, high if high == sre.MAXREPEAT else high - 1)}{last}"
    return f"(?:{_write(node, flags)})?"


def _char(code: int) -> str:
    """One code point, escaped."""
    character = chr(code)
    return character if character.isascii() and character.isalnum() else f"\\x{{{code:x}}}"


def _set(items: Any) -> str:
    """A character class."""
    parts = []
    for op, value in items:
        if op is sre.NEGATE:
            parts.append("^")
        elif op is sre.LITERAL:
            parts.append(_char(value))
        elif op is sre.RANGE:
            parts.append(f"{_char(value[0])}-{_char(value[1])}")
        else:
            parts.append(_CATEGORIES[value])
    return "[" + "".join(parts) + "]"


def _count(low: int, high: Any) -> str:
    """A repetition count."""
    endless = high == sre.MAXREPEAT
    if low > MAX_REPEAT or (not endless and high > MAX_REPEAT):
        raise RegexError(
            f"it repeats something more than {MAX_REPEAT} times. Write a smaller number, or `*`."
        )
    if endless:
        return {0: "*", 1: "+"}.get(low, f"{{{low},}}")
    return f"{{{low}}}" if low == high else f"{{{low},{high}}}"


def _width(nodes: Any) -> tuple[int, int | None]:
    """Code points of the shortest and of the longest match of some nodes in a row."""
    low, high = 0, 0
    endless = False
    for op, value in nodes:
        least, most = _node_width(op, value)
        low += least
        endless = endless or most is None
        high += most or 0
    return low, None if endless else high


def _node_width(op: Any, value: Any) -> tuple[int, int | None]:
    """As `_width`, of one node."""
    if op is sre.AT:
        return 0, 0
    if op is sre.SUBPATTERN:
        return _width(value[3])
    if op is sre.BRANCH:
        widths = [_width(branch) for branch in value[1]]
        most = [high for _, high in widths]
        return min(low for low, _ in widths), None if None in most else max(high or 0 for high in most)
    if op in (sre.MAX_REPEAT, sre.MIN_REPEAT):
        least, most_count, inner = value
        low, high = _width(inner)
        if high == 0:
            return 0, 0
        return low * least, None if high is None or most_count == sre.MAXREPEAT else high * most_count
    return 1, 1


def _lead(nodes: Any) -> int | None:
    """Most code points before capturing group 1, which must then stand at the top level; 0 without groups."""
    before: int | None = 0
    for op, value in nodes:
        if op is sre.SUBPATTERN and value[0] == 1:
            return before
        width = _node_width(op, value)[1]
        before = None if before is None or width is None else before + width
    return 0 if nodes.state.groups == 1 else None
