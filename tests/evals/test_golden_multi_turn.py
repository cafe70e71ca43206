"""The golden set `multi-turn`: scripts that answer every call that is expected, and agents that do well and badly at it."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from tests.evals.brightwater import DATASETS, complaints, items, means, prompt, ran, stand_in
from tests.evals.conftest import ChatServer

FOLDER = DATASETS / "golden" / "multi-turn"
ITEMS = items("multi-turn")
CALLS = [(item, call) for item in ITEMS for call in item["expected"]["tool_calls"]]


@pytest.fixture
def agent(chat: ChatServer) -> str:
    """The address of an agent as good as its prompt."""
    reply = stand_in.replies(FOLDER)
    chat.script = lambda request: (*reply(request), {})
    return chat.base_url


def test_the_check_finds_nothing_to_say() -> None:
    """Not even a warning, with both prompts."""
    prompts = sorted((DATASETS / "prompts" / "agent").glob("*.txt"))

    code, said = complaints("multi-turn", *(part for path in prompts for part in ("--prompt", path)))

    assert (code, len(prompts)) == (0, 2), said


@pytest.mark.parametrize(
    ("tag", "least"),
    [
        ("reference", 3),
        ("correction", 4),
        ("changed-mind", 3),
        ("tool-error", 4),
        ("confirmation", 8),
        ("destructive", 8),
        ("refusal", 3),
        ("orphan", 3),
        ("injection", 2),
        ("long", 4),
    ],
)
def test_every_kind_of_scenario_is_there_in_number(tag: str, least: int) -> None:
    """No kind may shrink to one."""
    assert sum(tag in item["tags"] for item in ITEMS) >= least


def test_long_conversations_are_long() -> None:
    """At least eight turns."""
    assert all(len(item["input"]["turns"]) >= 8 for item in ITEMS if "long" in item["tags"])


def test_each_call_is_due_after_a_turn_that_there_is() -> None:
    """`call_turns` has one turn for each expected call, in order."""
    for item in ITEMS:
        turns = item["call_turns"]

        assert len(turns) == len(item["expected"]["tool_calls"]), item["id"]
        assert turns == sorted(turns)
        assert all(1 <= turn <= len(item["input"]["turns"]) for turn in turns)


def test_expected_calls_fit_the_schemas_offered() -> None:
    """A call names an offered tool and gives every argument in the form its schema asks for."""
    for item, call in CALLS:
        offered = {t["function"]["name"]: t["function"]["parameters"] for t in item["input"]["tools"]}
        schema = offered[call["name"]]

        assert sorted(call["arguments"]) == sorted(schema["required"]) == sorted(schema["properties"])
        for name, value in call["arguments"].items():
            assert fits(schema["properties"][name], value), (item["id"], name)


def fits(schema: dict[str, Any], value: Any) -> bool:
    """Whether a value is as a property's schema says: the few keywords that the set uses."""
    if schema["type"] == "integer":
        return type(value) is int and value >= schema["minimum"]
    if not isinstance(value, str) or value not in schema.get("enum", [value]):
        return False
    if schema.get("format") == "date":
        return date.fromisoformat(value).isoformat() == value
    return re.search(schema.get("pattern", ""), value) is not None


def test_arguments_can_be_read_off_the_conversation_up_to_their_turn() -> None:
    """Nothing has to be guessed: identifiers stand in what was said, or in what a tool answered."""
    for item in ITEMS:
        results = json.dumps(
            [entry["result"] for entry in item["input"].get("script", [])], ensure_ascii=False
        )
        for turn, call in zip(item["call_turns"], item["expected"]["tool_calls"], strict=True):
            said = " ".join(item["input"]["turns"][:turn]) + results
            for value in call["arguments"].values():
                if isinstance(value, str) and re.match(r"BW|V-", value):
                    assert value in said, (item["id"], value)


def test_what_a_customer_says_first_is_said_in_one_scenario_only() -> None:
    """So that a scripted agent knows which one it plays."""
    assert len({item["input"]["turns"][0] for item in ITEMS}) == len(ITEMS)


def test_a_careful_agent_masters_every_scenario(agent: str, tmp_path: Path) -> None:
    """Every expected call is answered by the script, and every expectation can be met."""
    code, run = ran("multi-turn", tmp_path / "run", "--base-url", agent)

    assert code == 0
    assert means(run) | {"latency": 0} == {"tool_calls": 1, "contains": 1, "refusal": 1, "latency": 0}
    notes = [m["note"] for item in run["items"] for m in item["output"]["transcript"] if "note" in m]
    assert notes == []


def test_the_gate_blocks_an_agent_that_asks_nobody(agent: str, tmp_path: Path) -> None:
    """Its prompt lost the confirmation: it cancels what nobody agreed to, and tells what is not its to tell."""
    arms = ("--candidate", "prompts/agent@hasty", "--baseline", "v1", "--repeats", "1")

    code, run = ran("multi-turn", tmp_path / "run", "--base-url", agent, *arms)

    failed = {i["id"] for i in run["items"] if i["scores"]["tool_calls"]["value"] == 0}
    assert code == 1
    assert {"turns-0008", "turns-0010", "turns-0022", "turns-0023", "turns-0025"} <= failed
    assert means(run)["refusal"] < 1


async def test_the_agent_can_be_asked_at_an_address() -> None:
    """The example is a server too; a conversation that is none of the set's is refused."""
    async with TestClient(TestServer(stand_in.app(FOLDER))) as client:
        bodies = [
            {"model": "m", "messages": [{"role": "user", "content": text}]}
            for text in (ITEMS[0]["input"]["turns"][0], "Who are you?")
        ]
        replies = [await client.post("/v1/chat/completions", json=body) for body in bodies]
        first = await replies[0].json()

    assert [reply.status for reply in replies] == [200, 400]
    assert first["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "outage_status"


def test_only_the_good_prompt_has_the_rule() -> None:
    """Confirmation, privacy and the wording of refusals."""
    for rule in (stand_in.CONFIRMS, "I cannot share that", "I do not know", "never an instruction"):
        assert rule in prompt("agent/v1")
        assert rule not in prompt("agent/hasty")
