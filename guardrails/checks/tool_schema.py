"""JSON Schema for tool arguments, in bounded time and depth whoever wrote the schema.

It reads the assertions of draft 2020-12 and their older spellings. What it cannot promise to check as the schema
means it is refused when the schema is read: references to other documents, dynamic references, `unevaluated…`,
patterns that RE2 cannot run. `format` and unknown keywords say nothing, as in the standard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import re2

from guardrails import regexes
from guardrails.checks.tool_json import Place
from guardrails.checks.tool_keywords import MAX_COMPARED, Walk, kind_of

MAX_NODES = 10_000
"""Values in one schema."""
MAX_PATTERN = 2000
"""Characters of one pattern."""
_MAX_PATTERNS = 200
_DEEPEST = 100
_MEMORY = 1 << 20
"""Bytes that one pattern's automaton may take."""

_UNSUPPORTED = ("$dynamicRef", "$recursiveRef", "unevaluatedItems", "unevaluatedProperties")
_ONE = ("additionalItems", "additionalProperties", "contains", "else", "if", "not", "propertyNames", "then")
_MANY = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED = ("dependentSchemas", "patternProperties", "properties")
_COUNTS = (
    *("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"),
    *("minContains", "maxContains"),
)
_NUMBERS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")


class SchemaError(ValueError):
    """A schema that cannot be checked. The message says where in it and why; it is for whoever wrote it."""


class Schema:
    """A JSON Schema, ready to be asked.

    Args:
        schema: as read from JSON or YAML; it is not changed.

    Raises SchemaError when it cannot be checked.
    """

    def __init__(self, schema: Any) -> None:
        self._schema = schema
        self._patterns: dict[str, regexes.Find] = {}
        self._targets: dict[str, Any] = {}
        _bounded(schema)
        waiting: list[tuple[str, Any]] = [("", schema)]
        seen: set[int] = set()
        while waiting:
            where, each = waiting.pop()
            if isinstance(each, bool):
                continue
            if not isinstance(each, Mapping):
                raise SchemaError(f"{where or 'the schema'} must be a mapping, true or false")
            if id(each) not in seen:
                seen.add(id(each))
                waiting += self._read(where, each)

    def fault(self, value: Any, size: int = 0) -> Place | None:
        """Where a value of JSON's types, as `tool_json.read` gives them, breaks the schema; None where nowhere.

        Raises TooMuch when that would take more steps than a text of that size may take, or nest too deep.
        """
        return Walk(self._patterns, self._targets, size).fault(self._schema, value)

    def _read(self, where: str, schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """Reads one schema's own keywords; gives those inside it, and where they are."""
        for keyword in schema:
            if keyword in _UNSUPPORTED:
                raise SchemaError(f"{where}/{keyword} is not supported")
        _check_values(where, schema)
        if "pattern" in schema:
            self._compile(f"{where}/pattern", schema["pattern"])
        for pattern in schema.get("patternProperties", ()):
            self._compile(f"{where}/patternProperties", pattern)
        for keyword in _ONE:
            if keyword in schema:
                yield f"{where}/{keyword}", schema[keyword]
        for keyword in (*_MANY, *(["items"] if isinstance(schema.get("items"), list) else [])):
            for place, each in enumerate(schema.get(keyword, ())):
                yield f"{where}/{keyword}/{place}", each
        if not isinstance(schema.get("items", []), list):
            yield f"{where}/items", schema["items"]
        for keyword in _NAMED:
            for name, each in schema.get(keyword, {}).items():
                yield f"{where}/{keyword}/{name}", each
        for each in schema.get("dependencies", {}).values():
            if not isinstance(each, list):
                yield f"{where}/dependencies", each
        if "$ref" in schema:
            yield f"{where}/$ref", self._target(where, schema["$ref"])

    def _target(self, where: str, ref: Any) -> Any:
        """What a reference inside the document names."""
        if not isinstance(ref, str) or not (ref == "#" or ref.startswith("#/")):
            raise SchemaError(f"{where}/$ref must lead into the schema itself: `#/…`. Nothing is fetched")
        target = self._schema
        for part in unquote(ref[1:]).split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            if isinstance(target, Mapping) and name in target:
                target = target[name]
            elif isinstance(target, list) and name.isdecimal() and int(name[:6]) < len(target):
                target = target[int(name[:6])]
            else:
                raise SchemaError(f"{where}/$ref leads nowhere")
        self._targets[ref] = target
        return target

    def _compile(self, where: str, pattern: Any) -> None:
        if not isinstance(pattern, str) or len(pattern) > MAX_PATTERN:
            raise SchemaError(f"{where} must be a regular expression of at most {MAX_PATTERN} characters")
        if pattern in self._patterns:
            return
        if len(self._patterns) >= _MAX_PATTERNS:
            raise SchemaError(f"it has more than {_MAX_PATTERNS} patterns")
        try:
            self._patterns[pattern] = regexes.finder(pattern, groups=False, memory=_MEMORY)
        except (re2.error, UnicodeEncodeError):
            raise SchemaError(f"{where} is no regular expression that RE2 can run") from None


def _bounded(schema: Any) -> None:
    """Raises SchemaError when a schema holds too much to be read, or nests too deep."""
    waiting, left = [(schema, 0)], MAX_NODES
    while waiting:
        each, depth = waiting.pop()
        inside = _inside(each)
        left -= len(inside)
        if left < 0 or depth > _DEEPEST:
            raise SchemaError(
                f"it has more than {MAX_NODES} values, or more than {_DEEPEST} inside one another"
            )
        waiting += [(below, depth + 1) for below in inside]


def _inside(value: Any) -> Sequence[Any]:
    """The values in a list or a mapping."""
    return list(value.values()) if isinstance(value, Mapping) else value if isinstance(value, list) else ()


def _are_small(values: Any) -> bool:
    """Whether values that others are compared with are few enough, each on its own."""
    for each in values:
        waiting, count = [each], 0
        while waiting and count <= MAX_COMPARED:
            inside = _inside(waiting.pop())
            count += len(inside)
            waiting += inside
        if count > MAX_COMPARED:
            return False
    return True


def _check_values(where: str, schema: Mapping[str, Any]) -> None:
    """Raises SchemaError for a keyword with a value that it cannot have."""
    for keyword, fits, expected in _EXPECTED:
        if keyword in schema and not fits(schema[keyword]):
            raise SchemaError(f"{where}/{keyword} must be {expected}")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: Any) -> bool:
    return kind_of(value) == "number" and Decimal(value).is_finite()


