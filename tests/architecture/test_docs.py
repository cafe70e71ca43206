"""The documentation is whole: nothing a user can name is missing from it, and nothing in it is made up.

Pages that a module's own test holds to the code: metrics (test_telemetry), errors (test_errors), settings
(test_settings), secret kinds (test_secret_kinds), scripts of the fake provider (test_fake).
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

import guardhouse
from evals.scorer import BUILT_IN as SCORERS
from guardrails.check import BUILT_IN as CHECKS
from guardrails.check import factory
from guardrails.policy_keys import CALL, EXPECT, FINDING, POLICY, RULE, TEST, TOOL, TURN
from proxy import config_schema
from tests.architecture.source import ROOT

REFERENCE = ROOT / "docs" / "reference"
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), *(path for path in [ROOT / "README.md"] if path.exists())]
GROUPED = re.compile(r"`([^`\n]+)`")


def page(name: str) -> str:
    """A reference page."""
    return (REFERENCE / f"{name}.md").read_text(encoding="utf-8")


def rows(text: str) -> set[str]:
    """What stands in backticks in the first column of a table."""
    cells = re.findall(r"^\| ?([^|\n]*)\|", text, re.M)
    return {re.sub(r"\]\(.*", "", word).strip("[]`") for cell in cells for word in GROUPED.findall(cell)}


@cache
def commands() -> dict[str, Any]:
    """Every command by its full name, as the command line has it."""

    def walk(command: Any, name: str) -> Iterator[tuple[str, Any]]:
        inner = getattr(command, "commands", None)
        if inner is None:
            yield name, command
        for word, below in (inner or {}).items():
            yield from walk(below, f"{name} {word}")

    return dict(walk(typer.main.get_command(guardhouse.app), "guardhouse"))


def section(command: str) -> str:
    """The part of the command-line page about one command; empty when there is none."""
    found = re.search(rf"^## {re.escape(command)}\n(.*?)(?=^## |\Z)", page("cli"), re.M | re.S)
    return found[1] if found else ""


@pytest.mark.parametrize("command", commands())
def test_every_command_and_option_is_documented(command: str) -> None:
    """docs/reference/cli.md has a heading for each command, a row for each option, and no row of another's."""
    described = rows(section(command))
    options, named = set(), set()
    for parameter in commands()[command].params:
        if parameter.param_type_name == "option":
            options.update(parameter.opts)
        else:
            named.add(parameter.name.upper())

    assert section(command), f"docs/reference/cli.md has no heading `## {command}`"
    assert {word for word in described if word.startswith("-")} == options
    assert named <= {*described, *(word.strip("[].") for word in section(command).split("`")[1].split())}


def _mentioned(text: str) -> set[str]:
    """The commands a page names: in code, after `guardhouse`, up to what is no lower-case word."""
    code = [
        *re.findall(r"```.*?```", text, re.S),
        *GROUPED.findall(re.sub(r"```.*?```", "", text, flags=re.S)),
    ]
    pattern = re.compile(r"(?:^|[`$(;&|]|\bthen) *guardhouse((?: [a-z][a-z-]*)+)", re.M)
    return {" ".join(words.split()) for block in code for words in pattern.findall(block)}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_page_names_a_command_that_is_not_there(path: Path) -> None:
    """What a reader copies runs."""
    known = [command.removeprefix("guardhouse ") for command in commands()]
    groups = {command.rpartition(" ")[0] for command in known}

    strange = [
        words
        for words in _mentioned(path.read_text(encoding="utf-8"))
        if words not in groups and not any(f"{words} ".startswith(f"{command} ") for command in known)
    ]

    assert strange == []


def _anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.S)
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    """Every link inside the repository names a file that is there, and a heading that it has."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(encoding="utf-8"), flags=re.S)
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"\w+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        missing = not target.exists() or (
            anchor and target.suffix == ".md" and anchor not in _anchors(target)
        )
        dead += [link] if missing else []

    assert dead == []


@pytest.mark.parametrize("name", CHECKS)
def test_every_check_and_its_options_are_documented(name: str) -> None:
    """docs/reference/checks.md has a section for each check, and a row for each of its options."""
    found = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", page("checks"), re.M | re.S)

    assert found, f"docs/reference/checks.md has no heading `## {name}`"
    assert set(inspect.signature(factory(name)).parameters) <= rows(found[1])


@pytest.mark.parametrize("name", SCORERS)
def test_every_scorer_is_documented(name: str) -> None:
    """docs/reference/scorers.md has a heading and a row for each."""
    assert re.search(rf"^### `{name}`$", page("scorers"), re.M)
    assert name in rows(page("scorers"))


KEYS = ("Entry", "Params", "Router", "Guardhouse")


@pytest.mark.parametrize("name", KEYS)
def test_every_configuration_key_is_documented(name: str) -> None:
    """docs/reference/config.md has a row for each key of each section."""
    assert set(getattr(config_schema, name).model_fields) <= rows(page("config"))


def test_every_policy_key_is_documented() -> None:
    """docs/reference/policy.md has a row for each key that a policy, a rule, a test and what stands in a test take."""
    keys = {key for table in (POLICY, RULE, TEST, TURN, CALL, TOOL, EXPECT, FINDING) for key in table}

    assert {
        key for key in keys if key not in {word.rpartition(".")[2] for word in rows(page("policy"))}
    } == set()
