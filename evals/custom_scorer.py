"""Somebody's own scorers: named `module:factory`, or of another package. Whatever they do, the eval goes on."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

from evals.custom_judge import Asked, Clock
from evals.custom_score import Malformed, checked
from evals.errors import Retryable, ScorerError, TargetError
from evals.foreign import Failed, guarded, load, parameters, settled, source_sha256, timely
from evals.scorer import BUILT_IN, Measure, Scorer
from evals.types import Case, Cause, Output, Score

NAME = re.compile(r"[a-z][a-z0-9_]{0,63}(?:@[1-9][0-9]{0,3})?")
"""What a scorer may be called in runs."""
MEMBERS = ("name", "version", "higher_is_better", "applies")
"""What a scorer has besides being callable."""
LIMIT_S = 60.0
"""Longest wait for one score, and for whether a case gets one; what a judge takes is not counted."""


def factory(call: str) -> Callable[..., Any]:
    """The factory that `module:factory` names, looked for in the working directory too. Raises ScorerError."""
    try:
        found = load(call)
        ready = settled(is_scorer, found)
    except Failed as failure:
        raise ScorerError(f"scorer {call} {failure}", fix="name a function that returns a scorer") from None
    except TargetError as error:
        what = error.what.replace("names no function", "names no factory")
        raise ScorerError(f"scorer {call}: {what}", fix=error.fix.replace(":function", ":factory")) from None
    if ready or not callable(found):
        what = "is a scorer, and no factory of one" if ready else "is no factory: it cannot be called"
        raise ScorerError(f"scorer {call} {what}", fix="name a function that returns a scorer")
    makes: Callable[..., Any] = found
    return makes


def made(call: str, make_one: Callable[..., Any], given: Mapping[str, Any]) -> Scorer:
    """What a factory makes of what it takes of `given`, guarded. Raises ScorerError.

    Args:
        call: its name, for messages and for the hash of its source.
        make_one: the factory.
        given: what there is to be given, by name; other parameters need a default.
    """
    taken = parameters(make_one)
    needed = [name for name in _needed(make_one) if name not in given]
    if needed:
        fix = f"give it a default, or take only {', '.join(sorted(given))}"
        raise ScorerError(f"scorer {call} needs {needed[0]!r}, which nobody gives", fix=fix)
    asked = Asked(given["judge"]) if "judge" in taken and given.get("judge") is not None else None
    told = {**given, "judge": asked} if asked is not None else given
    try:
        one = settled(make_one, **{name: value for name, value in told.items() if name in taken})
        if not settled(is_scorer, one):
            lacking = next((name for name in MEMBERS if not hasattr(one, name)), "a call")
            what = f"scorer {call} returns no scorer, but {type(one).__name__} without {lacking}"
            fix = "return an evals.scorer.Measure, or an object with all that a Scorer has"
            raise ScorerError(what, fix=fix)
        guard = Guarded(one, source_sha256(make_one, call)[:12], asked)
    except Failed as failure:
        raise ScorerError(f"scorer {call} {failure}", fix="call it in a shell") from None
    return _named(call, guard)


def is_scorer(value: Any) -> bool:
    """Whether a value has all that a scorer has."""
    return not inspect.isclass(value) and callable(value) and all(hasattr(value, name) for name in MEMBERS)


class Guarded:
    """Somebody's scorer, which may raise, leave the process, hang or return anything: that makes one score unscored.

    Args:
        inner: the scorer.
        source: hash of the file that it comes from, a part of its version.
        asked: the judge that it was given; it tells by which rubrics it was asked.

    Raises Failed where the scorer cannot say its name, its version or which values are better.
    """

    def __init__(self, inner: Any, source: str, asked: Asked | None = None) -> None:
        self._inner, self._source, self._asked = inner, source, asked
        self.name = settled(getattr, inner, "name")
        self.higher_is_better = bool(settled(lambda: bool(inner.higher_is_better)))
        self._told = self._own_version()

    @property
    def version(self) -> str:
        """As the scorer says, with the hash of its source and the judge's identity: other code is another version."""
        try:
            self._told = self._own_version()
        except Failed:
            pass  # it said one before
        parts = [self._source]
        if self._asked is not None and (judge := self._asked.identity_of_all[:12]) not in self._told:
            parts.append(judge)
        return f"{self._told}{'.' if '+' in self._told else '+'}{'.'.join(parts)}"

    @property
    def advisory(self) -> str:
        """Why it may not gate: as the scorer says, or as the judge does that it asks; empty when it may."""
        own = self._volunteered("advisory")
        return own or (self._asked.advisory_of_all if self._asked is not None else "")

    @property
    def judge_identity(self) -> str:
        """Hash of what the verdicts that it asked for depend on; empty before it asked for one."""
        if self._asked is None:
            return self._volunteered("judge_identity")
        return self._asked.identity_of_all

    def applies(self, case: Case) -> bool:
        """As in Scorer; where that cannot be said it does, and the score will tell why there is none."""
        try:
            return bool(timely(LIMIT_S, lambda: bool(self._inner.applies(case))))
        except Failed:
            return True

    async def applying(self, case: Case) -> bool:
        """The same without holding up the event loop."""
        try:
            async with asyncio.timeout(LIMIT_S):
                return bool(await guarded(lambda: bool(self._inner.applies(case))))
        except (Failed, Retryable, TimeoutError):
            return True

    async def __call__(self, case: Case, output: Output, /) -> Score:
        """As in Scorer. What is not `async` runs in a thread."""
        measure = self._inner.score if type(self._inner) is Measure else self._inner
        limit = asyncio.timeout(LIMIT_S)
        try:
            async with limit:
                with Clock(limit, LIMIT_S).running():
                    await guarded(lambda: bool(self._inner.applies(case)))
                    found = await guarded(measure, case, output)
            return checked(found)
        except TimeoutError:
            return Score.unscored(f"the scorer gave no score within {LIMIT_S:g} s", Cause.SCORER)
        except Retryable as error:
            return Score.unscored(f"the scorer raised {type(error).__name__}", Cause.SCORER)
        except (Failed, Malformed) as failure:
            return Score.unscored(f"the scorer {failure}", Cause.SCORER)

    def _own_version(self) -> str:
        """What the scorer says. Raises Failed."""
        found = settled(getattr, self._inner, "version")
        if isinstance(found, bool) or not isinstance(found, str | int | float):
            raise Failed(f"has a version that is {type(found).__name__} and no text")
        return str(settled(str, found))

    def _volunteered(self, name: str) -> str:
        """What the scorer says of itself unasked; empty where it does not, or says no text."""
        try:
            found = settled(getattr, self._inner, name, "")
        except Failed:
            return f"the scorer's {name} cannot be told" if name == "advisory" else ""
        return str.__str__(found) if isinstance(found, str) else ""


def _needed(make_one: Callable[..., Any]) -> list[str]:
    """Parameters without a default, those that take whatever comes left out."""
    try:
        all_of_them = inspect.signature(make_one).parameters.values()
    except (ValueError, TypeError):
        return []
    open_ended = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [one.name for one in all_of_them if one.default is one.empty and one.kind not in open_ended]


def _named(call: str, scorer: Guarded) -> Scorer:
    """The scorer itself, once its name is known to be one that runs can hold."""
    name = scorer.name
    if not isinstance(name, str) or not NAME.fullmatch(name):
        said = repr(name[:80]) if isinstance(name, str) else f"by {type(name).__name__} and no text"
        what = f"scorer {call} calls itself {said}"
        raise ScorerError(
            what, fix="lower-case letters, digits and _, and @k where it takes one: `polite`, `near@5`"
        )
    base = name.partition("@")[0]
    if base in BUILT_IN:
        raise ScorerError(
            f"scorer {call} calls itself {name!r}, as a built-in one is called", fix="rename it"
        )
    if ":" not in call and base != call:
        what = f"scorer {call} calls itself {name!r}, and its package registers it as {call!r}"
        raise ScorerError(what, fix="let its package give both one name")
    return scorer
