"""The words of the Responses protocol: which strings and member names of a request or a reply are not texts.

A word counts only under a name that has words, and an id only in its place; anything else that stands there is a text.
"""

from __future__ import annotations

import re

from proxy.dialects.chat_media import is_encoded
from proxy.dialects.chat_words import MEMBERS as CHAT_MEMBERS
from proxy.dialects.chat_words import WORD

_NAMED = frozenset(
    {
        "type",
        "role",
        "status",
        "phase",
        "detail",
        "object",
        "reason",
        "mode",
        "effort",
        "summary",
        "verbosity",
    }
    | {"truncation", "service_tier", "tool_choice", "include", "execution", "syntax", "ranker", "context"}
    | {"generate_summary", "search_context_size", "search_content_types", "require_approval", "environment"}
    | {
        "allowed_callers",
        "prompt_cache_retention",
        "ttl",
        "memory_limit",
        "media_type",
        "connector_id",
        "size",
    }
    | {"quality", "background", "moderation", "output_format", "input_fidelity", "button", "action"}
)
"""Members that hold words of the protocol."""

TYPES = frozenset(
    {
        "message",
        "reasoning",
        "item_reference",
        "compaction",
        "compaction_trigger",
        "additional_tools",
        "program",
    }
    | {
        "program_output",
        "function_call",
        "function_call_output",
        "custom_tool_call",
        "custom_tool_call_output",
    }
    | {
        "file_search_call",
        "web_search_call",
        "computer_call",
        "computer_call_output",
        "code_interpreter_call",
    }
    | {
        "image_generation_call",
        "local_shell_call",
        "local_shell_call_output",
        "shell_call",
        "shell_call_output",
    }
    | {"apply_patch_call", "apply_patch_call_output", "tool_search_call", "tool_search_output", "mcp_call"}
    | {"mcp_list_tools", "mcp_approval_request", "mcp_approval_response"}
)
"""The kinds of items."""

_EVENTS = frozenset(
    {f"response.{word}" for word in ("created", "queued", "in_progress", "completed", "failed", "incomplete")}
    | {
        f"response.{kind}.{step}"
        for kind in ("output_item", "content_part", "reasoning_summary_part")
        for step in ("added", "done")
    }
    | {
        f"response.{kind}.{step}"
        for kind in (
            *(
                "output_text",
                "refusal",
                "reasoning_text",
                "reasoning_summary_text",
                "function_call_arguments",
            ),
            *("mcp_call_arguments", "custom_tool_call_input", "code_interpreter_call_code"),
            *("audio", "audio.transcript"),
        )
        for step in ("delta", "done")
    }
    | {
        f"response.{kind}.{step}"
        for kind in (
            *("file_search_call", "web_search_call", "code_interpreter_call", "image_generation_call"),
            *("mcp_call", "mcp_list_tools"),
        )
        for step in ("in_progress", "searching", "interpreting", "generating", "completed", "failed")
    }
    | {"response.output_text.annotation.added", "response.image_generation_call.partial_image", "error"}
)
"""The types of stream events."""

