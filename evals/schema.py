"""The JSON Schema of run documents: made from the types, so that it cannot say anything else than they do."""

from __future__ import annotations

import ast
import inspect
from dataclasses import is_dataclass
from typing import Any

from evals import run, types
from evals.run import FORMAT, Run

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]


def schema() -> Schema:
    """The JSON Schema of `guardhouse.run/1`.

    What is required is what every document of the format has had; all else has a default. Members that it does
    not name are allowed: a reader ignores them, so a document of a later release is read by an earlier one.
    """
    from pydantic import TypeAdapter

    made = TypeAdapter(Run).json_schema(mode="validation")
    parts: dict[str, Schema] = made.pop("$defs")
    _rename(parts["ScoreSpan"], "kind", "class")
    for name in ("RunItem", "RunCase"):
        parts[name]["properties"]["erased"] = {
            "type": "boolean",
            "description": "Whether an erasure emptied the texts.",
        }
    for name, part in {**parts, "Run": made}.items():
        for field, told in _told(name).items():
            field = "class" if (name, field) == ("ScoreSpan", "kind") else field
            part["properties"][field] = {**part["properties"][field], "description": told}
    made["properties"]["format"] = {"const": FORMAT}
    made["required"] = ["format", *made["required"]]
    head = {"$schema": DIALECT, "title": "Guardhouse run"}
    body = {name: value for name, value in made.items() if name != "title"}
    return {**head, **_lean(body), "$defs": {name: _lean(part) for name, part in sorted(parts.items())}}


def _told(name: str) -> dict[str, str]:
    """What the strings below a type's fields say of them."""
    source = next((module for module in (run, types) if hasattr(module, name)), None)
    if source is None or not is_dataclass(getattr(source, name)):
        return {}
    body = ast.parse(inspect.getsource(getattr(source, name))).body[0]
    assert isinstance(body, ast.ClassDef)
    return {
        field.target.id: " ".join(below.value.value.split())
        for field, below in zip(body.body, body.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
        if isinstance(below.value.value, str)
    }


def _rename(part: Schema, old: str, new: str) -> None:
    part["properties"] = {new if name == old else name: value for name, value in part["properties"].items()}
    part["required"] = [new if name == old else name for name in part["required"]]


def _lean(value: Any) -> Any:
    """A schema without titles that only repeat a member's name."""
    if isinstance(value, dict):
        return {
            name: _lean(inner)
            for name, inner in value.items()
            if not (name == "title" and isinstance(inner, str))
        }
    return [_lean(inner) for inner in value] if isinstance(value, list) else value


if __name__ == "__main__":
    import json
    import sys

    sys.stdout.write(json.dumps(schema(), indent=2, ensure_ascii=False) + "\n")
