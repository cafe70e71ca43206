"""The process that one check runs in: builds the check, then answers for texts until its parent goes away.

Frames travel both ways: four bytes of length, then JSON, in which half surrogates pass unchanged. Texts follow
their question's frame as they are, since JSON would take long over long ones. Nothing is unpickled. What the
check prints goes nowhere: it never sees the file descriptors that the frames travel on.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from typing import IO, Any

from guardrails.check import ENTRY_POINT_GROUP, Check, Scanner, configured, runs_in_process
from guardrails.errors import BadResult, GuardrailsError, ModelError
from guardrails.patterns import PatternSet
from guardrails.types import Segment, Span, Stage

MAX_ANSWER = 2_097_152
"""Bytes of one answer, some 50,000 spans; a longer one is no answer."""

HEAD = 4
"""Bytes of a frame's length."""

_MAX_REASON = 2_000
_GRACE = 5.0
"""Seconds beyond a request's limit after which the kernel ends the process, should nobody be left to do it."""


def frame(message: Any) -> bytes:
    """A message as it travels. Raises TypeError, ValueError or RecursionError for what is not JSON."""
    body = _encoded(json.dumps(message, ensure_ascii=False, separators=(",", ":")))
    return len(body).to_bytes(HEAD, "big") + body


def question(limit: float, segments: Sequence[Segment]) -> bytes:
    """A frame that asks about some segments, and their texts. The answer may take `limit` seconds."""
    texts = [_encoded(each.text) for each in segments]
    places = [
        [len(text), each.pointer, each.stage, each.channel, each.within]
        for text, each in zip(texts, segments, strict=True)
    ]
    return b"".join((frame([limit, places]), *texts))


def message(body: bytes) -> Any:
    """The message in a frame's body. Raises ValueError or RecursionError for what is none."""
    return json.loads(_decoded(body))


def main() -> None:
    """Builds the check that the first message names, says how that went, and answers all other messages.

    The first answer is `["ready", is a scanner]`, `["in process"]` when the check needs no process of its
    own, or `["refused", reason]`. Later ones are `["spans", ...]` or `["raised", class, is unavailable]`.
    """
    requests, answers = _pipes()
    name, target, options = message(_received(requests))
    try:
        check = _built(name, target, options)
    except Exception as error:
        what = str(error) if isinstance(error, GuardrailsError) else f"{type(error).__name__}: {error}"
        _send(answers, frame(["refused", what[:_MAX_REASON]]))
        return
    _send(answers, frame(["in process"] if check is None else ["ready", isinstance(check, Scanner)]))
    if check is None:
        return
    with asyncio.Runner() as runner:
        while body := _received(requests):
            limit, places = message(body)
            segments = [
                Segment(_decoded(requests.read(size)), pointer, Stage(stage), channel, within)
                for size, pointer, stage, channel, within in places
            ]
            signal.setitimer(signal.ITIMER_REAL, limit + _GRACE)
            answer = _answer(check, runner, segments)
            signal.setitimer(signal.ITIMER_REAL, 0)
            _send(answers, answer)


def _pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Where requests come in and answers go out; the standard streams lead nowhere from now on."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    return requests, answers


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


def _received(stream: IO[bytes]) -> bytes:
    """The body of the next frame; empty when the other end has gone."""
    return stream.read(int.from_bytes(stream.read(HEAD), "big"))


def _built(name: str, target: str, options: dict[str, Any]) -> Check | None:
    """The check; None when it may run in the caller's process."""
    make = EntryPoint(name, target, ENTRY_POINT_GROUP).load()
    values = configured(name, make, options)
    if runs_in_process(make, values):
        return None
    check: Check = make(**values)
    return None if type(check) is PatternSet else check


def _answer(check: Check, runner: asyncio.Runner, segments: Sequence[Segment]) -> bytes:
    async def ask() -> Any:
        return await check(segments)

    try:
        return _framed(runner.run(ask()))
    except Exception as error:
        return frame(["raised", type(error).__name__, isinstance(error, ModelError)])


def _framed(results: Any) -> bytes:
    """What a check returned, as an answer. Raises BadResult for what cannot be one."""
    if not isinstance(results, Sequence):
        raise BadResult
    for spans in results:
        if not isinstance(spans, Sequence) or not all(isinstance(span, Span) for span in spans):
            raise BadResult
    told = [[[span.start, span.end, span.entity, span.score] for span in spans] for spans in results]
    try:
        answer = frame(["spans", told])
    except (TypeError, ValueError, RecursionError):
        raise BadResult from None
    if len(answer) > MAX_ANSWER:
        raise BadResult
    return answer


def _send(stream: IO[bytes], data: bytes) -> None:
    stream.write(data)
    stream.flush()
