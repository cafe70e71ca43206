"""Suites: what is measured and what may block."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from evals.errors import SuiteError
from evals.golden import GoldenSet
from evals.golden import load as load_golden
from evals.judging.nobody import judged
from evals.scorer import BUILT_IN, default_names
from evals.suite import answerable, default, load, of_split
from tests.evals.conftest import item, write_golden

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
    """Measuring needs no file; blocking does, and so does a judge."""
    suite = default(tmp_path)

    asking = {name.partition("@")[0] for name in judged(list(BUILT_IN))}
    assert "answer_judged" in asking
    assert not asking & set(default_names())
    assert {name.partition("@")[0] for name in suite.scorers} == set(default_names())
    assert set(BUILT_IN) > set(default_names()) > {"exact", "over_refusal", "trajectory", "json_schema"}
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


def test_a_suite_says_what_is_asked_and_in_which_variants(tmp_path: Path) -> None:
    """Only what it says: the command line and the defaults do the rest."""
    suite = load(
        write(
            tmp_path,
            "scorers: [exact]\nscreen: 2\n"
            "target: {base_url: 'http://x/v1', model: m, price: {input: 1, output: 2}}\n"
            "variants: {cold: {temperature: 0, model: n}}\n",
        )
    )

    assert suite.target == {"base_url": "http://x/v1", "model": "m", "price": {"input": 1.0, "output": 2.0}}
    assert suite.variants == {"cold": {"temperature": 0.0, "model": "n"}}
    assert (suite.screen, suite.repeats, suite.home) == (2, None, tmp_path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("screen: 0", "screen"),
        ("target: {price: {input: -1, output: 1}}", r"target\.price\.input"),
        ("target: {price: {input: 1}}", r"target\.price\.output"),
        ("target: {seed: -1}", r"target\.seed"),
        ("target: {kind: oracle}", r"target\.kind"),
        ("target: {temperature: .inf}", r"target\.temperature"),
        ("target: {key: secret}", r"target\.key: Extra inputs"),
        ("variants: {a: {}}", r"variants\.a: .*changes at least one key"),
        ("variants: {a: {modle: m}}", r"variants\.a\.modle: Extra inputs"),
    ],
)
def test_a_target_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, says: str) -> None:
    """File and field; there is no place for a key in it."""
    with pytest.raises(SuiteError, match=says):
        load(write(tmp_path, text))


def a_set(tmp_path: Path) -> GoldenSet:
    """A verdict to give, a passage to find, and a question to answer, in two splits."""
    return load_golden(
        write_golden(
            tmp_path / "golden",
            [
                item("answer", split="dev"),
                item("find", relevant=[{"doc_id": "d"}], split="test"),
                item("verdict", expected={"guardrail": {"action": "allow"}}, split="test", tags=["canary"]),
            ],
        )
    )


def test_a_policy_and_an_index_are_asked_what_they_can_answer(tmp_path: Path) -> None:
    """Cases, scorers, gates and canaries are narrowed to it; a model is asked everything."""
    golden = a_set(tmp_path)
    suite = load(
        write(
            tmp_path,
            "scorers: [exact, recall, guardrail]\ngating: [{metric: exact}, {metric: recall}, {metric: guardrail}]\n"
            "canaries: {ids: [find, verdict]}\n",
        )
    )

    by_policy, verdicts = answerable(suite, golden, "policy")
    by_index, hits = answerable(suite, golden, "index")

    assert answerable(suite, golden, "http") == (suite, golden)
    assert [case.id for case in verdicts.cases] == ["verdict"]
    assert (by_policy.scorers, [rule.metric for rule in by_policy.gating]) == (
        ("guardrail", "guardrail_precision", "guardrail_recall", "guardrail_latency", "latency"),
        ["guardrail"],
    )
    assert by_policy.canaries.ids == ("verdict",)
    assert ([case.id for case in hits.cases], hits.ref.n) == (["find"], 1)
    assert (by_index.scorers, [rule.metric for rule in by_index.gating]) == (
        ("recall@5", "latency"),
        ["recall@5"],
    )
    assert (by_index.canaries.ids, by_index.canary_tags) == ((), ())


def test_verdicts_gate_where_the_suite_was_written_for_a_model(tmp_path: Path) -> None:
    """A policy that got worse would hold otherwise."""
    suite = load(write(tmp_path, "scorers: [exact]\ngating: [{metric: exact}]\n"))

    narrowed, _ = answerable(suite, a_set(tmp_path), "policy")

    assert [rule.metric for rule in narrowed.gating] == ["guardrail"]


def test_the_policy_of_a_suite_is_beside_it(tmp_path: Path) -> None:
    """Like every path in it; a shipped one is known by its name."""
    (tmp_path / "house.yaml").write_text("name: house\n")

    assert load(write(tmp_path, "target: {policy: house.yaml}")).target["policy"] == str(
        tmp_path / "house.yaml"
    )
    assert load(write(tmp_path, "target: {policy: strict}")).target["policy"] == "strict"


def test_what_nothing_of_can_be_answered_is_refused(tmp_path: Path) -> None:
    """An empty run would hold."""
    golden = a_set(tmp_path)
    rest = replace(golden, cases=golden.cases[:1])

    with pytest.raises(SuiteError, match="no case of the golden set expects a guardrail verdict"):
        answerable(default(tmp_path), rest, "policy")
    with pytest.raises(SuiteError, match="says which documents are relevant"):
        answerable(default(tmp_path), rest, "index")


def test_a_split_is_a_part_of_the_set(tmp_path: Path) -> None:
    """One that is not there is told with those that are."""
    golden = a_set(tmp_path)

    part = of_split(golden, "test")

    assert ([case.id for case in part.cases], part.ref.n) == (["find", "verdict"], 2)
    with pytest.raises(SuiteError, match=r"in split 'tset': choose from: dev, test"):
        of_split(golden, "tset")


def test_a_judge_is_named_in_part_or_not_at_all(tmp_path: Path) -> None:
    """What it lacks comes from the command line; scorers that ask it, and gate, are known without one."""
    (tmp_path / "suite.yaml").write_text(
        "scorers: [answer_judged, context_recall]\ngating: [{metric: context_recall}]\n"
        "judge: {model: m, calibration: judge.json, price: {input: 1, output: 2}, temperature: null}\n"
    )

    suite = load(tmp_path / "suite.yaml", 3)

    assert suite.scorers == ("answer_judged", "context_recall@3")
    assert suite.gating[0].metric == "context_recall@3"
    assert suite.judge == {
        "model": "m",
        "calibration": str(tmp_path / "judge.json"),
        "price": {"input": 1.0, "output": 2.0},
        "temperature": None,
    }


@pytest.mark.parametrize(
    "judge", ["{limit_usd: -1}", "{tries: 0}", "{timeout_s: .inf}", "{key: sk-1}", "{price: {input: 1}}"]
)
def test_a_judge_that_does_not_fit_is_told_by_its_key(tmp_path: Path, judge: str) -> None:
    """And keys of an API have no place in a file."""
    (tmp_path / "suite.yaml").write_text(f"scorers: [exact]\njudge: {judge}\n")

    with pytest.raises(SuiteError, match="judge"):
        load(tmp_path / "suite.yaml")
