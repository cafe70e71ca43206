"""Whole responses, and the items they are made of."""

from __future__ import annotations

from typing import Any

from tests.contract.recorded.chat import PIXEL
from tests.contract.recorded.shape import RESPONSES, Recorded, asked, told

USAGE = {
    "input_tokens": 36,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 87,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 123,
}


def text(said: str, *annotations: dict[str, Any]) -> dict[str, Any]:
    """A part of a message."""
    return {"type": "output_text", "annotations": list(annotations), "logprobs": [], "text": said}


def message(*parts: dict[str, Any], status: str = "completed") -> dict[str, Any]:
    """An item that speaks."""
    return {
        "id": "msg_67ccd2bf17f0819081ff3bb2cf6508e6",
        "type": "message",
        "status": status,
        "content": list(parts),
        "role": "assistant",
    }


def response(*items: dict[str, Any], status: str = "completed", **more: Any) -> dict[str, Any]:
    """A whole response, with all that OpenAI tells beside its output."""
    return {
        "id": "resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b",
        "object": "response",
        "created_at": 1741476542,
        "status": status,
        "background": False,
        "billing": {"payer": "developer"},
        "completed_at": 1741476543,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "model": "gpt-5-2025-08-07",
        "output": list(items),
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "prompt_cache_key": None,
        "prompt_cache_retention": None,
        "reasoning": {"effort": "medium", "summary": None},
        "safety_identifier": None,
        "service_tier": "default",
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": USAGE,
        "user": None,
        "metadata": {},
        **more,
    }


TEXT = "Hello! The boats leave with the tide."
HELLO = message(text(TEXT))
REASONING = {
    "id": "rs_6876cf02e0bc8192b74af0fb64b715ff",
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "They greet me, so I greet back."}],
}
SEALED = {
    **REASONING,
    "summary": [],
    "encrypted_content": "gAAAAABoISQ24OyVRYbkYfukdJoqdzWT-3uiErKInHDC-lgAaXeky44N",
}
CALL = {
    "id": "fc_67ca09c6bedc8190",
    "type": "function_call",
    "status": "completed",
    "arguments": '{"city":"Paris", "days":1.50}',
    "call_id": "call_unLAR8MvFNptuiZK6K6HCy5k",
    "name": "get_weather",
}
CUSTOM = {
    "id": "ctc_6890e975e86c",
    "type": "custom_tool_call",
    "status": "completed",
    "call_id": "call_aGiFQkRWSWAIsMQ19fKqxUgb",
    "input": 'print("hello")',
    "name": "code_exec",
}
FOUND = {
    "id": "fs_67c09ccea8c48191ade9367e3ba71515",
    "type": "file_search_call",
    "status": "completed",
    "queries": ["harbour opening"],
    "results": [
        {
            "file_id": "file-2dtbBZdjtDKS8eqWxqbgDi",
            "filename": "harbour.txt",
            "score": 0.9123,
            "text": "The harbour opened in spring.",
            "attributes": {"year": 1999.0},
            "vector_store_id": "vs_1",
        }
    ],
}
WEB = {
    "id": "ws_67ccd0",
    "type": "web_search_call",
    "status": "completed",
    "action": {
        "type": "search",
        "query": "harbour",
        "queries": ["harbour"],
        "sources": [{"type": "url", "url": "https://example.org/harbour"}],
    },
}
CODE = {
    "id": "ci_68",
    "type": "code_interpreter_call",
    "status": "completed",
    "code": "print(6 * 7)\n",
    "container_id": "cntr_68",
    "outputs": [{"type": "logs", "logs": "42\n"}],
}
LISTED = {
    "id": "mcpl_68a6",
    "type": "mcp_list_tools",
    "server_label": "dice",
    "tools": [
        {
            "name": "roll",
            "description": "Rolls dice.",
            "input_schema": {
                "type": "object",
                "properties": {"sides": {"type": "number"}},
                "required": ["sides"],
            },
            "annotations": {"read_only": False},
        }
    ],
    "error": None,
}
MCP = {
    "id": "mcp_68a6",
    "type": "mcp_call",
    "status": "completed",
    "approval_request_id": None,
    "arguments": '{"sides":6}',
    "error": None,
    "name": "roll",
    "output": "4",
    "server_label": "dice",
}
APPROVAL = {
    "id": "mcpr_68a6",
    "type": "mcp_approval_request",
    "arguments": '{"sides":6}',
    "name": "roll",
    "server_label": "dice",
}
SCREEN = {
    "id": "cu_67cc",
    "type": "computer_call",
    "status": "completed",
    "call_id": "call_zw3",
    "action": {"type": "click", "button": "left", "x": 156, "y": 50},
    "pending_safety_checks": [
        {"id": "cu_sc_67cb", "code": "malicious_instructions", "message": "We have detected instructions."}
    ],
}
DRAWN = {
    "id": "ig_123",
    "type": "image_generation_call",
    "status": "completed",
    "background": "opaque",
    "output_format": "png",
    "quality": "low",
    "result": PIXEL.partition(",")[2],
    "revised_prompt": "A small boat.",
    "size": "1024x1024",
}
SHELL = {
    "id": "lsh_1",
    "type": "local_shell_call",
    "status": "completed",
    "call_id": "call_sh",
    "action": {
        "type": "exec",
        "command": ["ls", "-l"],
        "env": {},
        "timeout_ms": 1000,
        "user": None,
        "working_directory": None,
    },
}
CITED = message(
    text(
        "The harbour opened in spring.",
        {
            "type": "file_citation",
            "index": 28,
            "file_id": "file-2dtbBZdjtDKS8eqWxqbgDi",
            "filename": "harbour.txt",
        },
        {
            "type": "url_citation",
            "start_index": 0,
            "end_index": 28,
            "title": "Harbour",
            "url": "https://example.org/harbour?utm_source=openai",
        },
    )
)
REFUSED = message({"type": "refusal", "refusal": "I'm sorry, I can't help with that."})
FUNCTION = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}
SERVER = {
    "type": "mcp",
    "server_label": "dice",
    "server_url": "https://dice.example.org/mcp",
    "server_description": "Rolls.",
    "require_approval": "never",
    "allowed_tools": None,
    "headers": None,
}
SCHEMA = {
    "format": {
        "type": "json_schema",
        "name": "event",
        "description": None,
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"name": {"type": "string"}},
            "required": ["name"],
            "additionalProperties": False,
        },
    },
    "verbosity": "low",
}


