"""Why a provider refused a request: too long for the model, or caught by the provider's own filter."""

from __future__ import annotations

from enum import StrEnum

import orjson

from proxy.dialects.openai_errors import provider_error
from proxy.providers.base import Reply


class Reason(StrEnum):
    """A refusal that another model may not share."""

    TOO_LONG = "too_long"
    FILTERED = "filtered"


_BY_CODE = {
    "context_length_exceeded": Reason.TOO_LONG,
    "context_window_exceeded": Reason.TOO_LONG,
    "string_above_max_length": Reason.TOO_LONG,
    "content_filter": Reason.FILTERED,
    "content_policy_violation": Reason.FILTERED,
    "invalid_prompt": Reason.FILTERED,
    "responsible_ai_policy_violation": Reason.FILTERED,
}
_TOO_LONG = (
    "maximum context length",
    "prompt is too long",
    "exceed context limit",
    "exceeds the available context size",
    "context window",
)
"""What messages say, in lower case, where a server has no code for it: vLLM, Anthropic, llama.cpp and others."""


def reason(reply: Reply) -> Reason | None:
    """Why the request was refused; None for any other answer, and where the provider does not say."""
    if reply.status != 400 or (told := provider_error(reply.body)) is None:
        return None
    if (known := _BY_CODE.get(told[1] or "")) is not None:
        return known
    message = orjson.loads(reply.body)["error"]["message"].lower()
    return Reason.TOO_LONG if any(words in message for words in _TOO_LONG) else None
