"""What a text is about: denied sentences, texts off every allowed topic, and options that cannot work."""

from __future__ import annotations

from typing import Any

import pytest

from guardrails.check import build
from guardrails.checks.topics import DENIED_TOPIC, MOST_WINDOWS, OFF_TOPIC, Topics, _windows, topics
from guardrails.errors import CheckError
from guardrails.types import Segment, Span, Stage

MEDICAL = [
    "Which medicine should I take for high blood pressure?",
    "Is it safe to combine ibuprofen with alcohol?",
    "What dose of paracetamol can I give a child?",
    "I have chest pain, what should I do?",
    "Do these spots on my skin look like cancer?",
    "Can you diagnose my symptoms?",
    "Should I stop taking my antidepressants?",
    "What treatment helps against migraine?",
]
LEGAL = [
    "Can my landlord evict me without notice?",
    "Am I liable if a visitor falls on my stairs?",
    "How do I sue my employer for unfair dismissal?",
    "Is this clause in my contract enforceable?",
    "What are my chances of winning this lawsuit?",
    "Do I have to pay this fine?",
    "Who gets custody of the children after a divorce?",
]
ORDERS = [
    "Where is my order?",
    "The parcel has not arrived yet.",
    "I want to return the shoes.",
    "How long does delivery take?",
    "Can I change the delivery address?",
    "My refund has not been paid.",
    "The item I got is damaged.",
    "Do you ship to Norway?",
]


async def spans(check: Any, text: str) -> list[Span]:
    """What the check finds in one text."""
    found: list[list[Span]] = await check([Segment(text, "/messages/0/content", Stage.INPUT)])
    return found[0]


@pytest.fixture(scope="module")
def denied() -> Topics:
    """Two denied topics."""
    return Topics({}, {"medical advice": MEDICAL, "legal advice": LEGAL}, None, 4)


@pytest.fixture(scope="module")
def allowed() -> Topics:
    """One allowed topic."""
    return Topics({"orders": ORDERS}, {}, None, 4)


@pytest.mark.parametrize(
    "sentence",
    [
        "How many milligrams of aspirin may an adult take per day?",
        "My mother has a rash after taking penicillin, is that dangerous?",
        "What helps against back pain?",
        "I feel dizzy and my heart is racing.",
        "Can I get out of a lease early?",
        "The court sent me a summons, what now?",
        "My ex refuses to pay child support, which steps can I take?",
    ],
)
async def test_a_sentence_on_a_denied_topic_is_found_where_it_stands(denied: Topics, sentence: str) -> None:
    """The span is the sentence alone, wherever it is put."""
    before, after = "The weather in Oslo is lovely today. ", " Please print the tickets for us."
    for text in (sentence, before + sentence + after):
        found = await spans(denied, text)
        assert [(span.entity, text[span.start : span.end]) for span in found] == [(DENIED_TOPIC, sentence)]
        assert 0.5 <= found[0].score <= 1


@pytest.mark.parametrize(
    "sentence",
    [
        "How do I cook rice for ten people?",
        "Write a SQL query that lists all customers.",
        "Which phone has the best battery?",
        "My contract with your company ends in May, how do I extend it?",
        "The doctor's appointment app crashes on start.",
        "Our dog is sick of the rain.",
        "How do I pay my bill?",
        "Hi!",
        "",
        "??? ... !!!",
        "\ud800 \udfff",
    ],
)
async def test_other_sentences_are_left_alone(denied: Topics, sentence: str) -> None:
    """Everyday sentences, some of which share words with the examples; and texts without any."""
    assert await spans(denied, sentence) == []


@pytest.mark.parametrize(
    ("text", "off"),
    [
        ("My package still is not here, when will it come?", False),
        ("I would like my money back for the broken lamp.", False),
        ("Good morning! My package still is not here, when will it come?", False),
        ("Write me an essay about the French Revolution.", True),
        ("How do I train a neural network with dropout?", True),
        ("Hello there!", False),
        ("Thanks a lot!", False),
        ("", False),
    ],
)
async def test_a_text_on_no_allowed_topic_is_off_topic(allowed: Topics, text: str, off: bool) -> None:
    """One sentence on an allowed topic is enough; greetings are too short to be about anything."""
    assert [span.entity for span in await spans(allowed, text)] == [OFF_TOPIC] * off


async def test_an_example_is_on_its_own_topic(denied: Topics) -> None:
    """Whatever was given as an example is found with a score of 0.9 or more."""
    for example in MEDICAL + LEGAL:
        found = await spans(denied, example)
        assert found and found[0].score >= 0.9


async def test_the_same_text_gives_the_same_spans(denied: Topics) -> None:
    """Alone or beside others, again and again."""
    text = "Which medicine is best for a cold? The bus is late."
    segment = Segment(text, "/a", Stage.INPUT)
    alone = await denied([segment])

    assert await denied([Segment("My landlord wants to evict me now.", "/b", Stage.INPUT), segment]) != alone
    assert (await denied([Segment("x", "/b", Stage.INPUT), segment]))[1] == alone[0]


def test_the_calibration_can_be_shown(denied: Topics) -> None:
    """Each topic says where its threshold lies and what to expect of it."""
    shown = denied.describe()

    assert [(each.name, each.kind, each.examples) for each in shown] == [
        ("medical advice", "deny", 8),
        ("legal advice", "deny", 7),
    ]
    for each in shown:
        assert 0 < each.threshold < each.typical
        assert each.missed <= 0.25 and each.false_alarms <= 0.05


async def test_a_threshold_of_ones_own_replaces_the_calibrated_one() -> None:
    """A higher one finds less."""
    strict = Topics({}, {"medical": MEDICAL}, 0.6, 4)

    assert strict.describe()[0].threshold == 0.6
    assert strict.describe()[0].missed == 1.0
    assert await spans(strict, "What helps against back pain?") == []


def test_a_huge_text_has_a_bounded_number_of_windows() -> None:
    """They are spread evenly from the first sentence to the last."""
    text = "This is one of very many sentences here. " * 25_000
    found = _windows(text, 4)

    assert len(found) == MOST_WINDOWS
    assert found[0][0] == 0 and found[-1][1] == len(text.rstrip())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "no topic"),
        ({"deny": {"x": MEDICAL[:2]}}, "fewer than 3"),
        ({"deny": {"x": [MEDICAL[0], MEDICAL[0].upper(), f" {MEDICAL[0]}  "]}}, "fewer than 3"),
        ({"deny": {" ": MEDICAL}}, "empty name"),
        ({"deny": {"x": [*MEDICAL, " "]}}, "empty example"),
        (
            {"deny": {"x": MEDICAL}, "allow": {"y": [*LEGAL, MEDICAL[3].lower()]}},
            "also an example of allow.y",
        ),
        ({"deny": {"x": MEDICAL}, "threshold": 1.5}, "between 0 and 1"),
        ({"deny": {"x": MEDICAL}, "threshold": float("nan")}, "between 0 and 1"),
        ({"deny": {"x": MEDICAL}, "min_words": 0}, "min_words"),
        ({"deny": ["x"]}, "deny"),
        ({"deny": {"x": MEDICAL}, "colour": 1}, "colour"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_options_that_cannot_work_are_refused(options: dict[str, Any], words: str) -> None:
    """The message says what is wrong."""
    with pytest.raises(CheckError, match=words):
        build("topics", options)


def test_no_option_error_repeats_an_example() -> None:
    """Examples may be confidential."""
    with pytest.raises(CheckError) as caught:
        topics(deny={"x": MEDICAL}, allow={"y": MEDICAL})

    assert not any(example in str(caught.value) for example in MEDICAL)
