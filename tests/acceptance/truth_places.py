"""Every place of a request and of a reply in which a value can stand, dialect by dialect."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from proxy import sse
from proxy.dialects import responses_events
from proxy.sse import named
from tests.proxy.dialects import messages_replies, replies, responses_replies
from tests.servers import Script, raw, stream

VALUE = "ada@example.com"
"""What is planted."""
TEXT = f"Please tell {VALUE} of it."
ARGUMENTS = json.dumps({"to": VALUE, "n": 1})
Cut = Callable[[str], list[str]]
Body = dict[str, Any]

CUTS: dict[str, Cut] = {
    "ones": list,
    "threes": lambda text: [text[at : at + 3] for at in range(0, len(text), 3)],
    "sevens": lambda text: [text[at : at + 7] for at in range(0, len(text), 7)],
    "at once": lambda text: [text],
}
"""How a streamed reply is cut into pieces."""


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere in a request, or in a reply, where the value stands."""

    name: str
    stage: str
    body: Any
    """Members of the request; for a reply, what `Spoken.answer` takes."""
    reaches_provider: bool = True


@dataclass(frozen=True, slots=True)
class Spoken:
    """A route with the places that it has."""

    name: str
    path: str
    dialect: str
    vendor: str
    """`gpt` or `claude`: which wire the provider speaks."""
    harmless: Body
    asked: tuple[Place, ...]
    answered: tuple[Place, ...]
    answer: Callable[[Any, Cut | None], Script]
    """The provider's reply that says what a place holds; streamed in pieces, where a cut is given."""
    nothing: Any
    """What the provider says where nothing is planted."""


# --- what providers say


def _chat_answer(messages: Any, cut: Cut | None) -> Script:
    if cut is not None:
        spoken = [{name: told for name, told in each.items() if told is not None} for each in messages]
        return stream([sse.event(payload) for payload in replies.events(spoken, cut)])
    choices = [{"index": n, "message": m, "finish_reason": "stop"} for n, m in enumerate(messages)]
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-real"}
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    return raw(orjson.dumps({**head, "choices": choices, "usage": usage}))


def _completion_answer(texts: Any, cut: Cut | None) -> Script:
    head = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "gpt-real"}

    def choice(n: int, text: str, finish: str | None) -> Body:
        return {"index": n, "text": text, "logprobs": None, "finish_reason": finish}

    if cut is None:
        usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
        choices = [choice(n, text, "stop") for n, text in enumerate(texts)]
        return raw(orjson.dumps({**head, "choices": choices, "usage": usage}))
    told = [choice(n, piece, None) for n, text in enumerate(texts) for piece in cut(text)]
    told += [choice(n, "", "stop") for n in range(len(texts))]
    return stream([*(sse.event(orjson.dumps({**head, "choices": [one]})) for one in told), _DONE])


def _response_answer(items: Any, cut: Cut | None) -> Script:
    whole = responses_replies.reply(*items)
    if cut is None:
        return raw(orjson.dumps(whole))
    return stream([responses_events.frame(event) for event in responses_events.events(whole, cut)])


def _message_answer(content: Any, cut: Cut | None) -> Script:
    if cut is None:
        return raw(orjson.dumps(messages_replies.message(content)))
    payloads = messages_replies.events(content, cut)
    return stream([named(json.loads(payload)["type"], payload) for payload in payloads])


