"""Policies tried outside traffic."""

from __future__ import annotations

import json
import re

import pytest

from guardrails import trial
from guardrails.policy import parse
from guardrails.sample import Sample
from guardrails.types import Stage

POLICY = """name: p
rules:
  - {id: mask, check: words, with: {deny: [bluebird]}, stages: [input, output], action: redact}
  - {id: stop, check: words, with: {deny: [kryptonite]}, stages: [input, output], action: block}
tests:
"""


async def test_a_trial_gives_the_text_as_it_would_go_on() -> None:
    """Masked when masked, nothing when blocked, and the same as JSON."""
    guard = trial.guard_for(parse(POLICY.removesuffix("tests:\n")))

    masked = await trial.run(guard, Sample("a bluebird"))
    stopped = await trial.run(guard, Sample("kryptonite", Stage.OUTPUT))

    assert (masked.released, stopped.released) == ("a [DENIED_WORD]", "")
    told = json.loads(trial.as_json(masked))
    assert (told["action"], told["text"]) == ("redact", "a [DENIED_WORD]")
    [found] = told["findings"]
    assert (found["rule"], found["start"], found["end"]) == ("mask", 2, 10)


async def test_a_call_on_a_line_is_looked_at_value_by_value() -> None:
    """What is released are the arguments; findings say where in them; other members of the line are passed over."""
    guard = trial.guard_for(
        parse(POLICY.removesuffix("tests:\n").replace("input, output", "input, tool_call"))
    )
    line = {
        "id": 7,
        "before": [{"text": "send it"}],
        "call": {"name": "mail", "arguments": {"to": ["x", "a bluebird"], "n": 1}},
    }
    [result] = [each async for each in trial.run_lines(guard, [json.dumps(line)])]
    told = json.loads(trial.as_json(result))

    assert json.loads(told["text"]) == {"to": ["x", "a [DENIED_WORD]"], "n": 1}
    [found] = told["findings"]
    assert (found["pointer"], found["within"], found["start"]) == ("/call/arguments", "/to/1", 2)
    assert result.found(result.verdict.findings[0]) == "bluebird"
    assert set(told["timings"]) == {"mask", "stop"}


TOOLS = """name: p
rules:
  - id: tools
    check: tools
    with: {deny: [rm], tools: {send: {rate: {calls: 1, seconds: 60}}}}
    stages: [tool_call]
    action: block
"""
CALLS = [
    ("send", [{"tool": {"name": "send"}}], ""),
    ("send", [{"tool": {"name": "other"}}], "UNDECLARED_TOOL"),
    ("rm", [{"tool": {"name": "rm"}}], "DENIED_TOOL"),
]


@pytest.mark.parametrize(("name", "before", "found"), CALLS)
async def test_checks_of_calls_see_the_conversation_and_each_trial_counts_for_itself(
    name: str, before: list[object], found: str
) -> None:
    """A rate is used up by no trial before."""
    guard = trial.guard_for(parse(TOOLS))
    line = json.dumps({"before": before, "call": {"name": name, "arguments": {}}})
    told = [each async for each in trial.run_lines(guard, [line, line])]

    assert [each.verdict.failures for each in told] == [(), ()]
    assert [[each.entity for each in one.verdict.findings] for one in told] == [[found] if found else []] * 2


BAD_LINES = [
    ("{", "line 2 is not JSON"),
    ('{"text": NaN}', "line 2 is not JSON"),
    ("[" * 100_000, "line 2 is not JSON"),
    ("[]", "line 2: the line must be a mapping"),
    ("{}", "line 2: the line needs either 'text' or 'call'."),
    ('{"text": "a", "call": {"name": "b"}}', "line 2: the line needs either 'text' or 'call', not both."),
    ('{"text": "a", "text": "b"}', "line 2: key 'text' is there twice"),
    ('{"text": 3}', "line 2: text must be text, not a whole number"),
    ('{"text": null}', "line 2: text must be text, not nothing"),
    ('{"text": "a", "stage": "sideways"}', "line 2: stage cannot be 'sideways'. Use one of: input,"),
    ('{"text": "a", "channel": "tool"}', "line 2: there is no channel 'tool'. Use user,"),
    ('{"text": "a", "before": {}}', "line 2: before must be a list, not a mapping"),
    ('{"text": "a", "before": [{"txt": "b"}]}', "line 2: before[0] has no key 'txt'. Did you mean 'text'"),
    ('{"call": {"name": "a", "arguments": 3}}', "line 2: arguments must be a mapping, or text."),
    ('{"call": {"arguments": {}}}', "line 2: call has no 'name'."),
    ('{"call": {"name": "a"}, "stage": "input"}', "line 2: a call has no 'stage'"),
]


@pytest.mark.parametrize(("line", "message"), BAD_LINES)
async def test_a_line_that_does_not_fit_is_named(line: str, message: str) -> None:
    """What came before it was answered; blank lines count and are passed over."""
    guard = trial.guard_for(parse(POLICY.removesuffix("tests:\n")))
    results = trial.run_lines(guard, ['{"text": "fine", "stage": "output"}', line])

    assert (await anext(results)).released == "fine"
    with pytest.raises(trial.BadLine, match=re.escape(message)):
        await anext(results)
