"""Reading and writing terms, whatever the fields mean. `test_filters.py` has the properties."""

from __future__ import annotations

import pytest

from proxy.store.filter_text import Filter, Term, read


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("f:a", [("a",)]),
        ("f:a*", [("a", "")]),
        ("f:**a", [("", "a")]),
        ('f:"a*"*', [("a*", "")]),
        (r"f:a\*\,\"", [('a*,"',)]),
        ('f:a,"b c",""', [("a",), ("b c",), ("",)]),
        ('f:"a\\\\b\\n"', [("a\\b\\n",)]),
        ('f:"a"b"c"', [("abc",)]),
    ],
)
def test_values_are_read(text: str, values: list[tuple[str, ...]]) -> None:
    """Stars outside of quotes, escapes in and out, lists."""
    (term,) = read(text, lambda term: term).terms

    assert list(term.values) == values
    assert read(str(term), lambda term: term) == Filter((term,))


def test_filters_are_added_and_taken_apart() -> None:
    """Terms of both; terms but of some fields."""
    one, two = Filter((Term("a", ":", (("x",),)),)), Filter((Term("b", ":", (("y",),), True),))

    assert str(one + two) == "a:x -b:y"
    assert (one + two).without("a") == two
