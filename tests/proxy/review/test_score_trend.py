"""Scores of suites from run to run, whatever a run document holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.review.score_trend import faithful, scores
from tests.proxy.review import documents

anything = st.sampled_from(
    [
        None,
        True,
        0.5,
        float("nan"),
        10**400,
        "",
        "x",
        [],
        {},
        {"f1": None},
        {"f1": {"mean": "x"}},
        {"f1": {"mean": 1}},
    ]
)


def test_a_suite_is_told_by_its_latest_run() -> None:
    """Its metrics with the change from the run before, and a dot for each run that was blocked."""
    good, bad = documents.runs("a" * 32)
    good["summary"]["groundedness"]["mean"] = 0.966

    found = scores([bad, good])

    assert next((one.suite, one.metric, one.change) for one in found) == (
        "support-answers",
        "groundedness",
        "−0.082",
    )
    assert found[0].run_id == bad["id"] and found[0].verdict == "block" and len(found[0].spark.dots) == 1
    tile = faithful(found)
    assert (tile.value, tile.path) == ("0.884", f"/review/runs/{bad['id']}")
    assert tile.change is not None and tile.change.tone == "worse"


def test_what_the_gate_looks_at_comes_first() -> None:
    """What is only reported comes after it; latency has its unit, and less of it is better."""
    good, bad = documents.runs("a" * 32)
    for run, spent in ((good, 640.0), (bad, 812.4)):
        means = {"f1": 0.8, "exact": 0.7, "refusal": 1.0, "groundedness": 0.9, "latency": spent}
        run["summary"] = {name: {"mean": mean} for name, mean in means.items()}
        run["scorers"] = [{"name": name, "higher_is_better": name != "latency"} for name in means]
    told = [("latency", "block"), ("f1", "none"), ("refusal", "pass"), ("exact", "pass")]
    bad["gate"]["metrics"] = [{"metric": name, "verdict": verdict} for name, verdict in told]

    found = scores([bad, good])

    assert [one.metric for one in found] == ["latency", "refusal", "groundedness"]
    assert (found[0].shown, found[0].change, found[0].tone) == ("812 ms", "+172 ms", "worse")


@pytest.mark.parametrize(("before", "tone"), [(0.966, "red"), (0.8, "green"), (0.884, "blue")])
def test_a_tile_is_green_for_what_got_better_alone(before: float, tone: str) -> None:
    """Red for a loss, and neither for what stayed."""
    good, bad = documents.runs("a" * 32)
    good["summary"]["groundedness"]["mean"] = before

    assert faithful(scores([bad, good])).tone == tone


def test_without_a_run_it_is_not_measured() -> None:
    """And the tile says what to do."""
    tile = faithful([])
    assert (tile.known, tile.value) == (False, "not measured") and "publish" in tile.note


@given(
    st.lists(
        st.fixed_dictionaries({"suite": anything, "summary": anything, "gate": anything, "id": anything}),
        max_size=4,
    )
)
def test_no_document_breaks_it(heads: list[dict[str, object]]) -> None:
    """Whatever a runner published."""
    found = scores(heads)
    assert len(found) <= 12 and faithful(found).title
