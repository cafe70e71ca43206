"""Sizes and habits that keep the code readable."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.source import Source, sources

MAX_FILE = 500
MAX_FUNCTION = 80
MAX_PARAMETERS = 6
BROAD_EXCEPT = {
    "guardrails/engine.py": "a check that raises is data in the verdict",
    "guardrails/worker.py": "the same, for a check in a process of its own",
    "guardrails/checks/pii.py": "a user's own recogniser may raise anything while the policy loads",
    "proxy/faults.py": "a fault of ours is told in the envelope, and raised again for the log",
    "proxy/providers/http.py": "a connection whose answer nobody awaits any more is dropped, whatever ended the wait",
    "proxy/recorder.py": "recording never breaks the exchange it records; counted by a metric",
}
COMMAND_LINES = (
    *("cli.py", "cli_admin.py", "cli_index.py", "cli_keys.py", "cli_replay.py"),
    *("cli_check.py", "cli_diff.py", "cli_policy.py"),
)
NAMES = ("Manager", "Handler", "Helper", "Service", "Utils", "Util")


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.name)
def test_a_file_fits_in_the_head(source: Source) -> None:
    """No file over 500 lines, no function over 80, no more than six parameters outside the command line."""
    assert len(source.text.splitlines()) <= MAX_FILE
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        assert (node.end_lineno or 0) - node.lineno + 1 <= MAX_FUNCTION, node.name
        if not source.name.endswith(COMMAND_LINES):
            arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
            names = [a.arg for a in arguments if a.arg not in ("self", "cls")]
            factory = any(isinstance(d, ast.Name) and d.id == "check" for d in node.decorator_list)
            assert factory or len(names) <= MAX_PARAMETERS, f"{node.name}({', '.join(names)})"


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.name)
def test_broad_excepts_stand_only_where_they_are_the_point(source: Source) -> None:
    """Catching everything is allowed in the check runner, the recorder and where users' own code is built, nowhere else."""
    broad = [
        node.lineno
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
    ]

    assert broad == [] or source.name in BROAD_EXCEPT


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.name)
def test_classes_have_names_of_the_field(source: Source) -> None:
    """Nothing is a Manager, Handler, Helper, Service or Util."""
    classes = [node.name for node in ast.walk(source.tree) if isinstance(node, ast.ClassDef)]

    assert [name for name in classes if name.endswith(NAMES)] == []


@pytest.mark.parametrize(
    "source", [s for s in sources() if "/migrations/" not in s.name], ids=lambda source: source.name
)
def test_public_names_say_what_they_promise(source: Source) -> None:
    """Every module, public class and public function has a docstring."""
    silent = [] if ast.get_docstring(source.tree) or not source.text.strip() else ["module"]
    for node in source.tree.body:
        if isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        ) and not node.name.startswith("_"):
            silent += [] if ast.get_docstring(node) else [node.name]

    assert silent == []
