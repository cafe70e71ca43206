"""What the scripted provider keeps: responses and chat completions, in memory, as many as were made last."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import orjson

from proxy.dialects.responses_events import events, frame
from proxy.providers.base import Fetch

MOST = 1_000
"""Objects that are kept."""
RESPONSES, CHATS = "/v1/responses", "/v1/chat/completions"
QUEUED: dict[str, Any] = {"status": "queued", "output": [], "usage": None}
"""What a response in the background says before it was asked for."""

_PATH = re.compile(r"/v1/(?:responses|chat/completions)(?:/(?P<id>[^/]+)(?:/(?P<part>\w+))?)?")
_USUAL = 20


@dataclass(slots=True)
class Kept:
    """One object."""

    told: dict[str, Any]
    """As it is told when it is asked for."""
    given: list[dict[str, Any]]
    """The items or messages of its request, each with an id."""
    waiting: dict[str, Any] | None = None
    """What a response in the background will be once it was asked for."""


class Refused(Exception):
    """What is asked cannot be done: status and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class Shelf:
    """The objects of one scripted provider."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def keep(self, path: str, payload: Mapping[str, Any], told: dict[str, Any]) -> dict[str, Any]:
        """Keeps an answer if the request says so; the answer as it is to be told now."""
        if path == RESPONSES and payload.get("store") is not False:
            kept = Kept(told, _items(payload, told))
            if payload.get("background") is True and payload.get("stream") is not True:
                kept.told, kept.waiting = {**told, **QUEUED, "background": True}, told
        elif path == CHATS and payload.get("store") is True:
            told = {**told, "metadata": payload.get("metadata") or {}}
            kept = Kept(told, _numbered(payload.get("messages"), told["id"]))
        else:
            return told
        self._kept[told["id"]] = kept
        self._kept.move_to_end(told["id"])
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return kept.told

    def asked(self, asked: Fetch) -> dict[str, Any] | list[bytes]:
        """The answer to a request about what is kept: JSON, or the events of a stream. Raises Refused."""
        at = _PATH.fullmatch(asked.path)
        query = parse_qs(asked.query)
        if at is None:
            raise Refused(404, "There is no such route.")
        if at["id"] is None:
            return _page([kept.told for kept in self._kept.values() if _is_chat(kept)], query, _fits(query))
        kept = self._kept.get(at["id"])
        if kept is None or _is_chat(kept) != asked.path.startswith(CHATS):
            raise Refused(404, f"No object with id '{at['id']}' was found.")
        what = (asked.method, at["part"])
        if what == ("DELETE", None):
            del self._kept[at["id"]]
            kind = "chat.completion.deleted" if _is_chat(kept) else "response"
            return {"id": at["id"], "object": kind, "deleted": True}
        if what == ("POST", "cancel"):
            return _cancelled(kept)
        if what == ("POST", None):
            kept.told = {**kept.told, "metadata": orjson.loads(asked.body)["metadata"] or {}}
            return kept.told
        if at["part"]:
            return _page(kept.given, query)
        if kept.waiting is not None:
            kept.told, kept.waiting = kept.waiting, None
        return _frames(kept.told, query) if asked.stream else kept.told


def _is_chat(kept: Kept) -> bool:
    return bool(kept.told["object"] == "chat.completion")


def _cancelled(kept: Kept) -> dict[str, Any]:
    """A response in the background that is cancelled before it was asked for. Raises Refused for any other."""
    if not kept.told.get("background"):
        raise Refused(400, "Only a response in the background can be cancelled.")
    if kept.waiting is not None:
        kept.told, kept.waiting = {**kept.told, "status": "cancelled"}, None
    return kept.told


def _frames(told: dict[str, Any], query: Mapping[str, list[str]]) -> list[bytes]:
    """The events of a response that is streamed again, each text in pieces of eight characters."""
    after = int(query.get("starting_after", ["-1"])[0])
    pieces = events(told, lambda text: [text[at : at + 8] for at in range(0, len(text), 8)])
    return [frame(event) for event in pieces if event["sequence_number"] > after]


def _fits(query: Mapping[str, list[str]]) -> dict[str, str]:
    """What the metadata of a listed object must hold."""
    return {name[9:-1]: values[0] for name, values in query.items() if name.startswith("metadata[")}


def _page(
    entries: Iterable[dict[str, Any]], query: Mapping[str, list[str]], fits: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Some entries, oldest first unless asked otherwise, from behind the one that `after` names."""
    found = [
        entry
        for entry in entries
        if entry.get("model", "") in query.get("model", [entry.get("model", "")])
        and (fits or {}).items() <= entry.get("metadata", {}).items()
    ]
    if query.get("order") == ["desc"]:
        found.reverse()
    ids = [entry["id"] for entry in found]
    if (after := query.get("after", [""])[0]) in ids:
        found = found[ids.index(after) + 1 :]
    limit = int(query.get("limit", [str(_USUAL)])[0])
    page = found[:limit]
    ends = [page[0]["id"], page[-1]["id"]] if page else [None, None]
    return {
        "object": "list",
        "data": page,
        "first_id": ends[0],
        "last_id": ends[1],
        "has_more": len(found) > limit,
    }


def _items(payload: Mapping[str, Any], told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The input of a response as items."""
    given = payload.get("input")
    if isinstance(given, str):
        given = [{"type": "message", "role": "user", "content": given}]
    items = _numbered(given, told["id"])
    return [{**item, **_parts(item)} for item in items]


def _parts(item: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a message as a list of parts, however it was written."""
    text = item.get("content")
    kind = "output_text" if item.get("role") == "assistant" else "input_text"
    return {"content": [{"type": kind, "text": text}]} if isinstance(text, str) else {}


def _numbered(given: Any, id: str) -> list[dict[str, Any]]:
    """Items or messages, each with an id."""
    found = given if isinstance(given, list) else []
    return [
        {"id": f"{id}-{place}", **item} if isinstance(item, dict) else {"id": f"{id}-{place}"}
        for place, item in enumerate(found)
    ]
