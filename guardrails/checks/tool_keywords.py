"""What each keyword of JSON Schema asks of a value. Every step is counted, so that no schema takes long."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, DecimalException
from typing import Any

from guardrails.checks.tool_json import ROOT, Place, canonical, same
from guardrails.regexes import Find

MAX_STEPS = 50_000
"""Steps of one walk, and one more for every two characters of the arguments. A step looks at one value by one
schema, one choice or 64 characters."""
MAX_DEPTH = 80
"""Schemas inside one another, in a walk."""
MAX_COMPARED = 64
"""Values in a list or an object of `const` or `enum`."""
_STEP = 64


class TooMuch(Exception):
    """A schema that takes too many steps, or nests too deep, for some value."""


class Walk:
    """One pass of a value through a schema that `tool_schema` has read."""

    def __init__(self, patterns: Mapping[str, Find], targets: Mapping[str, Any], size: int = 0) -> None:
        self._patterns, self.targets = patterns, targets
        self._left, self._depth = MAX_STEPS + size // 2, 0

    def fault(self, schema: Any, value: Any, at: Place = ROOT) -> Place | None:
        """Where a value breaks a schema; None where nowhere. Raises TooMuch."""
        self.spend(1)
        if isinstance(schema, bool):
            return None if schema else at
        if self._depth >= MAX_DEPTH:
            raise TooMuch
        self._depth += 1
        try:
            for keyword, wanted in schema.items():
                asked = KEYWORDS.get(keyword)
                if asked is not None and (found := asked(self, wanted, value, at, schema)) is not None:
                    return found
            return None
        finally:
            self._depth -= 1

    def fits(self, schema: Any, value: Any) -> bool:
        """Whether a value breaks nothing of a schema. Raises TooMuch."""
        return self.fault(schema, value) is None

    def occurs(self, pattern: str, text: str) -> bool:
        """Whether a pattern occurs in a text."""
        self.spend(1 + len(text) // _STEP)
        return self._patterns[pattern](text.encode("utf-8", "surrogatepass"), 0)[0] != (-1, -1)

    def spend(self, steps: int) -> None:
        """Takes some steps. Raises TooMuch when there were too many."""
        self._left -= steps
        if self._left < 0:
            raise TooMuch


def kind_of(value: Any) -> str:
    """The JSON type of a value; `number` for whole ones too."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int | float | Decimal):
        return "number"
    if isinstance(value, Mapping):
        return "object"
    return "null" if value is None else "array" if isinstance(value, list) else "unknown"


def _is_whole(value: Any) -> bool:
    return value == value.to_integral_value() if isinstance(value, Decimal) else value % 1 == 0


def _type(walk: Walk, wanted: Any, value: Any, at: Place, schema: Any) -> Place | None:
    kind, kinds = kind_of(value), (wanted,) if isinstance(wanted, str) else wanted
    if kind in kinds or (kind == "number" and "integer" in kinds and _is_whole(value)):
        return None
    return at


def _enum(walk: Walk, wanted: Any, value: Any, at: Place, schema: Any) -> Place | None:
    walk.spend(len(wanted) * _weight(value))
    return None if any(same(each, value) for each in wanted) else at


def _const(walk: Walk, wanted: Any, value: Any, at: Place, schema: Any) -> Place | None:
    walk.spend(_weight(value))
    return None if same(wanted, value) else at


def _weight(value: Any) -> int:
    """Steps that comparing a value takes: what a schema compares with is small."""
    return MAX_COMPARED if isinstance(value, Mapping | list) else 1


def _bound(breaks: Callable[[Any, Any], bool]) -> _Keyword:
    """A keyword for numbers; draft 4 has `exclusiveMinimum: true`, which the reader refuses."""

    def asked(walk: Walk, wanted: Any, value: Any, at: Place, schema: Any) -> Place | None:
        return at if kind_of(value) == "number" and breaks(value, wanted) else None

    return asked


