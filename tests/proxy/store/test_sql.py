"""Conditions that each database writes in its own words mean the same."""

from __future__ import annotations

import pytest
from sqlalchemy import Text, literal, select

from proxy.store import sql
from proxy.store.db import Store
from proxy.store.tables import TOOL_CALL

DETAIL = r"""{"f":["a","b\"c","\u0000","\ud800","d\\u0041"],"g":"x","\\k":"y"}"""


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        (("a",), "a", True),
        (("a",), "A", False),
        (("a", ""), "abc", True),
        (("A", ""), "abc", False),
        (("", "[x]"), "a[x]", True),
        (("?", ""), "ab", False),
        (("%_!", ""), "%_!x", True),
        (("_", ""), "ab", False),
        (("a*", ""), "ab", False),
        (("", ""), "", True),
    ],
)
def test_a_pattern_matches_letter_by_letter(
    store: Store, pattern: tuple[str, ...], value: str, expected: bool
) -> None:
    """Nothing but the stars means anything."""
    with store.read() as connection:
        found = connection.execute(select(sql.matches(literal(value, Text()), pattern))).scalar()

    assert bool(found) is expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (("a",), True),
        (('b"c',), True),
        (("b", "c"), True),
        (("x",), False),
        (("d\\u0041",), True),
        (("dA",), False),
    ],
)
def test_lists_in_json_are_looked_into(store: Store, pattern: tuple[str, ...], expected: bool) -> None:
    """Also where a NUL stands beside, which PostgreSQL takes in no text."""
    column = literal(DETAIL, Text())
    with store.read() as connection:
        assert bool(connection.execute(select(sql.has_item(column, "f", pattern))).scalar()) is expected
        for name, value in (("g", "x"), ("\\k", "y")):
            assert bool(connection.execute(select(sql.has_member(column, name, (value,)))).scalar())


def test_case_is_folded_for_ascii_alone(store: Store) -> None:
    """As SQLite does."""
    with store.read() as connection:
        assert connection.execute(select(sql.lower(literal("AÜ", Text())))).scalar() == "aÜ"
        assert connection.execute(select(sql.gathered(TOOL_CALL.c.name))).scalar() in (None, "[]")
