"""Goldens as DeepEval 4.3 saves them, and as older versions did."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from evals.errors import GoldenError
from evals.importing import Imported, read

SINGLE: dict[str, Any] = {
    "input": "What is the capital of France?",
    "actual_output": "Lyon",
    "expected_output": "Paris",
    "retrieval_context": ["deepeval_source=a,deepeval_context=b"],
    "context": ["Paris is the capital of France."],
    "name": None,
    "comments": "easy",
    "source_file": "geo.txt",
    "tools_called": None,
    "expected_tools": [{"name": "lookup", "type": "function", "inputParameters": {"q": "France"}}],
    "token_cost": None,
    "additional_metadata": {"evolutions": ["Reasoning"]},
    "custom_column_key_values": None,
    "expectations": None,
}
MULTI: dict[str, Any] = {
    "scenario": "A refund",
    "turns": [{"role": "user", "content": "hi"}, {"role": "user", "content": "refund please"}],
    "expected_outcome": "The refund is given.",
    "user_description": "angry",
    "persona": {"characteristics": "angry"},
    "context": None,
}


def imported(folder: Path, *goldens: dict[str, Any], suffix: str = "json") -> Imported:
    """Goldens, saved as DeepEval does and read."""
    path = folder / f"goldens.{suffix}"
    if suffix == "csv":
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(goldens[0])
            for golden in goldens:
                writer.writerow([_cell(name, value) for name, value in golden.items()])
    elif suffix == "jsonl":
        path.write_text("".join(json.dumps(golden) + "\n" for golden in goldens), "utf-8")
    else:
        path.write_text(json.dumps(goldens, indent=4, ensure_ascii=False), "utf-8")
    return read(path)


def _cell(name: str, value: Any) -> Any:
    if name in ("context", "retrieval_context") and value:
        return "|".join(value)
    return json.dumps(value) if isinstance(value, list | dict) else value


@pytest.mark.parametrize("suffix", ["json", "jsonl", "csv"])
def test_a_golden_of_one_turn(tmp_path: Path, suffix: str) -> None:
    """Outputs that were recorded are noted, not imported; its synthesizer is seen."""
    found = imported(tmp_path, SINGLE, suffix=suffix)
    (item,) = found.items

    assert item["input"] == {"question": "What is the capital of France?"}
    assert item["expected"] == {
        "answer": "Paris",
        "tool_calls": [{"name": "lookup", "arguments": {"q": "France"}}],
    }
    assert item["context"] == ["Paris is the capital of France."]
    assert (item["cluster"], item["note"], item["label"]["kind"]) == ("geo.txt", "easy", "synthetic")
    assert found.notes[:2] == [
        "'actual_output' is a recorded output, not imported (row 1)",
        "'retrieval_context' is a recorded output, not imported (row 1)",
    ]


@pytest.mark.parametrize("suffix", ["json", "jsonl", "csv"])
def test_a_golden_of_several_turns(tmp_path: Path, suffix: str) -> None:
    """The outcome is for a judge; a scenario without turns is left out and said."""
    found = imported(tmp_path, MULTI, MULTI | {"turns": None}, suffix=suffix)
    (item,) = found.items

    assert item["input"] == {"turns": ["hi", "refund please"]}
    assert (item["criteria"], item["source"]["scenario"]) == (["The refund is given."], "A refund")
    assert "expected" not in item
    assert found.notes == [
        "'expected_outcome' needs a judge: kept under `criteria`, no scorer reads it (row 1)",
        "has a scenario but no turns, left out: no user is simulated here (row 2)",
    ]


def test_older_names_in_camel_case_are_known(tmp_path: Path) -> None:
    """As the service hands them out, in lists under `goldens` and `conversationalGoldens`."""
    golden = {"input": "q", "expectedOutput": "a", "sourceFile": "s", "additionalMetadata": {"k": 1}}
    path = tmp_path / "export.json"
    path.write_text(json.dumps({"goldens": [golden], "conversationalGoldens": [MULTI]}))

    first, second = read(path).items

    assert (first["expected"], first["cluster"]) == ({"answer": "a"}, "s")
    assert first["source"]["metadata"] == {"k": 1}
    assert second["input"]["turns"]


def test_what_items_cannot_say_is_noted(tmp_path: Path) -> None:
    """Tools by name alone, judged expectations, images, and fields that nobody knows."""
    found = imported(
        tmp_path,
        {"input": "q", "expected_tools": ["a", "b"], "expectations": {"required": ["x"]}, "colour": "red"},
        {"input": "see [DEEPEVAL:IMAGE:1]", "expected_output": "a"},
    )

    assert found.items[0]["criteria"] == ["calls a, b", '{"required":["x"]}']
    assert found.notes == [
        "'colour' has no place in an item, not imported (row 1)",
        "expected tools without arguments: kept under `criteria`, no scorer reads it (row 1)",
        "'expectations' needs a judge: kept under `criteria`, no scorer reads it (row 1)",
        "asks about an image or a PDF, left out (row 2)",
    ]


@pytest.mark.parametrize(
    ("golden", "message"),
    [
        ({"expected_output": "a"}, r"goldens.json:2: input: is missing \(row 1\)"),
        ({"input": {"a": 1}, "expected_output": "a"}, "input: is an object, not a text"),
        ({"input": "q", "expected_output": ["a"]}, "expected_output: is a list"),
        ({"input": "q", "expected_output": "a", "context": {"a": 1}}, "context: is not a list"),
        ({"scenario": "s", "turns": "no json["}, "turns: message 1 is not an object"),
    ],
)
def test_a_malformed_golden_is_named(tmp_path: Path, golden: dict[str, Any], message: str) -> None:
    """By line, row and field."""
    with pytest.raises(GoldenError, match=message):
        imported(tmp_path, golden)
