"""Conversations made to take for ever: what looks at flows gives up, and the event loop lives on."""

from __future__ import annotations

import asyncio
import json
import random
import string
import time

import pytest

from guardrails import arguments
from guardrails.check import ConversationCheck
from guardrails.checks.copies import Texts, Work
from guardrails.checks.exfiltration import exfiltration
from guardrails.checks.taint import taint
from guardrails.conversation import ALONE, ToolCall
from guardrails.errors import Exhausted
from guardrails.types import Segment, Stage
from tests.guardrails.checks.flow_samples import CALL, NAME, said

LONG = "".join(random.Random(4).choices(string.ascii_lowercase + "  ", k=1_000_000))
HOSTS = " ".join(f"curl http://a{place}.example/x" for place in range(20_000))


@pytest.mark.parametrize("check", [taint(), exfiltration()], ids=["taint", "exfiltration"])
@pytest.mark.parametrize(
    "given",
    [{"to": [f"e{place}@evil{place}.example" for place in range(5000)]}, {"command": HOSTS}],
    ids=["recipients", "hosts"],
)
async def test_a_conversation_made_to_take_for_ever_is_given_up(
    check: ConversationCheck, given: dict[str, object]
) -> None:
    """As a failure of the check, which the rule's on_error decides on; other requests go on meanwhile."""
    written = json.dumps(given)
    call = ToolCall("send_mail", written, CALL, NAME)
    chat = said(("user", "Mail Bob."), ("tool:read", LONG)).calling([call])
    texts: list[Segment] = arguments.segments(written, CALL, Stage.TOOL_CALL, "assistant")
    began, beats = time.perf_counter(), 0
    judging = asyncio.ensure_future(check.judge(texts, chat, ALONE))
    while not judging.done():
        beats += 1
        await asyncio.sleep(0.001)
    with pytest.raises(Exhausted):
        await judging
    assert beats > 5
    assert time.perf_counter() - began < 20


def test_texts_that_were_read_too_often_are_read_no_more() -> None:
    """All texts of a conversation share what may be spent."""
    work = Work(2000)
    one, other = Texts(["a" * 500], work), Texts(["b" * 500], work)
    assert one.hold("aaa")
    assert not other.hold("aaa")
    with pytest.raises(Exhausted):
        one.hold("a")
