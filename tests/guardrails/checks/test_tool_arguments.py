"""An argument rule holds for the values it means, wherever they stand and however they are written."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.checks.tool_arguments import ArgumentRules
from guardrails.checks.tool_json import pointer, read
from guardrails.checks.tool_options import ArgumentRule


def broken(rules: dict[str, dict[str, Any]], value: Any) -> list[str]:
    """Where some arguments break rules, sorted; the empty pointer for what is missing."""
    made = ArgumentRules({name: ArgumentRule(**rule) for name, rule in rules.items()})
    return sorted(pointer(place) for place in made.broken(value))


TREE = {"url": 1, "items": [{"url": 1, "n": {"url": 1}}, {"url": [1, [1]]}], "a/b": {"~": 1}, "my_url": 1}


@pytest.mark.parametrize(
    ("written", "places"),
    [
        ("url", ["/items/0/n/url", "/items/0/url", "/items/1/url", "/url"]),
        ("/url", ["/url"]),
        ("/items/*/url", ["/items/0/url", "/items/1/url"]),
        ("/items/0/**", ["/items/0", "/items/0/n", "/items/0/n/url", "/items/0/url"]),
        ("/items/**/url", ["/items/0/n/url", "/items/0/url", "/items/1/url"]),
        ("/items/1/url/1", ["/items/1/url/1"]),
        ("*url", ["/items/0/n/url", "/items/0/url", "/items/1/url", "/my_url", "/url"]),
        ("/a~1b/~0", ["/a~1b/~0"]),
        ("a/b", ["/a~1b"]),
        ("/gone", []),
    ],
)
def test_places_are_pointers_with_stars_or_names(written: str, places: list[str]) -> None:
    """A name is found at any depth; `*` is one step, `**` any number of them."""
    assert broken({written: {"forbidden": True}}, TREE) == places


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        ({"regex": "[a-z]+"}, ["abc", None], ["abc\n", "ab1", "", 5, "x; rm"]),
        ({"not_regex": "(?i)drop table"}, ["select", 5, None], ["x; DROP TABLE y"]),
        ({"enum": ["a", 1, True]}, ["a", 1, True], ["b", 2, False, None, "1"]),
        ({"min": 0, "max": 10}, [0, 10, 0.5, None], [-1, 10.5, "5", True, Decimal("9" * 10_000)]),
        ({"min": 0.5}, [Decimal("1E+400"), 1], [0, Decimal("-1E+400")]),
        ({"min_length": 1, "max_length": 3}, ["a", "äöü", 123, None], ["", "abcd", 1234]),
        (
            {"domains": ["example.com", "*.example.com"]},
            [
                "https://example.com/x",
                "ada@mail.example.com",
                "EXAMPLE.com.",
                "a@example.com, b@example.com",
                None,
            ],
            [
                "https://example.com@evil.com",
                "https://example.com.evil.com",
                "https://evilexample.com",
                "a@example.com, b@evil.com",
                "a@example.com, evil.com",
                "https://example.com\\@evil.com",
                "see example.com",
                "",
                5,
            ],
        ),
        (
            {"not_domains": ["169.254.169.254", "*.internal"]},
            ["https://example.com", "1.1.1.1"],
            [
                "http://0xA9FEA9FE/",
                "http://[::ffff:169.254.169.254]/",
                "http://DB.internal.",
                "http://0251.254.169.254",
                "?",
            ],
        ),
        ({"required": True}, ["", 0, False], [None]),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else "",
)
def test_a_rule_takes_good_values_and_no_bad_ones(
    rule: dict[str, Any], good: list[Any], bad: list[Any]
) -> None:
    """Also inside lists and objects, which stand for all that is in them."""
    for value in good:
        assert broken({"a": rule}, {"a": value}) == []
    for value in bad:
        assert broken({"a": rule}, {"a": value}) == ([""] if "required" in rule else ["/a"])
        if "required" not in rule:
            assert broken({"/a": rule}, {"a": [{"deep": [value]}]}) == ["/a/0/deep/0"]


def test_what_is_required_may_stand_anywhere_the_pointer_means() -> None:
    """One is enough; none is one finding, without a place."""
    rules = {"/items/*/id": {"required": True}, "to": {"required": True, "regex": "a"}}
    assert broken(rules, {"items": [{}, {"id": 1}], "to": "a"}) == []
    assert broken(rules, {"items": []}) == [""]
    assert broken(rules, "no object") == [""]


@given(
    st.recursive(
        st.text(max_size=3),
        lambda i: st.lists(i, max_size=3) | st.dictionaries(st.sampled_from("abc"), i, max_size=3),
        max_leaves=20,
    )
)
def test_a_name_at_any_depth_covers_every_text_below_it(value: Any) -> None:
    """What a plain walk finds below members named `a` is what the rule finds."""

    def walk(each: Any, path: str, inside: bool) -> list[str]:
        if isinstance(each, dict):
            return [
                p for key, below in each.items() for p in walk(below, f"{path}/{key}", inside or key == "a")
            ]
        if isinstance(each, list):
            return [p for n, below in enumerate(each) for p in walk(below, f"{path}/{n}", inside)]
        return [path] if inside else []

    assert broken({"a": {"enum": []}}, value) == sorted(walk(value, "", False))


@pytest.mark.parametrize(
    "text",
    [
        lambda size: json.dumps({"url": ["https://example.com/" + "x" * 10] * (size // 33)}),
        lambda size: '{"a":' * 190 + json.dumps(["x"] * (size // 5)) + "}" * 190,
        lambda size: json.dumps({"url": "a" * size}),
    ],
    ids=["many", "deep", "long"],
)
def test_time_grows_with_the_arguments(text: Callable[[int], str]) -> None:
    """And not with their depth times the rules: ten times the text takes less than forty times the CPU."""
    rules = {"url": {"regex": "(a+)+b|https.*"}, "/a/**/b": {"max": 1}, "**": {"max_length": 2_000_000}}
    spent = []
    gc.disable()  # what it finds in the rest of this process is not the check's
    try:
        for size in (20_000, 200_000):
            value = read(text(size)).value
            began = time.thread_time()
            broken(rules, value)
            spent.append(time.thread_time() - began)
    finally:
        gc.enable()
    assert spent[1] < 40 * spent[0] + 0.2
