"""The nouns of judging: a Judge is asked with a Rubric and gives a Ruling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from evals.types import Usage


@dataclass(frozen=True, slots=True)
class Rubric:
    """A versioned judge prompt and the verdicts it may give."""

    name: str
    version: str
    system: str
    user: str
    """Text with `{field}` places, each filled with material that may not give orders."""
    verdicts: Mapping[str, float]
    """What the judge may answer, and the value of each, e.g. `{"supported": 1.0, "unsupported": 0.0}`."""
    each: str = ""
    """The field that holds a JSON list of texts, each of which gets a verdict; empty where all gets one."""

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the places, in order."""
        import string

        return tuple(dict.fromkeys(name for _, name, _, _ in string.Formatter().parse(self.user) if name))


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a judge said. `verdict` is one of the rubric's, or empty with a reason why there is none."""

    verdict: str
    """Of a list, the one with the lowest value."""
    explanation: str = ""
    reason: str = ""
    """Why there is no verdict: it refused, its reply could not be read, it timed out; else empty."""
    reply: str = ""
    """The reply as it came, cut at 2,000 characters, where there is no verdict."""
    usage: Usage | None = None
    """Tokens of all its calls; None where one of them was not counted."""
    answered_model: str = ""
    cached: bool = False
    calls: int = 0
    """Requests made for it, tries and repair included."""
    verdicts: tuple[str, ...] = ()
    """Of each text in a list, in order; empty where the rubric has none."""


class Judge(Protocol):
    """A model behind an OpenAI-compatible endpoint that gives verdicts."""

    def identity(self, rubric: Rubric) -> str:
        """SHA-256 of provider, model, rubric, parser version and sampling: what a verdict depends on."""

    def advisory(self, rubric: Rubric) -> str:
        """Why its verdicts by this rubric may not gate; empty when they may (calibrated, and not stale)."""

    async def rule(self, rubric: Rubric, material: Mapping[str, str], repeat: int = 0) -> Ruling:
        """The verdict on some material, by field. Raises only when no call can succeed (JudgeError)."""
