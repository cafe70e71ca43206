"""The product's source, read once: files, modules and imports, for the tests that hold the house rules."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("guardrails", "proxy", "evals")


class Import(NamedTuple):
    """One imported module, where it stands, and whether importing the file runs it."""

    module: str
    line: int
    lazy: bool


class Source(NamedTuple):
    """One product file."""

    path: Path
    module: str
    text: str
    tree: ast.Module
    imports: tuple[Import, ...]

    @property
    def name(self) -> str:
        """Path below the repository, with slashes."""
        return self.path.relative_to(ROOT).as_posix()


def _imports(tree: ast.Module) -> tuple[Import, ...]:
    typing_only = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.unparse(branch.test)
        for statement in branch.body
        for node in ast.walk(statement)
    }
    inside = {
        id(node)
        for scope in ast.walk(tree)
        if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(scope)
    }
    found: list[Import] = []
    for node in ast.walk(tree):
        lazy = id(node) in inside or id(node) in typing_only
        if isinstance(node, ast.Import):
            found += [Import(alias.name, node.lineno, lazy) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            prefix = "." * node.level + (node.module or "")
            found.append(Import(prefix, node.lineno, lazy))
            found += [Import(f"{prefix}.{alias.name}", node.lineno, lazy) for alias in node.names]
    return tuple(found)


@cache
def sources() -> tuple[Source, ...]:
    """Every Python file of the product, tests and scripts left out."""
    paths = [ROOT / "guardhouse.py"]
    for package in PACKAGES:
        paths += sorted((ROOT / package).rglob("*.py"))
    result = []
    for path in paths:
        text = path.read_text(encoding="utf-8")
        module = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
        tree = ast.parse(text, filename=str(path))
        result.append(Source(path, module, text, tree, _imports(tree)))
    return tuple(result)
