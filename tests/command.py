"""Runs the command `guardhouse` inside this process."""

from __future__ import annotations

import io
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import guardhouse


class Ran(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Run]:
    """Runs the command line in an empty folder, with bytes on standard input."""
    monkeypatch.chdir(tmp_path)
    # A command may answer Ctrl-C in its own way; the tests' own way comes back.
    before = signal.getsignal(signal.SIGINT)

    def call(*arguments: str, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "argv", ["guardhouse", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        with pytest.raises(SystemExit) as stopped:
            guardhouse.main()
        code = stopped.value.code
        return Ran(code if isinstance(code, int) else 0, *capsys.readouterr())

    yield call
    signal.signal(signal.SIGINT, before)


POLICY = """name: p
rules:
  - {id: mask, check: words, with: {deny: [bluebird]}, stages: [input, output, tool_call], action: redact}
  - {id: stop, check: words, with: {deny: [kryptonite]}, stages: [input], action: block}
"""
"""A policy that masks one word and blocks another."""
