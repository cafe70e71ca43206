"""Errors of OpenAI's and of others who write them the same way, or nearly."""

from __future__ import annotations

import json
from typing import Any

from tests.contract.recorded.shape import (
    CHAT,
    COMPLETIONS,
    EMBEDDINGS,
    JSON,
    MODERATIONS,
    OPENAI,
    RESPONSES,
    Recorded,
    asked,
    told,
    user,
)

BAD = "invalid_request_error"
_ASKED = {
    CHAT: {"model": "gpt-4o", "messages": user("Say hello.")},
    COMPLETIONS: {"model": "gpt-4o", "prompt": "Say hello."},
    EMBEDDINGS: {"model": "gpt-4o", "input": "Say hello."},
    MODERATIONS: {"model": "gpt-4o", "input": "Say hello."},
    RESPONSES: {"model": "gpt-4o", "input": "Say hello."},
}


def _error(
    status: int, code: Any, param: str | None = None, kind: str | None = BAD, path: str = CHAT, **more: Any
) -> Recorded:
    error = {"message": "The provider says what is wrong.", "type": kind, "param": param, "code": code}
    request = {**_ASKED[path], **more.pop("request", {})}
    headers = {**JSON, **OPENAI, **more.pop("headers", {})}
    name = f"{status} {code} of {path}{' streamed' if request.get('stream') else ''}"
    return Recorded(name, path, asked(**request), told({"error": {**error, **more}}), status, headers)


_SLOW = {"retry-after": "11", "retry-after-ms": "10500", "x-should-retry": "true"}
_INNER = {
    "code": "ResponsibleAIPolicyViolation",
    "content_filter_result": {"hate": {"filtered": True, "severity": "high"}},
}
OPENAI_ERRORS = [
    _error(400, "unsupported_parameter", "max_tokens"),
    _error(400, "unsupported_value", "temperature", request={"stream": True}),
    _error(400, "context_length_exceeded", "messages"),
    _error(400, "invalid_type", "tools[0].function"),
    _error(400, None, None),
    _error(400, "content_filter", "prompt", None, innererror=_INNER),
    _error(401, "invalid_api_key"),
    _error(403, "unsupported_country_region_territory", None, "request_forbidden"),
    _error(404, "model_not_found"),
    _error(404, "model_not_found", request={"stream": True}),
    _error(429, "rate_limit_exceeded", None, "tokens", headers=_SLOW),
    _error(429, "rate_limit_exceeded", None, "requests", headers=_SLOW, request={"stream": True}),
    _error(429, "insufficient_quota", None, "insufficient_quota"),
    _error(500, None, None, "server_error"),
    _error(503, "service_unavailable", None, "server_error", headers={"retry-after": "11"}),
    _error(
        400,
        "previous_response_not_found",
        "previous_response_id",
        path=RESPONSES,
        request={"previous_response_id": "resp_none"},
    ),
    _error(400, "unsupported_parameter", "temperature", path=RESPONSES, request={"stream": True}),
    _error(400, None, None, path=EMBEDDINGS),
    _error(404, "model_not_found", None, path=COMPLETIONS),
    _error(400, None, "input", path=MODERATIONS),
]
_CHAT = asked(**_ASKED[CHAT])


def _other(name: str, status: int, body: Any, **headers: str) -> Recorded:
    return Recorded(name, CHAT, _CHAT, told(body, None), status, {**JSON, **headers})


OTHER_ERRORS = [
    _other(
        "error of vllm's as of old",
        400,
        {"object": "error", "message": "too long", "type": "BadRequestError", "param": None, "code": 400},
    ),
    _other(
        "error of vllm's",
        400,
        {"error": {"message": "too long", "type": "BadRequestError", "param": None, "code": 400}},
    ),
    _other(
        "error of ollama's",
        404,
        {"error": {"message": "model 'x' not found", "type": "not_found_error", "param": None, "code": None}},
    ),
    _other(
        "error of mistral's",
        422,
        {
            "object": "error",
            "message": {
                "detail": [{"type": "missing", "loc": ["body", "messages"], "msg": "Field required"}]
            },
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        },
    ),
    _other("error of mistral's key", 401, {"detail": "Unauthorized"}),
    _other(
        "error of openrouter's",
        402,
        {
            "error": {"message": "Insufficient credits", "code": 402, "metadata": {"provider_name": None}},
            "user_id": "user_2x",
        },
    ),
    _other(
        "error of azure's",
        404,
        {"error": {"code": "DeploymentNotFound", "message": "The API deployment does not exist."}},
    ),
    _other(
        "error of azure's gateway",
        401,
        {"statusCode": 401, "message": "Unauthorized. Access token is missing."},
    ),
    _other(
        "error of groq's",
        413,
        {"error": {"message": "Request too large", "type": "tokens", "code": "rate_limit_exceeded"}},
        **{"retry-after": "12"},
    ),
    _other("error that is a word", 400, {"error": "invalid request"}),
]
FOREIGN = [each for each in OTHER_ERRORS if not isinstance(json.loads(each.answer).get("error"), dict)]
"""Those that are written in a way of their own."""
ERRORS = [*OPENAI_ERRORS, *OTHER_ERRORS]
