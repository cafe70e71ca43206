"""Personal data in golden items is found, unless it is nobody's or meant to be there."""

from __future__ import annotations

from typing import Any

import pytest

from evals.golden import lines_sha256
from evals.golden_scan import ENGINE, personal, scan, told, version, wrong_with
from tests.evals.conftest import item

ADDRESS = "jo.bloggs@bloggs-law.co.uk"
CARD = "5555 5555 5555 4444"


@pytest.mark.parametrize(
    "fields",
    [
        {"input": {"question": f"Is {ADDRESS} yours?"}},
        {"input": {"messages": [{"role": "user", "content": f"I am {ADDRESS}."}]}},
        {"input": {"turns": ["Hello", f"I am {ADDRESS}."]}},
        {"input": {"question": "Whose?", "variables": {"mail": ADDRESS}}},
        {"expected": {"answer": "None.", "aliases": [ADDRESS]}},
        {"expected": {"tool_calls": [{"name": "send", "arguments": {"to": [ADDRESS]}}]}},
        {"relevant": [{"doc_id": "d", "quote": f"Write to {ADDRESS}."}]},
        {"context": [f"Write to {ADDRESS}."]},
        {"criteria": [f"Names {ADDRESS}."]},
        {"note": f"From {ADDRESS}."},
        {"tags": [ADDRESS]},
        {"cluster": ADDRESS},
        {"source": {"format": "csv", "metadata": {"description": f"Of {ADDRESS}."}}},
        {"label": {"by": "ada", "policy": f"Ask {ADDRESS}."}},
        {"quarantine": {"owner": "ada", "until": "2026-12-31", "reason": f"{ADDRESS} left."}},
        {"provenance": {"told": ADDRESS}},
        {"lineage": {f"from {ADDRESS}": "a"}},
    ],
)
def test_it_is_found_wherever_somebody_may_have_written_it(fields: dict[str, Any]) -> None:
    """With the kind and the item."""
    found = scan([item("a"), item("b", **fields)])

    assert (dict(found.hits), dict(found.planted), [*found.places]) == ({"EMAIL_ADDRESS": 1}, {}, ["b"])


def test_what_the_guardrails_should_find_is_planted() -> None:
    """Only kinds that the item itself names; another one beside it is a hit."""
    guardrail = {"action": "redact", "entities": ["CREDIT_CARD"]}
    one = item("a", input={"question": f"My card is {CARD}."}, expected={"guardrail": guardrail})
    two = item("b", input={"question": f"Card {CARD} of {ADDRESS}."}, expected={"guardrail": guardrail})

    found = scan([one, two])

    assert (found.planted, found.hits, found.places) == ({"CREDIT_CARD": 2}, {"EMAIL_ADDRESS": 1}, ["b"])


def test_a_look_alike_that_a_check_falls_for_can_be_named() -> None:
    """Only that kind; and what is no list of kinds names nothing."""
    clause = item("a", input={"question": "See clause 7.3.1.2."}, planted=["IP_ADDRESS"])
    mixed = item("b", input={"question": f"See clause 7.3.1.2, {ADDRESS}."}, planted=["IP_ADDRESS"])
    odd = [
        item(f"c{n}", input={"question": "See clause 7.3.1.2."}, planted=p)
        for n, p in enumerate(("IP_ADDRESS", 1))
    ]

    found = scan([clause, mixed, *odd])

    assert (found.planted, found.hits) == ({"IP_ADDRESS": 2}, {"EMAIL_ADDRESS": 1, "IP_ADDRESS": 2})
    assert [*found.places] == ["b", "c0", "c1"]


@pytest.mark.parametrize(
    "value",
    [
        "ada@example.com",
        "ada@mail.example.org",
        "ada@firm.test",
        "203.0.113.9",
        "198.51.100.7",
        "2001:db8::17",
        "+1 202-555-0143",
        "4111 1111 1111 1111",
    ],
)
def test_values_kept_for_examples_are_nobodys(value: str) -> None:
    """Domains, addresses and numbers that are given to nobody, and the stand-ins of proxies."""
    assert scan([item("a", input={"question": f"Is {value} the right one, my phone or mail?"})]).hits == {}


@pytest.mark.parametrize(
    "value", ["ada@example.company", "+1 202-556-0143", "203.0.114.9", "ada@notexample.com"]
)
def test_values_that_only_look_like_them_are_somebodys(value: str) -> None:
    """One letter or digit aside."""
    assert (
        sum(
            scan([item("a", input={"question": f"Call me, my phone or mail or ip is {value}"})]).hits.values()
        )
        == 1
    )


def test_notes_count_where_an_item_is_taken_from_a_trace() -> None:
    """They are in no hash, but somebody's words all the same."""
    assert personal(item("a", note=f"From {ADDRESS}.")) == ["EMAIL_ADDRESS"]
    assert personal(item("a")) == []


def test_who_labels_and_where_it_is_from_is_no_hit() -> None:
    """Ids and hashes are nobody's words, and labellers and owners are named on purpose."""
    origin = {"trace": "4539578763621486", "subject": "5555555555554444", "candidate": CARD, "proxy": CARD}
    label = {"by": ADDRESS, "at": "2026-11-21", "kind": "human"}
    held = {"owner": ADDRESS, "until": "2026-12-31"}

    made = item("a", label=label, provenance=origin, quarantine=held) | {"id": "4539578763621486"}
    assert scan([made]).hits == {}


def test_a_recorded_scan_is_held_against_the_set() -> None:
    """None, one of another content, one with hits, one of another version; and one that is right."""
    items = [item("a")]
    now = lines_sha256(items)
    right = scan(items).document()

    assert wrong_with(None, now) == ("nobody looked for personal data in the set", True)
    assert wrong_with(right | {"of": "0" * 64}, now)[1] is True
    assert wrong_with(right | {"hits": 2, "kinds": {"PERSON": 2}, "in": ["a"]}, now) == (
        "what looks like somebody's data or secrets: 2 PERSON in a",
        True,
    )
    assert wrong_with(right | {"version": "0.0"}, now)[1] is False
    assert wrong_with(right, now) == ("", False) and told(right) == ""
    assert (right["engine"], right["version"], right["hits"]) == (ENGINE, version(), 0)
