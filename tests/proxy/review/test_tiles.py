"""The numbers at the top: what is known is told with what changed, and what is not known is said."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.estimates import Estimate
from proxy.review.tiles import Missed, dollars, listed, missed_by, points, tiles, times
from proxy.store.filters import parse
from proxy.store.periods import Period
from proxy.store.rule_figures import RuleFigures

SERIES: dict[str, Any] = {
    "requests": {"series": [{"name": "passed", "values": [3, 0]}, {"name": "blocked", "values": [1, 0]}]},
    "latency": {"series": [{"name": "p95", "values": [5, None]}]},
    "cost": {"series": []},
}


def figures(rule: str, missed: Estimate | None) -> RuleFigures:
    """What is known of a rule."""
    return RuleFigures(rule, 3, (3,), 0, None, missed, None, None)


@pytest.mark.parametrize(
    ("now", "before", "told", "tone"),
    [
        (150, 100, "+50 % on x", ""), (50, 100, "−50 % on x", ""), (101, 100, "+1.0 % on x", ""),
        (100, 100, "as x", ""), (1, 0, "none x", ""), (1, None, "none x", ""),
    ],
)  # fmt: skip
def test_a_change_is_a_share_of_what_was(now: float, before: float | None, told: str, tone: str) -> None:
    """Nothing before is said, not divided by."""
    found = times(now, before, "x")
    assert found is not None and (found.words, found.tone) == (told, tone)


def test_less_is_better_only_where_it_is() -> None:
    """A wait that grew is worse; a share is told in points."""
    slower, faster = times(2, 1, "x", less_is_better=True), times(1, 2, "x", less_is_better=True)
    assert slower is not None and faster is not None and (slower.tone, faster.tone) == ("worse", "better")
    assert (
        points(0.125, 0.1, "x").words == "+2.5 points on x"
        and points(0.1, None, "x").words == "no requests x"
    )
    assert times(None, 1, "x") is None


def test_what_all_rules_missed_is_their_sum() -> None:
    """With both bounds; unknown ones say nothing, and none known is not 0."""
    known = [figures("a", Estimate(4, 1, 9, 40)), figures("b", None), figures("c", Estimate(1, 0, 5, 60))]
    assert missed_by(known) == Missed(5, 1, 14, 60)
    assert missed_by([figures("b", None)]) is None


def test_every_number_leads_to_a_list() -> None:
    """Each filter means something; without traffic and judgements the tiles say so."""
    full = tiles(
        Period({"passed": 3, "blocked": 1}, p95_us=1_500_000),
        Period({"passed": 4}),
        SERIES,
        "7d",
        "x",
        Missed(5, 1, 14, 60),
    )
    bare = tiles(Period(), Period(), {**SERIES, "requests": {"series": []}}, "7d", "x", None)

    assert [tile.value for tile in full] == ["4", "25.0", "5", "1.50 s", "$0.00"]
    assert [tile.known for tile in bare] == [True, False, False, False, True]
    for filter in (
        "shadow:false duration>=1.500s since:7d",
        "verdict:missed since:7d",
        "cost>0 shadow:false since:7d",
    ):
        assert parse(filter).terms and listed(filter) in [tile.path for tile in full]


def test_costs_have_as_many_decimals_as_there_is_to_see() -> None:
    """Also what is none."""
    assert [dollars(value) for value in (0, 1_500_000, 2_500_000_000, None)] == [
        "$0.00",
        "$0.0015",
        "$2.50",
        "–",
    ]
