"""The floors of the house: who may import whom."""

from __future__ import annotations

import pytest

from tests.architecture.source import PACKAGES, Source, sources

FORBIDDEN = {
    "guardrails": ("proxy", "evals", "guardhouse"),
    "proxy": ("evals", "guardhouse"),
    "evals": ("proxy", "guardhouse"),
}
IMPURE = (
    "aiohttp",
    "fastapi",
    "httpx",
    "litellm",
    "openai",
    "requests",
    "socket",
    "sqlalchemy",
    "sqlmodel",
    "urllib.request",
)


def _top(module: str) -> str:
    return module.partition(".")[0]


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.name)
def test_imports_point_down(source: Source) -> None:
    """guardrails imports neither proxy nor evals; proxy and evals never import each other."""
    upward = [
        f"line {i.line}: {i.module}"
        for i in source.imports
        if _top(i.module) in FORBIDDEN.get(_top(source.module), ())
    ]

    assert upward == []


@pytest.mark.parametrize(
    "source", [s for s in sources() if _top(s.module) == "guardrails"], ids=lambda source: source.name
)
def test_guardrails_is_a_pure_library(source: Source) -> None:
    """guardrails knows no HTTP, SQL or provider."""
    impure = [
        i.module
        for i in source.imports
        if any(i.module == name or i.module.startswith(name + ".") for name in IMPURE)
    ]

    assert impure == []


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.name)
def test_imports_are_absolute(source: Source) -> None:
    """A reader sees from an import line alone where a name comes from."""
    assert [i.module for i in source.imports if i.module.startswith(".")] == []


@pytest.mark.parametrize(
    "source", [s for s in sources() if not s.name.endswith("__init__.py")], ids=lambda source: source.name
)
def test_nobody_imports_from_its_own_package_root(source: Source) -> None:
    """`from guardrails import X` inside guardrails is how import cycles start."""
    root = _top(source.module)
    modules = {s.module for s in sources()}
    own = [i for i in source.imports if i.module.startswith(f"{root}.") and i.module not in modules]

    assert [f"line {i.line}" for i in own if i.module.rpartition(".")[0] == root] == []


def test_there_is_no_import_cycle() -> None:
    """Modules that run when imported form no cycle."""
    modules = {s.module: s for s in sources() if not s.name.endswith("__init__.py")}
    graph = {
        name: {i.module for i in s.imports if not i.lazy and i.module in modules and i.module != name}
        for name, s in modules.items()
    }
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path[path.index(name) :], name))
        if name not in done:
            for other in sorted(graph[name]):
                visit(other, (*path, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())

    assert {_top(name) for name in done} == {*PACKAGES, "guardhouse"}
