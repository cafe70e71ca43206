"""The command `guardhouse`: its version, and its doctor."""

from __future__ import annotations

from tests.command import Run


def test_the_version_is_printed(run: Run) -> None:
    """One line."""
    ran = run("version")

    assert (ran.code, ran.out.count(".")) == (0, 2)


def test_the_doctor_exits_1_when_something_needed_is_missing(run: Run) -> None:
    """Without a configuration nothing can be served; the rest is looked at all the same."""
    ran = run("doctor")

    assert ran.code == 1
    assert "error config: there is no file guardhouse.yaml." in ran.out
    assert "ok    python: " in ran.out
