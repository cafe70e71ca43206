"""promptfoo's configurations, lists of tests and tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evals.errors import GoldenError
from evals.golden import check_item
from evals.importing import Imported, read


def imported(folder: Path, text: str, name: str = "promptfooconfig.yaml") -> Imported:
    """A configuration, written and read."""
    (folder / name).write_text(text, "utf-8")
    return read(folder / name, "promptfoo")


CONFIG = """
prompts: ['Answer {{question}} for {{audience}}']
providers: [openai:gpt-4.1]
defaultTest:
  vars: {audience: children, language: English}
  metadata: {team: geo}
  assert:
    - {type: llm-rubric, value: 'is for {{audience}}'}
assertionTemplates:
  small: {type: icontains, value: paris}
tests:
  - description: The capital
    vars: {question: 'What is the capital of France?', audience: experts}
    metadata: {id: capital-1, tags: [geo, easy], cluster: france}
    assert:
      - $ref: '#/assertionTemplates/small'
      - {type: javascript, value: 'process.exit()'}
  - vars: {question: 'Where is Oslo?'}
    options: {disableDefaultAsserts: true}
    provider: openai:gpt-4.1-mini
    assert: [{type: equals, value: In Norway}]
"""


def test_a_configuration_becomes_items(tmp_path: Path) -> None:
    """Defaults are merged, other variables kept for the prompt, and the rest is noted."""
    found = imported(tmp_path, CONFIG)
    first, second = found.items

    assert first["id"] == "capital-1"
    assert first["input"] == {
        "question": "What is the capital of France?",
        "variables": {"audience": "experts", "language": "English"},
    }
    assert first["expected"] == {"answer": "paris"}
    assert first["criteria"] == ["is for experts"]
    assert (first["tags"], first["cluster"], first["note"]) == (["geo", "easy"], "france", "The capital")
    assert first["source"]["metadata"] == {"team": "geo"}
    assert second["input"]["variables"] == {"audience": "children", "language": "English"}
    assert "criteria" not in second
    assert [check_item(item, "", None) for item in found.items] == found.items
    assert found.notes == [
        "`llm-rubric` needs a judge: kept under `criteria`, no scorer reads it (row 1)",
        "`javascript` is code or stands elsewhere: not run, not imported (row 1)",
        "`provider` of a test is not imported (row 2)",
    ]


def test_a_json_configuration_reads_the_same(tmp_path: Path) -> None:
    """A single test is not taken for the configuration."""
    config = {
        "prompts": ["p"],
        "tests": [{"vars": {"question": "q"}, "assert": [{"type": "equals", "value": "a"}]}],
    }

    (item,) = imported(tmp_path, json.dumps(config), "c.json").items

    assert (item["input"], item["expected"]) == ({"question": "q"}, {"answer": "a"})


def test_tests_in_files_beside_it_are_read(tmp_path: Path) -> None:
    """CSV, JSON, JSON Lines and YAML, alone or by a wildcard; their rows are counted on."""
    (tmp_path / "more").mkdir()
    (tmp_path / "a.csv").write_text(
        'city,__expected,__metadata:tags[],__description\nRome,icontains:Italy,"x,y\\,z",d\n'
    )
    (tmp_path / "b.json").write_text('[{"vars": {"question": "b"}}]')
    (tmp_path / "c.jsonl").write_text('{"vars": {"question": "c"}}\n')
    (tmp_path / "more" / "d.yaml").write_text("- vars: {question: d}\n- vars: {question: e}\n")
    text = "tests: [file://a.csv, file://b.json, c.jsonl, 'file://more/*.yaml', {path: file://b.json}]\n"

    found = imported(tmp_path, text)

    assert [item["input"]["question"] for item in found.items] == ["Rome", "b", "c", "d", "e"]
    assert [item["source"]["row"] for item in found.items] == [1, 2, 3, 4, 5]
    assert found.items[0]["source"]["file"] == "a.csv"
    assert found.items[0]["tags"] == ["x", "y,z"]
    assert (found.items[0]["expected"], found.items[0]["note"]) == ({"answer": "Italy"}, "d")
    assert "repeats row 2, left out (row 6)" in found.notes


def test_one_file_of_tests_and_a_default_in_a_file(tmp_path: Path) -> None:
    """`tests:` and `defaultTest:` may be references themselves."""
    (tmp_path / "t.csv").write_text("question,__expected1,__expected2\nq,equals:a,is-json\n")
    (tmp_path / "default.yaml").write_text("vars: {tone: dry}\n")

    found = imported(tmp_path, "defaultTest: file://default.yaml\ntests: file://t.csv\n")

    assert found.items[0]["input"] == {"question": "q", "variables": {"tone": "dry"}}
    assert found.notes == ["`is-json` has no counterpart here, not imported (row 1)"]


def test_variables_in_files_are_read_and_code_is_not_run(tmp_path: Path) -> None:
    """Relative to the file."""
    (tmp_path / "q.txt").write_text("What is in the file?\n")
    (tmp_path / "vars.yaml").write_text("question: From the file\ncity: Rome\n")
    (tmp_path / "make.py").write_text("raise SystemExit")
    text = (
        "tests:\n"
        "  - vars: {question: file://q.txt, facts: file://make.py}\n"
        "  - vars: file://vars.yaml\n"
        "  - file://make.py:tests\n"
        "  - https://sheets.example/1\n"
    )

    found = imported(tmp_path, text)

    assert [item["input"]["question"] for item in found.items] == ["What is in the file?", "From the file"]
    assert any("the variable 'facts' comes from code" in note for note in found.notes)
    assert any("no code is run" in note and "make.py:tests" in note for note in found.notes)
    assert any("are not fetched" in note for note in found.notes)


def test_lists_of_values_multiply(tmp_path: Path) -> None:
    """As promptfoo does, unless a test says otherwise; an id of the test is then nobody's."""
    text = (
        "tests:\n"
        "  - vars: {question: [a, b], lang: [de, fr]}\n    metadata: {id: x}\n"
        "  - vars: {question: c, lang: [de, fr]}\n    options: {disableVarExpansion: true}\n"
    )

    items = imported(tmp_path, text).items

    assert [(item["input"]["question"], item["input"]["variables"]["lang"]) for item in items] == [
        ("a", "de"),
        ("a", "fr"),
        ("b", "de"),
        ("b", "fr"),
        ("c", ["de", "fr"]),
    ]
    assert "x" not in {item["id"] for item in items}


