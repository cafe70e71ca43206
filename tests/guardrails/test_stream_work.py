"""What a stream costs: it grows with the text and not faster."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from guardrails.check import Scanner
from guardrails.types import Span
from tests.guardrails.samples import guard, registered


@pytest.fixture(autouse=True, scope="module")
def _checks() -> Iterator[None]:
    with registered():
        yield


class Counting:
    """Counts the code points that a scanner is shown."""

    def __init__(self, scanner: Scanner) -> None:
        self._scanner, self.seen = scanner, 0
        self.context = scanner.context

    def scan(self, text: str, start: int = 0) -> list[Span]:
        """As the scanner."""
        self.seen += len(text)
        return self._scanner.scan(text, start)

    def hold(self, text: str, start: int = 0) -> int:
        """As the scanner."""
        self.seen += len(text)
        return self._scanner.hold(text, start)


@pytest.mark.parametrize(
    ("text", "times"),
    [("plain words 12 and 123456 numbers, " * 3000, 16), ("7" * 60_000, 60), (("1" * 2000 + " ") * 40, 140)],
    ids=["prose", "one long run", "many long runs"],
)
def test_the_work_grows_with_the_text_and_not_faster(text: str, times: int) -> None:
    """Pushed by four code points, a text is not looked at again and again."""
    stream = guard("{id: a, check: digits, stages: [output], action: redact}").stream("/p")
    (lane,) = stream._lanes
    counting = lane._scanner = Counting(lane._scanner)  # type: ignore[attr-defined]

    out = "".join(stream.push(text[at : at + 4]) for at in range(0, len(text), 4)) + stream.flush()

    assert not any(digit * 4 in out for digit in "17")
    assert counting.seen < times * len(text)
