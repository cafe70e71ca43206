"""Queues on the command line."""

from __future__ import annotations

import json
from pathlib import Path

from tests.command import Run


def test_a_queue_is_made_listed_and_closed(run: Run, tmp_path: Path) -> None:
    """What is wrong is one line and exit code 2."""
    here = ("--data-dir", str(tmp_path))
    made = run(
        "queues", "add", "mine", "rule:pii", "--share", "0.5", "--reviews", "2", "--blind", "--json", *here
    )
    assert made.code == 0, made.err
    id = json.loads(made.out)["id"]
    assert "50 %, 2 each, blind" in run("queues", "list", *here).out

    assert run("queues", "close", "mine", *here).out == "closed\n"
    assert run("queues", "close", id, *here).out == "it was closed already\n"
    for words in (("add", "mine"), ("add", "x", "colour:red"), ("add", "x", "--share", "2"), ("close", "y")):
        wrong = run("queues", *words, *here)
        assert wrong.code == 2 and wrong.err.startswith("guardhouse: ") and "Traceback" not in wrong.err
