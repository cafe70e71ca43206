"""The parts of a proxy for routes that need only some of them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from proxy.context import Context
from proxy.prompts import NO_PROMPTS
from proxy.reload import Reloads


def context_of(**parts: Any) -> Context:
    """A context of these parts; whatever else it is asked for is missing, and the test that asks fails."""
    nothing: dict[str, Any] = {each.name: None for each in fields(Context)}
    return Context(
        **{**nothing, "key": b"", "ready": dict, "prompts": NO_PROMPTS, "reloads": Reloads(), **parts}
    )
