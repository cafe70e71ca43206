"""The shapes of completions, embeddings and moderations, by side of an exchange."""

from __future__ import annotations

from typing import Any

from openai.types import Completion, CreateEmbeddingResponse, ModerationCreateResponse
from openai.types.completion_create_params import CompletionCreateParams
from openai.types.embedding_create_params import EmbeddingCreateParams
from openai.types.moderation_create_params import ModerationCreateParams

PROMPTS: dict[str, Any] = {
    "completions-request": CompletionCreateParams,
    "completions-reply": Completion,
    "completions-chunk": Completion,
    "embeddings-request": EmbeddingCreateParams,
    "embeddings-reply": CreateEmbeddingResponse,
    "moderations-request": ModerationCreateParams,
    "moderations-reply": ModerationCreateResponse,
}
"""A streamed completion has chunks of the same shape as a whole one."""
