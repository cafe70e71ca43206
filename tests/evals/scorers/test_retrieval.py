"""Retrieval scorers against trec_eval's definitions."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.scorer import build
from evals.scorers.retrieval import gains, matches
from evals.types import Case, Cause, Hit, Output, Passage


def hits(*names: str) -> tuple[Hit, ...]:
    """Whole documents, best first."""
    return tuple(Hit(name, 1 / rank, "text", rank) for rank, name in enumerate(names, start=1))


def asked(**grades: int) -> Case:
    """A case with judged documents."""
    return Case(
        "c", "h", question="q", relevant=tuple(Passage(name, "", grade) for name, grade in grades.items())
    )


GRADED = asked(a=2, b=1, z=0)
"""Two relevant documents of different worth, one judged and not relevant."""


@pytest.mark.parametrize(
    ("metric", "found", "value"),
    [
        ("recall@1", ("a", "b"), 0.5),
        ("recall@2", ("a", "b"), 1.0),
        ("recall@5", ("x", "a"), 0.5),
        ("precision@2", ("a", "x"), 0.5),
        ("precision@4", ("a", "b"), 0.5),
        ("hit@1", ("x", "a"), 0.0),
        ("hit@2", ("x", "a"), 1.0),
        ("mrr@5", ("x", "z", "b"), 1 / 3),
        ("mrr@2", ("x", "z", "b"), 0.0),
        ("ndcg@3", ("b", "a"), (1 + 2 / math.log2(3)) / (2 + 1 / math.log2(3))),
        ("ndcg@1", ("b", "a"), 0.5),
        ("ndcg@3", ("a", "b"), 1.0),
        ("unjudged@3", ("a", "x", "z"), 1 / 3),
        ("recall@3", (), 0.0),
        ("ndcg@3", (), 0.0),
        ("mrr@3", (), 0.0),
        ("precision@3", (), 0.0),
        ("hit@3", (), 0.0),
    ],
)
async def test_metrics_agree_with_hand_computed_values(
    metric: str, found: tuple[str, ...], value: float
) -> None:
    """trec_eval's denominators: k for precision, all relevant for recall; linear gain for nDCG; empty is 0."""
    score = await build(metric)(GRADED, Output(hits=hits(*found)))

    assert score.value == pytest.approx(value, abs=1e-6)


async def test_searching_nothing_is_unscored() -> None:
    """No search is not an empty result."""
    score = await build("recall@5")(GRADED, Output(hits=None))

    assert (score.value, score.cause) == (None, Cause.TARGET)


@pytest.mark.parametrize("case", [asked(), asked(z=0)])
def test_a_case_without_relevant_documents_is_not_counted(case: Case) -> None:
    """Nothing to find, nothing to score."""
    assert not build("ndcg@5").applies(case)


def test_a_document_counts_once() -> None:
    """A second chunk of a found document earns nothing, so that nothing exceeds 1."""
    assert gains(hits("a", "a", "b"), GRADED.relevant) == [2, 0, 1]


@pytest.mark.parametrize(
    ("doc", "text", "start", "fits"),
    [
        ("d", "intro. Tools go out at 18:30 on weekdays. outro", 0, True),
        ("d", "intro.  Tools go\nout at 18:30 on weekdays.", 0, True),
        ("d", "another part of the same document", 40, False),
        ("d", "another part of the same document", None, True),
        ("e", "Tools go out at 18:30 on weekdays.", 0, False),
        ("d", "before. Tools go out at 18:30 on", 0, True),
        ("d", "out at 18:30 on weekdays. after", 14, True),
        ("d", "weekdays. after", 25, False),
    ],
)
def test_a_chunk_matches_where_it_overlaps_the_quote(
    doc: str, text: str, start: int | None, fits: bool
) -> None:
    """Same document and shared text; without a span the document decides; a few shared letters are not enough."""
    end = None if start is None else start + len(text)
    passage = Passage("d", "Tools go out at 18:30 on weekdays.")

    assert matches(Hit(doc, 1.0, text, 1, start, end), passage) is fits


@given(st.lists(st.sampled_from("abcxyz"), max_size=8), st.integers(1, 8))
async def test_every_metric_stays_between_0_and_1(found: list[str], k: int) -> None:
    """Whatever comes back."""
    for metric in ("recall", "precision", "hit", "mrr", "ndcg", "unjudged"):
        score = await build(f"{metric}@{k}")(GRADED, Output(hits=hits(*found)))
        assert score.value is not None
        assert 0 <= score.value <= 1
