"""The names tagger: what it finds, exactly where, in texts of any length and from files it has checked."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails.checks.names import (
    ENTITIES,
    KINDS,
    LABELS,
    SHIPPED,
    NameModel,
    Pieces,
    decode,
    encode,
    tagger,
    windows,
)
from guardrails.errors import CheckError, ModelError
from guardrails.types import Segment, Span, Stage

PLAIN = "The committee read the minutes of the last meeting and went home before it was dark. "


@pytest.fixture(scope="module")
def model() -> NameModel:
    """The tagger that comes with the product."""
    return NameModel()


def people(model: NameModel, text: str) -> list[str]:
    """What the tagger takes for people, as it stands in the text."""
    return [text[span.start : span.end] for span in model.find(text) if span.entity == "PERSON"]


def segment(text: str) -> Segment:
    """A text as the check gets it."""
    return Segment(text, "/messages/0/content", Stage.INPUT)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("My name is Maria Lopez and I ordered a lamp.", ["Maria Lopez"]),
        ("please write to maria lopez about the invoice", ["maria lopez"]),
        ("Dear Dr. Okonkwo,\nthank you.", ["Okonkwo"]),
        ("Signed: J. R. Smith", ["J. R. Smith"]),
        ("Thanks to Shane O'Brien and Noor Al-Sayed.", ["Shane O'Brien", "Noor Al-Sayed"]),
        ("Ludwig van der Berg called.", ["Ludwig van der Berg"]),
        ("Maria Lopez's laptop is broken.", ["Maria Lopez"]),
        ("Kind regards,\n\nPetra Novak\nSales director", ["Petra Novak"]),
        ("name,city\nAnna Schmidt,Berlin\nPaul Weber,Bonn", ["Anna Schmidt", "Paul Weber"]),
        ("🎉🎉 Happy birthday Jonas Lindgren! 🎂", ["Jonas Lindgren"]),
        ("Ich heiße Jürgen Müller.", ["Jürgen Müller"]),
        ("Ich heiße Ju\u0308rgen Mu\u0308ller.", ["Ju\u0308rgen Mu\u0308ller"]),
        ("Deploy it with Jenkins on Kubernetes; Django and Jupyter stay.", []),
        ("Implement Dijkstra's algorithm in Java or Ruby.", []),
        ("class OrderService(BaseService):\n    pass", []),
        ("See you on Monday, 3 May, or in June.", []),
        ("Hi all,\nthe build is green again.\nBest regards", []),
        ("", []),
        (" \n\t", []),
        ("\u200b", []),
        ("12 345 678", []),
    ],
)
def test_people_are_found_exactly_and_their_lookalikes_are_not(
    model: NameModel, text: str, names: list[str]
) -> None:
    """Whole names without title or possessive, in code points; no technology, month or greeting."""
    assert people(model, text) == names


@pytest.mark.parametrize("before", [0, 40, 400, 1500, 4000, 16000])
def test_a_name_is_found_wherever_it_stands(model: NameModel, before: int) -> None:
    """No position is beyond the window: at the start, at any window's edge, at 16,000 characters."""
    lead = (PLAIN * (before // len(PLAIN) + 1))[:before].rpartition(" ")[0]
    text = f"{lead} The letter was signed by Henrik Johansson in the end. {PLAIN}"

    assert people(model, text) == ["Henrik Johansson"]


def test_a_name_at_every_offset_of_a_window_is_found_whole(model: NameModel) -> None:
    """Sliding over a whole window a word at a time, the name is never cut or lost."""
    for words in range(0, 200, 9):
        text = f"{'and then ' * (words // 2)}we met Henrik Johansson there. {PLAIN * 3}"

        assert people(model, text) == ["Henrik Johansson"], words


def test_a_huge_text_is_read_to_its_end(model: NameModel) -> None:
    """100 KB without a space before the name, and a lone surrogate, neither stop nor hide it."""
    text = f"{'A9f/' * 500}{'x' * 100_000}\ud800 Regards, Henrik Johansson"

    assert people(model, text) == ["Henrik Johansson"]


def test_other_entities_are_reported_on_request() -> None:
    """The same text gives places, addresses and organisations to whoever asks for them, and only to them."""
    text = segment("Anna Schmidt lives at 12 Mill Road, Leeds and works for Siemens GmbH in Munich.")
    seen = {
        entity: [text.text[s.start : s.end] for s in asyncio.run(_call(tagger([entity]), text))[0]]
        for entity in ENTITIES
    }

    assert seen["PERSON"] == ["Anna Schmidt"]
    assert seen["LOCATION"] == ["Munich"]
    assert seen["ORGANIZATION"] == ["Siemens GmbH"]
    assert seen["ADDRESS"] and "12 Mill Road" in seen["ADDRESS"][0]


async def _call(check: object, *segments: Segment) -> list[list[Span]]:
    return await check(segments)  # type: ignore[operator]


async def test_segments_are_answered_in_order_and_twice_the_same() -> None:
    """Each segment has its own answer, a text seen before the same one, and texts run off the event loop."""
    texts = [segment(f"Call {name} now.") for name in ("Anna Schmidt", "Paul Weber", "Anna Schmidt")]
    check = tagger(["PERSON"])
    first, second = await check(texts), await check(texts)

    assert [
        [s.text[span.start : span.end] for span in spans] for s, spans in zip(texts, first, strict=True)
    ] == [
        ["Anna Schmidt"],
        ["Paul Weber"],
        ["Anna Schmidt"],
    ]
    assert first == second
    assert any(thread.name.startswith("names") for thread in threading.enumerate())


def test_the_memory_holds_no_text(model: NameModel) -> None:
    """What is remembered of a text is its hash and spans."""
    text = "A very private letter by Henrik Johansson."
    spans = model.find(text)

    assert model.recall(text) == spans
    assert model.recall(text + " ") is None
    assert "private" not in repr(model._seen) and "Henrik" not in repr(model._seen)


@given(text=st.text(st.characters(codec=None), max_size=300))
@settings(max_examples=40, deadline=None)
def test_any_text_is_read_and_spans_lie_on_whole_words(text: str) -> None:
    """Whatever the characters, spans are ordered, inside the text, disjoint, and never begin or end inside a word."""
    found = _SHARED.find(text)
    last = 0
    for span in found:
        assert last <= span.start < span.end <= len(text)
        assert 0 < span.score <= 1 and span.entity in ENTITIES
        assert not (
            span.start
            and text[span.start - 1].isascii()
            and text[span.start - 1].isalnum()
            and text[span.start].isascii()
        )
        last = span.end


_SHARED = NameModel()


@given(size=st.integers(0, 2000), window=st.integers(20, 256), share=st.integers(0, 3))
def test_windows_answer_for_every_piece_once(size: int, window: int, share: int) -> None:
    """The parts follow on one another from the first to the last piece, each inside its window of the right size."""
    overlap = (window - 2) * share // 4
    at = 0
    for start, end, first, last in windows(size, window, overlap):
        assert start <= first <= last <= end <= start + window - 2
        assert first == at
        assert first == 0 or first - start >= overlap // 2
        at = last
    assert at == size


@given(text=st.text(max_size=200))
@settings(max_examples=40, deadline=None)
def test_a_text_is_encoded_piece_for_piece(text: str) -> None:
    """Ids, kinds and words have one length, kinds are known, words stand in order."""
    pieces = encode(_SHARED.tokenizer, text)

    assert len(pieces.ids) == len(pieces.kinds) == len(pieces.word)
    assert all(0 <= kind < KINDS for kind in pieces.kinds)
    assert all(a < b <= c for (a, b), (c, _) in zip(pieces.words, pieces.words[1:], strict=False))


@pytest.mark.parametrize(
    ("text", "kinds"),
    [("ab Ab AB aB", [2, 4, 7, 10]), ("Ab\nab.ab", [5, 2, 0, 0]), ("A I'm", [5, 4, 0, 0])],
)
def test_case_and_layout_are_given_back(text: str, kinds: list[int]) -> None:
    """Small, first, all and inner capitals; attached, after a space, on a new line."""
    pieces = encode(_SHARED.tokenizer, text)
    first = np.searchsorted(pieces.word, np.arange(len(pieces.words)))

    assert pieces.kinds[first].tolist() == kinds


@pytest.mark.parametrize(
    ("text", "labels", "spans"),
    [
        ("Anna Bo Li", "B I I", ["Anna Bo Li"]),
        ("Anna Bo Li", "B I B", ["Anna Bo", "Li"]),
        ("Anna , Bo", "B O B", ["Anna", "Bo"]),
        ("O'Brien", "B O I", ["O'Brien"]),
        ("Al-Sayed", "B O B", ["Al-Sayed"]),
        ("Anna . now", "B I O", ["Anna"]),
        ("Smith J.", "B I I", ["Smith J."]),
        ("( Anna )", "I I I", ["Anna"]),
        ("42 43", "B I", []),
        ("Li, Anna", "B I I", ["Li, Anna"]),
        ("Anna Li, Bo Wu", "B I I I I", ["Anna Li", "Bo Wu"]),
        ("Anna\nBo", "B I", ["Anna", "Bo"]),
        ("anna(1)", "B O O O", []),
        ('"anna"', "O B O", []),
        ("Anna(1)", "B O O O", []),
        ("Anna (1)", "B O O O", ["Anna"]),
        ("annaBo", "B", []),
        ("Anna.bo", "B O O", []),
        ("anna.", "B O", ["anna"]),
        ("Anna.", "B O", ["Anna"]),
        ("x::Anna", "O O O B", []),
        ("<b>Anna</b>", "O O O B O O O O", ["Anna"]),
        ("Anna9", "B", []),
        ("anna: hi", "B O O", ["anna"]),
        ('"anna bo"', "O B I O", ["anna bo"]),
        ("J", "B", []),
        ("王", "B", ["王"]),
    ],
)
def test_labels_become_spans_of_whole_words(text: str, labels: str, spans: list[str]) -> None:
    """Joined by inside labels, apostrophes and hyphens; split by a new beginning or line; without punctuation at the ends; no single
    letter, and no single word that is attached to the signs of code."""
    read = encode(_SHARED.tokenizer, text)
    given_labels = labels.split()
    probabilities = np.full((len(read.ids), len(LABELS)), 0.01, dtype=np.float32)
    for piece, word in enumerate(read.word):
        label = given_labels[word]
        inner = piece > 0 and read.word[piece - 1] == word
        name = "O" if label == "O" else f"{'I' if inner else label}-PERSON"
        probabilities[piece, LABELS.index(name)] = 0.9
    found = decode(text, read, probabilities, np.full(len(ENTITIES), 0.5, dtype=np.float32))

    assert [text[span.start : span.end] for span in found] == spans


def test_an_address_is_one_span_over_commas_and_lines() -> None:
    """What splits people does not split an address."""
    text = "12 Mill Road, Leeds\nLS1"
    read = encode(_SHARED.tokenizer, text)
    probabilities = np.full((len(read.ids), len(LABELS)), 0.01, dtype=np.float32)
    probabilities[:, LABELS.index("I-ADDRESS")] = 0.9

    found = decode(text, read, probabilities, np.full(len(ENTITIES), 0.5, dtype=np.float32))

    assert [(span.start, span.end) for span in found] == [(0, len(text))]


def test_a_threshold_decides() -> None:
    """An entity below its own threshold is not reported, one at it is."""
    read = Pieces(np.array([7]), np.array([2]), np.array([0]), [(0, 4)])
    probabilities = np.zeros((1, len(LABELS)), dtype=np.float32)
    probabilities[0, LABELS.index("B-PERSON")] = 0.25
    probabilities[0, LABELS.index("I-PERSON")] = 0.25

    assert decode("anna", read, probabilities, np.array([0.5, 1, 1, 1], dtype=np.float32)) == [
        Span(0, 4, "PERSON", 0.5)
    ]
    assert decode("anna", read, probabilities, np.array([0.51, 1, 1, 1], dtype=np.float32)) == []


@pytest.mark.parametrize("entities", [[], ["EMAIL_ADDRESS"], ["PERSON", "PET"]], ids=str)
def test_what_the_tagger_does_not_know_is_refused(entities: list[str]) -> None:
    """CheckError says what was asked for and what there is."""
    with pytest.raises(CheckError, match="the tagger finds PERSON, LOCATION, ADDRESS, ORGANIZATION"):
        tagger(entities)


@pytest.mark.parametrize("file", ["model.onnx", "tokenizer.json"])
def test_a_changed_or_missing_file_is_refused(tmp_path: Path, file: str) -> None:
    """ModelError names the file and what to do, when the check is built."""
    copy = Path(shutil.copytree(SHIPPED, tmp_path / "names"))
    with (copy / file).open("ab") as stream:
        stream.write(b" ")
    with pytest.raises(ModelError, match=rf"{file}: SHA-256 is .* reinstall"):
        tagger(["PERSON"], copy)
    (copy / file).unlink()
    with pytest.raises(ModelError, match=rf"{file}: the model file cannot be read"):
        tagger(["PERSON"], copy)
    (copy / "card.json").unlink()
    with pytest.raises(ModelError, match="model card"):
        tagger(["PERSON"], copy)


def test_the_card_says_what_ships() -> None:
    """Licences, thresholds, figures and what was trained stand in the card; the file keeps its bound."""
    card = json.loads((SHIPPED / "card.json").read_text(encoding="utf-8"))

    assert card["labels"] == list(LABELS)
    assert set(card["thresholds"]) == set(ENTITIES)
    assert {entry["licence"] for entry in card["data"]} >= {"CC BY 4.0"}
    assert card["training"]["steps"] > 0 and card["measured"]
    assert (SHIPPED / "model.onnx").stat().st_size < 25_000_000
