"""Text scorers, as tables of (expected, answer, value)."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest

from evals.scorer import build
from evals.scorers.text import normalised, token_f1, without_citations
from evals.types import Case, Expected, Output
from tests.cost import metered


def case(answer: str | None = None, *aliases: str, refusal: bool | None = None) -> Case:
    """A case that expects an answer."""
    return Case("c", "h", question="q", expected=Expected(answer, aliases, refusal))


NUMBERS = [
    *(("1.5", "."), ("1,5", ","), ("1/2", "/"), ("-5", "-"), ("-.5", "-"), (".5", "."), ("1e-5", "-")),
    *(("-$5", "-"), ("\N{MINUS SIGN}5", "\N{MINUS SIGN}"), ("1.2.3", "."), ("at -5 C", "-")),
]
"""Numbers, and the mark without which each is another one."""


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
        *(
            (name, "1.5 mg", "15 mg", value)
            for name, value in [("exact", 0.0), ("f1", 0.5), ("contains", 0.0)]
        ),
        *((name, "-5", "5", 0.0) for name in ("exact", "f1", "contains")),
        *((name, "5", "It is -5.", 0.0) for name in ("exact", "f1", "contains")),
        *((name, "1.5 mg", "1.5 mg.", 1.0) for name in ("exact", "f1", "contains")),
        *(("exact", gold, gold.replace(mark, "", 1), 0.0) for gold, mark in NUMBERS),
        *(("exact", gold, f"({gold}).", 1.0) for gold, _ in NUMBERS),
        ("exact", "1,500", "1500", 1.0),
        ("exact", "1,00,000", "100000", 1.0),
        ("exact", "-1,234.50", "\N{MINUS SIGN}1234.50", 1.0),
        ("exact", "1,2", "12", 0.0),
        ("exact", "555-0155", "5550155", 1.0),
        ("exact", "5-10 days", "5\N{EN DASH}10 days", 1.0),
        ("exact", "well-known", "wellknown", 1.0),
    ],
)
async def test_text_scorers_agree_with_a_table(name: str, expected: str, answer: str, value: float) -> None:
    """Normalisation: case, punctuation, English articles and citations at the end do not count."""
    score = await build(name)(case(expected), Output(text=answer))

    assert score.value == pytest.approx(value, abs=1e-6)


BRACKETS = ["[1,2]", "items[0]", "[REDACTED]", "[[1,2],[3,4]]", "x[0][1]", "[a].", "Call [NAME]"]
"""Texts that end as a citation does."""


@pytest.mark.parametrize("name", ["exact", "f1", "contains"])
@pytest.mark.parametrize("gold", BRACKETS)
async def test_an_expectation_that_ends_in_brackets_can_be_met(name: str, gold: str) -> None:
    """By itself, and with citations after it."""
    for answer in (gold, f" {gold} ", f"{gold} [doc-1]", f"{gold} [doc-1] [doc-2]."):
        assert (await build(name)(case(gold), Output(text=answer))).value == 1.0, answer
        assert (await build(name)(case("no such", gold), Output(text=answer))).value == 1.0, answer
    assert (await build(name)(case(gold), Output(text="pears"))).value == 0.0


async def test_what_a_citation_says_is_no_answer() -> None:
    """It names a document, whatever its name is."""
    assert (await build("contains")(case("42"), Output(text="It is 41. [42]"))).value == 0.0


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
    ("text", "bare"),
    [
        ("Yes [a-1].", "Yes"),
        ("Yes. [a] [b]", "Yes."),
        ("See [the long note]", "See [the long note]"),
        ("[a] first", "[a] first"),
        ("]", "]"),
        ("[]", "[]"),
        ("[a]", "[a]"),
        (" [a] [b]. ", "[a] [b]."),
        (f"x [{'d' * 200}]", "x"),
        (f"x [{'d' * 201}]", f"x [{'d' * 201}]"),
    ],
)
def test_only_citations_at_the_end_are_taken_off(text: str, bare: str) -> None:
    """A mark is one word in square brackets; other brackets are text."""
    assert without_citations(text) == bare


def test_a_hostile_answer_takes_linear_time() -> None:
    """Fifty thousand brackets are scored in well under a second."""
    with metered() as spent:
        without_citations("[a]" * 50_000 + " x")
        without_citations("x " + "[a]" * 50_000)
        normalised("1," * 50_000)
        normalised("1,000" * 20_000 + "-" * 50_000)
        token_f1("a b", "[" * 100_000)
    assert spent.seconds < 2


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
    assert scorer.version == "2"

    near = await scorer(case("apple pie", "pear"), Output(text="apple"))
    far = await scorer(case("apple"), Output(text="pear"))
    none = await scorer(case("apple"), Output(text="  "))
    listed = await scorer(case("list[apple]"), Output(text="list[apple]"))

    assert (near.value, none.value, listed.value) == (1.0, 0.0, 1.0)
    assert far.value == pytest.approx(0.6, abs=1e-6)
    assert (len(loads), scorer.version) == (1, "2+abcdef012345")
