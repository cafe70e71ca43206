"""Small checks, and the policies made of them, for tests of what runs checks."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

import pytest

from guardrails.check import BUILT_IN, Check, TextScanner, in_process
from guardrails.engine import Guard
from guardrails.errors import CheckError, ModelError
from guardrails.policy import parse
from guardrails.types import Segment, Span

KEY = b"test"


class Literal(TextScanner):
    """Finds one literal, also where two of them overlap only the first."""

    context = 0

    def __init__(self, literal: str, entity: str, score: float = 1.0) -> None:
        self._literal, self._entity, self._score = literal, entity, score

    def scan(self, text: str, start: int = 0) -> list[Span]:
        """Spans in text[start:]."""
        found, at = [], text.find(self._literal, start)
        while at >= 0:
            found.append(Span(at, at + len(self._literal), self._entity, self._score))
            at = text.find(self._literal, at + len(self._literal))
        return found

    def hold(self, text: str, start: int = 0) -> int:
        """Where the longest tail begins that is a beginning of the literal."""
        hold = next(
            (
                at
                for at in range(max(start, len(text) - len(self._literal) + 1), len(text))
                if self._literal.startswith(text[at:])
            ),
            len(text),
        )
        return next((span.start for span in self.scan(text, start) if span.start < hold < span.end), hold)


class Lazy(Literal):
    """Never says that anything is settled before the text ends."""

    def hold(self, text: str, start: int = 0) -> int:
        """The start: everything may still become a match."""
        return start


class Sloppy(Literal):
    """Says that all is settled but the last code point, also in the middle of what it found."""

    def hold(self, text: str, start: int = 0) -> int:
        """One before the end."""
        return max(start, len(text) - 1)


class Digits(TextScanner):
    """Finds runs of at least `least` digits that no letter touches; a run at the end of the text may still grow."""

    context = 1

    def __init__(self, least: int = 4, entity: str = "NUMBER") -> None:
        self._least, self._entity = least, entity

    def scan(self, text: str, start: int = 0) -> list[Span]:
        """Spans in text[start:]; looks one code point to the left and right."""
        run = "[0-9]" * self._least + "[0-9]*"
        pattern = re.compile(rf"(?<![A-Za-z0-9]){run}(?![A-Za-z0-9])")
        return [Span(*match.span(), self._entity, 0.9) for match in pattern.finditer(text, start)]

    def hold(self, text: str, start: int = 0) -> int:
        """Where a run of digits that reaches the end of the text begins."""
        run = re.compile(r"[0-9]+\Z").search(text, start)
        return run.start() if run else len(text)


class WholeText:
    """Not a scanner: finds a literal, and only when it sees whole texts."""

    def __init__(self, literal: str) -> None:
        self._scanner = Literal(literal, "WHOLE")

    async def __call__(self, segments: Sequence[Segment], /) -> list[list[Span]]:
        """Spans of the literal, one event-loop turn later."""
        await asyncio.sleep(0)
        return [self._scanner.scan(segment.text) for segment in segments]


class Pure(WholeText):
    """The same, of which every segment needs to be looked at once only; counts what it was asked about."""

    pure = True

    def __init__(self, literal: str) -> None:
        super().__init__(literal)
        self.asked: list[Segment] = []

    async def __call__(self, segments: Sequence[Segment], /) -> list[list[Span]]:
        """Spans of the literal."""
        self.asked += segments
        return await super().__call__(segments)


class Sleeper:
    """Takes its time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def __call__(self, segments: Sequence[Segment], /) -> list[list[Span]]:
        """Nothing, late."""
        await asyncio.sleep(self._seconds)
        return [[] for _ in segments]


class Broken(TextScanner):
    """Raises what it is told to, with the text in the message as careless code does."""

    def __init__(self, error: type[Exception]) -> None:
        self._error = error

    def scan(self, text: str, start: int = 0) -> list[Span]:
        """Never returns."""
        raise self._error(text)

    def hold(self, text: str, start: int = 0) -> int:
        """Never returns."""
        raise self._error(text)


class Nonsense:
    """Answers with whatever it was given."""

    def __init__(self, answer: object) -> None:
        self._answer = answer

    async def __call__(self, segments: Sequence[Segment], /) -> list[list[Span]]:
        """The answer."""
        return self._answer  # type: ignore[return-value]


def literal(text: str, entity: str = "LITERAL", score: float = 1.0) -> Check:
    """Factory of Literal."""
    if not text:
        raise CheckError("literal: `text` is empty.")
    return Literal(text, entity, score)


def lazy(text: str, entity: str = "LAZY") -> Check:
    """Factory of Lazy."""
    return Lazy(text, entity)


def sloppy(text: str, entity: str = "SLOPPY") -> Check:
    """Factory of Sloppy."""
    return Sloppy(text, entity)


def digits(least: int = 4, entity: str = "NUMBER") -> Check:
    """Factory of Digits."""
    return Digits(least, entity)


def whole(text: str) -> Check:
    """Factory of WholeText."""
    return WholeText(text)


def pure(text: str) -> Check:
    """Factory of Pure."""
    return Pure(text)


def sleeper(seconds: float) -> Check:
    """Factory of Sleeper."""
    return Sleeper(seconds)


def broken(error: str = "ValueError", asynchronous: bool = False) -> Check:
    """Factory of checks that raise."""
    errors = {"ValueError": ValueError, "ModelError": ModelError, "TimeoutError": TimeoutError}
    scanner = Broken(errors[error])

    async def check(segments: Sequence[Segment], /) -> list[list[Span]]:
        return [scanner.scan(segment.text) for segment in segments]

    return check if asynchronous else scanner


def nonsense(answer: str) -> Check:
    """Factory of checks that answer nonsense, by the nonsense's name."""
    answers: dict[str, object] = {
        "nothing": None,
        "too few": [],
        "not spans": [["span"]],
        "outside": [[Span(0, 1000, "X")]],
        "negative": [[Span(-1, 2, "X")]],
        "empty": [[Span(1, 1, "X")]],
        "backwards": [[Span(2, 1, "X")]],
        "fractions": [[Span(0, 1.5, "X")]],  # type: ignore[arg-type]
    }
    return Nonsense(answers[answer])


CHECKS = (literal, lazy, sloppy, digits, whole, pure, sleeper, broken, nonsense)


@contextmanager
def registered() -> Iterator[None]:
    """The checks of this file can be named in policies."""
    with pytest.MonkeyPatch.context() as patch:
        for make in map(in_process(), CHECKS):
            patch.setitem(BUILT_IN, make.__name__, f"{__name__}:{make.__name__}")
        yield


def guard(rules: str) -> Guard:
    """A guard for rules written in YAML flow style, one a line."""
    lines = "\n".join(f"  - {line.strip()}" for line in rules.strip().splitlines())
    return Guard(parse(f"name: test\nrules:\n{lines}\n"), KEY)


def cut(text: str, *places: int) -> list[str]:
    """The text in pieces."""
    edges = [0, *sorted(places), len(text)]
    return [text[start:end] for start, end in pairwise(edges)]