def _one(name: str, reply: dict[str, Any], **request: Any) -> Recorded:
    return Recorded(
        f"response {name}",
        RESPONSES,
        asked(**{"model": "gpt-5", "input": "Say hello.", **request}),
        told(reply),
    )


HISTORY = [
    {"role": "developer", "content": "Be brief."},
    {
        "type": "message",
        "role": "user",
        "content": [
            {"type": "input_text", "text": "The weather?"},
            {"type": "input_image", "image_url": PIXEL, "detail": "auto"},
        ],
    },
    SEALED,
    CALL,
    {"type": "function_call_output", "call_id": CALL["call_id"], "output": '{"degrees":  18}'},
    {"type": "item_reference", "id": "msg_67ccd2bf17f0819081ff3bb2cf6508e6"},
]
_BEFORE = "resp_67ccd3a9da748190baa7f1570fe91ac604becb25c45c1d41"
RESPONSES_WHOLE = [
    _one("plain", response(HELLO)),
    _one("with two messages", response(HELLO, HELLO)),
    _one(
        "with reasoning",
        response(REASONING, HELLO, reasoning={"effort": "high", "summary": "detailed"}),
        reasoning={"effort": "high", "summary": "auto"},
    ),
    _one(
        "with sealed reasoning",
        response(SEALED, HELLO, store=False),
        include=["reasoning.encrypted_content"],
        store=False,
    ),
    _one(
        "to a history",
        response(HELLO, tools=[FUNCTION]),
        input=HISTORY,
        tools=[FUNCTION],
        instructions="Be kind.",
    ),
    _one(
        "with a call",
        response(CALL, tools=[FUNCTION]),
        tools=[FUNCTION],
        tool_choice={"type": "function", "name": "get_weather"},
    ),
    _one(
        "with a custom call",
        response(CUSTOM),
        tools=[
            {
                "type": "custom",
                "name": "code_exec",
                "description": "Runs.",
                "format": {"type": "grammar", "syntax": "lark", "definition": 'start: "a"+'},
            }
        ],
    ),
    _one(
        "with a file search",
        response(FOUND, CITED),
        tools=[{"type": "file_search", "vector_store_ids": ["vs_1"], "max_num_results": 20}],
        include=["file_search_call.results"],
    ),
    _one(
        "with a web search",
        response(WEB, CITED),
        tools=[
            {
                "type": "web_search",
                "search_context_size": "low",
                "user_location": {"type": "approximate", "country": "NO"},
            }
        ],
    ),
    _one(
        "with code",
        response(CODE, HELLO),
        tools=[{"type": "code_interpreter", "container": {"type": "auto", "file_ids": []}}],
        include=["code_interpreter_call.outputs"],
    ),
    _one("with MCP", response(LISTED, MCP, HELLO, tools=[SERVER]), tools=[SERVER]),
    _one(
        "that asks for approval", response(LISTED, APPROVAL), tools=[{**SERVER, "require_approval": "always"}]
    ),
    _one(
        "that clicks",
        response(REASONING, SCREEN),
        tools=[
            {
                "type": "computer_use_preview",
                "display_width": 1024,
                "display_height": 768,
                "environment": "browser",
            }
        ],
        truncation="auto",
    ),
    _one("with a picture", response(DRAWN), tools=[{"type": "image_generation", "quality": "low"}]),
    _one("with a shell", response(SHELL), tools=[{"type": "local_shell"}]),
    _one(
        "in the background",
        response(status="queued", background=True, completed_at=None, usage=None),
        background=True,
    ),
    _one("that goes on", response(HELLO, previous_response_id=_BEFORE), previous_response_id=_BEFORE),
    _one("in a conversation", response(HELLO, conversation={"id": "conv_68e9"}), conversation="conv_68e9"),
    _one("that refuses", response(REFUSED), text=SCHEMA),
    _one("structured", response(message(text('{"name":"Fair"}')), text=SCHEMA), text=SCHEMA),
    _one(
        "cut at its length",
        response(
            message(text("Hello! The"), status="incomplete"),
            status="incomplete",
            incomplete_details={"reason": "max_output_tokens"},
            completed_at=None,
        ),
        max_output_tokens=16,
    ),
    _one(
        "that failed",
        response(
            status="failed",
            error={"code": "server_error", "message": "The model failed."},
            usage=None,
            completed_at=None,
        ),
    ),
    _one(
        "to every parameter",
        response(
            HELLO,
            metadata={"team": "harbour"},
            prompt={"id": "pmpt_1", "variables": {"where": "harbour"}, "version": "2"},
        ),
        metadata={"team": "harbour"},
        prompt={"id": "pmpt_1", "variables": {"where": "harbour"}, "version": "2"},
        prompt_cache_key="greeting",
        safety_identifier="u-harbour",
        service_tier="auto",
        temperature=0.5,
        top_logprobs=3,
        max_tool_calls=3,
        a_field_of_tomorrow=[1.50, None],
    ),
]
