"""The first of several versions that the gate blocks, found in few steps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from evals.run import GateVerdict, Run

Judge = Callable[[int, bool], Awaitable[Run]]
"""The judged run of the version at a place: the first by itself, the others against it; asked more if flagged."""


@dataclass(frozen=True, slots=True)
class Step:
    """One version that was judged."""

    version: str
    run: Run
    more: bool = False
    """Whether it was asked more, because less did not decide it."""
    afresh: bool = False
    """Whether it was asked again, to see that what the search found was not chance."""

    @property
    def verdict(self) -> GateVerdict:
        """What the gate said of it."""
        return self.run.gate.verdict


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to."""

    steps: tuple[Step, ...]
    """In the order in which they were made."""
    held: str = ""
    """The last version that is known to hold."""
    blocked: str = ""
    """The first version that is known to be blocked; empty when none is."""
    unsure: tuple[str, ...] = ()
    """Versions between the two that the gate could not decide."""
    broken: str = ""
    """Why there is no answer; empty when there is one."""

    @property
    def exit_code(self) -> int:
        """0 the last version holds, 1 found, 2 it could not be searched, 3 no single version can be named."""
        if self.broken:
            return 2
        if self.unsure:
            return 3
        return 1 if self.blocked else 0


class _Broken(Exception):
    """The search cannot go on."""


async def search(
    names: Sequence[str], judge: Judge, *, more: bool = True, confirm: Judge | None = None
) -> Found:
    """The first version that is blocked against the first of all, which must hold by itself.

    It takes it that what comes after a worse version is worse too. A version that the gate cannot decide is asked more
    if `more` allows it; where it still cannot be decided its neighbours are tried, and what remains is a range.

    Each step may err, and the search keeps what it saw. So what it found is judged once more by `confirm`, which asks
    it and the first version afresh, and is only named when it is blocked again.
    """
    steps: list[Step] = []

    async def verdict(place: int, judge: Judge = judge, *, afresh: bool = False) -> GateVerdict:
        for asked_more in (False, True) if more and place else (False,):
            run = await judge(place, asked_more)
            steps.append(Step(names[place], run, asked_more, afresh))
            if run.unfinished:
                raise _Broken(f"{names[place]} was not asked to the end")
            if run.gate.verdict is not GateVerdict.INCONCLUSIVE:
                break
        return steps[-1].verdict

    try:
        held, blocked, unsure = await _narrowed(names, verdict)
        found = confirm is not None and blocked == held + 1 < len(names)
        if found and await verdict(blocked, confirm or judge, afresh=True) is not GateVerdict.BLOCK:
            unsure.add(blocked)
            blocked = _next_blocked(names, steps, blocked)
    except _Broken as why:
        told = steps[-1].run
        return Found(tuple(steps), broken=f"{why} ({told.unfinished or told.gate.reason})")
    if blocked == len(names):
        undecided = tuple(names[place] for place in sorted(unsure) if place > held)
        return Found(tuple(steps), names[held], unsure=undecided)
    between = tuple(names[place] for place in range(held + 1, blocked))
    return Found(tuple(steps), names[held], names[blocked], between)


def _next_blocked(names: Sequence[str], steps: Sequence[Step], after: int) -> int:
    """Place of the first later version that the search saw blocked; their number when there is none."""
    seen = {step.version for step in steps if step.verdict is GateVerdict.BLOCK}
    return next((place for place in range(after + 1, len(names)) if names[place] in seen), len(names))


async def _narrowed(
    names: Sequence[str], verdict: Callable[[int], Awaitable[GateVerdict]]
) -> tuple[int, int, set[int]]:
    """Places of the last version that holds, of the first blocked (their number when none is), of the undecided."""
    last = len(names) - 1
    if (await verdict(0)) in (GateVerdict.BLOCK, GateVerdict.INVALID):
        raise _Broken(f"the first version, {names[0]}, does not hold by itself")
    end = await verdict(last)
    if end is GateVerdict.INVALID:
        raise _Broken(f"the last version, {names[last]}, cannot be judged")
    if end is GateVerdict.INCONCLUSIVE:
        return 0, len(names), {last}
    if end is not GateVerdict.BLOCK:
        return last, len(names), set()
    held, blocked, unsure = 0, last, set[int]()
    while untried := [place for place in range(held + 1, blocked) if place not in unsure]:
        middle = (held + blocked) / 2
        place = min(untried, key=lambda each: (abs(each - middle), each))
        found = await verdict(place)
        if found is GateVerdict.BLOCK:
            blocked = place
        elif found in (GateVerdict.INCONCLUSIVE, GateVerdict.INVALID):
            unsure.add(place)
        else:
            held = place
    return held, blocked, unsure
