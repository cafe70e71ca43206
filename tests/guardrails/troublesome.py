"""Checks of another package that go wrong in every way there is. Loaded by the process they run in."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

from guardrails.check import Check, TextScanner, in_process
from guardrails.errors import CheckError, ModelError
from guardrails.patterns import Pattern, PatternSet
from guardrails.types import Segment, Span


def trouble(greeting: str = "") -> Check:
    """A check that does what the first word of its text says. Otherwise it finds the word `secret`.

    The entity of what it finds is the number of the process that found it.
    """
    if greeting == "refuse":
        raise CheckError("trouble: `greeting` is rude.")

    async def check(segments: Sequence[Segment], /) -> Any:
        for segment in segments:
            act = _ACTS.get(segment.text.partition(" ")[0])
            if act is not None:
                return await act(segment.text)
        return [_found(segment.text) for segment in segments]

    return check


def echo() -> Check:
    """A check that finds the whole text, and calls the entity what the text is."""

    async def check(segments: Sequence[Segment], /) -> list[list[Span]]:
        return [[Span(0, len(each.text), repr(each))] for each in segments]

    return check


def patterns(regex: str = "x") -> Check:
    """A pattern set, which is linear by construction."""
    return PatternSet([Pattern("X", regex)])


class _Handmade(TextScanner):
    def scan(self, text: str, start: int = 0) -> list[Span]:
        at = text.find("x", start)
        return [Span(at, at + 1, "X")] if at >= 0 else []

    def hold(self, text: str, start: int = 0) -> int:
        return len(text)


def handmade() -> Check:
    """A scanner that nobody vouches for."""
    return _Handmade()


@in_process()
def vouched() -> Check:
    """The same, vouched for."""
    return _Handmade()


def dies() -> Check:
    """Takes its process along while it is built."""
    os._exit(3)


def hangs() -> Check:
    """Is never built."""
    while True:
        time.sleep(1)


def misses() -> Check:
    """Needs what is not installed."""
    import no_such_package  # type: ignore[import-not-found]

    return no_such_package.check()


def _found(text: str) -> list[Span]:
    at = text.find("secret")
    return [Span(at, at + 6, str(os.getpid()))] if at >= 0 else []


async def _hang(text: str) -> None:
    while True:
        pass


async def _regex(text: str) -> None:
    re.match(r"(a+)+$", "a" * 60 + "b")


async def _sleep(text: str) -> None:
    await asyncio.sleep(600)


async def _stop(text: str) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


async def _nap(text: str) -> list[list[Span]]:
    time.sleep(0.2)
    return [[]]


async def _tick(text: str) -> list[list[Span]]:
    time.sleep(0.02)
    return [[]]


async def _kill(text: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def _exit(text: str) -> None:
    sys.exit(text)


async def _scribble(text: str) -> list[list[Span]]:
    for file in range(3, 64):
        try:
            os.write(file, text.encode() * 10)
        except OSError:
            pass
    return [[]]


async def _raise(text: str) -> None:
    raise ValueError(text)


async def _model(text: str) -> None:
    raise ModelError(text)


async def _deep(text: str) -> None:
    await _deep(text)


async def _print(text: str) -> list[list[Span]]:
    print(text)
    print(text, file=sys.stderr, flush=True)
    os.write(1, text.encode())
    os.write(2, text.encode())
    return [_found(text)]


def _answers(answer: Any) -> Any:
    async def act(text: str) -> Any:
        return answer

    return act


_ACTS = {
    "hang": _hang,
    "regex": _regex,
    "sleep": _sleep,
    "stop": _stop,
    "nap": _nap,
    "tick": _tick,
    "kill": _kill,
    "exit": _exit,
    "scribble": _scribble,
    "raise": _raise,
    "model": _model,
    "deep": _deep,
    "print": _print,
    "nothing": _answers(None),
    "few": _answers([]),
    "many": _answers([[], [], []]),
    "strange": _answers([[lambda: 0]]),
    "generator": _answers([] for _ in ()),
    "unsendable": _answers([[Span(0, 1, object())]]),  # type: ignore[arg-type]
    "outside": _answers([[Span(0, 1000, "X")]]),
    "fraction": _answers([[Span(0, 1.5, "X")]]),  # type: ignore[arg-type]
    "nameless": _answers([[Span(0, 1, None)]]),  # type: ignore[arg-type]
    "giant": _answers([[Span(0, 1, "X" * 5_000_000)]]),
    "endless": _answers([[Span(0, 1, "X")] * 200_000]),
}
