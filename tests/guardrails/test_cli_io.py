"""What the commands share."""

from __future__ import annotations

import io
import sys
from time import perf_counter

import pytest

from guardrails import cli_io
from guardrails.cli_io import progress, say


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


def test_what_the_terminal_cannot_show_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that is printed can end the command."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    say("caf\xe9 \ud800")
    sys.stdout.flush()

    assert raw.getvalue() == b"caf\\xe9 \\ud800\n"


@pytest.mark.parametrize(("stream", "patience", "shown"), [(Terminal, 0, True), (Terminal, 9, False), (io.StringIO, 0, False)])  # fmt: skip
def test_a_bar_shows_only_on_a_terminal_and_only_when_it_takes_long(
    monkeypatch: pytest.MonkeyPatch, stream: type[io.StringIO], patience: float, shown: bool
) -> None:
    """Quick work and logs stay free of it; markup in the name is no markup."""
    monkeypatch.setattr(sys, "stderr", written := stream())
    monkeypatch.setattr(cli_io, "_PATIENCE", patience)
    monkeypatch.setenv("TERM", "xterm")
    with progress("[/]p.yaml", 2) as step:
        began = perf_counter()
        step()
        step()

    assert perf_counter() - began < 1
    assert ("p.yaml" in written.getvalue()) is shown
