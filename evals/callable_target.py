"""Any Python callable as a target, named `module:function`: a pipeline of one's own, an agent, a baseline."""

from __future__ import annotations

import hashlib
import inspect
import math
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from evals.foreign import SPEC, Failed, parameters, source_sha256, within
from evals.golden import canonical
from evals.index_target import asked
from evals.run import TargetRef
from evals.types import Case, Hit, Output, ToolCall, Usage


class CallableTarget:
    """A function that takes a question, or a case, and gives a text, a dict or an Output; plain or async.

    Args:
        function: what is called. It takes the case when its first parameter is named `case` or said to be one.
        call: its name, `module:function`.
        spec: what a parameter named `spec` is given; its `timeout_s` is for one call.
        told: hash of everything in the spec that may change an output.
    """

    def __init__(self, function: Callable[..., Any], call: str, spec: Any = None, told: str = "") -> None:
        self._timeout_s: float | None = getattr(spec, "timeout_s", None)
        self._function = partial(function, spec=spec) if SPEC in parameters(function) else function
        self._call, self._told = call, told
        self._takes_case = takes_case(function)
        self._source = source_sha256(function, call)

    @property
    def ref(self) -> TargetRef:
        """As in Target: the function's name and the text of its module, so a changed function is asked again."""
        told = canonical({"kind": "callable", "call": self._call, "source": self._source, "told": self._told})
        return TargetRef("callable", "", self._call, signature=hashlib.sha256(told.encode()).hexdigest())

    async def probe(self) -> None:
        """A function that was loaded can be called."""

    async def ask(self, case: Case, repeat: int = 0) -> Output:
        """As in Target. Of what it may raise, only Retryable is let through."""
        given = case if self._takes_case else asked(case)
        if given is None:
            return Output(error=f"{self._call} takes a question and the case has none: let it take `case`")
        started = time.perf_counter()
        try:
            output = read(await within(self._timeout_s, self._function, given))
        except Failed as failure:
            output = Output(error=f"{self._call} {failure}")
        return replace(output, latency_ms=round((time.perf_counter() - started) * 1000, 3))

    async def aclose(self) -> None:
        """Nothing to let go of."""


def takes_case(function: Callable[..., Any]) -> bool:
    """Whether a function takes the case, by the name or the annotation of its first parameter, not its question."""
    try:
        named = list(inspect.signature(function).parameters.values())
    except (ValueError, TypeError):
        return False
    first = named[0] if named else None
    annotation = getattr(first, "annotation", None)
    return first is not None and (
        first.name == "case" or annotation is Case or str(annotation).endswith("Case")
    )


class _Hit(BaseModel):
    model_config = ConfigDict(extra="forbid")

    doc_id: str
    score: float = 0.0
    text: str = ""
    rank: int = 0
    start: int | None = None
    end: int | None = None


class _Call(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    arguments: str | dict[str, Any] = "{}"


class _Usage(BaseModel):
    model_config = ConfigDict(extra="forbid")

    prompt_tokens: int = Field(ge=0, lt=2**53)
    completion_tokens: int = Field(ge=0, lt=2**53)


class _Told(BaseModel):
    """A dict as an output."""

    model_config = ConfigDict(extra="forbid")

    text: str = ""
    hits: list[_Hit] | None = None
    tool_calls: list[_Call] | None = None
    usage: _Usage | None = None
    verdict: str | None = None
    entities: list[str] | None = None
    trace_id: str = ""
    answered_model: str = ""
    error: str = ""
    guardrail_ms: float | None = Field(default=None, ge=0, allow_inf_nan=False)


def read(result: Any) -> Output:
    """An Output, a text, or a dict of some of an Output's members, as an output. Raises Failed.

    A text, and a dict without them, say nothing of tool calls.
    """
    if isinstance(result, str):
        return Output(text=result, tool_calls=None)
    try:
        if isinstance(result, Output):
            output = TypeAdapter(Output).validate_python(asdict(result))
        elif isinstance(result, dict):
            output = _from_dict(_Told.model_validate(result))
        else:
            raise Failed(f"returned {type(result).__name__}: return a str, a dict or an Output")
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Failed(f"returned what is no output: {where}: {first['msg']}") from None
    if not all(math.isfinite(hit.score) for hit in output.hits or ()):
        raise Failed("returned what is no output: hits: a score is not a finite number")
    if output.guardrail_ms is not None and not 0 <= output.guardrail_ms < math.inf:
        raise Failed("returned what is no output: guardrail_ms: it is no finite number from 0 on")
    return output


def _from_dict(told: _Told) -> Output:
    hits = None
    if told.hits is not None:
        hits = tuple(
            Hit(hit.doc_id, hit.score, hit.text, hit.rank or place, hit.start, hit.end)
            for place, hit in enumerate(told.hits, start=1)
        )
    calls = None
    if told.tool_calls is not None:
        calls = tuple(
            ToolCall(
                call.name, call.arguments if isinstance(call.arguments, str) else canonical(call.arguments)
            )
            for call in told.tool_calls
        )
    return Output(
        text=told.text,
        tool_calls=calls,
        hits=hits,
        verdict=told.verdict,
        entities=None if told.entities is None else tuple(sorted(set(told.entities))),
        usage=Usage(**told.usage.model_dump()) if told.usage else None,
        trace_id=told.trace_id,
        answered_model=told.answered_model,
        error=told.error,
        guardrail_ms=told.guardrail_ms,
    )
