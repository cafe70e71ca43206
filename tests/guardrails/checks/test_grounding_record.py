"""JSON contexts read as facts."""

from __future__ import annotations

import pytest

from guardrails.checks.grounding_record import (
    Fact,
    as_json,
    fact_errors,
    facts_of,
    longest_list,
    opening_hours,
    wrong_hours,
)

RECORD = {
    "attributes": {"OutdoorSeating": False, "WiFi": "no", "Delivery": None, "RestaurantsTakeOut": True},
    "hours": {"Monday": "9:0-17:30", "Tuesday": "9:0-17:30", "Saturday": "10:0-12:0"},
    "list": [{"Parking": True}],
}


@pytest.mark.parametrize(
    ("text", "value"),
    [('{"a": 1}', {"a": 1}), (" [1]", [1]), ("3", None), ("{broken", None), ("[" * 100_000, None)],
)
def test_only_objects_and_lists_are_records(text: str, value: object) -> None:
    """Prose, scalars, broken and bottomless JSON are not."""
    assert as_json(text) == value


def test_attributes_are_found_wherever_they_stand() -> None:
    """Booleans, nulls and yes/no words become facts, named by the words of their key."""
    assert set(facts_of(RECORD)) == {
        Fact(("outdoor", "seat"), False),
        Fact(("wi", "fi"), False),
        Fact(("delivery",), None),
        Fact(("take", "out"), True),
        Fact(("park",), True),
    }


@pytest.mark.parametrize(
    ("sentence", "errors"),
    [
        ("It has outdoor seating.", (1, 0, 0, 0)),
        ("It has no outdoor seating.", (0, 0, 0, 0)),
        ("It offers WiFi and delivery.", (1, 1, 0, 0)),
        ("There is no takeout.", (0, 0, 1, 0)),
        ("There is no delivery.", (0, 0, 0, 1)),
        ("There is takeout, but no outdoor seating.", (0, 0, 0, 0)),
        ("It has no outdoor seating and offers takeout.", (0, 0, 0, 0)),
        ("While it does not offer WiFi, takeout is possible.", (0, 0, 0, 0)),
        ("Takeout is not available.", (0, 0, 1, 0)),
        ("Delivery is not mentioned.", (0, 0, 0, 0)),
        ("It stands in Outdoor Seating Street.", (0, 0, 0, 0)),
        ("It is blue.", (0, 0, 0, 0)),
    ],
)
def test_a_sentence_is_held_against_the_facts(sentence: str, errors: tuple[int, int, int, int]) -> None:
    """Counted are: claimed though false or null, denied though true or null. A denial ends where a claim begins."""
    assert fact_errors(tuple(facts_of(RECORD)), sentence) == errors


@pytest.mark.parametrize(
    ("sentence", "times", "wrong"),
    [
        ("Monday from 9:00 to 17:30", {540, 1050}, 0),
        ("Monday to Tuesday from 9:00 to 17:30", {540, 1050}, 0),
        ("Monday through Saturday from 9:00 to 17:30", {540, 1050}, 4),
        ("open daily from 9:00 to 17:30", {540, 1050}, 5),
        ("open every day", set(), 4),
        ("closed on Sunday", set(), 0),
        ("Monday", set(), 0),
        ("Monday from 9:00", {540}, 0),
        ("Monday from 8:00", {480}, 1),
        ("Sunday from 8:00", {480}, 1),
        ("longer hours on Saturday", set(), 0),
    ],
)
def test_opening_hours_are_compared_day_by_day(sentence: str, times: set[int], wrong: int) -> None:
    """A day that is named, alone or inside a range, must be open, with its hours among the times of the sentence."""
    hours = opening_hours(RECORD)

    assert hours["monday"] == (540, 1050)
    assert wrong_hours(hours, sentence, frozenset(times)) == wrong


@pytest.mark.parametrize(
    ("node", "longest"), [({}, 0), ([], 0), ([1, 2], 2), ({"a": [{"b": [1, 2, 3]}]}, 3), (3, 0)]
)
def test_the_longest_list_is_found_at_any_depth(node: object, longest: int) -> None:
    """An answer may count what a record lists."""
    assert longest_list(node) == longest
