"""Callables as targets: what they may take and give, and what becomes of all else."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.callable_target import CallableTarget, read, takes_case
from evals.errors import Retryable, TargetError
from evals.foreign import Failed
from evals.opening import TargetSpec, open_target
from evals.types import Case, Hit, Output, ToolCall, Usage
from tests.evals.test_foreign import module

__all__ = ["module"]

QUESTION = Case("c", "h", question="When?")


async def test_a_question_goes_in_and_a_text_comes_out() -> None:
    """Latency is measured."""
    output = await CallableTarget(lambda question: f"{question} At 9.", "m:f").ask(QUESTION)

    assert (output.text, output.error) == ("When? At 9.", "")
    assert output.latency_ms > 0


async def test_a_function_may_take_the_case() -> None:
    """Known by the parameter's name, or by what it is said to be."""

    def by_name(case: Any) -> str:
        return str(case.id)

    async def by_kind(given: Case) -> str:
        return given.sha256

    assert (await CallableTarget(by_name, "m:f").ask(QUESTION)).text == "c"
    assert (await CallableTarget(by_kind, "m:f").ask(QUESTION)).text == "h"
    assert not takes_case(str) and not takes_case(lambda text: text) and not takes_case(print)


async def test_a_case_without_a_question_needs_a_function_that_takes_it() -> None:
    """A scenario, told with what to do; a chat asks what its user said last."""
    scenario = Case("c", "h", turns=("One", "Two"))
    chat = Case("c", "h", messages=({"role": "user", "content": "Hi"},))

    assert "let it take `case`" in (await CallableTarget(lambda text: text, "m:f").ask(scenario)).error
    assert (await CallableTarget(lambda case: case.turns[1], "m:f").ask(scenario)).text == "Two"
    assert (await CallableTarget(lambda text: text, "m:f").ask(chat)).text == "Hi"


