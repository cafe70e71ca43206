"""What the options of `eval run` and `eval bisect` come to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import typer

from evals import cli_options as given
from evals.arms import AGAIN, Arm
from evals.errors import SuiteError
from evals.golden import load as load_golden
from evals.ledger import Prices
from evals.opening import TargetSpec
from evals.run import Gating, PromptRef
from evals.suite import Suite, default
from tests.evals.conftest import item, make_run, write_golden

PACE = given.Pace(None, adaptive=True, concurrency=4, timeout=10.0, tries=3, price="")


def arms(*kinds: str) -> list[Arm]:
    """An arm of each kind."""
    return [Arm(kind, PromptRef("p", "v1", "0" * 64), TargetSpec(kind), Path("o")) for kind in kinds]


@pytest.fixture
def suite(place: Path) -> Suite:
    """One that says nothing about repeats."""
    return default(place / "golden")


@pytest.mark.parametrize(
    ("kinds", "pace", "said", "expected"),
    [
        (("http",), PACE, None, (1, 0)),
        (("http", "http"), PACE, None, (AGAIN, 1)),
        (("http", "http"), PACE, 3, (3, 1)),
        (("http", "http"), PACE, 1, (1, 0)),
        (("http", "http"), replace(PACE, repeats=8), 3, (8, 1)),
        (("http", "http"), replace(PACE, adaptive=False), 3, (3, 0)),
        (("policy", "policy"), PACE, None, (1, 0)),
    ],
)
def test_how_often_is_asked(
    place: Path,
    suite: Suite,
    kinds: tuple[str, ...],
    pace: given.Pace,
    said: int | None,
    expected: tuple[int, int],
) -> None:
    """At most, and at first: two arms whose answers vary are asked adaptively, unless somebody says otherwise."""
    if "policy" in kinds:
        write_golden(place / "golden", [item("a", expected={"guardrail": {"action": "allow"}})])
        suite = replace(suite, gating=(Gating("guardrail"),))

    made = given.setup(replace(suite, repeats=said), load_golden(place / "golden"), arms(*kinds), pace)

    assert (made.repeats, made.screen) == expected


def test_a_stored_run_says_how_often_where_nobody_else_does(place: Path, suite: Suite) -> None:
    """It could not be compared with otherwise."""
    golden, stored = load_golden(place / "golden"), make_run({"exact": {"a": [1.0, 1.0, 1.0]}})

    assert given.setup(suite, golden, arms("http"), PACE, stored).repeats == 3
    assert given.setup(replace(suite, repeats=2), golden, arms("http"), PACE, stored).repeats == 2


def test_a_scenario_has_time_for_its_calls(tmp_path: Path, suite: Suite) -> None:
    """A try of a case with turns makes many calls."""
    plain, turns = (
        load_golden(write_golden(tmp_path / name, [item("a", input=asked)]))
        for name, asked in (("plain", {"question": "q"}), ("turns", {"turns": ["Hello", "Bye"]}))
    )

    assert given.setup(suite, plain, arms("http"), PACE).timeout_s == 10.0 + given.GRACE_S
    assert given.setup(suite, turns, arms("http"), PACE).timeout_s == 320.0 + given.GRACE_S


def test_prices_are_of_the_command_line_or_the_suite(place: Path, suite: Suite) -> None:
    """For a million tokens in and out."""
    golden = load_golden(place / "golden")
    priced = replace(suite, target={"price": {"input": 1.0, "output": 2.0}})

    assert given.setup(suite, golden, arms("http"), PACE).prices is None
    assert given.setup(priced, golden, arms("http"), PACE).prices == Prices(1.0, 2.0)
    assert given.setup(priced, golden, arms("http"), replace(PACE, price="0:.5")).prices == Prices(0.0, 0.5)
    for wrong in ("1", "1:x", "1:2:3", "-1:2", "inf:1"):
        with pytest.raises(SuiteError, match="is not IN:OUT"):
            given.setup(suite, golden, arms("http"), replace(PACE, price=wrong))


def test_the_command_line_is_laid_over_the_suite(suite: Suite) -> None:
    """What it does not give is as the suite has it."""
    told = replace(suite, target={"base_url": "http://x/v1", "model": "m", "temperature": 0.5})

    assert given.asked(told, {"model": "n", "base_url": "", "seed": None}, 5.0) == {
        "base_url": "http://x/v1",
        "model": "n",
        "temperature": 0.5,
        "timeout_s": 5.0,
    }


def test_names_become_folders(tmp_path: Path) -> None:
    """Those that a file system would take as they are stay so; others stay apart by a hash."""
    assert given.slug("support@v1.2") == "support@v1.2"
    assert given.slug("vendor/a:b") != given.slug("vendor/a?b")
    for name in ("../..", "a" * 300, "ä/ö", ""):
        assert "/" not in given.slug(name)
        (tmp_path / given.slug(name)).mkdir()


def test_what_users_can_mend_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """And exit code 2."""
    with pytest.raises(typer.Exit) as end, given.told():
        raise SuiteError("this is wrong", fix="mend it")

    assert end.value.exit_code == 2
    assert capsys.readouterr().err == "guardhouse: this is wrong: mend it\n"
