"""What scorers say of themselves."""

from __future__ import annotations

import re

import pytest

from evals.scorer import BUILT_IN, default_names, names
from evals.scorer_list import described
from tests.architecture.source import ROOT

PAGE = (ROOT / "docs" / "reference" / "scorers.md").read_text(encoding="utf-8")


def test_every_scorer_says_what_it_measures() -> None:
    """In one sentence, in order of the names, with the version where it is known without a judge."""
    found = {each.name.partition("@")[0]: each for each in described()}

    assert list(found) == names()
    assert [name for name, each in found.items() if not each.measures] == []
    assert [name for name, each in found.items() if not each.version and not each.asks_judge] == []
    assert {name for name, each in found.items() if each.by_default} == set(default_names())


def test_what_is_better_is_what_the_reference_says() -> None:
    """The last column of its table."""
    told = {each.name.partition("@")[0]: each.higher_is_better for each in described()}
    written = dict(re.findall(r"^\| \[`([a-z0-9_]+)`\].*\| (higher|lower) \|$", PAGE, re.M))

    assert {name: "higher" if told[name] else "lower" for name in written} == written


def test_one_that_cannot_be_built_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says why in its place."""
    from importlib import metadata

    entry = metadata.EntryPoint("gone", "no_such_module_at_all:x", "guardhouse.scorers")

    def entry_points(*, group: str, name: str | None = None) -> list[metadata.EntryPoint]:
        return [entry] if group == "guardhouse.scorers" and name in {None, "gone"} else []

    monkeypatch.setattr(metadata, "entry_points", entry_points)
    found = {each.name.partition("@")[0]: each for each in described()}

    assert found["gone"].measures.startswith("cannot be built: ")
    assert set(found) == {*BUILT_IN, "gone"}
