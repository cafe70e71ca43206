"""`guardhouse eval scorers`."""

from __future__ import annotations

import json

from typer.testing import CliRunner

import guardhouse
from evals.scorer import names

run = CliRunner().invoke


def test_scorers_are_listed_for_people_and_for_programs() -> None:
    """The same scorers, each with what it needs."""
    plain, as_json = (run(guardhouse.app, ["eval", "scorers", *more]) for more in ([], ["--json"]))
    told = {each["name"].partition("@")[0]: each for each in json.loads(as_json.stdout)}

    assert (plain.exit_code, as_json.exit_code) == (0, 0)
    assert list(told) == names()
    assert "exact 2 (higher is better)\n" in plain.stdout
    assert "cost 1 (lower is better, on request)\n" in plain.stdout
    assert "  needs: `expected.json_schema`\n" in plain.stdout
    assert set(told["recall"]) == {
        *("name", "version", "measures", "needs", "higher_is_better", "asks_judge", "by_default")
    }
