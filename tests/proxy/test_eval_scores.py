"""What a run's items say, case by case."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy import eval_scores
from proxy.eval_scores import Cell

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def item(id: str, *values: float | None, usage: Any = None) -> list[dict[str, Any]]:
    """A case asked as often as there are values; None is unscored."""
    return [
        {
            "id": id, "sha256": "h", "repeat": repeat, "output": {"usage": usage},
            "scores": {"exact": {"status": "unscored" if value is None else "scored", "value": value}},
        }
        for repeat, value in enumerate(values)
    ]  # fmt: skip


def run(*items: list[dict[str, Any]], **over: Any) -> dict[str, Any]:
    """A run of these items."""
    scorers = [{"name": "exact", "version": "1", "higher_is_better": True}]
    made = {
        "scorers": scorers,
        "summary": {"exact": {"mean": 0.5}},
        "items": [one for some in items for one in some],
    }
    return made | over


@pytest.mark.parametrize(
    ("values", "mean", "passes", "unstable"),
    [
        ((1.0, 1.0), 1.0, True, False),
        ((1.0, 0.0), 0.5, True, True),
        ((0.4, 0.1), 0.25, False, False),
        ((None, 0.0), 0.0, False, False),
        ((None, None), None, None, False),
    ],
)
def test_a_case_is_told_by_its_scored_repeats(
    values: tuple[float | None, ...], mean: float | None, passes: bool | None, unstable: bool
) -> None:
    """What has no value counts as nothing, never as zero."""
    [case] = eval_scores.cells(run(item("a", *values))).values()
    cell = case["exact"]

    assert (cell.mean, cell.passes, cell.unstable) == (mean, passes, unstable)
    assert cell.unscored == values.count(None)


def test_unstable_cases_are_counted_where_a_metric_has_a_pass_mark() -> None:
    """A latency that varies makes no case unstable."""
    shaky = run(item("a", 1.0, 0.0), item("b", 1.0, 1.0))

    assert eval_scores.n_unstable(shaky) == 1
    slower = [{"name": "exact", "version": "1", "higher_is_better": False}]
    assert eval_scores.n_unstable(shaky | {"scorers": slower}) == 0
    assert eval_scores.n_unstable(shaky | {"summary": {"exact": {"mean": 812.0}}}) == 0


def test_tokens_that_nobody_told_are_none() -> None:
    """Only what a provider said is added up."""
    told = {"prompt_tokens": 10, "completion_tokens": 3}

    assert eval_scores.tokens(run(item("a", 1.0, usage=told), item("b", 1.0))) == 13
    assert eval_scores.tokens(run(item("a", 1.0))) is None


@given(ANY, st.dictionaries(st.sampled_from(["items", "scorers", "summary", "gating", "cases"]), ANY))
def test_a_document_of_any_shape_can_be_read(one: Any, over: dict[str, Any]) -> None:
    """Nothing raises, and no number is NaN."""
    document = run(item("a", 1.0)) | {"items": [one, {"scores": one, "output": one}]} | over

    means = [cell.mean for case in eval_scores.cells(document).values() for cell in case.values()]
    assert all(mean is None or mean == mean for mean in means)
    eval_scores.graded(document), eval_scores.versions(document), eval_scores.gating(document)
    assert eval_scores.n_unstable(document) >= 0
    assert (eval_scores.tokens(document) or 0) >= 0


def test_a_cell_without_values_has_no_mean() -> None:
    """Not zero."""
    assert Cell().mean is None
