"""How the texts of a request, a reply or a stream's event of the Responses dialect are changed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from guardrails import arguments, redact
from guardrails.types import Edit
from proxy.dialects.texts import edited
from proxy.document import at

_ARGUMENTS = re.compile(r"/(?:input|output|instructions)/\d+/arguments")
_LOGPROBS = "/logprobs"
_PART = re.compile(r"(/(?:input|output|instructions)/\d+/content/\d+)/.*", re.DOTALL)


def apply_edits(document: dict[str, Any], edits: Iterable[Edit], root: str = "") -> dict[str, Any]:
    """A document with its edits made: a copy where something changes, the rest shared.

    A part whose text changes loses its logprobs: they spell the old text.

    Args:
        document: a request, a reply, or a piece of one.
        edits: by pointers into the whole request or reply.
        root: where the document stands in it.
    """
    own = [replace(edit, pointer=edit.pointer.removeprefix(root)) for edit in edits]
    spelled = {edit.pointer for edit in own if _is_spelled(document, edit.pointer)}
    written = [edit for edit in own if edit.pointer not in spelled]
    changed = edited(document, written, lambda pointer, text, group: _rewrite(root + pointer, text, group))
    touched = {found[1] for edit in own if (found := _PART.fullmatch(root + edit.pointer))}
    parts = {part.removeprefix(root) for part in touched if part.startswith(root)}
    for part in parts | {pointer.removesuffix(_LOGPROBS) for pointer in spelled}:
        changed = _without_logprobs(changed, part.split("/")[1:])
    return changed


def _is_spelled(document: dict[str, Any], pointer: str) -> bool:
    """Whether a pointer is that of logprobs, whose text is not edited but taken out."""
    return pointer.endswith(_LOGPROBS) and not isinstance(at(document, pointer), str)


def _rewrite(pointer: str, text: str, edits: list[Edit]) -> str:
    return arguments.rewrite(text, edits) if _ARGUMENTS.fullmatch(pointer) else redact.apply(text, edits)


def _without_logprobs(value: Any, way: list[str]) -> Any:
    """The value with an empty list in place of the logprobs of the part at that path."""
    if not way:
        return {**value, "logprobs": []} if isinstance(value, dict) and value.get("logprobs") else value
    copy = value.copy()
    key: Any = int(way[0]) if isinstance(value, list) else way[0]
    copy[key] = _without_logprobs(value[key], way[1:])
    return copy


def replaced(event: dict[str, Any], member: str, made: dict[str, Any]) -> dict[str, Any]:
    """The event with another member in place of one."""
    place = [*event].index(member)
    members = [*event.items()]
    return dict([*members[:place], *made.items(), *members[place + 1 :]])
