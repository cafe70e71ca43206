"""The floors of the house: who may import whom."""

from __future__ import annotations

from tests.architecture.source import PACKAGES, sources

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


def test_imports_point_down() -> None:
    """guardrails imports neither proxy nor evals; proxy and evals never import each other."""
    assert [
        f"{source.name}:{i.line}: {i.module}"
        for source in sources()
        for i in source.imports
        if _top(i.module) in FORBIDDEN.get(_top(source.module), ())
    ] == []


def test_guardrails_is_a_pure_library() -> None:
    """guardrails knows no HTTP, SQL or provider."""
    assert [
        f"{source.name}:{i.line}: {i.module}"
        for source in sources()
        if _top(source.module) == "guardrails"
        for i in source.imports
        if any(i.module == name or i.module.startswith(name + ".") for name in IMPURE)
    ] == []


def test_imports_are_absolute() -> None:
    """A reader sees from an import line alone where a name comes from."""
    assert [
        f"{source.name}:{i.line}: {i.module}"
        for source in sources()
        for i in source.imports
        if i.module.startswith(".")
    ] == []


def test_nobody_imports_from_its_own_package_root() -> None:
    """`from guardrails import X` inside guardrails is how import cycles start."""
    modules = {source.module for source in sources()}

    assert [
        f"{source.name}:{i.line}: {i.module}"
        for source in sources()
        if not source.name.endswith("__init__.py")
        for i in source.imports
        if i.module.rpartition(".")[0] == _top(source.module) and i.module not in modules
    ] == []


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
