"""Text scorers, as tables of (expected, answer, value)."""

from __future__ import annotations

import sys
import time
import types

import numpy as np
import pytest

from evals.scorer import build
from evals.scorers.text import normalised, refuses, token_f1, without_citations
from evals.types import Case, Expected, Output


def case(answer: str | None = None, *aliases: str, refusal: bool | None = None) -> Case:
    """A case that expects an answer."""
    return Case("c", "h", question="q", expected=Expected(answer, aliases, refusal))


@pytest.mark.parametrize(
    ("name", "expected", "answer", "value"),
    [
        ("exact", "The shop opens at 9.", "the shop opens at 9", 1.0),
        ("exact", "9", "nine", 0.0),
        ("exact", "Yes.", "Yes. [opening-hours]", 1.0),
        ("exact", "Yes.", "Yes [a] [b].", 1.0),
        ("f1", "two business days", "two business days", 1.0),
        ("f1", "two business days", "it takes two days", 4 / 7),
        ("f1", "two", "three", 0.0),
        ("f1", "two", "", 0.0),
        ("contains", "18:30", "It closes at 18:30 on Sundays.", 1.0),
        ("contains", "18:30", "It closes at 18:300.", 0.0),
        ("contains", "an axe", "axes", 0.0),
        *((name, gold, "", 0.0) for name in ("exact", "f1", "contains") for gold in ("A", "?!", "the")),
        *((name, "A", "The.", 0.0) for name in ("exact", "f1", "contains")),
        *((name, "A", "a.", 1.0) for name in ("exact", "f1", "contains")),
        *((name, "?!", "?!", 1.0) for name in ("exact", "f1", "contains")),
        ("contains", "A", "Grade: A.", 1.0),
        ("contains", "A", "banana", 0.0),
    ],
)
async def test_text_scorers_agree_with_a_table(name: str, expected: str, answer: str, value: float) -> None:
    """Normalisation: case, punctuation, English articles and citations at the end do not count."""
    score = await build(name)(case(expected), Output(text=answer))

    assert score.value == pytest.approx(value, abs=1e-6)


async def test_the_best_alias_counts() -> None:
    """Aliases are as good as the answer."""
    asked = case("half past six", "18:30")

    assert (await build("exact")(asked, Output(text="18:30"))).value == 1.0
    assert (await build("f1")(asked, Output(text="at 18:30"))).value == pytest.approx(2 / 3, abs=1e-6)


@pytest.mark.parametrize("name", ["exact", "f1", "contains", "semantic"])
def test_a_case_without_answer_is_not_scored(name: str) -> None:
    """A scorer applies only where its expectation is given."""
    assert not build(name).applies(case(None, refusal=True))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("I do not know.", True),
        ("I don't know.", True),
        ("I don’t have enough information to say.", True),
        ("Sorry, I could not find that in the documents.", True),
        ("You do not have to pay.", False),
        ("The shop opens at 9.", False),
        ("", False),
    ],
)
def test_a_refusal_is_recognised(text: str, said: bool) -> None:
    """Phrases of not knowing, whatever the apostrophe; not every negation is one."""
    assert refuses(text) is said


@pytest.mark.parametrize(
    ("expected", "text", "verdict", "value"),
    [
        (True, "I do not know.", None, 1.0),
        (True, "It is blue.", None, 0.0),
        (False, "It is blue.", None, 1.0),
        (False, "I do not know.", None, 0.0),
        (True, "", "block", 1.0),
    ],
)
async def test_refusal_is_right_in_both_directions(
    expected: bool, text: str, verdict: str | None, value: float
) -> None:
    """Refusing what could be answered is as wrong as answering what could not; a block refuses."""
    score = await build("refusal")(case(refusal=expected), Output(text=text, verdict=verdict))

    assert score.value == value


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("Yes [a-1].", "Yes"),
        ("Yes. [a] [b]", "Yes."),
        ("See [the long note]", "See [the long note]"),
        ("[a] first", "[a] first"),
        ("]", "]"),
        ("[]", "[]"),
    ],
)
def test_only_citations_at_the_end_are_taken_off(text: str, bare: str) -> None:
    """A mark is one word in square brackets; other brackets are text."""
    assert without_citations(text) == bare


def test_a_hostile_answer_takes_linear_time() -> None:
    """Fifty thousand brackets are scored in well under a second."""
    started = time.thread_time()

    without_citations("[a]" * 50_000 + " x")
    without_citations("x " + "[a]" * 5_000)
    token_f1("a b", "[" * 100_000)

    assert time.thread_time() - started < 2


def test_normalisation_folds_width_and_case() -> None:
    """Full-width letters and quotation marks do not make another answer."""
    assert normalised("“The ＡＢＣ”") == ["abc"]


async def test_semantic_takes_the_best_cosine_and_names_its_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The encoder is loaded once, when first needed, and its hash is in the version."""
    loads = []

    class Tiny:
        name, dimensions, sha256 = "tiny", 2, "abcdef0123456789"

        def encode(self, texts: list[str]) -> np.ndarray:
            """Unit vectors: apples point one way, all else another."""
            return np.array(
                [[1.0, 0.0] if "apple" in text else [0.6, 0.8] for text in texts], dtype=np.float32
            )

    module = types.ModuleType("guardrails.embedding")
    module.load = lambda: loads.append(1) or Tiny()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "guardrails.embedding", module)
    scorer = build("semantic")
    assert scorer.version == "1"

    near = await scorer(case("apple pie", "pear"), Output(text="apple"))
    far = await scorer(case("apple"), Output(text="pear"))
    none = await scorer(case("apple"), Output(text=" [doc] "))

    assert (near.value, none.value) == (1.0, 0.0)
    assert far.value == pytest.approx(0.6, abs=1e-6)
    assert (len(loads), scorer.version) == (1, "1+abcdef012345")
