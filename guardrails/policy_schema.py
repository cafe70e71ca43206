"""The JSON Schema of policy files: the table of keys, and what each check's factory takes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import PydanticUserError

from guardrails.check import factory, options_model
from guardrails.policy_keys import (
    CALL,
    EXPECT,
    FINDING,
    POLICY,
    RULE,
    TEST,
    TOOL,
    TURN,
    Key,
    required,
)
from guardrails.types import Action, Stage

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]

_OPTION = re.compile(r"^ {4}(\w+): (.*(?:\n {8,}.*)*)", re.M)
"""An argument in a docstring, with the lines that go on with it."""


def schema(checks: Iterable[str]) -> Schema:
    """The JSON Schema of policy files.

    Args:
        checks: names of the checks whose options are described; rules may name others. The options of a check
            that cannot be loaded, or takes what JSON cannot say, are left open.
    """
    names = list(checks)
    options = {name: described for name in names if (described := _options(name))}
    return {
        "$schema": DIALECT,
        "title": "Guardhouse policy",
        **_mapping(POLICY),
        "if": {"required": ["inherit"]},
        "else": {
            "required": ["name", "rules"],
            "properties": {
                "inherit_tests": False,
                "rules": {"items": {"required": list(required(RULE)), "properties": {"remove": False}}},
            },
        },
        "$defs": {
            "rule": _rule(names, options),
            "test": {**_mapping(TEST), **_ONE_OF_TEXT_AND_CALL},
            "turn": {
                **_mapping(TURN),
                "oneOf": [{"required": [name]} for name in ("text", "call", "tool")],
                "dependentRequired": {"channel": ["text"]},
            },
            "call": _mapping(CALL),
            "tool": _mapping(TOOL),
            "expect": {**_mapping(EXPECT), "minProperties": 1},
            "finding": _mapping(FINDING),
            **{f"with_{name}": described for name, described in options.items()},
        },
    }


_ONE_OF_TEXT_AND_CALL: Schema = {
    "oneOf": [{"required": ["text"]}, {"required": ["call"]}],
    "dependentSchemas": {"call": {"properties": {"stage": False, "channel": False}}},
}


def _mapping(table: Mapping[str, Key]) -> Schema:
    """The schema of a mapping with these keys and no others."""
    told: Schema = {
        "type": "object",
        "properties": {name: {"description": key.about, **key.schema} for name, key in table.items()},
        "additionalProperties": False,
    }
    return {**told, "required": list(needed)} if (needed := required(table)) else told


def _rule(names: list[str], options: Mapping[str, Schema]) -> Schema:
    """The schema of a rule; one that changes an inherited rule needs its id only."""
    rule = _mapping(RULE)
    rule["properties"]["check"] = {
        "description": RULE["check"].about,
        "anyOf": [{"enum": names}, {"type": "string"}],
    }
    rule["required"] = ["id"]
    rule["allOf"] = [
        {"if": {"required": ["remove"]}, "then": {"maxProperties": 2}},
        {
            "if": {"required": ["style", "action"]},
            "then": {"properties": {"action": {"const": Action.PSEUDONYMIZE.value}}},
        },
        {
            "if": {"properties": {"action": {"const": Action.PSEUDONYMIZE.value}}, "required": ["action"]},
            "then": {"properties": {"stages": {"items": {"not": {"const": Stage.OUTPUT.value}}}}},
        },
        *(
            {
                "if": {"properties": {"check": {"const": name}}, "required": ["check"]},
                "then": {"properties": {"with": {"$ref": f"#/$defs/with_{name}"}}},
            }
            for name in options
        ),
    ]
    return rule


def _options(name: str) -> Schema | None:
    """The schema of a check's own options; None when there is none to be had."""
    try:
        make = factory(name)
        found = options_model(name, make).model_json_schema(
            ref_template=f"#/$defs/with_{name}/$defs/{{model}}"
        )
    except (ImportError, AttributeError, PydanticUserError):
        return None
    told: Schema = _untitled(found)
    about = _described(make)
    for option, described in told.get("properties", {}).items():
        if option in about:
            described["description"] = about[option]
    return told


def _untitled(value: Any) -> Any:
    """The same without the titles that are only the names again."""
    if isinstance(value, dict):
        return {
            key: _untitled(inner)
            for key, inner in value.items()
            if not (key == "title" and isinstance(inner, str))
        }
    return [_untitled(inner) for inner in value] if isinstance(value, list) else value


def _described(make: Callable[..., object]) -> dict[str, str]:
    """What the docstring of a factory says of each argument."""
    text = inspect.getdoc(make) or ""
    return {name: " ".join(about.split()) for name, about in _OPTION.findall(text)}
