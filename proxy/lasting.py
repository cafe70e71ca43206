"""What a request makes last beyond its answer: objects that the provider keeps, conversations it writes to, and
tools of others that it runs. Such a request is not made twice where once is enough."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_RESPONSES = "/v1/responses"


def acts(path: str, request: Mapping[str, Any]) -> bool:
    """Whether each time the request is made changes something: a conversation, a container, what an MCP server holds.

    True also for work in the background, which goes on when nobody waits for it.
    """
    if path == _RESPONSES and (request.get("conversation") or request.get("background")):
        return True
    if request.get("mcp_servers") or request.get("container"):
        return True
    tools = request.get("tools")
    return isinstance(tools, list) and any(
        isinstance(one, dict) and one.get("type") == "mcp" for one in tools
    )


def is_stored(path: str, request: Mapping[str, Any]) -> bool:
    """Whether the provider keeps its answer, so that it can be asked for by its id."""
    store = request.get("store")
    return path == _RESPONSES if store is None else store is not False


def unstored(path: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """The request so that the provider keeps nothing of its answer: `store` is false where it would."""
    return {**request, "store": False} if is_stored(path, request) else dict(request)
