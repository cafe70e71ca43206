"""The words of the Messages protocol: which strings and member names are not texts.

A word counts only while it is one: anything else that stands in its place is a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from guardrails.types import Segment, Stage
from proxy.dialects.chat_words import WORD
from proxy.dialects.texts import MEMBER, is_long_number, walk

_TYPES = frozenset(
    {"text", "image", "document", "tool_use", "tool_result", "thinking", "redacted_thinking", "search_result"}
    | {"server_tool_use", "web_search_tool_result", "web_fetch_tool_result", "code_execution_tool_result"}
    | {"bash_code_execution_tool_result", "text_editor_code_execution_tool_result", "tool_reference"}
    | {"mcp_tool_use", "mcp_tool_result", "container_upload", "web_search_result", "web_fetch_result"}
    | {"code_execution_result", "bash_code_execution_result", "tool_search_tool_result", "compaction"}
    | {"base64", "url", "file", "content", "ephemeral", "custom", "tool", "auto", "any", "none", "direct"}
    | {"enabled", "disabled", "adaptive", "json_schema", "approximate", "char_location", "page_location"}
    | {"content_block_location", "search_result_location", "web_search_result_location", "refusal"}
    | {"string", "number", "integer", "boolean", "array", "object", "null"}
    | {"message", "message_start", "message_delta", "message_stop", "content_block_start", "ping", "error"}
    | {"content_block_delta", "content_block_stop", "text_delta", "input_json_delta", "thinking_delta"}
    | {"signature_delta", "citations_delta", "compaction_delta"}
)
_VALUES: dict[str, frozenset[str]] = {
    "type": _TYPES,
    "role": frozenset({"user", "assistant", "system"}),
    "media_type": frozenset(
        {"image/jpeg", "image/png", "image/gif", "image/webp", "application/pdf", "text/plain"}
    ),
    "ttl": frozenset({"5m", "1h"}),
    "effort": frozenset({"low", "medium", "high", "xhigh", "max"}),
    "display": frozenset({"summarized", "omitted"}),
    "speed": frozenset({"standard", "fast"}),
    "service_tier": frozenset({"auto", "standard_only", "standard", "priority", "batch"}),
    "stop_reason": frozenset(
        {"end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal"}
        | {"model_context_window_exceeded"}
    ),
}
"""Members that hold a word of the protocol, with those words."""

_IDS = frozenset({"id", "tool_use_id", "file_id", "tool_id", "container", "model"})
_IN_BLOCK = r"/content/\d+/(?:(?:content/\d+/)?(?:id|tool_use_id|caller/tool_id)|(?:.*/)?file_id)"
_ASKED = re.compile(rf"/messages/\d+{_IN_BLOCK}|/container(?:/id)?", re.DOTALL)
_TOLD = re.compile(rf"{_IN_BLOCK}|/container(?:/id)?|/id|/model", re.DOTALL)
"""Where a plain word of a request, and of a reply, is an id that someone else must find again unchanged."""

_ENCODED = frozenset({"signature", "data", "encrypted_content", "encrypted_index", "encrypted_stdout"})
_BASE64 = re.compile(r"[A-Za-z0-9+/_\r\n-]{64,}={0,2}\s*")

MEMBERS = frozenset(
    {"type", "role", "content", "text", "id", "name", "input", "model", "messages", "system", "tools"}
    | {"tool_choice", "metadata", "user_id", "stop_sequences", "max_tokens", "stream", "temperature"}
    | {"top_p", "top_k", "thinking", "budget_tokens", "signature", "data", "source", "media_type", "url"}
    | {"file_id", "tool_use_id", "is_error", "cache_control", "ttl", "citations", "enabled", "title"}
    | {"context", "description", "input_schema", "properties", "required", "items", "enum", "default"}
    | {"anyOf", "additionalProperties", "strict", "schema", "format", "output_config", "output_format"}
    | {"effort", "display", "container", "skills", "skill_id", "version", "service_tier", "speed"}
    | {"inference_geo", "context_management", "edits", "trigger", "keep", "value", "mcp_servers"}
    | {"disable_parallel_tool_use", "input_examples", "defer_loading", "allowed_callers", "max_uses"}
    | {"allowed_domains", "blocked_domains", "user_location", "city", "region", "country", "timezone"}
    | {"max_content_tokens", "eager_input_streaming", "caller", "tool_id", "toolset_name", "tool_name"}
    | {"tool_references", "cited_text", "document_index", "document_title", "start_char_index"}
    | {"end_char_index", "start_page_number", "end_page_number", "start_block_index", "end_block_index"}
    | {"search_result_index", "encrypted_index", "encrypted_content", "encrypted_stdout", "page_age"}
    | {"retrieved_at", "error_code", "error_message", "stdout", "stderr", "return_code", "lines"}
    | {"file_type", "num_lines", "start_line", "total_lines", "old_start", "old_lines", "new_start"}
    | {"new_lines", "is_file_update", "diagnostics", "previous_message_id", "workspace_id"}
    | {"stop_reason", "stop_sequence", "stop_details", "category", "explanation", "usage", "message"}
    | {"input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"}
    | {"cache_creation", "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens", "server_tool_use"}
    | {"web_search_requests", "web_fetch_requests", "output_tokens_details", "thinking_tokens"}
    | {"content_block", "delta", "index", "partial_json", "citation", "expires_at", "error"}
    | {"applied_edits", "cleared_tool_uses", "cleared_input_tokens", "original_input_tokens"}
)
"""Member names that are the protocol's own: never a text."""

