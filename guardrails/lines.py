"""YAML read with line numbers, so that every complaint about a file says where."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Collection, Iterable
from enum import StrEnum
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import yaml
from yaml import Mark
from yaml.constructor import SafeConstructor
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.reader import ReaderError

from guardrails.errors import PolicyError

MAX_NODES = 50_000
"""Values in one file, aliases counted as often as they are used."""

_TAG = "tag:yaml.org,2002:"
_KINDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true/false",
    "null": "nothing",
}
_TAGS = {*_KINDS, "timestamp", "seq", "map"}

Choice = TypeVar("Choice", bound=StrEnum)


class Field:
    """One value in a YAML file, with its name for people and its line."""

    def __init__(self, node: Node, file: str, name: str) -> None:
        self._node, self.file, self.name = node, file, name
        self.line: int = node.start_mark.line + 1

    def error(self, what: str, fix: str = "") -> PolicyError:
        """The error that points at this value's line."""
        return PolicyError(what, fix=fix, file=self.file, line=self.line)

    def fields(
        self, known: Collection[str], required: Collection[str] = (), *, others: bool = False
    ) -> dict[str, Field]:
        """Its members by name. Raises PolicyError for a missing required one, and for a member not in `known`.

        Args:
            known: the names of members.
            required: those that must be there.
            others: pass over members of other names instead.
        """
        if not isinstance(self._node, MappingNode):
            raise self._unlike("a mapping (key: value)", "Write `key: value`, one a line.")
        found: dict[str, Field] = {}
        for key, value in self._node.value:
            name = str(key.value)
            if name not in known:
                if others:
                    continue
                raise Field(key, self.file, name).error(
                    f"{self.name} has no key {name!r}.", _suggest(name, known)
                )
            found[name] = Field(value, self.file, name)
        for name in required:
            if name not in found:
                raise self.error(f"{self.name} has no {name!r}.", f"Add `{name}:` to it.")
        return found

    def items(self) -> list[Field]:
        """Its entries; at least one. Raises PolicyError for anything but a list."""
        if not isinstance(self._node, SequenceNode):
            raise self._unlike("a list", "Write it as `[a, b]`, or one `- a` a line.")
        if not self._node.value:
            raise self.error(f"{self.name} is empty.", "List at least one entry, or leave the key out.")
        return [
            Field(node, self.file, f"{self.name}[{number}]") for number, node in enumerate(self._node.value)
        ]

    def text(self) -> str:
        """Its text. Raises PolicyError for numbers, true/false and nothing, which need quotes to be text."""
        if self._type != "str":
            raise self._unlike("text", "Put it in quotes if it is meant as text.")
        return str(self._node.value)

    def truth(self) -> bool:
        """Whether it says true. Raises PolicyError for anything but true and false."""
        if self._type != "bool":
            raise self._unlike("true or false", "Write true or false, without quotes.")
        return bool(self.plain())

    def number(self, low: float, high: float) -> float:
        """Its number, between low and high. Raises PolicyError otherwise."""
        if self._type not in ("int", "float"):
            raise self._unlike("a number", "Write digits, without quotes.")
        value = float(self.plain())
        if not low <= value <= high:
            raise self.error(f"{self.name} is {self._node.value}.", f"Use a number from {low:g} to {high:g}.")
        return value

    def choice(self, allowed: Iterable[Choice]) -> Choice:
        """The one of the allowed values that it names. Raises PolicyError listing them otherwise."""
        options = list(allowed)
        # YAML reads a bare `none`-like word as text but `no`/`off` as a boolean: compare what was written.
        written = self._node.value if isinstance(self._node, ScalarNode) else None
        for option in options:
            if written == option.value:
                return option
        if written is None:
            raise self._unlike("one word", f"Use one of: {', '.join(options)}.")
        raise self.error(f"{self.name} cannot be {written!r}.", f"Use one of: {', '.join(options)}.")

    def plain(self) -> Any:
        """Its value as plain Python data. Raises PolicyError for tags that are not data."""
        try:
            return SafeConstructor().construct_object(self._node, deep=True)
        except (yaml.MarkedYAMLError, ValueError, TypeError) as error:
            problem = getattr(error, "problem", None) or "is not plain data"
            raise self.error(f"{self.name}: {problem}.", "Use text, numbers, lists and mappings.") from None

    @property
    def _type(self) -> str:
        return str(self._node.tag).rpartition(":")[2] if isinstance(self._node, ScalarNode) else ""

    def _unlike(self, wanted: str, fix: str) -> PolicyError:
        if isinstance(self._node, ScalarNode):
            got = _KINDS.get(self._type, f"a {self._type}")
        else:
            got = "a list" if isinstance(self._node, SequenceNode) else "a mapping"
        return self.error(f"{self.name} must be {wanted}, not {got}.", fix)