WORDS = (
    TYPES
    | _EVENTS
    | {"string", "number", "integer", "boolean", "array", "object", "null", "response"}
    | {"input_text", "input_image", "input_file", "input_audio", "output_text", "refusal", "reasoning_text"}
    | {"summary_text", "text", "image", "logs", "file_citation", "url_citation", "container_file_citation"}
    | {"file_path", "url", "computer_screenshot", "moderation_result", "base64", "application/zip"}
    | {"function", "custom", "file_search", "web_search", "web_search_2025_08_26", "web_search_preview"}
    | {
        "web_search_preview_2025_03_11",
        "computer",
        "computer_use",
        "computer_use_preview",
        "mcp",
        "namespace",
    }
    | {"code_interpreter", "image_generation", "local_shell", "shell", "apply_patch", "tool_search"}
    | {"programmatic_tool_calling", "allowed_tools", "json_object", "json_schema", "grammar", "lark", "regex"}
    | {"eq", "ne", "gt", "gte", "lt", "lte", "in", "nin", "and", "or", "approximate", "allowlist", "inline"}
    | {"container_auto", "container_reference", "skill_reference", "local", "exec", "exit", "timeout"}
    | {"direct", "programmatic", "create_file", "update_file", "delete_file", "search", "open_page"}
    | {"find_in_page", "click", "double_click", "drag", "keypress", "move", "screenshot", "scroll", "wait"}
    | {"left", "right", "wheel", "back", "forward", "windows", "mac", "linux", "ubuntu", "browser"}
    | {"user", "assistant", "system", "developer", "tool", "critic", "discriminator", "unknown"}
    | {"queued", "in_progress", "searching", "interpreting", "generating", "calling", "completed"}
    | {"incomplete", "failed", "cancelled", "max_output_tokens", "content_filter", "commentary"}
    | {"final_answer", "auto", "none", "required", "always", "never", "explicit", "implicit", "standard"}
    | {"pro", "score", "block", "disabled", "default", "flex", "scale", "priority", "fast", "minimal", "low"}
    | {"medium", "high", "xhigh", "max", "original", "concise", "detailed", "current_turn", "all_turns"}
    | {"client", "server", "in_memory", "24h", "30m", "1g", "4g", "16g", "64g", "transparent", "opaque"}
    | {"generate", "edit", "png", "webp", "jpeg", "1024x1024", "1024x1536", "1536x1024"}
    | {"default-2024-11-15", "type", "connector_dropbox", "connector_gmail", "connector_googlecalendar"}
    | {"connector_googledrive", "connector_microsoftteams", "connector_outlookcalendar"}
    | {"connector_outlookemail", "connector_sharepoint"}
    | {"code_interpreter_call.outputs", "computer_call_output.output.image_url", "file_search_call.results"}
    | {"message.input_image.image_url", "message.output_text.logprobs", "reasoning.encrypted_content"}
    | {"web_search_call.action.sources", "web_search_call.results"}
)
"""Words of the protocol."""

_IDS = re.compile(
    r"/(?:id|model|item_id|obfuscation|previous_response_id|conversation(?:/id)?|prompt/id|error/code)"
    r"|/(?:input|output|instructions)/\d+(?:/content/\d+|/summary/\d+)?/(?:id|item_id|obfuscation)"
    r"|/(?:input|output|instructions)/\d+/(?:call_id|approval_request_id|container_id|caller/caller_id)"
    r"|/(?:input|output|instructions)/\d+/(?:content|output|results)/\d+/(?:annotations/\d+/)?(?:file_id|container_id)"
    r"|/(?:input|output|instructions)/\d+/(?:pending|acknowledged)_safety_checks/\d+/id"
    r"|/(?:input|output|instructions)/\d+/output/file_id"
    r"|/tools/\d+/vector_store_ids/\d+"
    r"|(?:/(?:input|output|instructions)/\d+)?(?:/tools/\d+)?/(?:environment/container_id|input_image_mask/file_id)"
)
"""Where ids stand that someone made up and somebody else must find again: any plain word."""

_BYTES = re.compile(r"[A-Za-z0-9+/_=\r\n-]{64,}")
OPAQUE = frozenset({"encrypted_content", "fingerprint"})
"""Members with the provider's own sealed bytes."""
_MEDIA = frozenset({"result", "partial_image_b64", "delta", "data", "file_data", "signature"})
"""Members that can hold encoded media."""

