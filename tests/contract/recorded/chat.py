"""Whole chat completions."""

from __future__ import annotations

from typing import Any

from tests.contract.recorded.shape import CHAT, JSON, Recorded, asked, told, user

DATED = "gpt-4o-2024-08-06"
"""The model that answers; callers ask for `gpt-4o`."""
PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
USAGE = {
    "prompt_tokens": 19,
    "completion_tokens": 10,
    "total_tokens": 29,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {
        "reasoning_tokens": 0,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    },
}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["c", "f"]}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}


def choice(message: dict[str, Any], finish: str = "stop", index: int = 0, **more: Any) -> dict[str, Any]:
    """One choice, with the nulls that OpenAI always sends."""
    said = {"role": "assistant", "content": None, "refusal": None, "annotations": [], **message}
    return {"index": index, "message": said, "logprobs": None, "finish_reason": finish, **more}


def completion(*choices: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A whole completion of OpenAI's."""
    return {
        "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
        "object": "chat.completion",
        "created": 1741569952,
        "model": DATED,
        "choices": list(choices),
        "usage": USAGE,
        "service_tier": "default",
        "system_fingerprint": "fp_fc9f1d7035",
        **more,
    }


def _openai(name: str, reply: dict[str, Any], **request: Any) -> Recorded:
    members = {"model": "gpt-4o", "messages": user("Say hello."), **request}
    return Recorded(name, CHAT, asked(**members), told(reply))


def _call(id_: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}


HELLO = {"content": "Hello! How can I help you today?"}
LOGPROBS = {
    "content": [
        {
            "token": token,
            "logprob": -0.31725305,
            "bytes": [*token.encode()],
            "top_logprobs": [
                {"token": token, "logprob": -0.31725305, "bytes": [*token.encode()]},
                {"token": " Hé", "logprob": -1.3190403, "bytes": [32, 72, 195, 169]},
            ],
        }
        for token in ("Hello", "!", " How")
    ],
    "refusal": None,
}
HISTORY = [
    {"role": "developer", "content": "Be brief."},
    *user("What is the weather in Paris and in Rome?"),
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [_call("call_a1", "get_weather", '{"city": "Paris",  "unit":"c"}')],
    },
    {"role": "tool", "tool_call_id": "call_a1", "content": '{"degrees": 18}'},
]
SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "event",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "guests": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["name", "guests"],
            "additionalProperties": False,
        },
    },
}
CITED = {
    "content": "The harbour opened in spring (example.org).",
    "annotations": [
        {
            "type": "url_citation",
            "url_citation": {
                "start_index": 29,
                "end_index": 42,
                "title": "Harbour news",
                "url": "https://example.org/news?utm_source=openai",
            },
        }
    ],
}
SPOKEN = {
    "content": None,
    "audio": {
        "id": "audio_abc123",
        "expires_at": 1729018505,
        "data": "UklGRiQAAABXQVZF",
        "transcript": "Yes, they do.",
    },
}

