"""A judge that says what a test tells it to, without a socket."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from evals.judging.types import Rubric, Ruling
from evals.types import Case, Expected, Hit, Output, Usage

Says = Callable[[Rubric, Mapping[str, str]], Ruling]


class Told:
    """Rules by a function, and remembers what it was asked."""

    def __init__(self, says: Says) -> None:
        self.says = says
        self.asked: list[tuple[str, Mapping[str, str]]] = []

    def identity(self, rubric: Rubric) -> str:
        """One for each rubric."""
        return f"{rubric.name:x<64}"

    def advisory(self, rubric: Rubric) -> str:
        """Always."""
        return f"{rubric.name} is only told"

    async def rule(self, rubric: Rubric, material: Mapping[str, str], repeat: int = 0) -> Ruling:
        """What the function says."""
        self.asked.append((rubric.name, material))
        return self.says(rubric, material)


def ruled(verdict: str, *verdicts: str, explanation: str = "") -> Ruling:
    """A ruling that took ten tokens and one."""
    return Ruling(verdict, explanation, usage=Usage(10, 1), calls=1, verdicts=verdicts, answered_model="j")


REFUSED = Ruling("", reason="the judge refused", reply="No.", usage=Usage(10, 1), calls=1)


def case(answer: str | None = "Blue.", **expected: object) -> Case:
    """A question with an expected answer."""
    return Case("c", "0", "Which colour?", expected=Expected(answer, **expected))  # type: ignore[arg-type]


def output(text: str = "It is blue.", *passages: str) -> Output:
    """An answer, with what was found for it."""
    hits = tuple(Hit(f"d{rank}", 1.0, passage, rank) for rank, passage in enumerate(passages, start=1))
    return Output(text=text, hits=hits, answered_model="t")
