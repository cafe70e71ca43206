"""Retrieval scorers with trec_eval's definitions: recall, precision, mrr, map, ndcg, hit, unjudged, each at k.

Relevance is by document. A hit counts when it is of a relevant document and, where both are placed in it, the two
share text (`evals.places`): so re-chunking a corpus needs no change to the golden set. A document counts once, at
its first matching hit. An empty result scores 0; a target that searched nothing is unscored. The order is that of
the hits' ranks: what equal scores mean is the retriever's to say.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from evals.places import matches
from evals.scorer import Measure, Scorer
from evals.types import Case, Cause, Hit, Output, Passage, Score


def recall(k: int = 5) -> Scorer:
    """Share of the relevant documents that the first k hits match.

    Needs `relevant` with a grade above 0.
    """
    return _measure(f"recall@{k}", k, lambda gains, grades, _: _found(gains) / len(grades))


def precision(k: int = 5) -> Scorer:
    """Share of the k places that hold a match. Fewer than k hits leave places empty.

    Needs `relevant` with a grade above 0.
    """
    return _measure(f"precision@{k}", k, lambda gains, grades, _: _found(gains) / k)


def hit(k: int = 5) -> Scorer:
    """1 when one of the first k hits matches; else 0.

    Needs `relevant` with a grade above 0.
    """
    return _measure(f"hit@{k}", k, lambda gains, grades, _: float(_found(gains) > 0))


def mrr(k: int = 5) -> Scorer:
    """1 / rank of the first match among the first k hits; 0 without one.

    Needs `relevant` with a grade above 0.
    """
    return _measure(f"mrr@{k}", k, lambda gains, grades, _: _reciprocal_rank(gains))


def average_precision(k: int = 5) -> Scorer:
    """Mean, over the relevant documents, of the precision at the rank of each; 0 for those not in the first k.

    Needs `relevant` with a grade above 0.
    """
    return _measure(f"map@{k}", k, lambda gains, grades, _: sum(_precisions(gains)) / len(grades))


def ndcg(k: int = 5) -> Scorer:
    """Discounted gain (grade / log2(rank + 1)) of the first k hits, as a share of the best order's.

    Needs `relevant` with a grade above 0.
    """
    return _measure(
        f"ndcg@{k}", k, lambda gains, grades, _: _dcg(gains) / _dcg(sorted(grades, reverse=True)[:k])
    )


def unjudged(k: int = 5) -> Scorer:
    """Share of the first k hits whose document the case does not judge: a labelling gap, not a miss.

    Needs `relevant` with a grade above 0.
    """
    return _measure(f"unjudged@{k}", k, lambda gains, grades, holes: holes, higher_is_better=False)


DIGITS = 12
"""Digits after the point: values are trec_eval's to 1e-9 and better."""

_Formula = Callable[[Sequence[int], Sequence[int], float], float]


def _measure(name: str, k: int, formula: _Formula, higher_is_better: bool = True) -> Scorer:
    def score(case: Case, output: Output) -> Score:
        if output.hits is None:
            return Score.unscored("the target searched nothing", Cause.TARGET)
        top = sorted(output.hits, key=lambda found: found.rank)[:k]
        judged = {passage.doc_id for passage in case.relevant}
        holes = sum(found.doc_id not in judged for found in top) / len(top) if top else 0.0
        grades = _grades(case.relevant)
        looked_at = f"{len(top)} hits against {len(grades)} relevant documents"
        value = formula(gains(top, case.relevant), grades, holes)
        return Score.of(value, looked_at=looked_at, digits=DIGITS)

    return Measure(name, "2", lambda case: bool(_grades(case.relevant)), score, higher_is_better)


def gains(hits: Sequence[Hit], relevant: Sequence[Passage]) -> list[int]:
    """The grade each hit earns, in order: that of its document at the document's first match, else 0."""
    earned: list[int] = []
    seen: set[str] = set()
    for found in hits:
        grades = [
            passage.grade for passage in relevant if found.doc_id not in seen and matches(passage, found)
        ]
        grade = max(grades, default=0)
        if grade:
            seen.add(found.doc_id)
        earned.append(grade)
    return earned


def _grades(relevant: Sequence[Passage]) -> list[int]:
    best: dict[str, int] = {}
    for passage in relevant:
        best[passage.doc_id] = max(best.get(passage.doc_id, 0), passage.grade)
    return [grade for grade in best.values() if grade > 0]


def _found(gained: Sequence[int]) -> int:
    return sum(grade > 0 for grade in gained)


def _precisions(gained: Sequence[int]) -> list[float]:
    """The precision at the rank of each match."""
    ranks = [rank for rank, grade in enumerate(gained, start=1) if grade]
    return [found / rank for found, rank in enumerate(ranks, start=1)]


def _reciprocal_rank(gained: Sequence[int]) -> float:
    return next((1 / rank for rank, grade in enumerate(gained, start=1) if grade), 0.0)


def _dcg(gained: Sequence[int]) -> float:
    return sum(grade / math.log2(rank + 1) for rank, grade in enumerate(gained, start=1))
