"""Finding and changing the strings of a JSON document by address (RFC 6901 pointers)."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

import orjson

from guardrails import redact
from guardrails.types import Edit
from proxy.errors import PayloadTooLarge

Rewrite = Callable[[str, str, list[Edit]], str]
"""(pointer, text, edits of that text) -> the text as it is to stand there."""


MEMBER = "#"
"""`within` of a text that is the name of the member at its pointer."""
MAX_POINTERS = 128 << 20
"""Characters that the addresses of all values of one document may have together."""
_LONG = 7
"""Digits from which on a number may be someone's."""


def step(name: str) -> str:
    """A member name as one step of a pointer, with its leading slash."""
    if "~" in name or "/" in name:
        name = name.replace("~", "~0").replace("/", "~1")
    return "/" + name


def strings(value: Any, pointer: str, skip: Collection[str] = ()) -> Iterator[tuple[str, str]]:
    """(pointer, text) of every non-empty string in a JSON value, in document order.

    Strings that are members named in `skip` are left out. Works on any depth the parser allows.
    """
    for at, item, name in walk(value, pointer):
        if isinstance(item, str) and item and name not in skip:
            yield at, item


def everything(value: Any, pointer: str) -> Iterator[tuple[str, str, str]]:
    """(pointer, text, within) of every string, member name (`within` is MEMBER) and number of many digits."""
    for at, item, name in walk(value, pointer):
        if name:
            yield at, name, MEMBER
        if isinstance(item, str):
            if item:
                yield at, item, ""
        elif is_long_number(item):
            yield at, str(item), ""


def is_long_number(value: Any) -> bool:
    """Whether a value is a number of so many digits that it may be someone's."""
    return isinstance(value, int | float) and sum(c.isdigit() for c in str(value)) >= _LONG


def walk(value: Any, pointer: str) -> Iterator[tuple[str, Any, str]]:
    """(pointer, value, member name or nothing) of every value in document order, containers too.

    Works on any depth the parser allows. Raises PayloadTooLarge when long names and many values multiply.
    """
    yield pointer, value, ""
    spent = 0
    inside = [_members(value, pointer)]
    while inside:
        for at, item, name in inside[-1]:
            spent += len(at)
            if spent > MAX_POINTERS:
                raise PayloadTooLarge(
                    "The names on the way to the values of this JSON are too long for so many values."
                    " Use shorter names, less nesting or fewer values."
                )
            yield at, item, name
            if item and isinstance(item, dict | list):
                inside.append(_members(item, at))
                break
        else:
            inside.pop()


def _members(value: Any, pointer: str) -> Iterator[tuple[str, Any, str]]:
    if isinstance(value, dict):
        return ((pointer + step(name), member, name) for name, member in value.items())
    if isinstance(value, list):
        return ((f"{pointer}/{place}", item, "") for place, item in enumerate(value))
    return iter(())


def edited(document: dict[str, Any], edits: Iterable[Edit], rewrite: Rewrite) -> dict[str, Any]:
    """The document with its edits applied; only the containers on the way to an edit are copied."""
    by_pointer: dict[str, list[Edit]] = {}
    for edit in edits:
        by_pointer.setdefault(edit.pointer, []).append(edit)
    copies: dict[int, Any] = {}
    root: dict[str, Any] = _own(document, copies)
    names: list[tuple[str, list[Edit]]] = []
    for pointer, every in by_pointer.items():
        if renames := [edit for edit in every if edit.within == MEMBER]:
            names.append((pointer, renames))
        group = [edit for edit in every if edit.within != MEMBER]
        *way, last = _steps(pointer)
        holder: Any = root
        for name in way:
            key = _key(holder, name)
            holder[key] = _own(holder[key], copies)
            holder = holder[key]
        key = _key(holder, last)
        if group:
            holder[key] = _rewritten(holder[key], pointer, group, rewrite)
    # Names last and the innermost first, so that every pointer still leads to its place.
    for pointer, group in sorted(names, key=lambda found: -found[0].count("/")):
        *way, last = _steps(pointer)
        holder = root
        for name in way:
            holder = holder[_key(holder, name)]
        rename(holder, last, redact.apply(last, group))
    return root


def _rewritten(value: Any, pointer: str, edits: list[Edit], rewrite: Rewrite) -> Any:
    """A value with its edits made. An object or a list is rewritten as the JSON text it would be in a string."""
    if isinstance(value, dict | list):
        text = rewrite(pointer, orjson.dumps(value).decode(), edits)
        return json.loads(text, object_pairs_hook=_object)
    return rewrite(pointer, value if isinstance(value, str) else str(value), edits)


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of some members; of two with one name the later one gets a number."""
    made: dict[str, Any] = {}
    for name, value in members:
        free, count = name, 1
        while free in made:
            count += 1
            free = f"{name}_{count}"
        made[free] = value
    return made


def rename(holder: dict[str, Any], old: str, new: str) -> None:
    """Give a member another name at its place; a name that is taken gets a number."""
    free, count = new, 1
    while free in holder and free != old:
        count += 1
        free = f"{new}_{count}"
    members = [(free if name == old else name, value) for name, value in holder.items()]
    holder.clear()
    holder.update(members)


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
