"""Suites: what is measured and what may block."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.errors import SuiteError
from evals.scorer import BUILT_IN
from evals.suite import default, load

GOOD = """
corpus: ../corpus
scorers: [exact, recall, ndcg@10]
gating:
  - {metric: recall, margin: 0.1, min: 0.5}
canaries: {ids: [a], tags: [red], scorers: [guardrail]}
repeats: 3
k: 4
"""


def write(tmp_path: Path, text: str) -> Path:
    """A suite file."""
    path = tmp_path / "suite.yaml"
    path.write_text(text)
    return path


def test_names_are_completed_with_k_and_paths_with_the_folder(tmp_path: Path) -> None:
    """`recall` is `recall@4` at k: 4, wherever it stands; a k from outside wins."""
    suite = load(write(tmp_path, GOOD))

    assert suite.scorers == ("exact", "recall@4", "ndcg@10")
    assert (suite.gating[0].metric, suite.gating[0].margin, suite.gating[0].min) == ("recall@4", 0.1, 0.5)
    assert suite.corpus == tmp_path / "../corpus"
    assert (suite.golden, suite.repeats, suite.canaries.ids, suite.canary_tags) == (
        tmp_path,
        3,
        ("a",),
        ("red",),
    )
    assert load(write(tmp_path, GOOD), k=9).scorers == ("exact", "recall@9", "ndcg@10")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("scorers: [exakt]", "there is no scorer 'exakt'"),
        ("scorers: [exact]\ngating: [{metric: f1}]", "gating names 'f1', which is not scored"),
        ("gating: [{metric: recall}, {metric: recall@5}]", "a metric gates twice"),
        ("gating: [{metric: f1, margin: -1}]", r"gating\.0\.margin"),
        ("gating: [{metric: f1, margin: .nan}]", r"gating\.0\.margin"),
        ("repeats: 0", "repeats"),
        ("scorer: [exact]", "scorer: Extra inputs"),
        ("- a\n- b", "suite: "),
        ("a: [", r"suite\.yaml:\d+ is not YAML"),
        ("scorers: []", "scorers"),
    ],
)
def test_a_suite_that_cannot_be_run_is_refused_with_its_field(tmp_path: Path, text: str, says: str) -> None:
    """File, field and what is wrong."""
    with pytest.raises(Exception, match=says) as caught:
        load(write(tmp_path, text))

    assert type(caught.value).__name__ in {"SuiteError", "ScorerError"}


def test_a_golden_set_without_suite_gets_every_scorer_and_no_gate(tmp_path: Path) -> None:
    """Measuring needs no file; blocking does."""
    suite = default(tmp_path)

    assert len(suite.scorers) == len(BUILT_IN)
    assert suite.gating == ()


def test_a_missing_suite_is_told(tmp_path: Path) -> None:
    """With the path."""
    with pytest.raises(SuiteError, match=r"none\.yaml cannot be read"):
        load(tmp_path / "none.yaml")


def test_the_shipped_suite_loads() -> None:
    """datasets/golden/support/suite.yaml names scorers and a corpus that exist."""
    suite = default(Path(__file__).parents[2] / "datasets" / "golden" / "support")

    assert {rule.metric for rule in suite.gating} == {"contains", "groundedness", "refusal", "recall@5"}
    assert suite.corpus is not None
    assert suite.corpus.is_file()
