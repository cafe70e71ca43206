"""`guardhouse traces reveal`: byte for byte, on record, and nothing that a terminal would obey."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import typer
from typer.testing import CliRunner, Result

from proxy.cli_admin import register as register_traces
from proxy.cli_reveal import _inert
from tests.proxy.store.test_reveals import REPLY, REQUEST, WHY, done, stored
from tests.proxy.store.test_rotation import opened


def run(folder: Path, *arguments: str) -> Result:
    """The command on a data folder."""
    app = typer.Typer()
    register_traces(app)
    return CliRunner().invoke(app, ["traces", "reveal", *arguments, "--data-dir", str(folder)])


def test_a_part_is_written_and_on_record(tmp_path: Path) -> None:
    """To a file for its owner alone, or to standard output."""
    store = opened(tmp_path / "data")
    trace = stored(store).span_id
    to_file = run(
        tmp_path / "data", trace, "--part", "response", "--reason", WHY, "-o", str(tmp_path / "out")
    )
    to_stdout = run(tmp_path / "data", trace, "--part", "request", "--reason", WHY)

    assert (to_file.exit_code, to_stdout.exit_code) == (0, 0), to_file.output
    assert (tmp_path / "out").read_bytes() == REPLY
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o600
    assert to_stdout.stdout_bytes == REQUEST
    assert done(store) == [("trace.reveal", "cli"), ("trace.raw_read", "cli")] * 2
    store.close()


def test_what_cannot_be_revealed_is_told(tmp_path: Path) -> None:
    """In one line, with exit code 2."""
    for arguments, says in (
        (("x", "--part", "both", "--reason", WHY), "--part takes request or response"),
        (("x", "--part", "request", "--reason", "why"), "--reason takes 10 to 500"),
        (("x", "--part", "request", "--reason", WHY), "there is no such trace"),
    ):
        answer = run(tmp_path, *arguments)
        assert (answer.exit_code, says in answer.output) == (2, True), answer.output


def test_the_command_stands_alone(tmp_path: Path) -> None:
    """In a process that has imported nothing yet."""
    command = f"-m guardhouse traces reveal x --part request --data-dir {tmp_path} --reason"
    ran = subprocess.run(
        [sys.executable, *command.split(), WHY],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, "there is no such trace" in ran.stderr) == (2, True), ran.stderr


def test_what_is_there_is_not_written_over(tmp_path: Path) -> None:
    """Neither a file that others may read, nor one that a link leads to; and nothing is revealed for it."""
    store = opened(tmp_path / "data")
    trace = stored(store).span_id
    there, link = tmp_path / "there", tmp_path / "link"
    there.write_bytes(b"mine")
    link.symlink_to(tmp_path / "elsewhere")
    for file in (there, link):
        answer = run(tmp_path / "data", trace, "--part", "request", "--reason", WHY, "-o", str(file))
        assert (answer.exit_code, "cannot be written" in answer.output) == (2, True), answer.output

    assert (there.read_bytes(), (tmp_path / "elsewhere").exists()) == (b"mine", False)
    assert done(store) == []
    store.close()


def test_a_terminal_obeys_nothing() -> None:
    """Escapes, bells and bytes that are no text are written out."""
    shown = _inert("\x1b[31mred\x07 \u202e ok\tä\n".encode() + b"\xff")
    assert shown == "\\x1b[31mred\\x07 \\u202e ok\tä\n\\xff"
