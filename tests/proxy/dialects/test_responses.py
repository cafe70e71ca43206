"""Requests of the Responses dialect: shape, texts with stage and channel, media, and what is stored."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.types import Edit, Stage
from proxy.dialects import responses
from proxy.dialects.responses_edits import apply_edits
from proxy.errors import BadRequest

PIXELS = "data:image/png;base64," + "iVBORw0KGgo" * 8
ASKED = {
    "type": "function_call",
    "call_id": "c1",
    "name": "find",
    "arguments": '{"who": "Ada", "n": 12345678}',
}
SEARCH = {"type": "file_search_call", "id": "fs", "queries": ["who"], "status": "completed"}


def texts(*items: dict[str, Any], **more: Any) -> list[tuple[str, str, str, str]]:
    """(pointer, within, stage, channel) of every text."""
    found = responses.segments({"model": "m", "input": list(items), **more})
    return [(each.pointer + each.within, each.text, each.stage.value, each.channel) for each in found]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"role": "user", "content": "t"}, ("/content", "t", "input", "user")),
        ({"role": "developer", "content": "t"}, ("/content", "t", "input", "system")),
        ({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "t"}]}, ("/content/0/text", "t", "input", "assistant")),
        ({"role": "user", "content": [{"type": "input_text", "text": "t"}]}, ("/content/0/text", "t", "input", "user")),
        ({"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "t"}]}, ("/summary/0/text", "t", "input", "assistant")),
        ({"type": "custom_tool_call", "call_id": "c", "input": "t"}, ("/input", "t", "input", "assistant")),
        ({"type": "function_call_output", "call_id": "c9", "output": "t"}, ("/output", "t", "tool_result", "tool:unknown")),
        ({"type": "function_call_output", "call_id": "c9", "output": [{"type": "input_text", "text": "t"}]}, ("/output/0/text", "t", "tool_result", "tool:unknown")),
        ({"type": "local_shell_call_output", "id": "i", "output": "t"}, ("/output", "t", "tool_result", "tool:local_shell")),
        ({"type": "computer_call", "action": {"type": "type", "text": "t"}}, ("/action/text", "t", "input", "assistant")),
        ({"type": "mcp_list_tools", "tools": [{"description": "t"}]}, ("/tools/0/description", "t", "tool_definition", "system")),
        ({"type": "mcp_approval_response", "reason": "t", "approve": True}, ("/reason", "t", "input", "user")),
        ({"type": "item_of_tomorrow", "said": "t"}, ("/said", "t", "input", "user")),
        ({**SEARCH, "queries": [], "results": [{"file_id": "f1", "text": "t"}]}, ("/results/0/text", "t", "retrieval", "retrieved:f1")),
        ({**SEARCH, "queries": ["t"]}, ("/queries/0", "t", "input", "assistant")),
    ],
)  # fmt: skip
def test_each_kind_of_item_has_its_stage_and_channel(item: dict[str, Any], expected: tuple[str, ...]) -> None:
    """Who said a text, and where it stands."""
    pointer, *rest = expected

    assert (f"/input/0{pointer}", *rest) in texts(item)


def test_a_result_is_named_after_the_call_it_answers() -> None:
    """Arguments are texts value by value and name by name; the result is joined to its call by id."""
    found = texts(ASKED, {"type": "function_call_output", "call_id": "c1", "output": "t"})

    assert ("/input/1/output", "t", "tool_result", "tool:find") in found
    assert [(p, t) for p, t, *_ in found if p.startswith("/input/0/arguments")] == [
        ("/input/0/arguments/who#", "who"),
        ("/input/0/arguments/who", "Ada"),
        ("/input/0/arguments/n#", "n"),
        ("/input/0/arguments/n", "12345678"),
    ]


def test_everything_beside_the_input_is_a_text_too() -> None:
    """Instructions and definitions are the system's, the rest the user's; unknown members with their names."""
    found = texts(
        instructions="i",
        tools=[{"type": "function", "name": "find", "description": "d", "parameters": {"where": 1}}],
        text={"format": {"type": "json_schema", "name": "n", "schema": {}}, "verbosity": "low"},
        prompt={"id": "p_1", "variables": {"who": "Ada"}},
        metadata={"team": "blue"},
        tomorrow=[12345678],
        max_output_tokens=12345678,
    )

    assert [(p, t, s, c) for p, t, s, c in found if t not in ("where", "who", "team", "tomorrow")] == [
        ("/instructions", "i", "input", "system"),
        ("/tools/0/name", "find", "tool_definition", "system"),
        ("/tools/0/description", "d", "tool_definition", "system"),
        ("/text/format/name", "n", "tool_definition", "system"),
        ("/prompt/variables/who", "Ada", "input", "user"),
        ("/metadata/team", "blue", "input", "user"),
        ("/tomorrow/0", "12345678", "input", "user"),
    ]
    assert {t for _, t, *_ in found} >= {"where", "who", "team", "tomorrow"}
    assert responses.segments({"model": "m", "input": "hello"})[0].pointer == "/input"


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        ({}, "model"),
        ({"model": 1}, "model"),
        ({"model": "m", "input": None}, "input"),
        ({"model": "m", "input": 5}, "input"),
        ({"model": "m", "input": "x", "stream": 1}, "stream"),
        ({"model": "m", "input": ["x"]}, "input[0]"),
        ({"model": "m", "input": [{"type": 1}]}, "input[0].type"),
        ({"model": "m", "input": [{"role": "user", "content": 1}]}, "input[0].content"),
        ({"model": "m", "input": [{"role": "user", "content": [1]}]}, "input[0].content[0]"),
        ({"model": "m", "input": [{"type": "function_call", "arguments": {}}]}, "input[0].arguments"),
    ],
)
def test_a_wrong_shape_is_refused_by_name(request_: dict[str, Any], param: str) -> None:
    """Named as OpenAI names it."""
    with pytest.raises(BadRequest) as caught:
        responses.check(request_)

    assert caught.value.param == param


def test_what_a_request_without_any_input_is_worth_the_provider_says() -> None:
    """Clients may leave everything out: only an input that is given and is nothing is refused here."""
    responses.check({"model": "m"})


@pytest.mark.parametrize("name", ["previous_response_id", "prompt", "conversation"])
def test_an_input_is_not_needed_where_something_else_begins(name: str) -> None:
    """A response can go on from another one, or begin with a stored prompt."""
    request = {"model": "m", name: "x_1"}

    responses.check(request)

    assert responses.items(request) == []
    assert responses.without_media(request) == request


def test_media_are_found_by_what_they_are_and_never_stored() -> None:
    """In messages, in results of tools, and in encoded bytes anywhere else."""
    request = {
        "model": "m",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "see"}, {"type": "input_image", "image_url": PIXELS}]},
            {"type": "computer_call_output", "call_id": "c", "output": {"type": "computer_screenshot", "image_url": PIXELS}},
            {"type": "image_generation_call", "id": "i", "result": "iVBORw0KGgo" * 8},
            {"type": "reasoning", "summary": [], "encrypted_content": "gAAAA" * 40},
        ],
        "tools": [{"type": "image_generation", "input_image_mask": {"image_url": PIXELS}}],
    }  # fmt: skip

    assert responses.unscannable(request) == [
        ("/input/0/content/1", Stage.INPUT),
        ("/input/1/output", Stage.TOOL_RESULT),
        ("/input/2/result", Stage.INPUT),
        ("/tools/0/input_image_mask/image_url", Stage.INPUT),
    ]
    stored = responses.without_media(request)
    assert stored["input"][0]["content"] == [
        request["input"][0]["content"][0],
        {"type": "input_image", "omitted": True},
    ]
    assert stored["input"][1]["output"] == {"type": "computer_screenshot", "omitted": True}
    assert "iVBOR" not in repr(stored) and "gAAAA" not in repr(stored)
    assert not any("iVBOR" in each.text or "gAAAA" in each.text for each in responses.segments(request))


def test_a_variable_of_a_prompt_can_be_an_image() -> None:
    """It meets the policy like any other."""
    image = {"type": "input_image", "image_url": "https://example.com/a.png"}

    found = responses.unscannable(
        {"model": "m", "prompt": {"id": "p", "variables": {"a/b": image, "c": "d"}}}
    )

    assert found == [("/prompt/variables/a~1b", Stage.INPUT)]


def test_credentials_for_tools_are_not_stored() -> None:
    """The provider needs them, a reviewer does not."""
    policy = {"type": "allowlist", "domain_secrets": [{"domain": "d", "name": "n", "value": "s3cret"}]}
    tools = [
        {"type": "mcp", "authorization": "s3cret", "headers": {"x-key": "s3cret"}, "server_label": "crm"},
        {"type": "code_interpreter", "container": {"type": "auto", "network_policy": policy}},
    ]

    stored = responses.without_media({"model": "m", "input": "hi", "tools": tools})

    assert "s3cret" not in repr(stored)
    assert stored["tools"][0]["server_label"] == "crm"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["type", "role", "content", "text", "output", "arguments", "summary", "x"]), inner, max_size=4),
    max_leaves=10,
)  # fmt: skip


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["type", "role", "content", "output", "results", "call_id", "y"]),
            JSON,
            max_size=4,
        ),
        max_size=3,
    )
)
def test_whatever_a_caller_sends_is_refused_or_read(items: list[dict[str, Any]]) -> None:
    """Every text of it can be edited in its place, and all of it can be stored."""
    request = {"model": "m", "input": items}
    try:
        responses.check(request)
    except BadRequest:
        return

    found = responses.segments(request)
    edits = [Edit(each.pointer, 0, len(each.text), "E", each.within) for each in found]
    edited = apply_edits(request, edits)

    assert all(each.text in ("E", *(f"E_{n}" for n in range(9))) for each in responses.segments(edited))
    responses.unscannable(request)
    responses.without_media(request)
