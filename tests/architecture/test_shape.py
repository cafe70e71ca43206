"""Sizes and habits that keep the code readable."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.architecture.source import Source, sources

MAX_FILE = 500
MAX_FUNCTION = 80
MAX_PARAMETERS = 6
BROAD_EXCEPT = {
    "guardrails/engine.py": "a check that raises is data in the verdict",
    "guardrails/worker.py": "the same, for a check in a process of its own",
    "guardrails/checks/pii.py": "a user's own recogniser may raise anything while the policy loads",
    "evals/runner.py": "whatever a target of a user's own raises is the reason of one item",
    "evals/foreign.py": "a user's own code may raise anything, and leave: it is data in the output",
    "proxy/faults.py": "a fault of ours is told in the envelope, and raised again for the log",
    "proxy/providers/http.py": "a connection whose answer nobody awaits any more is dropped, whatever ended the wait",
    "proxy/drain.py": "a database may fail in any way: it is tried again, and nothing is given up",
    "proxy/maintenance.py": "a job that fails in any way is told to operators and done again, and ends no other",
    "proxy/recorder.py": "recording never breaks the exchange it records; counted by a metric",
}
COMMAND_LINES = (
    *(
        "cli.py",
        "cli_admin.py",
        "cli_audit.py",
        "cli_bisect.py",
        "cli_calibrate.py",
        "cli_golden.py",
        "cli_golden_release.py",
        "cli_export.py",
        "cli_index.py",
        "cli_keys.py",
        "cli_queues.py",
        "cli_replay.py",
        "cli_rescore.py",
        "cli_run.py",
        "cli_subjects.py",
        "cli_users.py",
    ),
    *("cli_check.py", "cli_diff.py", "cli_policy.py"),
)
NAMES = ("Manager", "Handler", "Helper", "Service", "Utils", "Util")


def test_a_file_fits_in_the_head() -> None:
    """No file over 500 lines, no function over 80, no more than six parameters outside the command line."""
    assert [wrong for source in sources() for wrong in _too_large(source)] == []


def _too_large(source: Source) -> Iterator[str]:
    if (lines := len(source.text.splitlines())) > MAX_FILE:
        yield f"{source.name} has {lines} lines"
    for node in source.nodes:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if (lines := (node.end_lineno or 0) - node.lineno + 1) > MAX_FUNCTION:
            yield f"{source.name}: {node.name} has {lines} lines"
        if not source.name.endswith(COMMAND_LINES):
            arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
            names = [a.arg for a in arguments if a.arg not in ("self", "cls")]
            factory = any(isinstance(d, ast.Name) and d.id == "check" for d in node.decorator_list)
            if not factory and len(names) > MAX_PARAMETERS:
                yield f"{source.name}: {node.name}({', '.join(names)})"


def test_broad_excepts_stand_only_where_they_are_the_point() -> None:
    """Catching everything is allowed in the check runner, the recorder, maintenance and where users' own code is built, nowhere else."""
    broad = [
        f"{source.name}:{node.lineno}"
        for source in sources()
        if source.name not in BROAD_EXCEPT
        for node in source.nodes
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
    ]

    assert broad == []


def test_classes_have_names_of_the_field() -> None:
    """Nothing is a Manager, Handler, Helper, Service or Util."""
    assert [
        f"{source.name}: {node.name}"
        for source in sources()
        for node in source.nodes
        if isinstance(node, ast.ClassDef) and node.name.endswith(NAMES)
    ] == []


def test_public_names_say_what_they_promise() -> None:
    """Every module, public class and public function has a docstring."""
    assert [
        silent for source in sources() if "/migrations/" not in source.name for silent in _silent(source)
    ] == []


def _silent(source: Source) -> Iterator[str]:
    if source.text.strip() and not ast.get_docstring(source.tree):
        yield source.name
    for node in source.tree.body:
        is_named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        if is_named and not node.name.startswith("_") and not ast.get_docstring(node):
            yield f"{source.name}: {node.name}"