def _is_no_multiple(value: Any, factor: Any) -> bool:
    if isinstance(value, int) and isinstance(factor, int):
        return value % factor != 0
    try:
        return Decimal(str(value)) % Decimal(str(factor)) != 0
    except (DecimalException, ValueError):
        return True


def _size(kind: str, breaks: Callable[[int, int], bool]) -> _Keyword:
    """A keyword for the size of a text, a list or an object."""

    def asked(walk: Walk, wanted: Any, value: Any, at: Place, schema: Any) -> Place | None:
        return at if kind_of(value) == kind and breaks(len(value), wanted) else None

    return asked


def _pattern(walk: Walk, wanted: Any, value: Any, at: Place, schema: Any) -> Place | None:
    return at if isinstance(value, str) and not walk.occurs(wanted, value) else None


def _required(walk: Walk, wanted: Any, value: Any, at: Place, schema: Any) -> Place | None:
    walk.spend(len(wanted))
    return at if isinstance(value, Mapping) and any(name not in value for name in wanted) else None


def _properties(walk: Walk, wanted: Any, value: Any, at: Place, schema: Any) -> Place | None:
    if not isinstance(value, Mapping):
        return None
    walk.spend(len(wanted))
    pairs = ((name, each) for name, each in wanted.items() if name in value)
    return _first(walk.fault(each, value[name], (at, name)) for name, each in pairs)


def _pattern_properties(walk: Walk, wanted: Any, value: Any, at: Place, schema: Any) -> Place | None:
    if not isinstance(value, Mapping):
        return None
    walk.spend(len(value) * len(wanted))
    return _first(
        walk.fault(each, value[name], (at, name))
        for pattern, each in wanted.items()
        for name in value
        if walk.occurs(pattern, name)
    )


def _additional_properties(walk: Walk, wanted: Any, value: Any, at: Place, schema: Any) -> Place | None:
    if not isinstance(value, Mapping):
        return None
    walk.spend(len(value))
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    return _first(
        walk.fault(wanted, value[name], (at, name))
        for name in value
        if name not in known and not any(walk.occurs(pattern, name) for pattern in patterns)
    )


def _property_names(walk: Walk, wanted: Any, value: Any, at: Place, schema: Any) -> Place | None:
    if not isinstance(value, Mapping):
        return None
    return next(((at, name) for name in value if not walk.fits(wanted, name)), None)


def _dependent_required(walk: Walk, wanted: Any, value: Any, at: Place, schema: Any) -> Place | None:
    if not isinstance(value, Mapping):
        return None
    walk.spend(sum(map(len, wanted.values())) + len(wanted))
    broken = any(name in value and any(each not in value for each in wanted[name]) for name in wanted)
    return at if broken else None


def _dependent_schemas(walk: Walk, wanted: Any, value: Any, at: Place, schema: Any) -> Place | None:
    if not isinstance(value, Mapping):
        return None
    walk.spend(len(wanted))
    return _first(walk.fault(each, value, at) for name, each in wanted.items() if name in value)


def _dependencies(walk: Walk, wanted: Any, value: Any, at: Place, schema: Any) -> Place | None:
    names = {name: each for name, each in wanted.items() if isinstance(each, list)}
    schemas = {name: each for name, each in wanted.items() if not isinstance(each, list)}
    broken = _dependent_required(walk, names, value, at, schema)
    return broken if broken is not None else _dependent_schemas(walk, schemas, value, at, schema)


def _prefix_items(walk: Walk, wanted: Any, value: Any, at: Place, schema: Any) -> Place | None:
    if not isinstance(value, list):
        return None
    pairs = enumerate(zip(wanted, value, strict=False))
    return _first(walk.fault(each, item, (at, place)) for place, (each, item) in pairs)


def _items(walk: Walk, wanted: Any, value: Any, at: Place, schema: Any) -> Place | None:
    if isinstance(wanted, list):
        return _prefix_items(walk, wanted, value, at, schema)
    return _items_from(len(schema.get("prefixItems", ())), walk, wanted, value, at)


