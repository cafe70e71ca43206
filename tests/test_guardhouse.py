"""The command `guardhouse`: its version, and its doctor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import guardhouse
from evals import document
from evals.run import Gating
from tests.architecture.source import ROOT
from tests.command import Run, run
from tests.evals.conftest import make_run

__all__ = ["run"]

LOADED = """
import json, os, sys
before = {*sys.modules}
import guardhouse
kept, sys.stdout = sys.stdout, open(os.devnull, "w")
try:
    guardhouse.main()
except SystemExit:
    pass
print(json.dumps(sorted({*sys.modules} - before)), file=kept)
"""
"""A program that says which modules a command loads."""
FRONT = {"guardhouse", "typer", "shellingham", "annotated_doc"}
"""What the command line itself needs."""
NUMBERS = {"numpy", "scipy", "charset_normalizer", "cython_runtime"}
"""What intervals and tests need; numpy has itself described by the others."""
DOCUMENTS = {"pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection", "rich"}
"""What reads a run document, and what shows it."""


def loaded(*arguments: str) -> set[str]:
    """The packages that a command loads, the standard library's and the private ones left out."""
    program = [sys.executable, "-c", LOADED, *arguments]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=True)
    names = {name.partition(".")[0] for name in json.loads(done.stdout)}
    return {name for name in names if name not in sys.stdlib_module_names and not name.startswith("_")}


def test_help_loads_the_command_line_and_nothing_else() -> None:
    """No package of ours, no library but typer: help comes at once."""
    assert loaded("--help") <= FRONT


def test_comparing_loads_what_reads_counts_and_shows(tmp_path: Path) -> None:
    """Of our packages not the proxy; of libraries neither pandas, torch, litellm, an index nor a client."""
    files = []
    for name, value in (("before", 1.0), ("after", 0.0)):
        values = {"exact": {f"c{at}": [value * (at % 3 > 0)] for at in range(12)}}
        files.append(str(tmp_path / f"{name}.json"))
        document.save(make_run(values, gating=(Gating("exact"),)), Path(files[-1]))

    found = loaded("eval", "compare", *files)

    assert {"evals", "numpy", "scipy", "rich"} <= found
    assert found <= FRONT | NUMBERS | DOCUMENTS | {"evals", "guardrails"}


@pytest.mark.parametrize("json", [(), ("--json",)])
def test_a_reader_that_goes_away_does_not_change_the_verdict(tmp_path: Path, json: tuple[str, ...]) -> None:
    """`| head -1` of a pass is a pass, of a block a block; nothing is said on either output that is no longer read."""
    for name, value in (("good", 1.0), ("bad", 0.0)):
        values = {"exact": {f"c{at}": [value] for at in range(12)}}
        document.save(make_run(values, gating=(Gating("exact"),)), tmp_path / name)
    codes = []
    for candidate in ("good", "bad"):
        reading, writing = os.pipe()
        os.close(reading)
        command = [sys.executable, "-m", "guardhouse", "eval", "compare", *json]
        command += [str(tmp_path / "good"), str(tmp_path / candidate)]
        codes.append(
            subprocess.run(command, stdout=writing, stderr=writing, check=False, cwd=ROOT).returncode
        )
        ran = subprocess.run(
            command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False, cwd=ROOT
        )
        os.close(writing)
        assert (ran.returncode, ran.stderr) == (codes[-1], "")

    assert codes == [0, 1]


def test_the_help_says_of_each_command_what_it_says_of_itself() -> None:
    """The lines are known beforehand, so that no command is imported for them."""
    front = typer.main.get_command(guardhouse.app)
    told = {name: front.commands[name].get_short_help_str(200) for name in guardhouse.PARTS}

    assert told == {name: part.help for name, part in guardhouse.PARTS.items()}


def test_every_command_of_every_module_is_listed() -> None:
    """What a module adds beside the command that it is imported for is in the list under its own name."""
    added = set()
    for part in guardhouse.PARTS.values():
        whole = typer.Typer()
        part.register(whole)
        added |= {*typer.main.get_group(whole).commands}

    assert added == {*guardhouse.PARTS}


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


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="this system has no /dev/full")
def test_an_output_that_takes_nothing_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    """Whatever the command: no stack trace, and none from Python's own end."""
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "guardhouse", "version"]
        ran = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, cwd=tmp_path
        )

    assert ran.returncode == 2
    assert ran.stderr.startswith("guardhouse: ") and ran.stderr.count("\n") == 1
