"""Two runs side by side."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.review.compare import KINDS, Row, compare, narrowed
from tests.proxy.review import documents
from tests.proxy.test_eval_scores import ANY

GOOD, BAD = documents.run("good"), documents.run("bad")
for place in (3, 8, 15):
    GOOD["items"][place]["scores"]["groundedness"]["value"] = 0.97
for each in (GOOD, BAD):
    each["summary"]["groundedness"]["mean"] = 0.9


def _of(rows: list[Row], metric: str, kind: str) -> list[str]:
    return [row.key[0] for row in narrowed(rows, kind, metric)]


def test_cases_that_changed_sides_come_first() -> None:
    """By metric and kind; swapped, what was lost is won; what has no value is neither."""
    found = compare(GOOD, BAD)

    assert found.warnings == [] and found.shared == 24
    assert _of(found.rows, "groundedness", "lost") == ["warranty-03", "warranty-08", "warranty-15"]
    assert [row.kind for row in found.rows[:3]] == ["lost"] * 3
    assert _of(found.rows, "groundedness", "unscored") == ["warranty-05"]
    assert _of(compare(BAD, GOOD).rows, "groundedness", "won") == [
        "warranty-03",
        "warranty-08",
        "warranty-15",
    ]
    assert sum(found.counts.values()) == len(found.rows)


def test_a_metric_is_compared_on_the_cases_that_both_scored() -> None:
    """With n, and an interval where one can be said."""
    changes = {change.metric: change for change in compare(GOOD, BAD).changes}

    lost = changes["groundedness"]
    assert lost.difference is not None and lost.difference.n == 23
    assert lost.difference.delta == pytest.approx(-3 * 0.66 / 23)
    assert lost.flips == (3, 0)
    assert changes["recall@5"].difference is not None and changes["recall@5"].difference.low is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"suite": "another"}, "different suites"),
        ({"golden": {"name": "support", "version": "2.0.0", "content_sha256": "0"}}, "golden sets differ"),
        ({"scorers": [{"name": "groundedness", "version": "2"}]}, "scorer or judge differ: groundedness"),
        ({"id": "good"}, "the same run"),
        ({"gate": {"verdict": "invalid"}}, "invalid"),
        ({"items": GOOD["items"][:5]}, "Only 5 of 24"),
    ],
)
def test_runs_that_do_not_go_together_are_warned_of(change: dict[str, Any], words: str) -> None:
    """And a metric of another scorer version has no difference at all."""
    found = compare(GOOD, GOOD | {"id": "other"} | change)

    assert any(words in warning for warning in found.warnings)
    if "scorers" in change:
        [metric] = [each for each in found.changes if each.metric == "groundedness"]
        assert metric.difference is None and "not comparable" in metric.unsaid
        assert narrowed(found.rows, "all", "groundedness") == []


def test_a_case_that_its_repeats_disagree_on_is_unstable() -> None:
    """It is no flip, whatever its means say."""
    shaky = copy.deepcopy(GOOD)
    again = copy.deepcopy(shaky["items"][0])
    again["repeat"], again["scores"]["groundedness"]["value"] = 1, 0.0
    shaky["items"].append(again)

    assert _of(compare(GOOD, shaky).rows, "groundedness", "unstable") == ["warranty-00"]


def test_what_else_differs_is_told() -> None:
    """The prompt, as name, version and hash."""
    assert compare(GOOD, GOOD | {"id": "b", "prompt": {"name": "support", "version": "9", "sha256": "ef" * 32}}).differences == [
        ("prompt", "support 8 (cdcdcdcdcdcd)", "support 9 (efefefefefef)")
    ]  # fmt: skip


NAMES = (
    "id",
    "items",
    "cases",
    "scorers",
    "summary",
    "gating",
    "gate",
    "golden",
    "prompt",
    "target",
    "suite",
)


@given(st.dictionaries(st.sampled_from(NAMES), ANY), st.dictionaries(st.sampled_from(NAMES), ANY), ANY)
def test_documents_of_any_shape_can_be_compared(
    one: dict[str, Any], other: dict[str, Any], item: Any
) -> None:
    """No word of theirs reaches a class."""
    odd = [item, {"output": item, "scores": {"x": item}}, *GOOD["items"][:2]]
    found = compare(GOOD | {"items": odd} | one, BAD | other)

    assert {row.kind for row in found.rows} <= set(KINDS)
