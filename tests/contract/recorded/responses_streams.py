"""Streamed responses: every family of events."""

from __future__ import annotations

from typing import Any

from tests.contract.recorded import responses as whole
from tests.contract.recorded.responses import response
from tests.contract.recorded.shape import EVENTS, OPENAI, RESPONSES, Recorded, asked, events


def _words(text: str) -> list[str]:
    return text.replace(" ", "| ").split("|")


def _ev(kind: str, **members: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", **members}


def _at(item: dict[str, Any], index: int) -> dict[str, Any]:
    return {"item_id": item["id"], "output_index": index}


def _item(
    item: dict[str, Any], index: int, opened: dict[str, Any], *between: dict[str, Any]
) -> list[dict[str, Any]]:
    return [
        _ev("output_item.added", output_index=index, item={**item, **opened}),
        *between,
        _ev("output_item.done", output_index=index, item=item),
    ]


def _part(
    item: dict[str, Any], index: int, name: str, member: str, part: dict[str, Any], padded: bool = True
) -> list[dict[str, Any]]:
    """The events of a text in one part: `name` is the family's, `member` the part's own."""
    at = {**_at(item, index), "content_index": 0}
    more: dict[str, Any] = {"logprobs": []} if name == "output_text" else {}
    pad = {"obfuscation": "kT8wPz"} if padded else {}
    return [
        _ev(
            "content_part.added",
            **at,
            part={**part, member: ""} | ({"annotations": []} if "annotations" in part else {}),
        ),
        *(_ev(f"{name}.delta", **at, delta=word, **more, **pad) for word in _words(part[member])),
        *(
            _ev("output_text.annotation.added", **at, annotation_index=place, annotation=one)
            for place, one in enumerate(part.get("annotations", ()))
        ),
        _ev(f"{name}.done", **at, **{member: part[member]}, **more),
        _ev("content_part.done", **at, part=part),
    ]


def _message(item: dict[str, Any], index: int, padded: bool = True) -> list[dict[str, Any]]:
    [part] = item["content"]
    name, member = ("refusal", "refusal") if part["type"] == "refusal" else ("output_text", "text")
    return _item(
        item, index, {"status": "in_progress", "content": []}, *_part(item, index, name, member, part, padded)
    )


def _called(
    item: dict[str, Any], index: int, family: str, member: str, pieces: list[str]
) -> list[dict[str, Any]]:
    at = _at(item, index)
    return _item(
        item,
        index,
        {"status": "in_progress", member: ""},
        *(_ev(f"{family}.delta", **at, delta=piece, obfuscation="aB3") for piece in pieces),
        _ev(f"{family}.done", **at, **{member: "".join(pieces)}),
    )


def _steps(item: dict[str, Any], index: int, family: str, *steps: str, **opened: Any) -> list[dict[str, Any]]:
    at = _at(item, index)
    return _item(
        item, index, {"status": "in_progress", **opened}, *(_ev(f"{family}.{step}", **at) for step in steps)
    )


def _reasoned(item: dict[str, Any], index: int) -> list[dict[str, Any]]:
    at, [part] = {**_at(item, index), "summary_index": 0}, item["summary"]
    return _item(
        item,
        index,
        {"summary": []},
        _ev("reasoning_summary_part.added", **at, part={**part, "text": ""}),
        *(
            _ev("reasoning_summary_text.delta", **at, delta=word, obfuscation="q")
            for word in _words(part["text"])
        ),
        _ev("reasoning_summary_text.done", **at, text=part["text"]),
        _ev("reasoning_summary_part.done", **at, part=part),
    )


def _told(*parts: list[dict[str, Any]], last: str = "completed", **more: Any) -> list[dict[str, Any]]:
    items = [part[-1]["item"] for part in parts]
    begun = response(status="in_progress", usage=None, completed_at=None, **more)
    return [
        _ev("created", response=begun),
        _ev("in_progress", response=begun),
        *(event for part in parts for event in part),
        _ev(last, response=response(*items, status=last, **more)),
    ]


def _one(name: str, parts: list[dict[str, Any]], **request: Any) -> Recorded:
    sent = asked(**{"model": "gpt-5", "input": "Say hello.", "stream": True, **request})
    return Recorded(
        f"stream of a response {name}", RESPONSES, sent, events(parts), headers={**EVENTS, **OPENAI}
    )


_CODE = _item(
    whole.CODE,
    0,
    {"status": "in_progress", "code": "", "outputs": None},
    _ev("code_interpreter_call.in_progress", **_at(whole.CODE, 0)),
    *(
        _ev("code_interpreter_call_code.delta", **_at(whole.CODE, 0), delta=piece, obfuscation="z")
        for piece in ("print(", "6 * 7", ")\n")
    ),
    _ev("code_interpreter_call_code.done", **_at(whole.CODE, 0), code="print(6 * 7)\n"),
    _ev("code_interpreter_call.interpreting", **_at(whole.CODE, 0)),
    _ev("code_interpreter_call.completed", **_at(whole.CODE, 0)),
)
_MCP = _item(
    whole.MCP,
    1,
    {"status": "in_progress", "arguments": "", "output": None},
    _ev("mcp_call.in_progress", **_at(whole.MCP, 1)),
    _ev("mcp_call_arguments.delta", **_at(whole.MCP, 1), delta='{"sides":6}', obfuscation="j"),
    _ev("mcp_call_arguments.done", **_at(whole.MCP, 1), arguments='{"sides":6}'),
    _ev("mcp_call.completed", **_at(whole.MCP, 1)),
)
_DRAWN = _item(
    whole.DRAWN,
    0,
    {"status": "in_progress", "result": None},
    _ev("image_generation_call.in_progress", **_at(whole.DRAWN, 0)),
    _ev("image_generation_call.generating", **_at(whole.DRAWN, 0)),
    _ev(
        "image_generation_call.partial_image",
        **_at(whole.DRAWN, 0),
        partial_image_index=0,
        partial_image_b64=whole.DRAWN["result"],
        size="1024x1024",
        quality="low",
        background="opaque",
        output_format="png",
    ),
    _ev("image_generation_call.completed", **_at(whole.DRAWN, 0)),
)
_OPEN = {
    "id": "rs_2",
    "type": "reasoning",
    "summary": [],
    "content": [{"type": "reasoning_text", "text": "They greet me."}],
}
_THOUGHT = _item(
    _OPEN,
    0,
    {"content": []},
    *(
        _ev("reasoning_text.delta", **_at(_OPEN, 0), content_index=0, delta=word)
        for word in _words("They greet me.")
    ),
    _ev("reasoning_text.done", **_at(_OPEN, 0), content_index=0, text="They greet me."),
)
_FAILED = response(
    status="failed",
    error={"code": "server_error", "message": "The model failed."},
    usage=None,
    completed_at=None,
)
_BEGUN = response(status="in_progress", usage=None, completed_at=None)
STREAMS = [
    _one("plain", _told(_message(whole.HELLO, 0))),
    _one(
        "without padding",
        _told(_message(whole.HELLO, 0, padded=False)),
        stream_options={"include_obfuscation": False},
    ),
    _one(
        "with reasoning",
        _told(_reasoned(whole.REASONING, 0), _message(whole.HELLO, 1)),
        reasoning={"summary": "auto"},
    ),
    _one("with open reasoning", _told(_THOUGHT, _message(whole.HELLO, 1))),
    _one(
        "with sealed reasoning",
        _told(_item(whole.SEALED, 0, {"encrypted_content": "gAAAAABo"}), _message(whole.HELLO, 1)),
        store=False,
    ),
    _one(
        "with citations",
        _told(
            _steps(
                whole.FOUND,
                0,
                "file_search_call",
                "in_progress",
                "searching",
                "completed",
                queries=[],
                results=None,
            ),
            _message(whole.CITED, 1),
        ),
    ),
    _one(
        "with a web search",
        _told(
            _steps(whole.WEB, 0, "web_search_call", "in_progress", "searching", "completed"),
            _message(whole.CITED, 1),
        ),
    ),
    _one(
        "with a call",
        _told(
            _called(
                whole.CALL,
                0,
                "function_call_arguments",
                "arguments",
                ['{"', "city", '":"', "Paris", '", "days"', ":1.50}"],
            )
        ),
        tools=[whole.FUNCTION],
    ),
    _one(
        "with a custom call",
        _told(_called(whole.CUSTOM, 0, "custom_tool_call_input", "input", ["print(", '"hello"', ")"])),
    ),
    _one("with code", _told(_CODE, _message(whole.HELLO, 1))),
    _one(
        "with MCP",
        _told(
            _steps(whole.LISTED, 0, "mcp_list_tools", "in_progress", "completed", tools=[]),
            _MCP,
            _message(whole.HELLO, 2),
        ),
    ),
    _one("with a picture", _told(_DRAWN)),
    _one("that clicks", _told(_item(whole.SCREEN, 0, {"status": "in_progress"}))),
    _one("that refuses", _told(_message(whole.REFUSED, 0))),
    _one(
        "cut at its length",
        _told(
            _message(whole.HELLO, 0), last="incomplete", incomplete_details={"reason": "max_output_tokens"}
        ),
    ),
    _one("that failed", [_ev("created", response=_BEGUN), _ev("failed", response=_FAILED)]),
    _one(
        "in the background",
        [
            _ev("queued", response={**_BEGUN, "status": "queued", "background": True}),
            *_told(_message(whole.HELLO, 0), background=True),
        ],
        background=True,
    ),
]
