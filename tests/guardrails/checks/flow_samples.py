"""Conversations, calls and streams for the tests of checks that judge flows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from guardrails import arguments
from guardrails.check import ConversationCheck, TextScanner
from guardrails.conversation import ALONE, Conversation, ToolCall
from guardrails.types import Segment, Stage

CALL = "/choices/0/message/tool_calls/0/function/arguments"
NAME = CALL.replace("arguments", "name")


def said(*texts: tuple[str, str]) -> Conversation:
    """A conversation of some texts, each with its channel."""
    segments = [
        Segment(text, f"/messages/{place}/content", Stage.INPUT, channel)
        for place, (channel, text) in enumerate(texts)
    ]
    return Conversation(segments, segments)


def called(
    check: ConversationCheck, conversation: Conversation, tool: str, given: Mapping[str, Any] | str
) -> list[tuple[str, str]]:
    """Entity and argument of what a check finds in a call."""
    written = given if isinstance(given, str) else json.dumps(given)
    segments = [
        Segment(tool, NAME, Stage.TOOL_CALL, "assistant"),
        *arguments.segments(written, CALL, Stage.TOOL_CALL, "assistant"),
    ]
    around = conversation.calling([ToolCall(tool, written, CALL, NAME)])
    found = asyncio.run(check.judge(segments, around, ALONE))
    assert len(found) == len(segments)
    for segment, spans in zip(segments, found, strict=True):
        assert all(0 <= span.start < span.end <= len(segment.text) for span in spans)
    return [
        (span.entity, segment.within)
        for segment, spans in zip(segments, found, strict=True)
        for span in spans
    ]


def seen(scanner: TextScanner, text: str) -> list[tuple[str, str]]:
    """Entity and text of what a scanner finds."""
    return [(span.entity, text[span.start : span.end]) for span in scanner.scan(text)]


def whole(scanner: TextScanner, text: str) -> list[tuple[int, int, str]]:
    """What a scanner finds in a whole text."""
    return sorted((span.start, span.end, span.entity) for span in scanner.scan(text))


def followed(scanner: TextScanner, pieces: Sequence[str]) -> tuple[list[tuple[int, int, str]], int]:
    """What a scanner finds in a text that comes in pieces, by its contract alone; and the most that was held.

    Of what is settled only `context` characters are kept, as a stream does.
    """
    found: list[tuple[int, int, str]] = []
    text, base, settled, most = "", 0, 0, 0
    for place in range(len(pieces) + 1):
        final = place == len(pieces)
        text += "" if final else pieces[place]
        start = settled - base
        cut = len(text) if final else scanner.hold(text, start)
        assert start <= cut <= len(text)
        spans = scanner.scan(text, start)
        assert not any(span.start < cut < span.end for span in spans), "a span stands across the cut"
        found += [(base + span.start, base + span.end, span.entity) for span in spans if span.end <= cut]
        settled = base + cut
        kept = max(0, cut - scanner.context)
        text, base = text[kept:], base + kept
        most = max(most, base + len(text) - settled)
    return sorted(found), most


def cuts(text: str) -> list[list[str]]:
    """Every way to cut a text in two, and into single characters."""
    return [[text[:at], text[at:]] for at in range(len(text) + 1)] + [list(text)]
