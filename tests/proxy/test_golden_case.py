"""A trace as a golden case: the shape that evals reads, in every dialect, with stand-ins where guardrails are expected."""

from __future__ import annotations

import json
from typing import Any

import pytest

from evals.golden import canonical, check_item, item_sha256
from evals.golden import case as read_case
from proxy.golden_case import NoCase, asked, case, line, sha256, suggested, verdicts
from proxy.store.candidates import Candidate
from tests.proxy.review import documents

LABELS: dict[str, Any] = {"answer": "Fine", "action": "", "entities": [], "tags": ["b"], "note": ""}


def candidate(**labels: Any) -> Candidate:
    """A candidate of any trace."""
    return Candidate("c1", "default", "0" * 32, "support", {**LABELS, **labels}, "user:ada", 0, None, None)


def test_it_is_an_item_that_evals_read() -> None:
    """The same line and hash on both sides, though neither imports the other."""
    document = documents.agent() | {"reviews": []}
    item = case(document, candidate(action="pseudonymize", entities=["PHONE_NUMBER", "EMAIL_ADDRESS"]), b"k")

    assert check_item(json.loads(line(item)), "file", 1)
    assert (line(item), sha256(item)) == (canonical(item), item_sha256(item))
    found = read_case(item)
    assert found.expected.guardrail is not None
    assert found.expected.guardrail.entities == ("EMAIL_ADDRESS", "PHONE_NUMBER")
    assert found.trace == "0" * 32 and set(found.tags) == {"b", "guardrail", "promoted"}
    assert "morgan.reed@example.com" in item["input"]["messages"][1]["content"]


def test_without_guardrails_masks_stay() -> None:
    """The model is asked what it was asked."""
    item = case(documents.agent(), candidate(), b"k")

    assert "EMAIL_ADDRESS_5c20d9a7f1" in item["input"]["messages"][1]["content"]
    assert "guardrail" not in item["expected"]


REQUESTS = [
    ("chat", {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]}),
    ("completions", {"prompt": "a"}),
    ("messages", {"messages": [{"role": "user", "content": "a"}], "max_tokens": 5}),
    ("responses", {"input": "a"}),
    ("responses", {"input": [{"role": "user", "content": [{"type": "input_text", "text": "a"}]}]}),
]


@pytest.mark.parametrize(("dialect", "request_"), REQUESTS)
def test_every_dialect_becomes_messages(dialect: str, request_: dict[str, Any]) -> None:
    """One user's message, whatever it was wrapped in."""
    found = asked(documents.trace(1, dialect=dialect, request=request_))

    assert found["messages"] == [{"role": "user", "content": "a"}]


def test_tools_of_responses_become_calls_and_results() -> None:
    """With their ids."""
    items = [
        {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": "7"},
    ]
    tools = [{"type": "function", "name": "f", "parameters": {}}]
    found = asked(documents.trace(1, dialect="responses", request={"input": items, "tools": tools}))

    assert found["messages"][0]["tool_calls"][0]["function"] == {"name": "f", "arguments": "{}"}
    assert found["messages"][1] == {"role": "tool", "tool_call_id": "1", "content": "7"}
    assert found["tools"] == [{"type": "function", "function": {"name": "f", "parameters": {}}}]


@pytest.mark.parametrize(
    ("dialect", "request_"),
    [
        ("chat", None),
        ("chat", {"messages": []}),
        ("chat", {"messages": [{"content": "a"}]}),
        ("chat", {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}),
        ("chat", {"messages": [{"role": "user", "content": {"odd": 1}}]}),
        ("messages", {"messages": [{"role": "user", "content": "a"}], "mystery": 1}),
        ("responses", {"input": "a", "previous_response_id": "[ID]"}),
        ("responses", {"input": [{"type": "item_reference", "id": "x"}]}),
        ("embeddings", {"input": "a"}),
    ],
)
def test_what_cannot_be_a_case_says_why(dialect: str, request_: Any) -> None:
    """In a sentence."""
    with pytest.raises(NoCase, match=r"\.$"):
        asked(documents.trace(1, dialect=dialect, request=request_))


def test_labels_that_nobody_can_read_make_no_case() -> None:
    """Their key was deleted."""
    with pytest.raises(NoCase):
        case(documents.agent(), Candidate("c", "t", "s", "d", None, "a", 0, None, None), b"k")


def test_what_reviewers_called_wrong_is_not_expected() -> None:
    """The rest is, by the strictest of its actions; verdicts are counted, without names."""
    document = documents.blocked() | {"reviews": []}
    assert suggested(document)["action"] == "block"
    said = {"finding": 0, "verdict": "false_positive", "author": "user:ada", "superseded": False}
    document["reviews"] = [
        said,
        {**said, "author": "user:bob"},
        {**said, "finding": None, "superseded": True},
    ]

    assert suggested(document) | {"entities": [], "action": "allow"} == suggested(document)
    [told] = verdicts(document)
    assert told["verdicts"] == {"false_positive": 2} and told["right"] is False
    assert "ada" not in json.dumps(told)


def test_a_mask_that_nothing_stands_in_for_expects_no_guardrail() -> None:
    """A policy would find nothing there, so the case could never pass; without the action it is a case."""
    document = documents.agent()
    document["request"]["messages"][1]["content"] = "Deploy with [AWS_ACCESS_KEY_ID]"
    found = {"entities": ["AWS_ACCESS_KEY_ID"]}

    with pytest.raises(NoCase, match="AWS_ACCESS_KEY_ID"):
        case(document, candidate(action="block", **found), b"k")
    assert "guardrail" not in case(document, candidate(**found), b"k")["expected"]
