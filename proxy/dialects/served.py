"""Which route speaks which dialect."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from proxy.dialects.base import Dialect
from proxy.errors import ProxyError, openai_body, plain_path

ROUTES = {
    "/v1/chat/completions": "proxy.dialects.chat_dialect:CHAT",
    "/v1/responses": "proxy.dialects.responses_dialect:RESPONSES",
    "/v1/responses/compact": "proxy.dialects.responses_compact:COMPACT",
    "/v1/responses/input_tokens": "proxy.dialects.responses_count:COUNT",
    "/v1/completions": "proxy.dialects.completions:COMPLETIONS",
    "/v1/embeddings": "proxy.dialects.embeddings:EMBEDDINGS",
    "/v1/moderations": "proxy.dialects.moderations:MODERATIONS",
    "/v1/messages": "proxy.dialects.messages_dialect:MESSAGES",
    "/v1/messages/count_tokens": "proxy.dialects.messages_count:COUNT",
}
"""Path of each route that calls a model, to `module:object` of its dialect, imported when first asked for."""

JUDGED_HERE = frozenset({"/v1/moderations"})
"""Routes that the policy itself answers when the model asked for is none that is served."""

_UNINSPECTED = frozenset(
    {"assistants", "audio", "batches", "chatkit", "containers", "conversations", "evals", "files"}
    | {"fine_tuning", "fine-tunes", "images", "realtime", "threads", "uploads", "vector_stores", "videos"}
)
"""First words of OpenAI's other routes."""


def why_not_served(method: str, path: str) -> str:
    """What a caller is told of a path under `/v1` that is no route."""
    word = path.removeprefix("/v1/").partition("/")[0]
    if word in _UNINSPECTED:
        return (
            f"/v1/{word} is not served here: batches, files, audio, images and everything else that no rule can read"
            " would pass uninspected. Send the texts one by one to a route that is served:"
            " docs/reference/http-api.md lists them."
        )
    return f"There is no {method} {plain_path(path)} here. docs/reference/http-api.md lists the routes."


@cache
def dialect_of(path: str) -> Dialect | None:
    """The dialect of a route; None for a path that calls no model."""
    where = ROUTES.get(path)
    if where is None:
        return None
    module, _, name = where.partition(":")
    found: Dialect = getattr(import_module(module), name)
    return found


def error_body(path: str, error: ProxyError) -> bytes:
    """An error as callers of a path know errors, also of a path that is not served."""
    is_messages = path == "/v1/messages" or path.startswith("/v1/messages/")
    dialect = dialect_of("/v1/messages" if is_messages else path)
    return openai_body(error) if dialect is None else dialect.error(error)


@cache
def dialect_named(name: str) -> Dialect | None:
    """The dialect of that name; None when there is none."""
    spoken = (dialect_of(path) for path in ROUTES)
    return next((dialect for dialect in spoken if dialect is not None and dialect.name == name), None)
