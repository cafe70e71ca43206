"""The routes of objects that a served route stored at a provider."""

from __future__ import annotations

from dataclasses import dataclass

from proxy.dialects.base import Dialect
from proxy.dialects.served import ROUTES
from proxy.dialects.stored_dialects import STORED_CHAT, STORED_OTHER, STORED_RESPONSE
from proxy.dialects.stored_entries import Completions, Entries, Items, Messages

_RESPONSES, _CHATS = "/v1/responses", "/v1/chat/completions"
_PAGE = frozenset({"limit", "order", "after"})


@dataclass(frozen=True, slots=True)
class StoredRoute:
    """One method of one path."""

    method: str
    path: str
    """With the name of the id in braces: as traces and metrics name the route, never with an id in it."""
    made_by: str
    """Route whose replies the objects are; its policies hold for them."""
    dialect: Dialect
    query: frozenset[str] = frozenset()
    """Query parameters that it takes."""
    entries: Entries | None = None
    """What it lists; None when it answers with one thing."""
    takes_metadata: bool = False
    """Whether its body sets metadata."""

    @property
    def is_of_all(self) -> bool:
        """Whether it is about all objects of a key, not about one."""
        return self.path == self.made_by

    def at(self, id: str) -> str:
        """The path for an object."""
        return "/".join(id if word.startswith("{") else word for word in self.path.split("/"))


_RETRIEVAL = frozenset({"include", "include_obfuscation", "stream", "starting_after"})
_RESPONSE, _CHAT = f"{_RESPONSES}/{{response_id}}", f"{_CHATS}/{{completion_id}}"
_ITEMS = _PAGE | {"before", "include"}

STORED = (
    StoredRoute("GET", _RESPONSE, _RESPONSES, STORED_RESPONSE, _RETRIEVAL),
    StoredRoute("DELETE", _RESPONSE, _RESPONSES, STORED_OTHER),
    StoredRoute("POST", f"{_RESPONSE}/cancel", _RESPONSES, STORED_RESPONSE),
    StoredRoute("GET", f"{_RESPONSE}/input_items", _RESPONSES, STORED_OTHER, _ITEMS, Items()),
    StoredRoute("GET", _CHATS, _CHATS, STORED_OTHER, _PAGE | {"model", "metadata"}, Completions()),
    StoredRoute("GET", _CHAT, _CHATS, STORED_CHAT),
    StoredRoute("POST", _CHAT, _CHATS, STORED_CHAT, takes_metadata=True),
    StoredRoute("DELETE", _CHAT, _CHATS, STORED_OTHER),
    StoredRoute("GET", f"{_CHAT}/messages", _CHATS, STORED_OTHER, _PAGE, Messages()),
)
"""Every route of stored objects."""


def find(method: str, path: str) -> tuple[StoredRoute, str] | None:
    """The route for a request, and the id that its path names, as it came; None when there is none."""
    for route in _routes(path):
        if route.method == method:
            return route, _id(route, path)
    return None


def methods(path: str) -> list[str]:
    """The methods that a path takes; none when it is no path of a call or of a stored object."""
    found = {route.method for route in _routes(path)}
    return sorted({"POST", *found} if path in ROUTES else found)


def _routes(path: str) -> list[StoredRoute]:
    """The routes of a path. That of a call is none, although a word in it could be read as an id."""
    if not path.startswith((_RESPONSES, _CHATS)):
        return []
    if path in ROUTES:
        return [route for route in STORED if route.path == path]
    return [route for route in STORED if _fits(route, path)]


def _fits(route: StoredRoute, path: str) -> bool:
    told, words = route.path.split("/"), path.split("/")
    return len(told) == len(words) and all(
        bool(word) if name.startswith("{") else word == name for name, word in zip(told, words, strict=True)
    )


def _id(route: StoredRoute, path: str) -> str:
    told = zip(route.path.split("/"), path.split("/"), strict=True)
    return next((word for name, word in told if name.startswith("{")), "")
