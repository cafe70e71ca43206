"""Did the model call the tools it should have called, with the arguments it should have given."""

from __future__ import annotations

import json
from typing import Any

from evals.scorer import Measure, Scorer
from evals.types import Case, Output, Score, ToolCall


def tool_calls() -> Scorer:
    """1 when the calls made are the expected ones by name and arguments, in any order; else 0, and why."""
    return Measure("tool_calls", "1", lambda case: case.expected.tool_calls is not None, _score)


def _score(case: Case, output: Output) -> Score:
    wrong = mismatch(case, output)
    return Score.of(0.0 if wrong else 1.0, wrong)


def mismatch(case: Case, output: Output) -> str:
    """What is wrong with the calls made; empty when nothing is. Names tools and arguments, never values."""
    left = list(output.tool_calls)
    missing: list[str] = []
    for wanted in case.expected.tool_calls or ():
        same_name = [call for call in left if call.name == wanted.name]
        fit = next((call for call in same_name if _same(_arguments(call), dict(wanted.arguments))), None)
        if fit is not None:
            left.remove(fit)
        elif same_name:
            left.remove(same_name[0])
            missing.append(
                f"{wanted.name}: {_argument_trouble(_arguments(same_name[0]), dict(wanted.arguments))}"
            )
        else:
            missing.append(f"{wanted.name} was not called")
    missing += [f"{call.name} was called and should not have been" for call in left]
    return "; ".join(missing)


def _arguments(call: ToolCall) -> Any:
    try:
        return json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        return None


def _argument_trouble(given: Any, wanted: dict[str, Any]) -> str:
    if not isinstance(given, dict):
        return "its arguments are not a JSON object"
    names = sorted(
        given.keys() ^ wanted.keys()
        | {n for n in given.keys() & wanted.keys() if not _same(given[n], wanted[n])}
    )
    return f"wrong, missing or extra argument {', '.join(names)}"


def _same(one: Any, other: Any) -> bool:
    """Equality of JSON values: true is not 1, 1 is 1.0."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)
