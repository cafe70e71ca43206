"""A conversation of several turns with a model that calls tools, whose results a case has scripted.

Only calls are made by others: a scenario says what is sent next, reads what came back, and ends as one output.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from evals.chat import Reply, together
from evals.types import Case, Output, ScriptedResult

MOST_CALLS = 16
"""Model calls in one turn; a model that still asks for tools then goes round in circles."""
_NO_TOOL, _NO_RESULT, _NO_OBJECT = (
    "error: there is no such tool",
    "error: no result for these arguments",
    "error: the arguments are not a JSON object",
)

Call = Callable[[Sequence[Mapping[str, Any]]], Awaitable[Reply]]
"""Puts messages to the model. May raise Retryable."""


class Conversation:
    """One scenario under way. When a call raises, `play` again makes that call again and goes on from there."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._tools = _names(case)
        self._used: set[int] = set()
        self._turns = self._made = 0
        self._transcript: list[dict[str, Any]] = []
        self._outputs: list[Output] = []
        self._error = ""
        self._blocked = False

    async def play(self, call: Call) -> Output:
        """The output of the whole: all calls of tools in order, tokens summed, the strictest verdict told.

        Raises what a call raises.
        """
        while self._goes_on():
            self._hear(await call([_sent(message) for message in self._transcript]))
        return self._output()

    def so_far(self) -> Output | None:
        """What was answered before a call that raised; None where nothing was."""
        return self._output() if self._outputs else None

    def _goes_on(self) -> bool:
        """Whether the model is to be asked (again); the user's next turn is said where it is due."""
        if self._error or self._blocked:
            return False
        if not self._transcript or self._transcript[-1]["role"] == "assistant":
            if self._turns == len(self._case.turns):
                return False
            self._transcript.append({"role": "user", "content": self._case.turns[self._turns]})
            self._turns, self._made = self._turns + 1, 0
        if self._made == MOST_CALLS:
            self._error = f"turn {self._turns}: no answer after {MOST_CALLS} model calls"
        return not self._error

    def _hear(self, reply: Reply) -> None:
        self._made += 1
        self._outputs.append(reply.output)
        if reply.output.error:
            self._error = f"turn {self._turns}: {reply.output.error}"
        elif not reply.message:
            # A conversation cannot go on without the reply.
            self._blocked = True
        else:
            self._transcript.append(dict(reply.message))
            for asked in reply.message.get("tool_calls", ()):
                self._transcript.append(self._result(asked))

    def _result(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The message that answers a call; `note` says where the script has no answer, and is not sent."""
        name, arguments = asked["function"]["name"], _object(asked["function"]["arguments"])
        told = {"role": "tool", "tool_call_id": asked["id"], "name": name}
        if name not in self._tools:
            return told | {"content": _NO_TOOL, "note": f"the case has no tool {name!r}"}
        place = self._scripted(name, arguments)
        if place is not None:
            return told | {"content": self._case.script[place].result}
        content = _NO_OBJECT if arguments is None else _NO_RESULT
        return told | {"content": content, "note": "no scripted result fits the call"}

    def _scripted(self, name: str, arguments: Mapping[str, Any] | None) -> int | None:
        """Which entry answers: the first that fits and was not used yet, else the last that fits."""
        fitting = [place for place, entry in enumerate(self._case.script) if _answers(entry, name, arguments)]
        fresh = [place for place in fitting if place not in self._used]
        chosen = fresh[0] if fresh else fitting[-1] if fitting else None
        if chosen is not None:
            self._used.add(chosen)
        return chosen

    def _output(self) -> Output:
        return replace(
            together(self._outputs),
            text="" if self._error or not self._outputs else self._outputs[-1].text,
            error=self._error,
            transcript=tuple(self._transcript),
        )


def fits(wanted: Any, given: Any) -> bool:
    """Whether a JSON value has all that is wanted: objects may have more members, nothing else may differ."""
    if isinstance(wanted, Mapping):
        return isinstance(given, Mapping) and all(
            name in given and fits(value, given[name]) for name, value in wanted.items()
        )
    if isinstance(wanted, list | tuple):
        return isinstance(given, list) and len(wanted) == len(given) and all(map(fits, wanted, given))
    if isinstance(wanted, bool) or isinstance(given, bool):
        return wanted is given
    return bool(wanted == given)


def _answers(entry: ScriptedResult, name: str, arguments: Mapping[str, Any] | None) -> bool:
    if entry.tool != name:
        return False
    return entry.arguments is None or (arguments is not None and fits(entry.arguments, arguments))


def _names(case: Case) -> set[str]:
    """Names of the tools that a case offers or scripts."""
    offered = [tool.get("function") for tool in case.tools]
    named = {str(function.get("name")) for function in offered if isinstance(function, Mapping)}
    return named | {entry.tool for entry in case.script}


def _object(arguments: str) -> Mapping[str, Any] | None:
    """A call's arguments; None when they are no JSON object. No text at all is an empty one."""
    try:
        read = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


def _sent(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message of the transcript as the model is told it."""
    ours = ("note", "name") if message["role"] == "tool" else ()
    return {name: value for name, value in message.items() if name not in ours}