def test_a_dict_tells_what_it_knows() -> None:
    """Hits are ranked in their order; numbers may be numpy's, arguments an object."""
    told = {
        "text": "At 9.",
        "hits": [{"doc_id": "a", "score": np.float32(0.5), "start": 1, "end": 4}, {"doc_id": "b"}],
        "tool_calls": [{"name": "f", "arguments": {"x": 1}}, {"name": "g", "arguments": "{"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2},
        "verdict": "redact",
        "entities": ["PHONE", "EMAIL", "PHONE"],
    }

    assert read(told) == Output(
        "At 9.",
        (ToolCall("f", '{"x":1}'), ToolCall("g", "{")),
        (Hit("a", 0.5, "", 1, 1, 4), Hit("b", 0.0, "", 2)),
        "redact",
        ("EMAIL", "PHONE"),
        Usage(3, 2),
    )


def test_an_output_is_taken_as_it_is() -> None:
    """All of its members."""
    output = Output("t", hits=(Hit("a", 1.0, "x", 1),), transcript=({"role": "user", "content": "x"},))

    assert read(output) == output
    assert read({"error": "busy", "tool_calls": []}) == Output(error="busy")


@pytest.mark.parametrize(
    ("result", "says"),
    [
        (None, "returned NoneType: return a str, a dict or an Output"),
        (5, "returned int"),
        (b"text", "returned bytes"),
        (["text"], "returned list"),
        ({"answer": "x"}, "no output: answer: Extra inputs"),
        ({"text": 5}, "no output: text: "),
        ({"hits": [{"score": 1}]}, "no output: hits.0.doc_id: "),
        ({"hits": "a"}, "no output: hits: "),
        ({"hits": [{"doc_id": "a", "score": float("nan")}]}, "not a finite number"),
        ({"guardrail_ms": -1}, "guardrail_ms"),
        (Output(guardrail_ms=float("nan")), "guardrail_ms: it is no finite number"),
        (Output(hits=(Hit("a", float("inf"), "", 1),)), "not a finite number"),
        (Output(text=5), "no output: text: "),  # type: ignore[arg-type]
        (Output(usage="many"), "no output: usage: "),  # type: ignore[arg-type]
        ({1: 2}, "no output"),
    ],
)
async def test_what_is_no_output_is_told(result: Any, says: str) -> None:
    """The member at fault and what to do, never a value."""
    output = await CallableTarget(lambda text: result, "m:f").ask(QUESTION)

    assert output.error.startswith("m:f returned")
    assert says in output.error


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=4) | st.binary(max_size=2),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["text", "hits", "doc_id", "score", "usage", "error", "tool_calls", "x"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_any_result_is_an_output_or_a_failure(result: Any) -> None:
    """And an output can be written down."""
    try:
        output = read(result)
    except Failed:
        return
    assert isinstance(output.text, str)
    json.dumps([hit.score for hit in output.hits or ()], allow_nan=False)


@pytest.mark.parametrize("told", ["text", {"text": "text"}, {"text": "text", "tool_calls": None}])
def test_a_result_without_tool_calls_says_nothing_of_them(told: Any) -> None:
    """None is not none at all."""
    assert read(told).tool_calls is None
    assert read({"tool_calls": []}).tool_calls == ()


async def test_one_that_hangs_is_told_the_time_that_was_given() -> None:
    """In its own thread or not: another try may mend it."""
    spec = TargetSpec(kind="callable", call="m:f", timeout_s=0.05)
    let_go = threading.Event()

    async def waits(text: str) -> str:
        await asyncio.sleep(60)
        return text

    for function in (waits, lambda text: let_go.wait(60)):
        with pytest.raises(Retryable, match=r"no reply within 0\.05 s"):
            await CallableTarget(function, "m:f", spec).ask(QUESTION)
    let_go.set()


async def test_a_failure_is_an_error_and_throttling_is_not() -> None:
    """The run goes on; what may be tried again is tried again."""

    def broken(question: str) -> str:
        raise SystemExit(question)

    def busy(question: str) -> str:
        raise Retryable("busy")

    output = await CallableTarget(broken, "m:f").ask(QUESTION)
    assert output.error.startswith("m:f raised SystemExit, test_callable_target.py:")
    with pytest.raises(Retryable):
        await CallableTarget(busy, "m:f").ask(QUESTION)


FAKE = """
class Ref: signature = "s"


class Mine:
    ref = Ref()

    async def probe(self): ...
    async def ask(self, case, repeat=0): return f"mine {repeat}"
    async def aclose(self): ...


class Engine:
    def query(self, question): return question


def make(): return Mine()
def engine(): return Engine()
def number(): return 5
def answer(question): return question.upper()
def told(question, spec): return f"{question} {spec.model} {spec.system_prompt}"
async def told_later(question, *, spec): return spec.model
def made(spec): return lambda question: f"made for {spec.model}"
FIXED = 5
"""


async def test_an_import_string_opens_a_function_a_target_or_an_engine(module: Callable[..., str]) -> None:
    """Whatever it names, or makes."""
    name = module(FAKE)

    def opened(what: str, kind: str = "callable") -> Any:
        return open_target(TargetSpec(kind=kind, call=f"{name}:{what}"))

    assert (await opened("answer").ask(QUESTION)).text == "WHEN?"
    assert await opened("make").ask(QUESTION, 2) == await opened("Mine", "rag").ask(QUESTION, 2) == "mine 2"
    assert (await opened("engine", "rag").ask(QUESTION)).text == "When?"
    assert opened("answer").ref.kind == "callable" and opened("engine").ref.kind == "rag"


async def test_a_function_may_ask_what_the_eval_was_told(module: Callable[..., str]) -> None:
    """Model and prompt of this arm of a comparison; so may what makes a function. They are part of the identity."""
    name = module(FAKE)

    def opened(what: str, **more: Any) -> Any:
        spec = {"kind": "callable", "model": "m", "system_prompt": "Be kind."}
        return open_target(TargetSpec(call=f"{name}:{what}", **(spec | more)))

    texts = [(await opened(what).ask(QUESTION)).text for what in ("told", "told_later", "made")]
    assert texts == ["When? m Be kind.", "m", "made for m"]
    arms = [opened("told"), opened("told", model="n"), opened("told", system_prompt="Be brief.")]
    assert len({arm.ref.signature for arm in arms}) == 3
    assert opened("told").ref.signature == opened("told", timeout_s=1.0).ref.signature


@pytest.mark.parametrize(
    ("what", "kind", "says"),
    [
        ("number", "callable", "not a function but of type int"),
        ("FIXED", "callable", "not a function but of type int"),
        ("number", "rag", "gives int, which is no query engine"),
        ("answer", "rag", "gives function, which is no query engine"),
    ],
)
def test_what_cannot_be_asked_is_refused(module: Callable[..., str], what: str, kind: str, says: str) -> None:
    """When it is opened, not case by case."""
    with pytest.raises(TargetError, match=says):
        open_target(TargetSpec(kind=kind, call=f"{module(FAKE)}:{what}"))


def test_a_changed_function_is_another_target(module: Callable[..., str]) -> None:
    """Its outputs of before are not taken for those of now; the same text is the same target."""

    def signature(text: str, what: str = "answer") -> str:
        return open_target(TargetSpec(kind="callable", call=f"{module(text)}:{what}")).ref.signature

    assert signature(FAKE) == signature(FAKE)
    assert len({signature(FAKE), signature(FAKE + "\n# more"), signature(FAKE, "engine")}) == 3
