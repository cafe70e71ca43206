"""The ledger: requests and tokens of a run, and what they cost."""

from __future__ import annotations

from evals.ledger import Prices, ledger
from evals.run import Ledger, RunItem
from evals.types import Output, Usage


def items(*outputs: Output) -> list[RunItem]:
    """One item an output."""
    return [RunItem(f"c{place}", "h", 0, output, {}) for place, output in enumerate(outputs)]


def test_everything_is_added_up_but_what_the_cache_gave() -> None:
    """Failures cost requests and what was answered for them, cached answers cost nothing, untold tokens are said to be so."""
    counted = ledger(
        items(
            Output(text="a", usage=Usage(100, 10), attempts=3),
            Output(text="b", usage=Usage(7, 5), attempts=0),
            Output(text="c"),
            Output(error="HTTP 500", usage=Usage(9, 9), attempts=4),
        ),
        Prices(2.0, 10.0),
        seconds=1.23456,
    )

    assert counted == Ledger(3, 1, 8, 1, 109, 19, 1, None, 1.235, (2.0, 10.0))


def test_a_failure_is_uncounted_only_where_a_model_answered() -> None:
    """A call that nobody answered has no tokens that could be told; one that was answered may have."""
    refused, answered = Output(error="HTTP 500"), Output(error="turn 2: HTTP 400", answered_model="m")

    assert ledger(items(Output(text="a", usage=Usage(1, 1)), refused), Prices(1.0, 1.0)).usd == 0.000002
    assert ledger(items(refused, answered), Prices(1.0, 1.0)).usd is None
    assert ledger(items(refused, answered)).uncounted == 1


def test_what_was_counted_has_a_price() -> None:
    """Per million tokens, those of the cache left out."""
    outputs = items(Output(text="a", usage=Usage(100, 10)), Output(text="b", usage=Usage(7, 5), attempts=0))

    assert ledger(outputs, Prices(2.0, 10.0)).usd == 0.0003


def test_without_prices_nothing_is_said_of_cost() -> None:
    """None, not zero."""
    assert ledger(items(Output(text="a", usage=Usage(1, 1)))).usd is None
    assert ledger([]) == Ledger()