OPENAI_CHATS = [
    _openai("plain", completion(choice(HELLO))),
    _openai(
        "two choices", completion(choice(HELLO), choice({"content": "Hi."}, index=1)), n=2, temperature=1.7
    ),
    _openai(
        "escapes", completion(choice({"content": '“Grüß dich” \U0001f600 \u2028 </script> \\ "q" \t\n'}))
    ),
    _openai(
        "parallel tools",
        completion(
            choice(
                {
                    "tool_calls": [
                        _call("call_a1", "get_weather", '{"city":"Paris","unit":"c"}'),
                        _call("call_b2", "get_weather", '{"city": "Rome", "unit": null}'),
                    ]
                },
                "tool_calls",
            )
        ),
        tools=[WEATHER],
        tool_choice="required",
        parallel_tool_calls=True,
    ),
    _openai(
        "tool results and developer",
        completion(choice({"content": "18 degrees."})),
        messages=HISTORY,
        tools=[WEATHER],
    ),
    _openai(
        "custom tool",
        completion(
            choice(
                {
                    "tool_calls": [
                        {
                            "id": "call_c3",
                            "type": "custom",
                            "custom": {"name": "shell", "input": "ls -l | wc"},
                        }
                    ]
                },
                "tool_calls",
            )
        ),
        tools=[
            {
                "type": "custom",
                "custom": {"name": "shell", "description": "Runs.", "format": {"type": "text"}},
            }
        ],
    ),
    _openai(
        "functions of old",
        completion(
            choice(
                {"function_call": {"name": "get_weather", "arguments": '{\n  "city": "Oslo"\n}'}},
                "function_call",
            )
        ),
        functions=[WEATHER["function"]],
        function_call={"name": "get_weather"},
    ),
    _openai(
        "logprobs",
        completion(choice({"content": "Hello! How"}, logprobs=LOGPROBS)),
        logprobs=True,
        top_logprobs=2,
    ),
    _openai(
        "structured output",
        completion(choice({"content": '{"name":"Fair","guests":["the baker","the smith"]}'})),
        response_format=SCHEMA,
    ),
    _openai(
        "refusal",
        completion(choice({"refusal": "I'm sorry, I can't help with that."})),
        response_format=SCHEMA,
    ),
    _openai("citations", completion(choice(CITED)), web_search_options={"search_context_size": "low"}),
    _openai(
        "audio",
        completion(choice(SPOKEN)),
        modalities=["text", "audio"],
        audio={"voice": "alloy", "format": "wav"},
        messages=user(
            [{"type": "input_audio", "input_audio": {"data": "UklGRiQAAABXQVZF", "format": "wav"}}]
        ),
    ),
    _openai(
        "pictures and files",
        completion(choice({"content": "A dot."})),
        messages=user(
            [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "https://example.org/boat.png"}},
                {"type": "file", "file": {"file_id": "file-6F2ksmvXxt4VdoqmHRw6kL"}},
            ]
        ),
    ),
    _openai(
        "every parameter",
        completion(choice(HELLO, "length"), service_tier="flex", metadata={"team": "harbour"}),
        frequency_penalty=-2,
        presence_penalty=2,
        logit_bias={"50256": -100},
        max_completion_tokens=16,
        metadata={"team": "harbour"},
        prediction={"type": "content", "content": "Hello! How"},
        prompt_cache_key="greeting",
        reasoning_effort="low",
        safety_identifier="u-harbour",
        seed=-9223372036854775776,
        service_tier="flex",
        stop=["\n\n", "END"],
        store=True,
        temperature=0,
        top_p=1,
        user="u-harbour",
        verbosity="low",
        a_field_of_tomorrow={"deep": [1.50, 1e-7, None, True]},
    ),
    _openai(
        "values the provider judges", completion(choice(HELLO)), temperature=-0.5, max_tokens=-1, top_p=3, n=0
    ),
    _openai("moderated", completion(choice({"content": ""}, "content_filter"))),
]

_HATE = {
    "hate": {"filtered": False, "severity": "safe"},
    "self_harm": {"filtered": False, "severity": "safe"},
}
AZURE = Recorded(
    "azure with its filters",
    CHAT,
    asked(model="harbour-gpt-4o", messages=user("Say hello.")),
    told(
        completion(
            {**choice(HELLO), "content_filter_results": _HATE},
            prompt_filter_results=[
                {
                    "prompt_index": 0,
                    "content_filter_results": {**_HATE, "jailbreak": {"filtered": False, "detected": False}},
                }
            ],
        ),
        None,
    ),
    headers={**JSON, "x-request-id": "5b7c", "x-ratelimit-remaining-tokens": "9", "x-ms-region": "West"},
    vendor="azure",
)
_SMALL = {"prompt_tokens": 5, "total_tokens": 14, "completion_tokens": 9}


def _other(name: str, vendor: str, model: str, reply: dict[str, Any], **request: Any) -> Recorded:
    members = {"messages": user("Say hello."), "model": model, **request}
    return Recorded(name, CHAT, asked(**members), told(reply, None), headers=dict(JSON), vendor=vendor)


