"""Retrieval scorers against trec_eval's definitions."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.scorer import build
from evals.scorers.retrieval import gains
from evals.types import Case, Cause, Hit, Output, Passage
from tests.evals.scorers.trec_values import VALUES


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
        ("map@5", ("x", "a", "z", "b"), (1 / 2 + 2 / 4) / 2),
        ("map@3", ("x", "a", "z", "b"), 1 / 4),
        ("map@1", ("a",), 1 / 2),
        ("map@3", (), 0.0),
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


@given(st.lists(st.sampled_from("abcxyz"), max_size=8), st.integers(1, 8))
async def test_every_metric_stays_between_0_and_1(found: list[str], k: int) -> None:
    """Whatever comes back."""
    for metric in ("recall", "precision", "hit", "mrr", "map", "ndcg", "unjudged"):
        score = await build(f"{metric}@{k}")(GRADED, Output(hits=hits(*found)))
        assert score.value is not None
        assert 0 <= score.value <= 1


def reference(metric: str, ranking: list[str], grades: dict[str, int], k: int) -> float:
    """The sums of trec_eval, written down from its definitions: over judged documents, at cut-off k."""
    top = ranking[:k]
    relevant = {name for name, grade in grades.items() if grade > 0}
    if metric in ("recall", "precision"):
        return len(relevant & set(top)) / (k if metric == "precision" else len(relevant))
    if metric == "hit":
        return 1.0 if relevant & set(top) else 0.0
    if metric == "mrr":
        return max((1 / (top.index(name) + 1) for name in relevant & set(top)), default=0.0)
    if metric == "map":
        total = 0.0
        for place, name in enumerate(top):
            if name in relevant:
                total += len(relevant & set(top[: place + 1])) / (place + 1)
        return total / len(relevant)
    ideal = sorted((grade for grade in grades.values() if grade > 0), reverse=True)[:k]
    gain = sum(
        max(0, grades.get(name, 0)) * math.log(2) / math.log(place + 2) for place, name in enumerate(top)
    )
    return gain / sum(grade * math.log(2) / math.log(place + 2) for place, grade in enumerate(ideal))


@pytest.mark.parametrize("place", range(len(VALUES)))
async def test_metrics_are_those_of_pytrec_eval(place: int) -> None:
    """To 1e-9, on rankings that the benchmark made and that package measured; an empty ranking is 0."""
    grades, ranking, values = VALUES[place]

    for metric in ("recall", "precision", "hit", "mrr", "map", "ndcg"):
        for k in (1, 3, 10):
            score = await build(f"{metric}@{k}")(asked(**grades), Output(hits=hits(*ranking)))
            assert score.value is not None
            assert abs(score.value - values.get(f"{metric}@{k}", 0.0)) < 1e-9


def test_the_frozen_values_hold_something() -> None:
    """Several rankings, graded, one of them empty."""
    assert len(VALUES) >= 6
    assert any(not ranking for _, ranking, _ in VALUES)
    assert {grade for grades, _, _ in VALUES for grade in grades.values()} == {0, 1, 2, 3}


@pytest.mark.parametrize("metric", ["recall", "precision", "hit", "mrr", "map", "ndcg", "unjudged"])
async def test_an_empty_result_is_nought_everywhere(metric: str) -> None:
    """A search that finds nothing has missed everything, and left no unjudged document; nothing raises."""
    for k in (1, 5, 1000):
        score = await build(f"{metric}@{k}")(GRADED, Output(hits=()))
        assert (score.value, score.looked_at) == (0.0, "0 hits against 2 relevant documents")


DOCUMENTS = [f"d{number}" for number in range(12)]


@given(
    st.dictionaries(st.sampled_from(DOCUMENTS), st.integers(0, 3), min_size=1).filter(
        lambda found: any(found.values())
    ),
    st.permutations(DOCUMENTS),
    st.integers(0, 12),
    st.sampled_from([1, 3, 5, 10, 20]),
)
async def test_metrics_agree_with_the_reference_sums(
    grades: dict[str, int], ranking: list[str], found: int, k: int
) -> None:
    """To 1e-9."""
    for metric in ("recall", "precision", "hit", "mrr", "map", "ndcg"):
        score = await build(f"{metric}@{k}")(asked(**grades), Output(hits=hits(*ranking[:found])))
        exact = reference(metric, ranking[:found], grades, k)

        assert score.value is not None
        assert abs(score.value - exact) < 1e-9
