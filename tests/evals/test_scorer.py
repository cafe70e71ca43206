"""The scorer registry: found by name, configured by `@k`."""

from __future__ import annotations

from importlib import metadata

import pytest

from evals.errors import ScorerError
from evals.scorer import BUILT_IN, build, build_all, names, ref


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_every_built_in_scorer_can_be_built(name: str) -> None:
    """Its name in a run is the registered one, with the k it uses."""
    scorer = build(name, k=7)

    assert scorer.name in {name, f"{name}@7"}
    assert ref(scorer).version


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("recal", "there is no scorer 'recal'.*recall"),
        ("exact@3", "takes no @k"),
        ("recall@0", "there is no scorer"),
        ("recall@x", "there is no scorer"),
        ("", "there is no scorer"),
        ("os:system", "there is no scorer"),
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


def test_a_scorer_of_another_package_is_found_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    """Group guardhouse.scorers; its factory is called like a built-in one."""
    entry = metadata.EntryPoint("mine", "evals.scorers.latency:latency", "guardhouse.scorers")

    def entry_points(*, group: str, name: str | None = None) -> list[metadata.EntryPoint]:
        return [entry] if group == "guardhouse.scorers" and name in {None, "mine"} else []

    monkeypatch.setattr(metadata, "entry_points", entry_points)

    assert "mine" in names()
    assert build("mine").name == "latency"
