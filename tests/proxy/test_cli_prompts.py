"""`guardhouse prompts`: what is there, what it becomes, and what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.architecture.source import ROOT
from tests.command import Run, run
from tests.proxy.templates import GREETING, folder, saying

__all__ = ["run"]

CONFIG = """\
model_list: [{model_name: m, litellm_params: {model: fake/assistant}}]
guardhouse:
  prompts: {dir: prompts, rollout: {greeting: {"1": 90, "2": 10}}}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder of prompts, and a configuration that names it."""
    folder(tmp_path / "prompts", greeting__1=GREETING, greeting__2=GREETING, text__1={"prompt": "A {{ b }}"})
    (tmp_path / "guardhouse.yaml").write_text(CONFIG)
    return tmp_path


def test_prompts_are_listed_and_checked(run: Run, place: Path) -> None:
    """With the share of requests that each gets by the configuration; by a folder alone the newest gets all."""
    listed = run("prompts", "list")
    told = json.loads(run("prompts", "list", "--json").out)

    assert [line.split()[0] for line in listed.out.splitlines()] == ["greeting@1", "greeting@2", "text@1"]
    assert "90.00%" in listed.out
    assert told[0]["rollout"] == {"1": 0.9, "2": 0.1}
    assert json.loads(run("prompts", "list", "--dir", "prompts", "--json").out)[0]["rollout"] == {"2": 1.0}
    assert run("prompts", "check") == (0, "3 versions of 2 prompts can be used\n", "")


def test_a_prompt_is_shown(run: Run, place: Path) -> None:
    """As its file has it, or what was read of it."""
    told = json.loads(run("prompts", "show", "greeting@1", "--json").out)

    assert run("prompts", "show", "text").out == "prompt: A {{ b }}\n"
    assert (told["name"], told["version"], told["description"]) == ("greeting", "1", "Greets.")
    assert told["variables"]["name"] == {"required": True, "type": "string", "max_length": None}
    assert told["variables"]["items"]["default"] == []


def test_a_prompt_is_rendered(run: Run, place: Path) -> None:
    """Texts as they are, anything else as JSON."""
    given = ("--var", "name={{ 7*7 }}=x", "--var-json", 'items=[1, "two"]')

    shown = run("prompts", "render", "greeting", *given)
    told = json.loads(run("prompts", "render", "greeting@1", *given, "--json").out)

    assert shown.out == "--- system\nYou greet briefly.\n--- user\nI am {{ 7*7 }}=x. 1 two\n"
    assert told["messages"][1] == {"role": "user", "content": "I am {{ 7*7 }}=x. 1 two"}
    assert (told["version"], len(told["hash"]), told["prompt"]) == ("1", 64, None)
    assert run("prompts", "render", "text", "--var", "b=c").out == "A c\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("render", "greeting"), "'name'"),
        (("render", "greeting", "--var", "nmae=x"), "Unknown variable"),
        (("render", "greeting", "--var", "name"), "NAME=TEXT"),
        (("render", "greeting", "--var-json", "name={"), "NAME=JSON"),
        (("render", "nothing"), "no such prompt"),
        (("show", "greeting@9"), "no such version"),
        (("check", "--dir", "nowhere"), "no folder"),
        (("check", "--config", "nowhere.yaml"), "no such file"),
    ],
)
def test_mistakes_are_one_line_and_exit_2(
    run: Run, place: Path, arguments: tuple[str, ...], words: str
) -> None:
    """What is wrong, and nothing else."""
    code, out, err = run("prompts", *arguments)

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err


def test_a_broken_file_is_told_with_its_line(run: Run, place: Path) -> None:
    """So that CI can hold a change of a prompt."""
    folder(place / "prompts", broken__1=saying("{{ x() }}"))

    code, _, err = run("prompts", "check", "--dir", "prompts")

    assert (code, err.count("\n")) == (2, 1)
    assert "prompts/broken/1.yaml:3: messages.0.content: a call has no place in a prompt." in err


def test_no_folder_is_told(run: Run, place: Path) -> None:
    """Where none is configured and none is named."""
    (place / "guardhouse.yaml").write_text(CONFIG.partition("guardhouse:")[0])

    assert "guardhouse.prompts.dir" in run("prompts", "list").err


def test_the_shipped_prompts_can_be_used(run: Run) -> None:
    """Each with nothing but what is required; the careless version never goes out by itself."""
    shipped = ("--dir", str(ROOT / "datasets" / "prompts"))

    assert run("prompts", "check", *shipped).code == 0
    told = json.loads(run("prompts", "list", "--json", *shipped).out)
    assert {each["name"]: each["rollout"] for each in told}["support-answer"] == {"2": 1.0}
    for version in ("1", "2", "2-careless"):
        asked = ("--var", "question=When?", "--var-json", 'passages=[{"doc_id": "hours", "text": "At 9."}]')
        made = json.loads(
            run("prompts", "render", f"support-answer@{version}", "--json", *asked, *shipped).out
        )
        assert made["messages"][1]["content"] == "[hours] At 9.\nQuestion: When?\n"
        alone = json.loads(run("prompts", "render", f"support-answer@{version}", "--json", *shipped).out)
        assert [message["role"] for message in alone["messages"]] == ["system"]