def text_of(path: Path, file: str) -> str:
    """The text in a file. Raises PolicyError, without a line when the file cannot be read at all."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise PolicyError(
            f"cannot be read: {reason}.", fix="Check the path and its permissions.", file=file
        ) from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise PolicyError("is not UTF-8.", fix="Save the file as UTF-8.", file=file, line=line) from None


def read(text: str, file: str, name: str) -> Field:
    """The one document in a YAML text, as a Field called `name`. Raises PolicyError with the line."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise PolicyError(
            f"holds a character that YAML does not allow (U+{ord(text[error.position]):04X}).",
            fix="Remove it, or write it as an escape in double quotes.",
            file=file,
            line=line,
        ) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise PolicyError(
            f"is not valid YAML: {error.problem or error.context}.",
            fix="Check indentation, quotes and brackets at this line.",
            file=file,
            line=mark.line + 1 if mark else None,
        ) from None
    except RecursionError:
        raise PolicyError("is nested too deeply.", fix="Flatten it.", file=file) from None
    if node is None:
        raise PolicyError(
            "is empty.", fix=f"Write a {name}, or start from a built-in one.", file=file, line=1
        )
    _survey(node, file, {})
    return Field(node, file, f"the {name}")


def read_json(text: str, file: str, line: int, name: str) -> Field:
    """One JSON value as a Field called `name`, of which everything stands in that line.

    Raises PolicyError, without a line when the text is not JSON or too deep to read.
    """
    mark = Mark(file, 0, line - 1, 0, None, 0)

    def scalar(kind: str) -> Callable[[str], ScalarNode]:
        return lambda written: ScalarNode(_TAG + kind, written, mark, mark)

    def node(value: object) -> Node:
        if isinstance(value, Node):
            return value
        if isinstance(value, list):
            return SequenceNode(_TAG + "seq", [node(each) for each in value], mark, mark)
        if isinstance(value, bool):
            return scalar("bool")("true" if value else "false")
        return scalar("null")("null") if value is None else scalar("str")(str(value))

    def mapping(members: list[tuple[str, object]]) -> Node:
        pairs = [(node(key), node(value)) for key, value in members]
        return MappingNode(_TAG + "map", pairs, mark, mark)

    try:
        whole = node(
            json.loads(
                text,
                object_pairs_hook=mapping,
                parse_int=scalar("int"),
                parse_float=scalar("float"),
                parse_constant=_refuse,
            )
        )
    except (ValueError, RecursionError):
        raise PolicyError("is not JSON.", fix="Correct it.", file=file) from None
    _survey(whole, file, {})
    return Field(whole, file, name)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _survey(node: Node, file: str, sizes: dict[int, int]) -> int:
    """Number of values below a node. Refuses duplicate keys, aliases of themselves and alias bombs."""
    if id(node) in sizes:
        size = sizes[id(node)]
        if size < 0:
            raise Field(node, file, "").error("an alias refers to itself.", "Write the value out.")
        return size
    sizes[id(node)] = -1
    tag = str(node.tag).rpartition(":")[2]
    if tag not in _TAGS:
        raise Field(node, file, "").error(f"tag {tag!r} is not plain data.", "Remove the tag.")
    children = [node] if isinstance(node, ScalarNode) else []
    if isinstance(node, SequenceNode):
        children = node.value
    elif isinstance(node, MappingNode):
        seen: dict[str, Node] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode) or not key.tag.endswith(":str"):
                raise Field(key, file, "").error("a key must be text.", "Put it in quotes.")
            if key.value in seen:
                first = seen[key.value].start_mark.line + 1
                raise Field(key, file, "").error(
                    f"key {key.value!r} is there twice (first in line {first}).", "Keep one of them."
                )
            seen[key.value] = key
            children.append(value)
    total = 1 if isinstance(node, ScalarNode) else 1 + sum(_survey(child, file, sizes) for child in children)
    if total > MAX_NODES:
        raise Field(node, file, "").error(f"holds more than {MAX_NODES:,} values.", "Split it up.")
    sizes[id(node)] = total
    return total


def _suggest(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean {close[0]!r}? " if close else ""
    return f"{hint}Known keys: {', '.join(known)}."