MEMBERS = CHAT_MEMBERS | frozenset(
    {"acknowledged_safety_checks", "action", "actions", "allowed_callers", "allowed_domains", "allowed_tools"}
    | {
        "always",
        "annotation",
        "annotation_index",
        "annotations",
        "approval_request_id",
        "approve",
        "attributes",
    }
    | {"authorization", "background", "button", "bytes", "cache_write_tokens", "cached_tokens", "call_id"}
    | {"caller", "caller_id", "categories", "category_applied_input_types", "category_scores", "city", "code"}
    | {
        "command",
        "commands",
        "compact_threshold",
        "completed_at",
        "connector_id",
        "container",
        "container_id",
    }
    | {
        "content_index",
        "context",
        "context_management",
        "conversation",
        "country",
        "created_at",
        "created_by",
    }
    | {"defer_loading", "definition", "delta", "diff", "display_height", "display_width", "domain", "effort"}
    | {"domain_secrets", "embedding_weight", "encrypted_content", "end_index", "env", "environment", "error"}
    | {"execution", "exit_code", "file_ids", "file_url", "filters", "fingerprint", "flagged", "headers"}
    | {"generate_summary", "hybrid_search", "include", "include_obfuscation", "incomplete_details", "index"}
    | {"input_fidelity", "input_image_mask", "input_schema", "input_tokens", "input_tokens_details", "item"}
    | {"instructions", "item_id", "key", "keys", "logprob", "logs", "max_num_results", "max_output_length"}
    | {"max_output_tokens", "max_tool_calls", "media_type", "memory_limit", "message", "mode", "moderation"}
    | {"namespace", "network_policy", "never", "object", "obfuscation", "operation", "outcome", "output"}
    | {"output_compression", "output_format", "output_index", "output_schema", "output_tokens", "outputs"}
    | {"output_tokens_details", "param", "part", "partial_image_b64", "partial_image_index", "partial_images"}
    | {"path", "pattern", "pending_safety_checks", "phase", "policy", "previous_response_id", "prompt"}
    | {"prompt_cache_breakpoint", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention"}
    | {"quality", "queries", "query", "ranker", "ranking_options", "read_only", "reason", "reasoning"}
    | {"reasoning_tokens", "region", "require_approval", "response", "result", "results", "safety_identifier"}
    | {"score", "score_threshold", "scroll_x", "scroll_y", "search_content_types", "search_context_size"}
    | {"sequence_number", "server_description", "server_label", "server_url", "size", "skill_id", "skills"}
    | {"source", "sources", "start_index", "status", "stderr", "stdout", "stream", "summary", "summary_index"}
    | {"syntax", "text_weight", "timeout_ms", "timezone", "title", "token", "tool_names", "total_tokens"}
    | {"truncation", "ttl", "tunnel_id", "usage", "user_location", "value", "variables", "vector_store_ids"}
    | {"verbosity", "version", "working_directory", "x", "y"}
)
"""Member names that are the protocol's own: never a text."""

NUMBERS = frozenset(
    {
        "temperature",
        "top_p",
        "max_output_tokens",
        "max_tool_calls",
        "top_logprobs",
        "score",
        "logprob",
        "bytes",
    }
    | {
        "start_index",
        "end_index",
        "index",
        "score_threshold",
        "text_weight",
        "embedding_weight",
        "timeout_ms",
    }
    | {"compact_threshold", "max_output_length", "created_at", "completed_at"}
)
"""Members whose numbers are nobody's."""


def is_word(pointer: str, text: str) -> bool:
    """Whether a string is a word of the protocol, an id in its place, or sealed bytes."""
    name = _named(pointer)
    if name in _NAMED and text in WORDS:
        return True
    if name in OPAQUE and _BYTES.fullmatch(text):
        return True
    return _IDS.fullmatch(pointer) is not None and WORD.fullmatch(text) is not None


def is_media_text(pointer: str, text: str) -> bool:
    """Whether a string is encoded media and nothing else."""
    if is_encoded(pointer, text):
        return True
    return pointer.rpartition("/")[2] in _MEDIA and _BYTES.fullmatch(text) is not None


def _named(pointer: str) -> str:
    """The name of the member that a pointer leads to, or to a list of it."""
    return next((name for name in reversed(pointer.split("/")) if not name.isdigit()), "")
