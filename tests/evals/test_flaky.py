"""Cases that disagree with themselves."""

from __future__ import annotations

import random

from evals.flaky import flaky
from evals.run import Flaky
from tests.evals.conftest import make_run, missing


def test_a_case_is_flaky_when_it_passes_and_fails_in_one_run() -> None:
    """Counted per metric; always passing, always failing and metrics without a pass mark are not flaky."""
    run = make_run(
        {
            "exact": {"a": [1.0, 0.0, 1.0], "b": [1.0, 1.0, 1.0], "c": [0.0, 0.0, 0.0]},
            "f1": {"a": [0.9, 0.8, 0.7], "b": [0.5, 0.49, 0.1]},
            "latency": {"a": [0.1, 900.0, 1.0]},
        }
    )

    assert flaky(run.items, {"exact", "f1"}) == (Flaky("a", "exact", 2, 1), Flaky("b", "f1", 1, 2))


def test_scores_without_a_value_are_no_disagreement() -> None:
    """A failed call says nothing about the case."""
    run = make_run({"exact": {"a": [1.0, missing()], "b": [0.0, missing()]}})

    assert flaky(run.items, {"exact"}) == ()


def test_the_order_of_the_items_does_not_matter() -> None:
    """Calls end in any order."""
    run = make_run({"exact": {name: [1.0, 0.0] for name in "abc"}})
    mixed = random.Random(3).sample(run.items, len(run.items))

    assert flaky(mixed, {"exact"}) == flaky(run.items, {"exact"})
