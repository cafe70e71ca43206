"""`GET /v1/models`: what is served, as OpenAI's clients list it and as Anthropic's do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

MADE = "1970-01-01T00:00:00Z"
"""When a model was made is not known here; both shapes want a date."""


def page(names: Sequence[str], anthropic: bool) -> dict[str, Any]:
    """All models, in the order of the configuration."""
    data = [model(name, anthropic) for name in names]
    if not anthropic:
        return {"object": "list", "data": data}
    first, last = (names[0], names[-1]) if names else (None, None)
    return {"data": data, "has_more": False, "first_id": first, "last_id": last}


def model(name: str, anthropic: bool) -> dict[str, Any]:
    """One model."""
    if not anthropic:
        return {"id": name, "object": "model", "created": 0, "owned_by": "guardhouse"}
    return {"type": "model", "id": name, "display_name": name, "created_at": MADE, "lifecycle": "active"}
