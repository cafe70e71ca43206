"""Did the model call the tools it should have called, with the arguments it should have given, in the right order."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from evals.scorer import Measure, Scorer
from evals.types import Case, Cause, ExpectedCall, Output, Score, ToolCall

LONGEST_NAME = 80
"""Characters of a tool's name that a reason holds: the model may have made it up."""


def tool_calls() -> Scorer:
    """1 when the calls made are the expected ones by name and arguments, in any order; else 0, and why.

    A target that does not say what was called leaves it unscored.

    Needs `expected.tool_calls`.
    """
    return _told("tool_calls", _expects, _all)


def tool_precision() -> Scorer:
    """Share of the calls made that are expected ones, each expected call counting once.

    Needs `expected.tool_calls`.
    """
    return _told("tool_precision", _expects, _precision)


def tool_recall() -> Scorer:
    """Share of the expected calls that were made, each call made counting once.

    Needs `expected.tool_calls`, at least one.
    """
    return _told("tool_recall", lambda case: bool(case.expected.tool_calls), _recall)


def trajectory() -> Scorer:
    """1 when the calls made are the expected ones in the expected order, over all turns; else 0, and where they part.

    Needs `expected.tool_calls`.
    """
    return _told("trajectory", _expects, _trajectory)


def mismatch(case: Case, output: Output) -> str:
    """What is wrong with the calls made; empty when nothing is. Names tools and arguments, never values."""
    wanted, made = _assigned(case, output)
    missing: list[str] = []
    for want in wanted:
        call = min(
            (call for call in made if call.name == want.name),
            key=lambda call: _distance(call, want),
            default=None,
        )
        if call is None:
            missing.append(f"{_shown(want.name)} was not called")
        else:
            made.remove(call)
            missing.append(f"{_shown(want.name)}: {_argument_trouble(call, want)}")
    missing += [f"{_shown(call.name)} was called and should not have been" for call in made]
    return "; ".join(missing)


def _told(name: str, needs: Callable[[Case], bool], score: Callable[[Case, Output], Score]) -> Scorer:
    """A measure of the calls that a target tells."""

    def of_told(case: Case, output: Output) -> Score:
        if output.tool_calls is None:
            return Score.unscored("the target does not tell tool calls", Cause.TARGET)
        return score(case, output)

    return Measure(name, "1", needs, of_told)


def _expects(case: Case) -> bool:
    return case.expected.tool_calls is not None


def _all(case: Case, output: Output) -> Score:
    wrong = mismatch(case, output)
    return Score.of(float(not wrong), wrong, looked_at=_compared(case, output))


def _precision(case: Case, output: Output) -> Score:
    made = len(output.tool_calls or ())
    if not made:
        return Score.unscored("the model called nothing", Cause.EMPTY, looked_at=_compared(case, output))
    _, left = _assigned(case, output)
    return Score.of((made - len(left)) / made, mismatch(case, output), looked_at=_compared(case, output))


def _recall(case: Case, output: Output) -> Score:
    expected = len(case.expected.tool_calls or ())
    left, _ = _assigned(case, output)
    return Score.of(
        (expected - len(left)) / expected, mismatch(case, output), looked_at=_compared(case, output)
    )


def _trajectory(case: Case, output: Output) -> Score:
    wanted, made = case.expected.tool_calls or (), output.tool_calls or ()
    steps = (_step(step, *pair) for step, pair in enumerate(_steps(wanted, made), start=1))
    wrong = next(filter(None, steps), "")
    return Score.of(float(not wrong), wrong, looked_at=_compared(case, output))


def _steps(
    wanted: Sequence[ExpectedCall], made: Sequence[ToolCall]
) -> list[tuple[ExpectedCall | None, ToolCall | None]]:
    longest = range(max(len(wanted), len(made)))
    return [
        (wanted[at] if at < len(wanted) else None, made[at] if at < len(made) else None) for at in longest
    ]


def _step(step: int, want: ExpectedCall | None, call: ToolCall | None) -> str:
    """How one step differs; empty when it does not."""
    if call is None:
        return f"step {step}: {_shown(want.name)} was not called" if want else ""
    if want is None:
        return f"step {step}: {_shown(call.name)} was called and nothing more was expected"
    if call.name != want.name:
        return f"step {step}: {_shown(call.name)} instead of {_shown(want.name)}"
    if not _same(_arguments(call), dict(want.arguments)):
        return f"step {step}: {_shown(want.name)}: {_argument_trouble(call, want)}"
    return ""


def _assigned(case: Case, output: Output) -> tuple[list[ExpectedCall], list[ToolCall]]:
    """Expected calls that nobody made, and calls made that nobody expects, once as many as can be are paired.

    A pair is equal in name and arguments, so whichever is taken first, no other order makes more pairs.
    """
    left = list(output.tool_calls or ())
    missing: list[ExpectedCall] = []
    for want in case.expected.tool_calls or ():
        arguments = dict(want.arguments)
        fit = next(
            (
                at
                for at, call in enumerate(left)
                if call.name == want.name and _same(_arguments(call), arguments)
            ),
            None,
        )
        if fit is None:
            missing.append(want)
        else:
            del left[fit]
    return missing, left


def _arguments(call: ToolCall) -> Any:
    try:
        return json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        return None


def _distance(call: ToolCall, want: ExpectedCall) -> float:
    """By how many arguments a call misses an expected one."""
    given = _arguments(call)
    return len(_differing(given, dict(want.arguments))) if isinstance(given, dict) else float("inf")


def _argument_trouble(call: ToolCall, want: ExpectedCall) -> str:
    given = _arguments(call)
    if not isinstance(given, dict):
        return "its arguments are not a JSON object"
    names = [_shown(name) for name in _differing(given, dict(want.arguments))]
    return f"wrong, missing or extra argument {', '.join(names)}"


def _differing(given: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    both = given.keys() & wanted.keys()
    return sorted(
        given.keys() ^ wanted.keys() | {name for name in both if not _same(given[name], wanted[name])}
    )


def _same(one: Any, other: Any) -> bool:
    """Equality of JSON values: true is not 1, 1 is 1.0."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _compared(case: Case, output: Output) -> str:
    return f"{len(output.tool_calls or ())} calls against {len(case.expected.tool_calls or ())} expected"


def _shown(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…"
