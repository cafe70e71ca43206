"""The queue's filter, to the store and back to the URL."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from proxy.errors import BadRequest
from proxy.review.filters import Asked, asked
from proxy.store.filters import parse


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, "flagged:true"),
        ({"outcome": ""}, "flagged:true"),
        ({"outcome": "any"}, ""),
        ({"outcome": "passed"}, "outcome:passed"),
        ({"rule": " pii ", "model": "m"}, "flagged:true rule:pii model:m"),
        ({"model": "gpt 4*"}, 'flagged:true model:"gpt 4*"'),
        ({"prompt": "p"}, "flagged:true prompt:p"),
        ({"prompt": "p@2"}, "flagged:true prompt:p@2"),
        ({"review": "open"}, "flagged:true reviewed:false"),
        ({"review": "done"}, "flagged:true reviewed:true"),
        ({"shadow": "no"}, "flagged:true shadow:false"),
        ({"shadow": "only", "outcome": "any"}, "shadow:true"),
        ({"since": "2025-10-01T00:00:00Z"}, "flagged:true since:2025-10-01T00:00:00Z"),
        ({"q": ""}, ""),
        ({"q": "model:gpt* -rule:pii"}, "model:gpt* -rule:pii"),
        ({"q": "refund", "rule": "pii"}, "refund rule:pii"),
    ],
)
def test_the_url_says_what_to_list(parameters: dict[str, str], expected: str) -> None:
    """Without an outcome or a filter only what needs a look is listed."""
    assert asked(parameters).text == expected
    assert asked(parameters).spans() == parse(expected)


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
    given = Asked('tool:x text:"a&b"', "blocked", "a&b=c", "gpt 4o/ü", "open", "24h")

    assert asked(dict(parse_qsl(given.query().removeprefix("?")))) == given
    assert Asked("").query() == "?q="
    assert Asked().query() == ""
    assert Asked().query(before="1.a") == "?before=1.a"


def test_the_filter_can_be_said() -> None:
    """The caption tells it."""
    assert Asked().words() == "that need a look"
    assert Asked("").words() == "of every outcome"
    assert Asked("", rule="pii", since="24h").words() == "in the filter rule:pii since:24h"


def test_a_value_is_a_link_to_a_narrower_filter() -> None:
    """Whatever it holds, it means itself."""
    link = Asked("outcome:masked").also("model", 'a "b*')

    assert dict(parse_qsl(link.partition("?")[2])) == {"q": 'outcome:masked model:"a \\"b*"'}
