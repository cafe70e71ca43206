"""A judge is asked about every item, once a repeat, so many at a time; what it cannot say is told."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from evals.errors import JudgeError
from evals.judging.calibration_run import Hearing, hear
from evals.judging.labels import load
from evals.judging.spec import JudgeSpec
from evals.judging.types import Rubric, Ruling
from evals.run import RunItem
from tests.evals.judging.labelled import RUBRIC, Scripted, honest, line, lines, write_labels


def hearing(folder: Path, n: int = 10, **fields: object) -> Hearing:
    """Of so many items, three times each."""
    labels = load(write_labels(folder, lines(n, tags=["t"], cluster="c")))
    return replace(Hearing(labels, RUBRIC, concurrency=4), **fields)  # type: ignore[arg-type]


async def test_every_item_is_asked_once_a_repeat(tmp_path: Path) -> None:
    """Repeats carry their number, what is shown is the item's, and each ruling is told as it comes."""
    judge, seen = Scripted(honest), list[RunItem]()

    record = await hear(judge, hearing(tmp_path), seen.append)

    asked = {(material["answer"], repeat) for material, repeat in judge.asked}
    assert len(judge.asked) == len(asked) == len(seen) == 30
    assert [item.id for item in record.items] == [f"i{n:03}" for n in range(10)]
    assert record.items[1].rulings == ("bad",) * 3
    assert (record.items[0].cluster, record.items[0].tags) == ("c", ("t",))
    assert (record.answered_models, record.failures) == (("m-1",), ())


async def test_what_has_no_verdict_is_told_by_reason(tmp_path: Path) -> None:
    """It is no verdict of the other kind."""

    def mute(material: Mapping[str, str], repeat: int) -> str:
        return "" if repeat == 1 else honest(material, repeat)

    record = await hear(Scripted(mute), hearing(tmp_path), lambda item: None)

    assert record.items[0].rulings == ("good", "", "good")
    assert record.failures == (("the reply is empty", 10),)


async def test_no_more_are_waited_for_at_a_time(tmp_path: Path) -> None:
    """And when no call can succeed, no further one is begun."""
    under_way, most, begun = 0, 0, 0

    class Slow(Scripted):
        async def rule(self, rubric: Rubric, material: Mapping[str, str], repeat: int = 0) -> Ruling:
            nonlocal under_way, most, begun
            under_way, begun = under_way + 1, begun + 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1
            if begun > 12:
                raise JudgeError("the key is refused")
            return Ruling("good")

    with pytest.raises(JudgeError, match="the key is refused"):
        await hear(Slow(honest), hearing(tmp_path), lambda item: None)

    assert most == 4
    assert begun < 20


async def test_ratings_are_told_in_one_order_of_people(tmp_path: Path) -> None:
    """So that the kappa between them is one of two raters."""
    ratings = [{"by": "eve", "label": "bad"}, {"by": "ada", "label": "good"}]
    labels = load(write_labels(tmp_path, [line("a", ratings=ratings), line("b", "bad")]))

    record = await hear(Scripted(honest), Hearing(labels, RUBRIC), lambda item: None)

    assert record.items[0].ratings == ("good", "bad")


def test_the_estimate_grows_with_items_and_repeats(tmp_path: Path) -> None:
    """And is priced where prices are known."""
    spec = JudgeSpec("http://judge/v1", "m", price=(1.0, 2.0))
    few, many = hearing(tmp_path).estimate(spec), hearing(tmp_path, repeats=6).estimate(spec)

    assert (few.rulings, many.rulings) == (30, 60)
    assert many.prompt_tokens == pytest.approx(2 * few.prompt_tokens, abs=1)
    assert few.usd == pytest.approx((few.prompt_tokens + 2 * few.completion_tokens) / 1e6)
    assert hearing(tmp_path).estimate(JudgeSpec("http://judge/v1", "m")).usd is None