_MESSAGE = {"role": "assistant", "content": "Hello!"}
_CHOICE = {"index": 0, "message": _MESSAGE, "finish_reason": "stop"}
_PLAIN = {"object": "chat.completion", "created": 1741570283}
OTHERS = [
    AZURE,
    _other(
        "vllm",
        "hosted_vllm",
        "meta-llama/Llama-3.1-8B-Instruct",
        {
            "id": "chatcmpl-4f8c1f0c2a4c4e0b8e1d",
            **_PLAIN,
            "model": "meta-llama/Llama-3.1-8B-Instruct",
            "choices": [
                {
                    **_CHOICE,
                    "message": {**_MESSAGE, "reasoning_content": None, "tool_calls": []},
                    "logprobs": None,
                    "stop_reason": 128009,
                    "token_ids": None,
                }
            ],
            "usage": {**_SMALL, "prompt_tokens_details": None},
            "prompt_logprobs": None,
            "kv_transfer_params": None,
        },
        guided_json={"type": "object"},
        top_k=40,
        repetition_penalty=1.1,
        chat_template_kwargs={"enable_thinking": False},
    ),
    _other(
        "ollama",
        "ollama_chat",
        "llama3.2:3b",
        {
            "id": "chatcmpl-642",
            **_PLAIN,
            "model": "llama3.2:3b",
            "system_fingerprint": "fp_ollama",
            "choices": [_CHOICE],
            "usage": _SMALL,
        },
        options={"num_ctx": 8192},
        keep_alive="5m",
    ),
    _other(
        "groq",
        "groq",
        "llama-3.3-70b-versatile",
        {
            "id": "chatcmpl-1fdd4c8f",
            **_PLAIN,
            "model": "llama-3.3-70b-versatile",
            "choices": [{**_CHOICE, "logprobs": None}],
            "usage": {**_SMALL, "queue_time": 0.037493756, "prompt_time": 0.000680594, "total_time": 0.1},
            "system_fingerprint": "fp_179b0f92c9",
            "service_tier": "on_demand",
            "x_groq": {"id": "req_01jbd6g2qdfw2adyrt2az8hz4w"},
            "usage_breakdown": None,
        },
    ),
    _other(
        "mistral",
        "mistral",
        "mistral-small-latest",
        {
            "id": "cmpl-e5cc70bb28c444948073e77776eb30ef",
            **_PLAIN,
            "model": "mistral-small-latest",
            "choices": [{**_CHOICE, "message": {**_MESSAGE, "tool_calls": None, "prefix": False}}],
            "usage": _SMALL,
        },
        safe_prompt=False,
        random_seed=7,
    ),
    _other(
        "deepseek",
        "deepseek",
        "deepseek-reasoner",
        {
            "id": "930c60df-bf64-41c9-a88e-3ec75f81e00e",
            **_PLAIN,
            "model": "deepseek-reasoner",
            "choices": [
                {
                    **_CHOICE,
                    "message": {**_MESSAGE, "reasoning_content": "They greet me. I greet back."},
                    "logprobs": None,
                }
            ],
            "usage": {**_SMALL, "prompt_cache_hit_tokens": 0, "prompt_cache_miss_tokens": 5},
            "system_fingerprint": "fp_5417b77867_prod",
        },
    ),
    _other(
        "openrouter",
        "openrouter",
        "qwen/qwen3-32b",
        {
            "id": "gen-1741570283-x7Yz",
            "provider": "Groq",
            "model": "qwen/qwen3-32b",
            "object": "chat.completion",
            "created": 1741570283,
            "choices": [
                {
                    "logprobs": None,
                    "finish_reason": "stop",
                    "native_finish_reason": "STOP",
                    "index": 0,
                    "message": {
                        **_MESSAGE,
                        "refusal": None,
                        "reasoning": "Short is good.",
                        "reasoning_details": [
                            {
                                "type": "reasoning.text",
                                "text": "Short is good.",
                                "format": "unknown",
                                "index": 0,
                            },
                            {
                                "type": "reasoning.encrypted",
                                "data": "gAAAAABo",
                                "format": "unknown",
                                "index": 1,
                            },
                        ],
                    },
                }
            ],
            "usage": {
                **_SMALL,
                "cost": 0.00014,
                "is_byok": False,
                "cost_details": {"upstream_inference_cost": None},
            },
        },
        provider={"order": ["Groq"], "allow_fallbacks": False},
        reasoning={"effort": "low"},
        transforms=["middle-out"],
    ),
]
CHATS = [*OPENAI_CHATS, *OTHERS]