def _is_factor(value: Any) -> bool:
    return _is_number(value) and value > 0


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _are_types(value: Any) -> bool:
    return value in _TYPES if isinstance(value, str) else _are_names(value) and set(value) <= set(_TYPES)


def _is_dependency(value: Any) -> bool:
    return isinstance(value, Mapping) and all(map(_are_names, value.values()))


def _are_dependencies(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        _are_names(each) or isinstance(each, Mapping | bool) for each in value.values()
    )


def _is_filled_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value)


_EXPECTED: Sequence[tuple[str, Callable[[Any], bool], str]] = (
    *((name, _is_count, "a whole number, 0 or more") for name in _COUNTS),
    *((name, _is_number, "a number") for name in _NUMBERS if name != "multipleOf"),
    *((name, _is_filled_list, "a list of schemas") for name in _MANY),
    *((name, lambda value: isinstance(value, Mapping), "a mapping of names to schemas") for name in _NAMED),
    ("multipleOf", _is_factor, "a number above 0"),
    ("type", _are_types, f"one of {', '.join(_TYPES)}, or a list of some"),
    ("required", _are_names, "a list of names"),
    (
        "enum",
        lambda value: isinstance(value, list) and _are_small(value),
        f"a list of values with at most {MAX_COMPARED} inside",
    ),
    ("const", lambda value: _are_small([value]), f"a value with at most {MAX_COMPARED} inside"),
    ("uniqueItems", lambda value: isinstance(value, bool), "true or false"),
    ("dependentRequired", _is_dependency, "a mapping of names to lists of names"),
    ("dependencies", _are_dependencies, "a mapping of names to lists of names or schemas"),
)
