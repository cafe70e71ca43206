"""Inputs that are almost the same are found, in time that grows with the text and not with the pairs."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from evals.near import ALIKE, Pair, pairs, plain, spoken, standing_in
from tests.evals.conftest import item


def asked(**questions: str) -> list[dict[str, Any]]:
    """Items that ask questions."""
    return [item(name, input={"question": text}) for name, text in questions.items()]


def test_the_same_but_for_case_and_spacing_is_the_same() -> None:
    """The earliest id is the first of the pair."""
    items = asked(
        b="What is  the WAY to Millgate", a="what is the way to Millgate?", c="Something else entirely?"
    )

    assert pairs(items) == [Pair("a", "b", 1.0, is_same=True)]


def test_nearly_the_same_is_told_with_how_near() -> None:
    """A word with another ending, a comma: the share of pieces in common."""
    items = asked(
        a="Is the Millgate Street branch of the shop open on Sundays?",
        b="Is the Millgate Street branch of the shop open on Sunday, please?",
        c="When does the last bus leave from the station on Sundays?",
    )

    [found] = pairs(items)

    assert (found.first, found.second, found.is_same) == ("a", "b", False)
    assert ALIKE <= found.likeness < 1


def test_signs_and_numbers_make_another_question() -> None:
    """What looks alike and asks for something else is no pair."""
    assert pairs(asked(a="2+2", b="2*2", c="2-2", d="???", e="!!!")) == []
    order = "What is the state of the order with the number {} today?"
    assert pairs(asked(**{f"n{n}": order.format(n) for n in range(20)})) == []


def test_what_stands_around_the_words_tells_inputs_apart() -> None:
    """The same words with another system prompt, other tools or other variables are another input, but near."""
    words = "Which of the two tables by the window is free on Monday?"
    one = item("a", input={"messages": [{"role": "user", "content": words}]})
    two = item(
        "b", input={"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": words}]}
    )
    three = item("c", input={"question": words, "variables": {"x": 1}})
    four = item("d", input={"messages": [{"role": "user", "content": [{"type": "text", "text": words}]}]})

    assert pairs([one, two, three]) == [Pair("a", "b", 1.0), Pair("a", "c", 1.0)]
    assert pairs([one, four]) == [Pair("a", "d", 1.0, is_same=True)]


def test_what_is_spoken_is_the_users_part() -> None:
    """Of messages the user's texts; of messages that no user spoke, all of them."""
    system, user = {"role": "system", "content": "S"}, {"role": "user", "content": "U"}

    assert spoken({"turns": ["a", "b"]}) == ["a", "b"]
    assert spoken({"messages": [system, user]}) == ["U"]
    assert spoken({"messages": [system, {"role": "tool", "content": None}]}) == ["S"]


def test_inputs_in_a_prompt_are_found_however_they_are_set() -> None:
    """Across lines, in other case; most of a long one is enough, two words are not."""
    prompt = "Rules.\n\nExample: WHERE is\nthe key, kept?\nOn Monday the shop in Millgate Street opens at nine sharp."
    items = asked(
        inside="Where is the key kept?",
        most="So on Monday the shop in Millgate Street opens at nine?",
        short="The key",
        word="Is the key kept in the box?",
        part="here is the key kept",
    )

    assert standing_in(prompt, items) == ["inside", "most"]


WORDS = st.lists(
    st.sampled_from(["when", "does", "the", "last", "bus", "to", "town", "leave", "on", "cold", "days"]),
    max_size=12,
)


@given(st.lists(WORDS, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_items_does_not_matter_and_a_copy_is_always_found(
    texts: list[list[str]], random: Any
) -> None:
    """Same items, same pairs; whatever is there twice is told."""
    items = asked(**{f"i{n:02}": " ".join(words) or "none" for n, words in enumerate(texts)})
    shuffled = [*items]
    random.shuffle(shuffled)
    copy = item("z", input=items[0]["input"])

    assert pairs(shuffled) == pairs(items)
    assert any(pair.second == "z" and pair.is_same for pair in pairs([*shuffled, copy]))


@given(st.text())
def test_plain_text_is_plain(text: str) -> None:
    """Made plain twice, a text is as it was made once."""
    assert plain(plain(text)) == plain(text)
