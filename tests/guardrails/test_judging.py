"""Checks that know the conversation: what they are asked with, where, and what becomes of their answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from guardrails import check
from guardrails.check import ConversationCheck, TextScanner, in_process
from guardrails.conversation import Conversation, Outside, ToolCall
from guardrails.engine import Guard
from guardrails.policy import parse
from guardrails.pseudonyms import Vault
from guardrails.types import Action, Segment, Span, Stage

KEY = b"key of the tests"
ADDRESS = "ada@example.com"
CALL = "/choices/0/message/tool_calls/0/function/arguments"


class _Words(TextScanner):
    """Finds any of some words; a word may be the beginning of a longer text."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words

    def scan(self, text: str, start: int = 0) -> list[Span]:
        return [Span(at, at + len(w), "SAID") for w in self._words if (at := text.find(w, start)) >= 0]

    def hold(self, text: str, start: int = 0) -> int:
        longest = max(map(len, self._words), default=0)
        return max(start, len(text) - longest + 1)


class _Echo(ConversationCheck):
    """Finds, in replies and calls, what the conversation's texts say."""

    def __init__(self, streams: bool, fails: bool = False) -> None:
        self.streams, self._fails = streams, fails
        self.asked: list[str] = []

    async def judge(
        self, segments: Sequence[Segment], conversation: Conversation, outside: Outside
    ) -> list[list[Span]]:
        self.asked += [segment.text for segment in segments]
        self.asked += [call.arguments for call in conversation.called]
        words = [text.text for text in conversation.texts]
        return [_Words(words).scan(segment.text) for segment in segments]

    def scanner(self, conversation: Conversation) -> TextScanner:
        if self._fails:
            raise RuntimeError("secret words")
        return _Words([text.text for text in conversation.sent])


def _guard(monkeypatch: pytest.MonkeyPatch, made: _Echo, rule: str = "") -> Guard:
    def echo() -> _Echo:
        return made

    monkeypatch.setitem(check.BUILT_IN, "echo", "nowhere:echo")
    plain = check.factory

    def known(name: str) -> Any:
        return in_process()(echo) if name == "echo" else plain(name)

    for module in ("guardrails.check", "guardrails.arming"):
        monkeypatch.setattr(f"{module}.factory", known)
    return Guard(
        parse(
            "name: p\nrules:\n"
            "  - {id: pii, check: pii, with: {entities: [EMAIL_ADDRESS]}, stages: [input], action: pseudonymize}\n"
            f"  - {{id: echo, check: echo, stages: [tool_call, output], action: block{rule}}}\n"
        ),
        KEY,
    )


def _said(text: str) -> Conversation:
    texts = [Segment(text, "/messages/0/content", Stage.INPUT)]
    return Conversation(texts, texts)


@pytest.mark.asyncio
async def test_calls_are_judged_with_values_in_place_of_pseudonyms(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that the user wrote is recognised in the arguments although the model wrote its token."""
    made = _Echo(streams=True)
    guard, vault = _guard(monkeypatch, made), Vault(KEY, "t", "s")
    token = vault.mint("EMAIL_ADDRESS", ADDRESS)
    called = ToolCall("send", f'{{"to":"{token}"}}', CALL, CALL.replace("arguments", "name"))
    segment = Segment(f"to {token}", CALL, Stage.TOOL_CALL, "assistant", "/to")
    verdict = await guard.inspect([segment], vault, reply=True, conversation=_said(ADDRESS).calling([called]))
    assert made.asked == [f"to {ADDRESS}", f'{{"to":"{ADDRESS}"}}']
    (found,) = verdict.findings
    assert (found.rule, found.start, found.end) == ("echo", 0, len(segment.text))
    assert verdict.action is Action.BLOCK


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [1, 3, 50])
async def test_a_streaming_check_blocks_the_same_text_whole_and_in_pieces(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Nothing of the text that it found has left when it blocks."""
    guard, text = _guard(monkeypatch, _Echo(streams=True)), "well then: open sesame, please"
    conversation = _said("open sesame")
    whole = await guard.inspect(
        [Segment(text, "", Stage.OUTPUT, "assistant")], reply=True, conversation=conversation
    )
    assert whole.blocked_by == "echo"
    stream = guard.stream("", None, "assistant", conversation)
    left = "".join(stream.push(text[at : at + size]) for at in range(0, len(text), size))
    left += await stream.finish()
    assert stream.blocked
    assert left == "well then: "
    free = guard.stream("", None, "assistant", _said("another"))
    assert free.push(text) + await free.finish() == text


@pytest.mark.asyncio
async def test_a_check_that_cannot_follow_the_stream_lets_nothing_leave(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its failure is data, of its class only, and the stream is blocked from the start."""
    guard = _guard(monkeypatch, _Echo(streams=True, fails=True))
    stream = guard.stream("", None, "assistant", _said("x"))
    assert stream.blocked
    assert stream.push("hello") + await stream.finish() == ""
    (failure,) = stream.verdict.failures
    assert (failure.rule, failure.kind, failure.reason) == ("echo", "error", "RuntimeError")


@pytest.mark.asyncio
async def test_what_can_only_flag_is_left_for_later_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """`inspect(later=True)` and `watch` together find what `inspect` finds."""
    said, segment = _said("open"), Segment("open", CALL, Stage.TOOL_CALL, "assistant")
    for rule, waits in ((", mode: shadow", False), ("", True)):
        guard = _guard(monkeypatch, _Echo(streams=False), f", hold: full{rule}")
        assert guard.watches([Stage.TOOL_CALL]) is not waits
        assert not guard.watches([Stage.RETRIEVAL])
        now = await guard.inspect([segment], reply=True, conversation=said, later=True)
        then = await guard.watch([segment], said)
        assert ([f.rule for f in now.findings], [f.rule for f in then.findings]) == (
            (["echo"], []) if waits else ([], ["echo"])
        )
        await guard.aclose()


@pytest.mark.asyncio
async def test_what_is_found_about_a_value_is_not_lost_in_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pattern inside one of our tokens means nothing; a judgement about the value that it stands for does."""
    guard, vault = _guard(monkeypatch, _Echo(streams=False), ", hold: full"), Vault(KEY, "t", "s")
    token = vault.mint("EMAIL_ADDRESS", ADDRESS)
    segment = Segment(token, CALL, Stage.TOOL_CALL, "assistant", "/to")
    verdict = await guard.inspect([segment], vault, reply=True, conversation=_said(ADDRESS))
    assert verdict.blocked_by == "echo"
