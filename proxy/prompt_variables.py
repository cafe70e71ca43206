"""The variables of a prompt: what each takes, and whether those of a request fit. Errors name them, never a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from proxy.dialects.request_body import wrong_type
from proxy.errors import BadRequest, Code, PayloadTooLarge

WHERE = "guardhouse.prompt.variables"
"""How errors name the variables of a request."""
MOST_CHARACTERS = 1_000_000
"""Characters of all variables together."""
MOST_VALUES = 10_000
"""Values of all variables together, those in lists and objects counted one by one."""
DEEPEST = 8
"""Levels of lists and objects in each other."""

Kind = Literal["string", "number", "boolean", "list", "object"]
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "boolean": (bool,),
    "list": (list,),
    "object": (dict,),
}


@dataclass(frozen=True, slots=True)
class Variable:
    """What one variable takes."""

    required: bool = True
    default: Any = None
    """Its value where a request gives none."""
    type: Kind | None = None
    """None: any."""
    max_length: int | None = None
    """Characters of a string, items of a list or members of an object, at most."""

    def misfit(self, value: Any) -> str:
        """What the variable takes instead of a value, e.g. `a string`; empty when it takes that."""
        kinds = _TYPES.get(self.type or "", (object,))
        if not isinstance(value, kinds) or (isinstance(value, bool) and self.type == "number"):
            return f"{'an' if self.type == 'object' else 'a'} {self.type}"
        length = len(value) if isinstance(value, str | list | dict) else 0
        if self.max_length is not None and length > self.max_length:
            return f"at most {self.max_length:,} {'characters' if isinstance(value, str) else 'items'}"
        return ""


def filled(variables: Mapping[str, Variable], given: Any) -> dict[str, Any]:
    """The value of each variable. Raises BadRequest or PayloadTooLarge for what does not fit, or is missing."""
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise wrong_type(WHERE, "an object")
    if given.keys() - variables.keys():
        # The caller's own name for it is text nobody has inspected, and errors are stored.
        known = ", ".join(sorted(variables)) or "none"
        raise BadRequest(
            f"Unknown variable in '{WHERE}'. The prompt takes: {known}.",
            code=Code.UNKNOWN_PARAMETER,
            param=WHERE,
        )
    _check_bounds(given)
    values: dict[str, Any] = {}
    for name, variable in variables.items():
        where = f"{WHERE}.{name}"
        if name not in given:
            if variable.required:
                message = f"The prompt needs the variable '{name}'. Send it in '{WHERE}'."
                raise BadRequest(message, code=Code.MISSING_REQUIRED_PARAMETER, param=where)
            values[name] = variable.default
        elif misfit := variable.misfit(given[name]):
            raise wrong_type(where, misfit)
        else:
            values[name] = given[name]
    return values


def _check_bounds(given: dict[str, Any]) -> None:
    """Raises PayloadTooLarge or BadRequest for more than a template may be given."""
    characters = values = 0
    waiting: list[tuple[Any, int]] = [(given, 0)]
    while waiting:
        value, depth = waiting.pop()
        values += 1
        if depth > DEEPEST:
            raise BadRequest(f"'{WHERE}' is nested over {DEEPEST} levels.", param=WHERE)
        if isinstance(value, dict):
            characters += sum(map(len, value))
            waiting.extend((item, depth + 1) for item in value.values())
        elif isinstance(value, list):
            waiting.extend((item, depth + 1) for item in value)
        elif isinstance(value, str):
            characters += len(value)
        if characters > MOST_CHARACTERS or values > MOST_VALUES:
            message = f"'{WHERE}' holds over {MOST_CHARACTERS:,} characters or {MOST_VALUES:,} values."
            raise PayloadTooLarge(message, param=WHERE)
