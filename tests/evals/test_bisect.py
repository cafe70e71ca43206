"""The search for the first version that is worse, with verdicts instead of runs."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.bisect import Found, search
from evals.run import GateResult, GateVerdict, Run
from tests.evals.conftest import make_run

BLANK = make_run({"exact": {"a": [1.0]}})
LETTERS = {verdict.value[:3]: verdict for verdict in GateVerdict}


def judged(verdict: GateVerdict, unfinished: str = "") -> Run:
    """A run with a verdict."""
    return replace(BLANK, gate=GateResult(verdict, "because"), unfinished=unfinished)


def searched(
    first: list[str], more: dict[int, str] | None = None, *, may: bool = True
) -> tuple[Found, list[str]]:
    """What a search finds when each version gets a verdict, and another when it is asked more; and what it asked."""
    asked: list[str] = []

    async def judge(place: int, asked_more: bool) -> Run:
        asked.append(f"{place}{'+' if asked_more else ''}")
        name = (more or {}).get(place, first[place]) if asked_more else first[place]
        return judged(LETTERS[name])

    return asyncio.run(search([f"v{n}" for n in range(len(first))], judge, more=may)), asked


@given(st.integers(2, 40), st.data())
def test_the_first_bad_version_is_found_in_few_steps(count: int, data: st.DataObject) -> None:
    """By halving: at most log2 of their number, beside the two ends."""
    bad = data.draw(st.integers(1, count - 1))

    found, asked = searched(["pas"] * bad + ["blo"] * (count - bad))

    assert (found.held, found.blocked, found.unsure, found.exit_code) == (f"v{bad - 1}", f"v{bad}", (), 1)
    assert len(asked) <= 2 + (count - 1).bit_length()
    assert len(set(asked)) == len(asked)


def test_a_last_version_that_holds_ends_the_search() -> None:
    """Nothing in between is asked."""
    found, asked = searched(["non", "blo", "pas"])

    assert (found.held, found.blocked, found.exit_code, asked) == ("v2", "", 0, ["0", "2"])


@pytest.mark.parametrize("verdict", ["blo", "inv"])
def test_a_first_version_that_does_not_hold_by_itself_is_no_ground(verdict: str) -> None:
    """There is nothing to compare with."""
    found, asked = searched([verdict, "blo"])

    assert (found.exit_code, asked) == (2, ["0"])
    assert "v0, does not hold by itself (because)" in found.broken


def test_a_last_version_that_cannot_be_judged_is_told() -> None:
    """Exit code 2, as for any run that is invalid."""
    found, _ = searched(["pas", "pas", "inv"])

    assert (found.exit_code, found.broken) == (2, "the last version, v2, cannot be judged (because)")


def test_an_undecided_step_is_asked_more() -> None:
    """Which may decide it."""
    found, asked = searched(["pas", "inc", "blo"], {1: "blo"})

    assert (found.blocked, found.exit_code, asked) == ("v1", 1, ["0", "2", "1", "1+"])
    assert [step.more for step in found.steps] == [False, False, False, True]


def test_what_stays_undecided_makes_a_range() -> None:
    """Its neighbours are tried; no version is named that nothing is known about."""
    found, asked = searched(["pas", "pas", "inc", "inv", "blo"])

    assert (found.held, found.blocked, found.unsure, found.exit_code) == ("v1", "v4", ("v2", "v3"), 3)
    assert asked == ["0", "4", "2", "2+", "1", "3"]


def test_an_undecided_version_outside_of_the_range_does_no_harm() -> None:
    """A later one that holds vouches for it."""
    found, _ = searched(["pas", "pas", "inc", "pas", "blo"])

    assert (found.held, found.blocked, found.unsure, found.exit_code) == ("v3", "v4", (), 1)


def test_an_undecided_last_version_is_not_called_good() -> None:
    """Exit code 3; where asking more changes nothing it is not done."""
    found, asked = searched(["pas", "pas", "inc"], may=False)

    assert (found.exit_code, found.unsure, found.held, asked) == (3, ("v2",), "v0", ["0", "2"])


def test_a_step_that_broke_off_ends_the_search() -> None:
    """What was found until then is kept, and why it ended is said."""

    async def judge(place: int, more: bool) -> Run:
        return (
            judged(GateVerdict.INVALID, "interrupted")
            if place == 1
            else judged(LETTERS[("pas", "", "blo")[place]])
        )

    found = asyncio.run(search(["v0", "v1", "v2"], judge))

    assert (found.exit_code, found.broken, len(found.steps)) == (
        2,
        "v1 was not asked to the end (interrupted)",
        3,
    )


def found_again(first: list[str], afresh: dict[int, str]) -> Found:
    """What a search finds whose result gets another verdict when it is asked afresh."""

    async def judge(place: int, more: bool) -> Run:
        return judged(LETTERS[first[place]])

    async def confirm(place: int, more: bool) -> Run:
        return judged(LETTERS[afresh[place]])

    return asyncio.run(search([f"v{n}" for n in range(len(first))], judge, confirm=confirm))


def test_a_version_is_named_when_it_is_blocked_afresh_too() -> None:
    """That step is the last, and is marked."""
    found = found_again(["pas", "pas", "blo", "blo", "blo"], {2: "blo"})

    assert (found.held, found.blocked, found.unsure, found.exit_code) == ("v1", "v2", (), 1)
    assert [(step.version, step.afresh) for step in found.steps][-1] == ("v2", True)


@pytest.mark.parametrize("verdict", ["pas", "inc", "inv"])
def test_a_version_that_is_not_blocked_afresh_is_not_named(verdict: str) -> None:
    """A range is told, up to the next version that the search saw blocked."""
    found = found_again(["pas", "pas", "blo", "blo", "blo"], {2: verdict})

    assert (found.held, found.blocked, found.unsure, found.exit_code) == ("v1", "v4", ("v2", "v3"), 3)


def test_a_last_version_that_is_not_blocked_afresh_is_undecided() -> None:
    """Nothing is known to be worse then."""
    found = found_again(["pas", "pas", "blo"], {2: "pas"})

    assert (found.held, found.blocked, found.unsure, found.exit_code) == ("v1", "", ("v2",), 3)


def test_nothing_is_asked_afresh_where_nothing_was_found() -> None:
    """All hold, or there is a range already."""
    assert found_again(["pas", "pas"], {}).exit_code == 0
    assert found_again(["pas", "inv", "blo"], {}).exit_code == 3
