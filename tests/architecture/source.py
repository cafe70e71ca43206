"""The product's source, read once: files, modules and imports, for the tests that hold the house rules."""

from __future__ import annotations

import ast
from collections import deque
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
    nodes: tuple[ast.AST, ...]
    """Every node of the tree."""
    imports: tuple[Import, ...]

    @property
    def name(self) -> str:
        """Path below the repository, with slashes."""
        return self.path.relative_to(ROOT).as_posix()


def _imports(tree: ast.Module) -> tuple[Import, ...]:
    """Those of the whole tree. Lazy are those in functions and those that only a type checker sees."""
    found: list[Import] = []
    waiting: deque[tuple[ast.AST, bool]] = deque([(tree, False)])
    while waiting:
        node, lazy = waiting.popleft()
        if isinstance(node, ast.Import):
            found += [Import(alias.name, node.lineno, lazy) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            prefix = "." * node.level + (node.module or "")
            found.append(Import(prefix, node.lineno, lazy))
            found += [Import(f"{prefix}.{alias.name}", node.lineno, lazy) for alias in node.names]
        typed = set(map(id, node.body)) if isinstance(node, ast.If) and _is_for_types(node) else set()
        inside = lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        waiting += [(child, inside or id(child) in typed) for child in ast.iter_child_nodes(node)]
    return tuple(found)


def _is_for_types(branch: ast.If) -> bool:
    return "TYPE_CHECKING" in ast.unparse(branch.test)


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
        result.append(Source(path, module, text, tree, tuple(ast.walk(tree)), _imports(tree)))
    return tuple(result)
