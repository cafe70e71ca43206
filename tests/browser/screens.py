"""Every screen of the reviewer's pages: its route, an address of it, and what must stand on it. A new page is added here."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import FastAPI

from tests.browser.seeds import Names


@dataclass(frozen=True, slots=True)
class Screen:
    """One page as a reviewer opens it."""

    name: str
    route: str
    """Its path below `/review`, as the router has it."""
    path: str
    """An address of it, with `{names}` of what was seeded."""
    must: str = "main h1"
    """What must be there, as a CSS selector."""
    signed_in: bool = True

    def address(self, names: Names) -> str:
        """Where it is."""
        return "/review" + self.path.format(**names)


SCREENS = (
    Screen("login", "/login", "/login", "form button.main", signed_in=False),
    Screen("overview", "/overview", "/overview", ".tiles .tile"),
    Screen("overview-day", "/overview", "/overview?since=24h", "svg.plot"),
    Screen("queue", "", "", "table.traces a.open"),
    Screen("queue-empty", "", "?q=text%3Anowhereatall", ".empty"),
    Screen("queue-wrong", "", "?q=outcom%3Ablocked", "[role=alert]"),
    Screen("groups", "/groups", "/groups"),
    Screen("group", "/groups/{id}", "/groups/{group}"),
    Screen("claims", "/claims", "/claims"),
    Screen("disputed", "/disputed", "/disputed"),
    Screen("queues", "/queues", "/queues"),
    Screen("jobs", "/jobs", "/jobs"),
    Screen("new-job", "/jobs/new", "/jobs/new?q=outcome%3Ablocked"),
    Screen("job", "/jobs/{id}", "/jobs/{job}"),
    Screen("trace", "/traces/{id}", "/traces/{trace}", "#verdict"),
    Screen("sessions", "/sessions", "/sessions"),
    Screen("session", "/sessions/{run_id}", "/sessions/{session}"),
    Screen("runs", "/runs", "/runs", "a.open"),
    Screen("run", "/runs/{id}", "/runs/{run}", ".items"),
    Screen("compare", "/runs/compare", "/runs/compare?a={other}&b={run}"),
    Screen("policies", "/policies", "/policies"),
    Screen("policy", "/policies/{name}", "/policies/default"),
    Screen("draft", "/policies/{name}/draft", "/policies/default/draft"),
    Screen("golden", "/golden", "/golden"),
    Screen("golden-set", "/golden/sets/{name}", "/golden/sets/support", "table.cases"),
    Screen("candidates", "/golden/candidates", "/golden/candidates"),
    Screen("candidate", "/golden/candidates/{id}", "/golden/candidates/{candidate}"),
    Screen("people", "/people", "/people"),
    Screen("person", "/people/{name}", "/people/{person}"),
    Screen("me", "/me", "/me"),
    Screen("reveals", "/reveals", "/reveals"),
    Screen("problem", "/{rest}", "/nothing-here", ".empty a"),
)
"""In the order of the header."""
NOT_SCREENS = frozenset(
    (
        "/static/{name}",
        "/oidc",
        "/oidc/callback",
        "/oidc/logout",
        "/new",
        "/views/{id}",
        "/traces/{id}/raw/{part}",
    )
)
"""Routes that show no page of their own, or only after an act that a test of their own does."""


def routes_of(app: FastAPI) -> set[str]:
    """The paths below `/review` that answer GET with a page."""
    paths = app.openapi()["paths"]
    pages = {path for path, methods in paths.items() if "get" in methods and not path.endswith(".json")}
    return {path.removeprefix("/review") for path in pages if path.startswith("/review")} - NOT_SCREENS


def screens_of(app: FastAPI) -> list[Screen]:
    """The screens that these pages have."""
    there = routes_of(app)
    return [screen for screen in SCREENS if screen.route in there]
