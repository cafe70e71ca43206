"""Legacy completions, embeddings and moderations."""

from __future__ import annotations

import base64
import struct
from typing import Any

from tests.contract.recorded.shape import (
    COMPLETIONS,
    EMBEDDINGS,
    EVENTS,
    MODERATIONS,
    OPENAI,
    Recorded,
    asked,
    chunks,
    told,
)

_BASE = {
    "id": "cmpl-uqkvlQyYK7bGYrRHQ0eXlWi7",
    "object": "text_completion",
    "created": 1589478378,
    "model": "gpt-3.5-turbo-instruct:20230824-v2",
}
_USAGE = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}


def _choice(text: str, index: int = 0, finish: str | None = "stop", logprobs: Any = None) -> dict[str, Any]:
    return {"text": text, "index": index, "logprobs": logprobs, "finish_reason": finish}


def _completed(name: str, *choices: dict[str, Any], **request: Any) -> Recorded:
    members = {"model": "gpt-3.5-turbo-instruct", "prompt": "Say hello.", **request}
    return Recorded(name, COMPLETIONS, asked(**members), told({**_BASE, "choices": choices, "usage": _USAGE}))


_LOGPROBS = {
    "tokens": ["Say", " hello", ".", "\n\n", "Hello"],
    "token_logprobs": [None, -4.2, -1.5, -0.25, -0.02],
    "top_logprobs": [None, {" hello": -4.2}, {".": -1.5}, {"\n\n": -0.25, "\n": -1.75}, {"Hello": -0.02}],
    "text_offset": [0, 3, 9, 10, 12],
}
_CHUNKS = [
    {**_BASE, "choices": [_choice(word, finish=None)]} for word in ("Hel", "lo,", " little", " boat", ".")
]
_LAST = {**_BASE, "choices": [_choice("")]}
COMPLETED = [
    _completed("completion", _choice("\n\nHello!")),
    _completed(
        "completion of two prompts", _choice(" One."), _choice(" Two.", 1), prompt=["Count:", "Count on:"]
    ),
    _completed(
        "completion with echo and logprobs",
        _choice("Say hello.\n\nHello", logprobs=_LOGPROBS),
        echo=True,
        logprobs=2,
        best_of=1,
    ),
    _completed("completion of tokens", _choice(" Hello"), prompt=[15339, 11, 1917], suffix=None),
    Recorded(
        "stream of a completion",
        COMPLETIONS,
        asked(model="gpt-3.5-turbo-instruct", prompt="Say hello.", stream=True),
        chunks([*_CHUNKS, _LAST]),
        headers={**EVENTS, **OPENAI},
    ),
    Recorded(
        "stream of a completion with usage",
        COMPLETIONS,
        asked(
            model="gpt-3.5-turbo-instruct",
            prompt="Say hello.",
            stream=True,
            stream_options={"include_usage": True},
        ),
        chunks(
            [
                *({**one, "usage": None} for one in [*_CHUNKS, _LAST]),
                {**_BASE, "choices": [], "usage": _USAGE},
            ]
        ),
        headers={**EVENTS, **OPENAI},
    ),
]
_VECTOR = [0.0023064255, -0.009327292, -0.0028842222, 1e-07, -0.0]


def _embedded(name: str, *vectors: Any, **request: Any) -> Recorded:
    data = [{"object": "embedding", "index": place, "embedding": one} for place, one in enumerate(vectors)]
    reply = {
        "object": "list",
        "data": data,
        "model": "text-embedding-3-small",
        "usage": {"prompt_tokens": 8, "total_tokens": 8},
    }
    return Recorded(name, EMBEDDINGS, asked(model="text-embedding-3-small", **request), told(reply))


EMBEDDED = [
    _embedded("embedding", _VECTOR, input="The food was delicious."),
    _embedded(
        "embeddings in base64",
        *[base64.b64encode(struct.pack("<5f", *_VECTOR)).decode()] * 2,
        input=["The food was delicious.", "And the waiter kind."],
        encoding_format="base64",
    ),
    _embedded("embedding of few dimensions", _VECTOR[:2], input="The food.", dimensions=2, user="u-harbour"),
    _embedded("embedding of tokens", _VECTOR, _VECTOR, input=[[791, 3691], [574, 18406]]),
]
_JUDGED = {
    "id": "modr-0d9740456c391e43c445bf0f010940c7",
    "model": "omni-moderation-latest",
    "results": [
        {
            "flagged": True,
            "categories": {"harassment": True, "harassment/threatening": False, "illicit": None},
            "category_scores": {
                "harassment": 0.8189693396524255,
                "harassment/threatening": 0.804985420696006,
                "illicit": 1.573112165348997e-06,
            },
            "category_applied_input_types": {
                "harassment": ["text"],
                "harassment/threatening": ["text"],
                "illicit": [],
            },
        }
    ],
}
MODERATED = [
    Recorded(
        "moderation", MODERATIONS, asked(model="omni-moderation-latest", input="You fool!"), told(_JUDGED)
    ),
    Recorded(
        "moderation of parts",
        MODERATIONS,
        asked(
            model="omni-moderation-latest",
            input=[
                {"type": "text", "text": "You fool!"},
                {"type": "image_url", "image_url": {"url": "https://example.org/boat.png"}},
            ],
        ),
        told(_JUDGED),
    ),
]
PLAIN = [*COMPLETED, *EMBEDDED, *MODERATED]