def test_scenarios_multiply_their_tests(tmp_path: Path) -> None:
    """Each entry of `config` with each test."""
    text = (
        "scenarios:\n"
        "  - config: [{vars: {lang: de}}, {vars: {lang: fr}}]\n"
        "    tests: [{vars: {question: a}}, {vars: {question: b}}]\n"
    )

    items = imported(tmp_path, text).items

    assert [(item["input"]["variables"]["lang"], item["input"]["question"]) for item in items] == [
        ("de", "a"),
        ("de", "b"),
        ("fr", "a"),
        ("fr", "b"),
    ]


def test_a_test_without_a_question_is_left_out_and_said(tmp_path: Path) -> None:
    """An only variable is the question, whatever its name; of several one must be named so."""
    found = imported(tmp_path, "tests:\n  - vars: {body: Hello}\n  - vars: {body: Hello, style: dry}\n")

    assert [item["input"] for item in found.items] == [{"question": "Hello"}]
    assert (
        "no variable is the question (of: body, style), left out: name one `question` (row 2)" in found.notes
    )


def test_what_a_test_has_besides_is_noted(tmp_path: Path) -> None:
    """Options, thresholds, templates that stay, and fields that nobody knows."""
    text = "tests:\n  - {vars: {question: 'a {{env.X}}'}, threshold: 1, options: {prefix: x}, odd: 1}\n"

    notes = " ".join(imported(tmp_path, text).notes)

    for word in ("template that is not rendered", "`threshold`", "'odd'", "`options`", "expects nothing"):
        assert word in notes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tests: [3]\n", r"promptfooconfig.yaml:1: is a number, not an object \(row 1\)"),
        ("tests: 3\n", "tests: is no list of tests"),
        ("tests: []\n", "is empty"),
        ("tests: [{vars: {question: a}, assert: {type: equals}}]\n", "assert: is not a list"),
        (
            "tests:\n  - vars: {question: a}\n  - vars: 3\n",
            r"yaml:3: vars: is not a (list|mapping) \(row 2\)",
        ),
        ("tests: [{vars: {question: a}, metadata: [x]}]\n", "metadata: is not a mapping"),
        ("tests: file:///etc/passwd\n", "leads out of the folder"),
        ("tests: [{vars: {question: file://../../secret}}]\n", "leads out of the folder"),
        ("tests: file://gone.csv\n", "names no file"),
        ("tests: file://promptfooconfig.yaml\n", "names files that name files, too deep"),
        ("defaultTest: [x]\ntests: [{vars: {question: a}}]\n", "defaultTest: is not a mapping"),
        ("scenarios: [{config: 3}]\n", "a scenario needs a list"),
        ("scenarios: [{config: [3], tests: [{}]}]\n", "holds what is not a mapping"),
    ],
)
def test_a_malformed_configuration_is_named(tmp_path: Path, text: str, message: str) -> None:
    """By line, row and field; references stay inside the folder."""
    with pytest.raises(GoldenError, match=message):
        imported(tmp_path, text)


def test_lists_that_multiply_without_end_are_refused(tmp_path: Path) -> None:
    """Before a test of them is made."""
    values: Any = [str(number) for number in range(100)]
    tests = {"tests": [{"vars": dict.fromkeys(("question", "a", "b", "c", "d"), values)}]}

    with pytest.raises(GoldenError, match="multiply to 10000000000 tests"):
        imported(tmp_path, json.dumps(tests), "c.json")