def _additional_items(walk: Walk, wanted: Any, value: Any, at: Place, schema: Any) -> Place | None:
    first = schema.get("items")
    return _items_from(len(first), walk, wanted, value, at) if isinstance(first, list) else None


def _items_from(start: int, walk: Walk, wanted: Any, value: Any, at: Place) -> Place | None:
    if not isinstance(value, list):
        return None
    return _first(walk.fault(wanted, value[place], (at, place)) for place in range(start, len(value)))


def _contains(walk: Walk, wanted: Any, value: Any, at: Place, schema: Any) -> Place | None:
    if not isinstance(value, list):
        return None
    times = sum(walk.fits(wanted, item) for item in value)
    fits = schema.get("minContains", 1) <= times <= schema.get("maxContains", len(value))
    return None if fits else at


def _unique_items(walk: Walk, wanted: Any, value: Any, at: Place, schema: Any) -> Place | None:
    if not wanted or not isinstance(value, list):
        return None
    written = [canonical(item) for item in value]
    walk.spend(len(value) + sum(map(len, written)) // _STEP)
    return at if len(set(written)) < len(written) else None


def _all_of(walk: Walk, wanted: Any, value: Any, at: Place, schema: Any) -> Place | None:
    return _first(walk.fault(each, value, at) for each in wanted)


def _any_of(walk: Walk, wanted: Any, value: Any, at: Place, schema: Any) -> Place | None:
    return None if any(walk.fits(each, value) for each in wanted) else at


def _one_of(walk: Walk, wanted: Any, value: Any, at: Place, schema: Any) -> Place | None:
    return None if sum(walk.fits(each, value) for each in wanted) == 1 else at


def _not(walk: Walk, wanted: Any, value: Any, at: Place, schema: Any) -> Place | None:
    return at if walk.fits(wanted, value) else None


def _if(walk: Walk, wanted: Any, value: Any, at: Place, schema: Any) -> Place | None:
    return walk.fault(schema.get("then" if walk.fits(wanted, value) else "else", True), value, at)


def _ref(walk: Walk, wanted: Any, value: Any, at: Place, schema: Any) -> Place | None:
    return walk.fault(walk.targets[wanted], value, at)


def _first(faults: Iterator[Place | None]) -> Place | None:
    return next((each for each in faults if each is not None), None)


_Keyword = Callable[[Walk, Any, Any, Place, Any], Place | None]
"""The walk, the keyword's value, the value looked at, where that stands, and the schema; where it breaks out."""

KEYWORDS: Mapping[str, _Keyword] = {
    "$ref": _ref,
    "additionalItems": _additional_items,
    "additionalProperties": _additional_properties,
    "allOf": _all_of,
    "anyOf": _any_of,
    "const": _const,
    "contains": _contains,
    "dependencies": _dependencies,
    "dependentRequired": _dependent_required,
    "dependentSchemas": _dependent_schemas,
    "enum": _enum,
    "exclusiveMaximum": _bound(lambda value, bound: value >= bound),
    "exclusiveMinimum": _bound(lambda value, bound: value <= bound),
    "if": _if,
    "items": _items,
    "maxItems": _size("array", lambda size, bound: size > bound),
    "maxLength": _size("string", lambda size, bound: size > bound),
    "maxProperties": _size("object", lambda size, bound: size > bound),
    "maximum": _bound(lambda value, bound: value > bound),
    "minItems": _size("array", lambda size, bound: size < bound),
    "minLength": _size("string", lambda size, bound: size < bound),
    "minProperties": _size("object", lambda size, bound: size < bound),
    "minimum": _bound(lambda value, bound: value < bound),
    "multipleOf": _bound(_is_no_multiple),
    "not": _not,
    "oneOf": _one_of,
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "prefixItems": _prefix_items,
    "properties": _properties,
    "propertyNames": _property_names,
    "required": _required,
    "type": _type,
    "uniqueItems": _unique_items,
}
