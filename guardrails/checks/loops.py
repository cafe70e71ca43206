"""Finds conversations that go in circles: the same call, the same round of calls, the same words again."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from guardrails.check import Check, ConversationCheck, in_process
from guardrails.checks.tool_json import meaning
from guardrails.checks.tool_spans import Spans
from guardrails.conversation import Conversation, Outside, ToolCall
from guardrails.errors import CheckError
from guardrails.types import Segment, Span, Stage

REPEATED_CALL = "REPEATED_CALL"
REPEATED_CYCLE = "REPEATED_CYCLE"
REPEATED_TEXT = "REPEATED_TEXT"
TOO_MANY = "TOO_MANY_CALLS"

LONG_TEXT = 80
"""Code points from which a text is long."""
LONGEST_CYCLE = 6
"""Calls in one round of a cycle."""


@in_process()
def loops(
    repeats: int | None = 3,
    cycles: int | None = 3,
    calls: int | None = None,
    texts: int | None = 3,
    ignore: Sequence[str] = (),
) -> Check:
    """A check for conversations that go in circles. None switches a limit off.

    Args:
        repeats: a tool called so often with equal arguments is a finding.
        cycles: two to six calls that follow one another so often, in a row, are a finding.
        calls: more calls than this in one conversation are a finding.
        texts: a long text that the assistant says so often is a finding.
        ignore: names of tools whose calls do not count, with `*`: those that wait for something.

    Raises CheckError when there is nothing to look for, or a limit that every conversation breaks.
    """
    if repeats is None and cycles is None and calls is None and texts is None:
        raise CheckError("loops: there is nothing to look for. Give `repeats`, `cycles`, `calls` or `texts`.")
    for name, limit, least in (
        ("repeats", repeats, 2),
        ("cycles", cycles, 2),
        ("calls", calls, 1),
        ("texts", texts, 2),
    ):
        if limit is not None and limit < least:
            raise CheckError(f"loops: `{name}` must be {least} or more, or null to switch it off.")
    return _Loops(repeats, cycles, calls, texts, tuple(ignore))


class _Loops(ConversationCheck):
    """The check: see `loops`."""

    def __init__(
        self,
        repeats: int | None,
        cycles: int | None,
        calls: int | None,
        texts: int | None,
        ignore: tuple[str, ...],
    ) -> None:
        self._repeats, self._cycles, self._calls, self._texts = repeats, cycles, calls, texts
        self._ignore = ignore

    async def judge(
        self, segments: Sequence[Segment], conversation: Conversation, outside: Outside
    ) -> list[list[Span]]:
        """Spans found in each segment, in the order of the segments."""
        spans = Spans(segments)
        asked = {id(call) for call in conversation.called if spans.takes(call)}
        asked.update(id(call) for call in conversation.calls if spans.holds(call))
        counted = [call for call in (*conversation.calls, *conversation.called) if self._counts(call)]
        if any(id(call) in asked for call in counted):
            for place, entity in self._found(counted):
                if id(counted[place]) in asked:
                    spans.on_name(counted[place], entity)
        found = spans.listed()
        if self._texts is not None:
            for place in _said(segments, conversation, self._texts):
                found[place].append(Span(0, len(segments[place].text), REPEATED_TEXT))
        return found

    def _counts(self, call: ToolCall) -> bool:
        return not any(fnmatchcase(call.name, each) for each in self._ignore)

    def _found(self, calls: Sequence[ToolCall]) -> Iterator[tuple[int, str]]:
        """The calls that are one too many, by place, and why."""
        if self._calls is not None:
            yield from ((place, TOO_MANY) for place in range(self._calls, len(calls)))
        if self._repeats is None and self._cycles is None:
            return
        alike = _numbered(calls)
        if self._repeats is not None:
            made: Tally[int] = Tally()
            for place, number in enumerate(alike):
                made[number] += 1
                if made[number] >= self._repeats:
                    yield place, REPEATED_CALL
        if self._cycles is not None:
            yield from ((place, REPEATED_CYCLE) for place in _cycling(alike, self._cycles))


def _numbered(calls: Sequence[ToolCall]) -> list[int]:
    """A number for each call, the same for calls of one tool with arguments that mean the same."""
    by_text: dict[tuple[str, str], int] = {}
    by_meaning: dict[tuple[str, str], int] = {}
    alone = {name for name, times in Tally(call.name for call in calls).items() if times == 1}
    numbers = []
    for call in calls:
        written = (call.name, call.arguments)
        if written not in by_text:
            meant = call.arguments if call.name in alone else meaning(call.arguments)
            by_text[written] = by_meaning.setdefault((call.name, meant), len(by_meaning))
        numbers.append(by_text[written])
    return numbers


def _cycling(numbers: Sequence[int], times: int) -> set[int]:
    """Where a round of two to six, not all the same, ends that was there so many times in a row."""
    found: set[int] = set()
    for length in range(2, LONGEST_CYCLE + 1):
        run = 0
        for place in range(length, len(numbers)):
            run = run + 1 if numbers[place] == numbers[place - length] else 0
            if run >= length * (times - 1) and len(set(numbers[place - length + 1 : place + 1])) > 1:
                found.add(place)
    return found


def _said(segments: Sequence[Segment], conversation: Conversation, times: int) -> Iterator[int]:
    """The texts of the assistant's, by place, that are there for at least the given time."""
    calls = (*conversation.calls, *conversation.called)
    elsewhere = {pointer for call in calls for pointer in (call.pointer, call.name_pointer)}
    said: Tally[str] = Tally()
    ordinal: dict[str, int] = {}
    for text in conversation.texts:
        if text.stage is Stage.INPUT and text.pointer not in elsewhere and (words := _words(text)):
            said[words] += 1
            ordinal[text.pointer] = said[words]
    for place, segment in enumerate(segments):
        if segment.stage is Stage.INPUT:
            number = ordinal.get(segment.pointer, 0)
        elif segment.stage is Stage.OUTPUT and (words := _words(segment)):
            number = said[words] + 1
        else:
            continue
        if number >= times and not segment.within:
            yield place


def _words(text: Segment) -> str:
    """What a long text of the assistant's says; empty for any other."""
    if text.channel != "assistant" or text.within or len(text.text) < LONG_TEXT:
        return ""
    words = text.text.strip()
    return words if len(words) >= LONG_TEXT else ""
