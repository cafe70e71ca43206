"""The queue's filter, to the store and back to the URL."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from proxy.errors import BadRequest
from proxy.review.filters import Asked, asked
from proxy.store.queries import SpanFilter


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, SpanFilter(flagged=True)),
        ({"outcome": ""}, SpanFilter(flagged=True)),
        ({"outcome": "any"}, SpanFilter()),
        ({"outcome": "passed"}, SpanFilter(outcome="passed")),
        ({"rule": " pii ", "model": "m"}, SpanFilter(flagged=True, rule="pii", model="m")),
        ({"prompt": "p"}, SpanFilter(flagged=True, prompt="p")),
        ({"prompt": "p@2"}, SpanFilter(flagged=True, prompt="p", prompt_version="2")),
        ({"review": "open"}, SpanFilter(flagged=True, reviewed=False)),
        ({"review": "done"}, SpanFilter(flagged=True, reviewed=True)),
        ({"shadow": "no"}, SpanFilter(flagged=True, shadow=False)),
        ({"shadow": "only", "outcome": "any"}, SpanFilter(shadow=True)),
        ({"since": "2025-10-01T00:00:00Z"}, SpanFilter(flagged=True, since_us=1_759_276_800_000_000)),
    ],
)
def test_the_url_says_what_to_list(parameters: dict[str, str], expected: SpanFilter) -> None:
    """Without an outcome only what needs a look is listed."""
    assert asked(parameters).spans() == expected


@pytest.mark.parametrize(
    "parameters",
    [
        {"outcome": "odd"},
        {"review": "maybe"},
        {"since": "yesterday"},
        {"shadow": "yes"},
        {"color": "red"},
        {"rule": "x" * 201},
        {"model": "a\0"},
    ],
)
def test_a_filter_that_cannot_hold_is_refused(parameters: dict[str, str]) -> None:
    """The error names the parameter; nothing is quietly ignored."""
    with pytest.raises(BadRequest) as error:
        asked(parameters)

    assert error.value.param == next(iter(parameters))


def test_the_filter_goes_back_into_the_url() -> None:
    """Reading the query that a filter writes gives the filter again."""
    given = Asked("blocked", "a&b=c", "gpt 4o/ü", "open", "24h")

    assert asked(dict(parse_qsl(given.query().removeprefix("?")))) == given
    assert Asked().query() == ""
    assert Asked().query(before="1.a") == "?before=1.a"


def test_the_filter_can_be_said() -> None:
    """The caption names every part."""
    assert Asked().words() == "that need a look"
    assert Asked("any", "pii", "m", "open", "24h", prompt="p@2").words() == (
        "of every outcome, found by pii, sent to m, made by the prompt p@2, not reviewed yet, last 24 hours"
    )
