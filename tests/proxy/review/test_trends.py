"""Scores of a suite from run to run."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from proxy.review.runs import VERDICTS
from proxy.review.trends import HEIGHT, WIDTH, trends
from tests.proxy.review import documents
from tests.proxy.test_eval_scores import ANY


def _head(id: str, mean: float, verdict: str = "pass", **over: Any) -> dict[str, Any]:
    summary = {"groundedness": {"mean": mean, "low": mean - 0.05, "high": mean + 0.05}, "f1": {"mean": 0.5}}
    return documents.run(
        id, summary=summary, gate={"verdict": verdict}, gating=[{"metric": "groundedness"}], **over
    )


def test_a_suite_has_a_line_for_each_metric_that_gates() -> None:
    """The newest run is last on the line and first in the table; a better score stands higher."""
    [line] = trends(
        [_head("c", 0.6, "block"), _head("b", 0.9), _head("a", 0.8), _head("x", 0.8, suite="alone")]
    )

    assert (line.metric, line.latest, line.change) == ("groundedness", "0.600", "−0.300")
    assert [(dot.id, dot.verdict) for dot in line.dots] == [("c", "block"), ("b", "pass"), ("a", "pass")]
    assert line.dots[1].y < line.dots[2].y < line.dots[0].y
    assert [dot.x for dot in line.dots] == sorted((dot.x for dot in line.dots), reverse=True)


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["id", "suite", "summary", "gate", "gating", "created_at"]), ANY),
        max_size=4,
    )
)
def test_runs_of_any_shape_have_lines_within_the_picture(heads: list[dict[str, Any]]) -> None:
    """Every number of the drawing is one, and no word of a run reaches a class."""
    for line in trends([_head("a", 0.5), *(_head("b", 0.5) | head for head in heads)]):
        for dot in line.dots:
            assert dot.verdict in VERDICTS
            assert 0 <= dot.x <= WIDTH
            assert all(0 <= y <= HEIGHT for y in (dot.y, dot.low, dot.high))