def _vectors(nothing: Any, cut: Cut | None) -> Script:
    data = [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return raw(orjson.dumps({"object": "list", "model": "gpt-real", "data": data, "usage": usage}))


_DONE = b"data: [DONE]\n\n"


def _assistant(**members: Any) -> Body:
    return {"role": "assistant", "content": None, **members}


def _call(arguments: str) -> list[Body]:
    return [{"id": "call_1", "type": "function", "function": {"name": "send", "arguments": arguments}}]


# --- chat

_HI = {"role": "user", "content": "hi"}
_OPENAI_TOOL = {"name": "send", "description": TEXT, "parameters": {"type": "object", "properties": {}}}
_ASKED_CALL = _assistant(tool_calls=_call(ARGUMENTS))

CHAT = Spoken(
    "chat", "/v1/chat/completions", "chat", "gpt", {"messages": [_HI]},
    (
        Place("user", "input", {"messages": [{"role": "user", "content": TEXT}]}),
        Place("part", "input", {"messages": [{"role": "user", "content": [{"type": "text", "text": TEXT}]}]}),
        Place("system", "input", {"messages": [{"role": "system", "content": TEXT}, _HI]}),
        Place("assistant", "input", {"messages": [_HI, {"role": "assistant", "content": TEXT}, _HI]}),
        Place("definition", "tool_definition",
              {"messages": [_HI], "tools": [{"type": "function", "function": _OPENAI_TOOL}]}),
        Place("call", "input",
              {"messages": [_HI, _ASKED_CALL, {"role": "tool", "tool_call_id": "call_1", "content": "done"}]}),
        Place("result", "tool_result",
              {"messages": [_HI, _assistant(tool_calls=_call("{}")),
                            {"role": "tool", "tool_call_id": "call_1", "content": TEXT}]}),
        Place("retrieval", "retrieval",
              {"messages": [_HI], "guardhouse": {"retrieval": [{"doc_id": "d1", "text": TEXT}]}}, False),
    ),
    (
        Place("content", "output", [{"role": "assistant", "content": TEXT}]),
        Place("reasoning", "output", [{"role": "assistant", "content": "Fine.", "reasoning_content": TEXT}]),
        Place("refusal", "output", [{"role": "assistant", "content": None, "refusal": TEXT}]),
        Place("second choice", "output",
              [{"role": "assistant", "content": "Fine."}, {"role": "assistant", "content": TEXT}]),
        Place("call", "tool_call", [_ASKED_CALL]),
    ),
    _chat_answer, [{"role": "assistant", "content": "Fine."}],
)  # fmt: skip

COMPLETIONS = Spoken(
    "completions", "/v1/completions", "completions", "gpt", {"prompt": "hi"},
    (Place("prompt", "input", {"prompt": TEXT}), Place("second prompt", "input", {"prompt": ["hi", TEXT]})),
    (Place("text", "output", [TEXT]), Place("second choice", "output", ["Fine.", TEXT])),
    _completion_answer, ["Fine."],
)  # fmt: skip

# --- responses

_SAYS = responses_replies.message("Fine.")
_REFUSES = {**_SAYS, "content": [{"type": "refusal", "refusal": TEXT}]}
_THINKS = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": TEXT}]}
_CALLED = {"type": "function_call", "call_id": "call_1", "name": "send", "arguments": ARGUMENTS}

RESPONSES = Spoken(
    "responses", "/v1/responses", "responses", "gpt", {"input": "hi"},
    (
        Place("input", "input", {"input": TEXT}),
        Place("instructions", "input", {"input": "hi", "instructions": TEXT}),
        Place("item", "input", {"input": [{"role": "user", "content": [{"type": "input_text", "text": TEXT}]}]}),
        Place("definition", "tool_definition", {"input": "hi", "tools": [{"type": "function", **_OPENAI_TOOL}]}),
        Place("call", "input",
              {"input": [_CALLED, {"type": "function_call_output", "call_id": "call_1", "output": "done"}]}),
        Place("result", "tool_result",
              {"input": [{**_CALLED, "arguments": "{}"},
                         {"type": "function_call_output", "call_id": "call_1", "output": TEXT}]}),
        Place("retrieval", "retrieval",
              {"input": "hi", "guardhouse": {"retrieval": [{"doc_id": "d1", "text": TEXT}]}}, False),
    ),
    (
        Place("text", "output", [responses_replies.message(TEXT)]),
        Place("refusal", "output", [_REFUSES]),
        Place("reasoning", "output", [_THINKS, _SAYS]),
        Place("call", "tool_call", [responses_replies.call(ARGUMENTS)]),
    ),
    _response_answer, [_SAYS],
)  # fmt: skip

# --- messages

_USES = {"type": "tool_use", "id": "toolu_1", "name": "send", "input": {"to": VALUE, "n": 1}}
_USES_NOTHING = {**_USES, "input": {}}


def _results(content: str) -> Body:
    return {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": content}],
    }


def _asks(*messages: Body, **more: Any) -> Body:
    return {"max_tokens": 100, "messages": [_HI, *messages], **more}


_MESSAGES_ASKED = (
    Place("user", "input", {"max_tokens": 100, "messages": [{"role": "user", "content": TEXT}]}),
    Place("system", "input", _asks(system=TEXT)),
    Place(
        "definition",
        "tool_definition",
        _asks(tools=[{"name": "send", "description": TEXT, "input_schema": {"type": "object"}}]),
    ),
    Place("call", "input", _asks({"role": "assistant", "content": [_USES]}, _results("done"))),
    Place("result", "tool_result", _asks({"role": "assistant", "content": [_USES_NOTHING]}, _results(TEXT))),
)
_FINE = {"type": "text", "text": "Fine."}

MESSAGES = Spoken(
    "messages", "/v1/messages", "messages", "claude", _asks(), _MESSAGES_ASKED,
    (
        Place("text", "output", [{"type": "text", "text": TEXT}]),
        Place("thinking", "output", [{"type": "thinking", "thinking": TEXT, "signature": "c2ln"}, _FINE]),
        Place("second block", "output", [_FINE, {"type": "text", "text": TEXT}]),
        Place("call", "tool_call", [_USES]),
    ),
    _message_answer, [_FINE],
)  # fmt: skip

TRANSLATED = Spoken(
    "translated", "/v1/messages", "messages", "gpt", _asks(), _MESSAGES_ASKED,
    (CHAT.answered[0], CHAT.answered[4]), _chat_answer, CHAT.nothing,
)  # fmt: skip

EMBEDDINGS = Spoken(
    "embeddings", "/v1/embeddings", "embeddings", "gpt", {"input": "hi"},
    (Place("input", "input", {"input": TEXT}), Place("second input", "input", {"input": ["hi", TEXT]})),
    (), _vectors, None,
)  # fmt: skip

SPOKEN = (CHAT, COMPLETIONS, RESPONSES, MESSAGES, TRANSLATED, EMBEDDINGS)
