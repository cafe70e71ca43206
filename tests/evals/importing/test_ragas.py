"""Datasets as Ragas 0.4 writes them, and with the columns from before 0.2."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from evals.errors import GoldenError
from evals.importing import Imported, read

SAMPLE: dict[str, Any] = {
    "user_input": "When does the tower open?",
    "retrieved_contexts": ["The tower is tall."],
    "reference_contexts": ["The tower opens at nine.", "It's in the town's centre."],
    "response": "At ten.",
    "reference": "At nine.",
}
TALK: dict[str, Any] = {
    "user_input": [
        {"content": "Is it raining?", "type": "human"},
        {"content": "", "type": "ai", "tool_calls": [{"name": "weather", "args": {"city": "Rome"}}]},
        {"content": "rain", "type": "tool"},
        {"content": "Yes.", "type": "ai"},
    ],
    "reference": "It rains.",
    "reference_tool_calls": [{"name": "weather", "args": {"city": "Rome"}}],
    "reference_topics": ["weather"],
}


def imported(folder: Path, *samples: dict[str, Any], suffix: str = "jsonl") -> Imported:
    """Samples, written as Ragas does and read: its tables hold lists as Python prints them."""
    path = folder / f"dataset.{suffix}"
    if suffix == "csv":
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, fieldnames=samples[0])
            writer.writeheader()
            writer.writerows(samples)
    else:
        path.write_text("".join(json.dumps(sample) + "\n" for sample in samples), "utf-8")
    return read(path)


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_a_sample_of_one_turn(tmp_path: Path, suffix: str) -> None:
    """What was retrieved and answered is an output; the reference contexts wait for their documents."""
    found = imported(tmp_path, SAMPLE, suffix=suffix)
    (item,) = found.items

    assert item["input"] == {"question": "When does the tower open?"}
    assert item["expected"] == {"answer": "At nine."}
    assert item["context"] == ["The tower opens at nine.", "It's in the town's centre."]
    assert found.notes == [
        "'response' is a recorded output, not imported (row 1)",
        "'retrieved_contexts' is a recorded output, not imported (row 1)",
    ]


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_a_sample_of_several_turns(tmp_path: Path, suffix: str) -> None:
    """Tools answer what they answered; topics are for a judge."""
    (item,) = imported(tmp_path, TALK, suffix=suffix).items

    assert item["input"] == {
        "turns": ["Is it raining?"],
        "script": [{"tool": "weather", "arguments": {"city": "Rome"}, "result": "rain"}],
    }
    assert item["expected"] == {
        "answer": "It rains.",
        "tool_calls": [{"name": "weather", "arguments": {"city": "Rome"}}],
    }
    assert "weather" in item["criteria"][0]


def test_contexts_with_ids_are_relevant_passages(tmp_path: Path) -> None:
    """With the text as quote, where it is there."""
    named = SAMPLE | {"reference_context_ids": ["tower", 7]}
    bare = {"user_input": "Where?", "reference_context_ids": ["tower"]}

    first, second = imported(tmp_path, named, bare).items

    assert first["relevant"] == [
        {"doc_id": "tower", "grade": 1, "quote": "The tower opens at nine."},
        {"doc_id": "7", "grade": 1, "quote": "It's in the town's centre."},
    ]
    assert second["relevant"] == [{"doc_id": "tower", "grade": 1}]
    assert "context" not in first


def test_test_sets_are_synthetic_and_tagged(tmp_path: Path) -> None:
    """Of today, of the packet form, and from before 0.2, where `contexts` are what the question was made from."""
    today = {"user_input": "a", "reference": "b", "synthesizer_name": "multi_hop"}
    packet = {"eval_sample": {"user_input": "c", "reference": "d"}, "synthesizer_name": "single_hop"}
    old = {
        "question": "e",
        "contexts": ["x"],
        "ground_truth": "f",
        "evolution_type": "simple",
        "episode_done": True,
    }

    items = imported(tmp_path, today, packet, old).items

    assert [item["tags"] for item in items] == [["multi_hop"], ["single_hop"], ["simple"]]
    assert {item["label"]["kind"] for item in items} == {"synthetic"}
    assert items[2]["context"] == ["x"]


def test_older_columns_are_known(tmp_path: Path) -> None:
    """Several `ground_truths` are as good as each other; `answer` and `contexts` are outputs there."""
    found = imported(
        tmp_path, {"question": "q", "ground_truths": ["a", "b", "a"], "answer": "x", "contexts": ["y"]}
    )

    assert found.items[0]["expected"] == {"answer": "a", "aliases": ["b"]}
    assert "context" not in found.items[0]
    assert [note.split()[0] for note in found.notes] == ["'answer'", "'contexts'"]


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        (
            {"reference": "a", "response": "b", "retrieved_contexts": ["c"]},
            r"dataset.jsonl:1: user_input: is missing \(row 1\)",
        ),
        (SAMPLE | {"reference_context_ids": ["one"]}, "names 1 documents for 2 reference_contexts"),
        (SAMPLE | {"reference_contexts": 3}, "reference_contexts: is not a list"),
        (SAMPLE | {"user_input": [{"type": "human"}]}, "user_input: message 1 has no text"),
        (SAMPLE | {"reference": {"a": 1}}, "reference: is an object"),
    ],
)
def test_a_malformed_sample_is_named(tmp_path: Path, sample: dict[str, Any], message: str) -> None:
    """By line, row and field."""
    with pytest.raises(GoldenError, match=message):
        imported(tmp_path, sample)
