"""What a provider says it used, in the words of any dialect, as numbers of tokens that each have one price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_LARGEST = 1 << 53


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of one exchange by kind; no token is counted twice."""

    fresh: int = 0
    """Sent, and neither read from the provider's cache nor written to it."""
    cached: int = 0
    written: int = 0
    written_1h: int = 0
    """Written to a cache that keeps them for an hour."""
    audio_in: int = 0
    out: int = 0
    """Answered, but for reasoning and audio."""
    reasoning: int = 0
    audio_out: int = 0

    @property
    def all_in(self) -> int:
        """All that were sent."""
        return self.fresh + self.cached + self.written + self.written_1h + self.audio_in


def tokens_of(usage: Mapping[str, Any]) -> Tokens | None:
    """The numbers of a `usage` object; None when they do not say how many tokens went in and out."""
    is_chat = "prompt_tokens" in usage
    sent = _count(usage, "prompt_tokens" if is_chat else "input_tokens")
    answered = _count(usage, "completion_tokens" if is_chat else "output_tokens")
    if answered is None and sent is not None and usage.get("total_tokens") == sent:
        answered = 0  # embeddings have no tokens out
    if sent is None or answered is None:
        return None
    into = _details(usage, "prompt_tokens_details", "input_tokens_details")
    out = _details(usage, "completion_tokens_details", "output_tokens_details")
    cached = _sub(usage, "cache_read_input_tokens", "prompt_cache_hit_tokens") or _sub(into, "cached_tokens")
    written = _sub(usage, "cache_creation_input_tokens") or _sub(into, "cache_write_tokens")
    hour = min(_sub(_details(usage, "cache_creation"), "ephemeral_1h_input_tokens"), written)
    audio, reasoning, spoken = (
        _sub(into, "audio_tokens"),
        _sub(out, "reasoning_tokens"),
        _sub(out, "audio_tokens"),
    )
    # Anthropic tells cached tokens beside the others, everybody else among them.
    among = is_chat or "input_tokens_details" in usage
    fresh = sent - audio - (cached + written if among else 0)
    rest = answered - reasoning - spoken
    if fresh < 0 or rest < 0:
        return None
    return Tokens(fresh, cached, written - hour, hour, audio, rest, reasoning, spoken)


def _details(usage: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    return next((found for name in names if isinstance(found := usage.get(name), Mapping)), {})


def _count(usage: Mapping[str, Any], name: str) -> int | None:
    value = usage.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value < _LARGEST else None


def _sub(usage: Mapping[str, Any], *names: str) -> int:
    """The first of these that is told, else 0."""
    return next((count for name in names if (count := _count(usage, name)) is not None), 0)
