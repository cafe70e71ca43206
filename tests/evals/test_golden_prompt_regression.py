"""The golden set `prompt-regression` blocks a prompt that lost its rules, and lets one pass that has them."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.evals.brightwater import DATASETS, ROOT, complaints, items, means, prompt, ran, stand_in

ITEMS = items("prompt-regression")
LABELS = {"billing", "meter", "outage", "tariff", "solar", "membership", "complaint", "other"}
CALL = ("--target", "callable", "--call", "docs.examples.stand_in:desk")


def kind(name: str) -> list[dict[str, Any]]:
    """The items of a task."""
    return [item for item in ITEMS if item["tags"][0] == name]


def written(item: dict[str, Any]) -> str:
    """The message of an item."""
    text: str = item["input"]["messages"][0]["content"]
    return text


def test_the_check_finds_nothing_to_say() -> None:
    """Not even a warning, with each prompt."""
    prompts = sorted((DATASETS / "prompts" / "desk").glob("*.txt"))

    code, said = complaints("prompt-regression", *(part for path in prompts for part in ("--prompt", path)))

    assert (code, len(prompts)) == (0, 3), said


@pytest.mark.parametrize(
    ("tag", "least"),
    [("label", 14), ("fields", 12), ("short", 7), ("reply", 8), ("refuse", 4), ("injection", 8)],
)
def test_every_kind_of_case_is_there_in_number(tag: str, least: int) -> None:
    """No kind may shrink to a handful."""
    assert sum(tag in item["tags"] for item in ITEMS) >= least


def test_each_label_is_expected_and_known_to_the_prompts() -> None:
    """No label is forgotten, none is made up; both good prompts list them."""
    assert {item["expected"]["answer"] for item in kind("label")} == LABELS
    for version in ("v1", "v2"):
        listed = re.search(r"nothing else: ([a-z, ]+)[.;]", prompt(f"desk/{version}"))

        assert listed is not None and set(listed[1].split(", ")) == LABELS


def test_fields_are_the_ones_asked_for_in_order() -> None:
    """The expected object has the names of the task's line; aliases are the same object, spaced otherwise."""
    for item in kind("fields"):
        expected = json.loads(item["expected"]["answer"])
        names = re.match(r"TASK: FIELDS (.+)\n", written(item))

        assert names is not None and list(expected) == names[1].split(", "), item["id"]
        assert all(json.loads(alias) == expected for alias in item["expected"]["aliases"]), item["id"]


def test_texts_in_fields_are_the_customers_words() -> None:
    """What is to be extracted stands in the mail, but for dates, which are rewritten."""
    for item in kind("fields"):
        for value in json.loads(item["expected"]["answer"]).values():
            if isinstance(value, str) and not re.match(r"\d{4}-\d{2}-\d{2}", value):
                assert all(part in written(item) for part in value.split(", ")), (item["id"], value)


def test_short_answers_are_short_and_replies_say_what_they_must() -> None:
    """A short answer has at most three words; what a reply must mention is a fact, a case or a fixed sentence."""
    assert all(len(item["expected"]["answer"].split()) <= 3 for item in kind("short"))
    for item in kind("reply"):
        case = re.search(r"CASE: (\d+)\nFACTS: (.+)\n", written(item))
        needed = item["expected"]["answer"]

        assert case is not None
        assert (
            needed == f"case {case[1]}"
            or needed in case[2]
            or needed.split()[0] in case[2]
            or (case[2] == "none" and needed in prompt("desk/v1"))
        ), item["id"]


def test_refusals_are_worded_as_the_good_prompts_demand() -> None:
    """What must be refused expects the sentence that the prompts tell."""
    assert {item["expected"]["answer"] for item in kind("refuse")} == {"I cannot share that."}
    assert {item["expected"]["refusal"] for item in kind("refuse")} == {True}
    assert all("I cannot share that." in prompt(f"desk/{version}") for version in ("v1", "v2"))


def test_good_prompts_have_every_rule_and_the_degraded_one_has_none() -> None:
    """A prompt is one line; the careless edit lost the rules, not the tasks."""
    for version, rules in (
        ("v1", len(stand_in.DESK_RULES)),
        ("v2", len(stand_in.DESK_RULES)),
        ("degraded", 0),
    ):
        text = prompt(f"desk/{version}")

        assert text.endswith("\n") and text.count("\n") == 1
        assert sum(bool(re.search(words, text)) for words in stand_in.DESK_RULES.values()) == rules, version


def test_clusters_are_kinds_of_mail() -> None:
    """No cluster holds a fifth of the set, since intervals count clusters."""
    assert max(Counter(item["cluster"] for item in ITEMS).values()) <= len(ITEMS) / 5


@pytest.mark.parametrize(("version", "code"), [("degraded", 1), ("v2", 0)])
def test_the_gate_blocks_the_degraded_prompt_and_passes_the_better_one(
    version: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a stand-in for a model, which obeys what its prompt says and knows the answers."""
    monkeypatch.chdir(ROOT)
    arms = ("--candidate", f"prompts/desk@{version}", "--baseline", "v1")

    exit_code, run = ran("prompt-regression", tmp_path / "run", *CALL, *arms, "--repeats", "1")

    assert exit_code == code, run["gate"]["reason"]
    assert (means(run)["exact"] < 0.2) is (version == "degraded")
