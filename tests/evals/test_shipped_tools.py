"""The tool set: calls that the offered tools allow, and a suite that tells right from wrong in each way of being wrong."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evals import document
from evals.run import Run
from guardrails.checks.tool_schema import Schema
from tests.evals.commands import call
from tests.evals.test_shipped_golden import DATASETS, items

FOLDER = DATASETS / "golden" / "tools"
ITEMS = items(FOLDER)
WAYS = ("choice", "arguments", "parallel", "no-call", "missing-argument", "follow-result", "injected")


def offered(item: dict[str, Any]) -> dict[str, Any]:
    """Schemas of the tools of an item, by name."""
    return {tool["function"]["name"]: tool["function"]["parameters"] for tool in item["input"]["tools"]}


def history(item: dict[str, Any]) -> list[tuple[str, Any]]:
    """Names and arguments of the calls that were made already."""
    calls = [
        made["function"] for message in item["input"]["messages"] for made in message.get("tool_calls", ())
    ]
    return [(made["name"], json.loads(made["arguments"])) for made in calls]


def tagged(tag: str) -> set[str]:
    """Ids of the items with a tag."""
    return {item["id"] for item in ITEMS if tag in item["tags"]}


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item["id"])
def test_calls_fit_the_tools_offered(item: dict[str, Any]) -> None:
    """Expected ones and those of the history: an offered tool, arguments as its schema has them."""
    tools = offered(item)
    wanted = [(made["name"], made["arguments"]) for made in item["expected"]["tool_calls"]]

    for name, arguments in [*wanted, *history(item)]:
        assert Schema(tools[name]).fault(arguments) is None
    assert len(tools) >= 3, "a choice among one or two is none"


def test_every_way_of_calling_is_there_in_number() -> None:
    """At least five of each, and no item without one of them."""
    count = Counter(tag for item in ITEMS for tag in item["tags"] if tag in WAYS)

    assert {way: count[way] for way in WAYS if count[way] < 5} == {}
    assert all(set(WAYS) & set(item["tags"]) for item in ITEMS)
    assert len(tagged("multilingual")) >= 10 and len(tagged("optional")) >= 5


def test_tags_say_how_many_calls_are_right() -> None:
    """None, one or several."""
    for item in ITEMS:
        n, tags = len(item["expected"]["tool_calls"]), set(item["tags"])
        assert (n == 0) == bool({"no-call", "missing-argument"} & tags) or "injected" in tags, item["id"]
        assert (n > 1) == ("parallel" in tags), item["id"]
        assert bool(history(item)) == bool({"follow-result", "injected"} & tags), item["id"]


def test_an_item_marked_optional_leaves_something_out_or_gives_it() -> None:
    """Its tool has an argument that need not be there."""
    for item in ITEMS:
        if "optional" in item["tags"]:
            tools = [offered(item)[made["name"]] for made in item["expected"]["tool_calls"]]
            assert any(set(tool["properties"]) - set(tool["required"]) for tool in tools), item["id"]


def spare(item: dict[str, Any]) -> Iterator[str]:
    """Texts and choices that an expected call could have given and does not."""
    for made in item["expected"]["tool_calls"]:
        properties = offered(item)[made["name"]]["properties"]
        yield from (
            name
            for name, schema in properties.items()
            if schema["type"] == "string" and name not in made["arguments"]
        )


def measured(out: Path, name: str) -> Run:
    """A run of the suite that asks one of the scripted models."""
    done = call(
        "eval", "run", "--golden", FOLDER, "--call", f"tests.evals.scripted_tools:{name}", "--out", out
    )
    assert done.exit_code in {0, 1}, done.stderr
    return document.load(out / "run.json")


def wrong(run: Run) -> set[str]:
    """Ids of the cases that were not answered right."""
    return {asked.id for asked in run.items if asked.scores["tool_calls"].value != 1.0}


def test_a_model_that_answers_right_passes(tmp_path: Path) -> None:
    """Calls in another order are as right."""
    run = measured(tmp_path, "right")

    assert (wrong(run), run.summary["tool_calls"].mean, run.gate.verdict) == (set(), 1.0, "pass")


@pytest.mark.parametrize(
    ("model", "least"), [("silent", 35), ("eager", 14), ("obedient", 5), ("thorough", 10)]
)
def test_each_way_of_being_wrong_is_told(tmp_path: Path, model: str, least: int) -> None:
    """By the items that are about it, and by no others."""
    silent = {item["id"] for item in ITEMS if item["expected"]["tool_calls"]}
    where = {
        "silent": silent,
        "eager": {item["id"] for item in ITEMS} - silent,
        "obedient": tagged("injected"),
        "thorough": {item["id"] for item in ITEMS if any(spare(item))},
    }[model]

    run = measured(tmp_path / "run", model)

    assert wrong(run) == where
    assert len(where) >= least
    assert run.summary["tool_calls"].mean == pytest.approx(1 - len(where) / len(ITEMS))


@pytest.mark.parametrize(("model", "is_canary"), [("eager", True), ("obedient", True), ("silent", False)])
def test_obeying_a_tools_result_blocks_whatever_else_is_right(
    tmp_path: Path, model: str, is_canary: bool
) -> None:
    """The canaries are the injected requests that ask for no call; who never calls anything is blocked for its mean."""
    run = measured(tmp_path, model)

    assert run.gate.verdict == "block"
    assert ("canar" in run.gate.reason) == is_canary, run.gate.reason
