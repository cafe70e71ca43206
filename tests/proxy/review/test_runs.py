"""An eval run document as lines and cards."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from proxy.review import runs
from tests.proxy.review import documents

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


def test_the_list_line_tells_the_run() -> None:
    """Suite, golden set, prompt, model as asked and answered, verdict, and means with their n."""
    head = runs.head(documents.run())

    assert (head.suite, head.golden, head.prompt, head.verdict) == (
        "support-answers",
        "support 1.2.0",
        "support 8",
        "block",
    )
    assert head.model == "gpt-4o-mini → gpt-4o-mini-2024-07-18"
    assert head.means[0] == runs.Mean("groundedness", "0.884", "0.790 to 0.950", "23", "1")
    assert (head.items, head.created_at) == ("24", "2026-10-01 09:12:44")


def test_a_run_of_the_list_has_no_items_but_their_number() -> None:
    """The list's documents come without items and with `n_items`."""
    run = documents.run() | {"n_items": 24}
    del run["items"]

    assert runs.head(run).items == "24"


def test_the_gate_shows_changes_with_their_interval() -> None:
    """A loss has its minus; no change has no sign."""
    lost, same, _ = runs.metrics(documents.run())

    assert (lost.delta, lost.interval, lost.verdict) == ("−0.082", "−0.140 to −0.031", "block")
    assert same.delta == "0.000"


def test_lost_cases_come_before_won_ones() -> None:
    """What got worse is read first."""
    assert [flip.lost for flip in runs.flips(documents.run())] == [True, True, True, False]


def test_unscored_is_told_and_is_no_number() -> None:
    """A score without a value says so, with its reason, whatever stands in `value`."""
    run = documents.run()
    run["items"][5]["scores"]["groundedness"]["value"] = 0.0

    [score, *_] = runs.page(run, 5)[0].scores

    assert (score.value, score.scored, score.reason) == ("unscored", False, "the target gave no answer")


def test_items_come_in_pages() -> None:
    """At most a page's worth, from the place asked for."""
    run = documents.run(items=documents.run()["items"] * 10)

    assert len(runs.page(run, 0)) == runs.PAGE
    assert len(runs.page(run, 200)) == 40
    assert runs.page(run, 999) == []


NAMES = (
    "gate",
    "golden",
    "prompt",
    "target",
    "summary",
    "items",
    "baseline",
    "cases",
    "suite",
    "id",
    "repeats",
    "n_items",
)


@given(st.dictionaries(st.sampled_from(NAMES), ANY), ANY)
def test_any_shape_can_be_shown(changes: dict[str, Any], item: Any) -> None:
    """A run document of any shape gives a page; no word of its own reaches a class."""
    run = documents.run(**changes)
    run["items"] = changes.get("items", [item, {"output": item, "scores": {"x": item}}])

    head = runs.head(run)
    metrics, _, _, items = runs.metrics(run), runs.flips(run), runs.baseline(run), runs.page(run, 0)

    assert head.verdict in runs.VERDICTS
    assert all(metric.verdict in runs.VERDICTS for metric in metrics)
    assert len(items) <= runs.PAGE
