"""The scorer registry: found by name, configured by `@k`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from evals.errors import ScorerError
from evals.judging.nobody import NOBODY
from evals.ledger import Prices
from evals.scorer import BUILT_IN, build, build_all, build_each, default_names, metric_name, names, ref
from evals.types import Case, Output


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_every_built_in_scorer_can_be_built(name: str) -> None:
    """Its name in a run is the registered one, with the k it uses."""
    scorer = build(name, k=7, judge=NOBODY)

    assert scorer.name in {name, f"{name}@7"}
    assert ref(scorer).version


def test_a_scorer_that_asks_a_judge_wants_one() -> None:
    """With what to give."""
    with pytest.raises(ScorerError, match="asks a judge, and there is none: give a judge"):
        build("answer_judged")


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("recal", "there is no scorer 'recal'.*recall"),
        ("exact@3", "takes no @k"),
        ("recall@0", "there is no scorer"),
        ("recall@x", "there is no scorer"),
        ("", "there is no scorer"),
        ("os:system", "scorer os:system needs 'command', which nobody gives"),
        ("recall:5", "scorer recall:5: 'recall:5' names no factory: write module:factory"),
        ("recall@5:x", "there is no scorer"),
    ],
)
def test_an_unknown_scorer_is_refused_with_the_known_ones(spec: str, says: str) -> None:
    """A typo is told, with the choices."""
    with pytest.raises(ScorerError, match=says):
        build(spec)


def test_one_scorer_named_twice_is_built_once() -> None:
    """`recall` and `recall@5` are the same at k=5."""
    assert [scorer.name for scorer in build_all(["recall", "recall@5", "recall@1"], k=5)] == [
        "recall@5",
        "recall@1",
    ]


def test_what_needs_a_judge_or_prices_is_not_asked_for_by_itself() -> None:
    """Nor what most targets do not tell."""
    assert not {"cost", "prompt_tokens", "guardrail_latency"} & set(default_names())
    assert {"exact", "over_refusal", "trajectory"} < set(default_names())


def test_prices_are_given_to_who_takes_them() -> None:
    """And are a part of the version, as other prices give other values."""
    (scorer,) = build_all(["cost"], prices=Prices(0.15, 0.6))

    assert scorer.version == "1+0.15:0.6"
    assert build("cost").version == "1"


def test_a_metric_is_known_by_its_name_without_the_depth_too() -> None:
    """As suites and the command line write it."""
    built = build_each(["recall@3", "exact"])

    assert list(built) == ["recall@3", "exact"]
    assert [metric_name(metric, 3, built) for metric in ("recall", "recall@3", "exact", "f1")] == [
        "recall@3",
        "recall@3",
        "exact",
        "f1",
    ]
    with pytest.raises(ScorerError, match="there is no scorer"):
        metric_name("polite", 3, built)


PACKAGE = """
from evals.scorer import Measure
from evals.types import Score

def polite(k: int = 5):
    return Measure(f"polite@{k}", "7", lambda case: True, lambda case, output: Score.of("please" in output.text))

def shy():
    return Measure("proud", "1", lambda case: True, lambda case, output: Score.of(1))
"""


def installed(folder: Path, entries: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution with entry points, as an installer leaves it."""
    about = folder / "manners-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: manners\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[guardhouse.scorers]\n{entries}\n")
    (folder / "manners_scorers.py").write_text(PACKAGE)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "manners_scorers", raising=False)


async def test_a_scorer_of_another_package_is_found_by_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Group guardhouse.scorers; its factory is called like a built-in one."""
    installed(tmp_path / "site", "polite = manners_scorers:polite", monkeypatch)

    scorer = build("polite@2")

    assert "polite" in names()
    assert (scorer.name, scorer.version.partition("+")[0]) == ("polite@2", "7")
    assert (await scorer(Case("c", "h"), Output(text="please"))).value == 1.0


@pytest.mark.parametrize(
    ("entries", "spec", "says"),
    [
        ("gone = manners_scorers:gone", "gone", "has no 'gone'"),
        ("lost = manners_lost:x", "lost", "there is no module 'manners_lost'"),
        ("shy = manners_scorers:shy", "shy", "calls itself 'proud', and its package registers it as 'shy'"),
    ],
)
def test_an_entry_point_that_leads_nowhere_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entries: str, spec: str, says: str
) -> None:
    """When it is asked for, and in one line."""
    installed(tmp_path / "site", entries, monkeypatch)

    with pytest.raises(ScorerError, match=says):
        build(spec)
