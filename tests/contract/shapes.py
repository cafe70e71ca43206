"""Documents of the wire, derived from the types of the `openai` package: one for each place a text can stand."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Iterable as AbstractIterable
from datetime import datetime
from typing import Annotated, Any, Literal, Required, Union, get_args, get_origin

from pydantic import BaseModel
from typing_extensions import get_type_hints, is_typeddict

Case = tuple[str, Any]
"""(path, document). In a path `*` is any element, `{name}` a member's name, `:x` the kind of an object in a union."""

_FILLED = {
    datetime: "2026-01-01T00:00:00Z",
    str: "x",
    int: 1,
    float: 0.5,
    bool: True,
    object: "x",
    Any: "x",
    type(None): None,
}


def planted(shape: Any, canary: str) -> dict[str, Any]:
    """By path: a smallest document of that shape with the canary at that place, and nowhere else.

    The places are every value, whatever its type, every name that a caller chooses, and one unknown member
    (its name, its value) in each object.
    """
    return dict(reversed([*_planted(shape, canary)]))


def smallest(shape: Any) -> Any:
    """A smallest value of a type: required members alone, the first of what it may be."""
    shape = _bare(shape)
    if get_origin(shape) is Literal:
        return get_args(shape)[0]
    if options := _options(shape):
        return smallest(options[0])
    if _is_object(shape):
        return {name: smallest(kind) for name, (kind, needed) in _members(shape).items() if needed}
    if _element(shape) is not None:
        return []
    return {} if get_origin(shape) is dict else _FILLED[shape]


def _planted(shape: Any, canary: str, tagged: bool = False) -> Iterator[Case]:
    shape = _bare(shape)
    if options := _options(shape):
        objects = sum(map(_is_object, options)) > 1
        for option in options:
            yield from _planted(option, canary, objects)
        return
    yield "", canary
    if _is_object(shape):
        tag = f":{_tag(shape)}" if tagged and _tag(shape) else ""
        base = smallest(shape)
        for name, (kind, _) in _members(shape).items():
            for path, value in _planted(kind, canary):
                yield f"{tag}/{name}{path}", {**base, name: value}
        yield f"{tag}/{{unknown}}", {**base, canary: 1}
        yield f"{tag}/unknown", {**base, "unknown": canary}
        yield f"{tag}/unknown/{{name}}", {**base, "unknown": [{canary: 1}]}
        yield f"{tag}/unknown/*", {**base, "unknown": [{"x": canary}]}
    elif (element := _element(shape)) is not None:
        for path, value in _planted(element, canary):
            yield f"/*{path}", [value]
    elif get_origin(shape) is dict:
        yield "/{name}", {canary: smallest(get_args(shape)[1])}
        for path, value in _planted(get_args(shape)[1], canary):
            yield f"/*{path}", {"x": value}
    elif shape in (object, Any):
        yield "/{name}", {canary: 1}
        yield "/*", {"x": [{"y": canary}]}


def _bare(shape: Any) -> Any:
    """The type without `Required`, `Annotated` and aliases around it."""
    while get_origin(shape) in (Annotated, Required):
        shape = get_args(shape)[0]
    return shape


def _options(shape: Any) -> list[Any]:
    if get_origin(shape) not in (Union, types.UnionType):
        return []
    return [option for option in map(_bare, get_args(shape)) if option is not type(None)]


def _is_object(shape: Any) -> bool:
    return is_typeddict(shape) or (isinstance(shape, type) and issubclass(shape, BaseModel))


def _element(shape: Any) -> Any:
    """The type of a list's elements; None for any other type."""
    origin = get_origin(shape)
    if origin is dict or not isinstance(origin, type) or issubclass(origin, Mapping):
        return None
    if issubclass(origin, AbstractIterable) or origin.__name__ == "SequenceNotStr":
        return get_args(shape)[0]
    return None


def _members(shape: Any) -> dict[str, tuple[Any, bool]]:
    """Type of each member, and whether it is required."""
    if is_typeddict(shape):
        hints = get_type_hints(shape, include_extras=True)
        return {name: (kind, get_origin(kind) is Required) for name, kind in hints.items()}
    return {
        (field.alias or name): (field.annotation, field.is_required())
        for name, field in shape.model_fields.items()
    }


def _tag(shape: Any) -> str:
    """What an object of a union is told by: its `role` or `type`."""
    members = _members(shape)
    for name in ("role", "type"):
        if name in members and get_origin(kind := _bare(members[name][0])) is Literal:
            return str(get_args(kind)[0])
    return ""


def strings(value: Any, path: str = "") -> Iterable[tuple[str, str]]:
    """(path, text) of every string and member name of a JSON document."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield f"{path}/#", name
            yield from strings(member, f"{path}/{name}")
    elif isinstance(value, list):
        for member in value:
            yield from strings(member, f"{path}/*")
    elif isinstance(value, str):
        yield path, value
