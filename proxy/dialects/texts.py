"""Finding and changing the strings of a JSON document by address (RFC 6901 pointers)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from guardrails.types import Edit

Rewrite = Callable[[str, str, list[Edit]], str]
"""(pointer, text, edits of that text) -> the text as it is to stand there."""


def step(name: str) -> str:
    """A member name as one step of a pointer, with its leading slash."""
    if "~" in name or "/" in name:
        name = name.replace("~", "~0").replace("/", "~1")
    return "/" + name


def strings(value: Any, pointer: str, skip: Collection[str] = ()) -> Iterator[tuple[str, str]]:
    """(pointer, text) of every non-empty string in a JSON value, in document order.

    Strings that are members named in `skip` are left out. Works on any depth the parser allows.
    """
    stack: list[tuple[str, Any]] = [(pointer, value)]
    while stack:
        at, item = stack.pop()
        if isinstance(item, str):
            if item:
                yield at, item
        elif isinstance(item, dict):
            stack.extend(
                (at + step(name), member)
                for name, member in reversed(item.items())
                if not (name in skip and isinstance(member, str))
            )
        elif isinstance(item, list):
            stack.extend((f"{at}/{place}", item[place]) for place in range(len(item) - 1, -1, -1))


def edited(document: dict[str, Any], edits: Iterable[Edit], rewrite: Rewrite) -> dict[str, Any]:
    """The document with its edits applied; only the containers on the way to an edit are copied."""
    by_pointer: dict[str, list[Edit]] = {}
    for edit in edits:
        by_pointer.setdefault(edit.pointer, []).append(edit)
    copies: dict[int, Any] = {}
    root: dict[str, Any] = _own(document, copies)
    for pointer, group in by_pointer.items():
        *way, last = _steps(pointer)
        holder: Any = root
        for name in way:
            key = _key(holder, name)
            holder[key] = _own(holder[key], copies)
            holder = holder[key]
        key = _key(holder, last)
        holder[key] = rewrite(pointer, holder[key], group)
    return root


def _own(container: Any, copies: dict[int, Any]) -> Any:
    """Our own copy of a container: made once, then found again."""
    if id(container) in copies:
        return container
    copy = container.copy()
    copies[id(copy)] = copy
    return copy


def _steps(pointer: str) -> list[str]:
    return [name.replace("~1", "/").replace("~0", "~") for name in pointer.split("/")[1:]]


def _key(holder: Any, name: str) -> Any:
    return int(name) if isinstance(holder, list) else name
