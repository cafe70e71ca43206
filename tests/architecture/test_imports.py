"""Every module can be the first that is imported, and every command answers in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.architecture.source import ROOT, sources

_COMMANDS = """
import sys, guardhouse
from typer.main import get_command


def names(command, path):
    print(*path)
    for name, below in getattr(command, "commands", {}).items():
        names(below, (*path, name))


names(get_command(guardhouse.app), ())
"""
_HELP = """
import os, sys, traceback
import guardhouse

for line in sys.stdin.read().splitlines():
    child = os.fork()
    if not child:
        sys.argv = ["guardhouse", *line.split(), "--help"]
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        try:
            guardhouse.main()
        except SystemExit as end:
            code = end.code
        except BaseException:
            traceback.print_exc()
            code = 1
        if code:
            print(f"guardhouse {line} --help: {code}", file=sys.stderr, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


def _python(program: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, input=stdin, capture_output=True, text=True, check=True
    )


def test_no_module_needs_itself() -> None:
    """What importing a module runs never leads back to it: a circle fails for whoever begins it in the wrong place."""
    known = {source.module for source in sources()}
    needs: dict[str, set[str]] = {}
    for source in sources():
        named = {each.module for each in source.imports if not each.lazy}
        # Importing a module runs the packages above it first; its own are there already.
        run = {part for name in named for part in _with_packages(name)} - set(_with_packages(source.module))
        needs[source.module] = run & known

    assert [module for module in sorted(known) if module in _reached(module, needs)] == []


def _with_packages(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _reached(start: str, needs: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [*needs[start]]
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += needs[module]
    return found


@pytest.mark.long
def test_every_command_has_its_help() -> None:
    """In a process of its own."""
    commands = _python(_COMMANDS).stdout

    assert "traces reveal\n" in commands
    assert _python(_HELP, commands).stderr == ""