NUMBERS = frozenset(
    {"max_tokens", "temperature", "top_p", "top_k", "budget_tokens", "max_uses", "max_content_tokens"}
    | {"document_index", "start_char_index", "end_char_index", "start_page_number", "end_page_number"}
    | {"start_block_index", "end_block_index", "search_result_index", "value"}
)
"""Members of a request that hold a number of the protocol."""


def is_word(pointer: str, name: str, text: str, *, asked: bool = False) -> bool:
    """Whether a string of a reply (of a request: `asked`) is a word of the protocol, or an id in its place."""
    if (words := _VALUES.get(name)) and text in words:
        return True
    places = _ASKED if asked else _TOLD
    return name in _IDS and bool(places.fullmatch(pointer)) and WORD.fullmatch(text) is not None


def is_encoded(name: str, text: str) -> bool:
    """Whether a string is encoded bytes and nothing else, in a member that holds such."""
    return name in _ENCODED and _BASE64.fullmatch(text) is not None


def texts_of(
    value: Any, pointer: str, stage: Stage, channel: str, *, asked: bool = False
) -> Iterator[Segment]:
    """Every text of a value of a reply, and every member name that is not the protocol's.

    Of a request (`asked`) numbers of many digits are texts too, save the protocol's own.
    """
    written_out: set[str] = set()
    for at, item, name in walk(value, pointer):
        if name and name not in MEMBERS:
            yield Segment(name, at, stage, channel, MEMBER)
        if isinstance(item, str):
            if not item or is_word(at, name, item, asked=asked):
                continue
            if at not in written_out and is_encoded(name, item):
                continue
            yield Segment(item, at, stage, channel)
        elif isinstance(item, dict):
            if name == "source" and item.get("type") != "base64":
                written_out.add(at + "/data")  # plain text, however it looks
        elif asked and name not in NUMBERS and is_long_number(item):
            yield Segment(str(item), at, stage, channel)


def counts(usage: Any) -> dict[str, Any] | None:
    """The numbers of a `usage` object under the names of the protocol; None when it is no object."""
    if not isinstance(usage, dict):
        return None
    return {
        name: counts(value) if isinstance(value, dict) else value
        for name, value in usage.items()
        if name in MEMBERS and isinstance(value, int | float | dict | None)
    }
