"""The entries of lists about stored objects: each is read as a small reply of the dialect it comes from."""

from __future__ import annotations

from typing import Any, Protocol

import orjson

from guardrails.pseudonyms import INSTRUCTION
from guardrails.types import Stage
from proxy.dialects import chat, chat_reply, responses
from proxy.dialects.base import Dialect, Reply
from proxy.dialects.chat_dialect import CHAT
from proxy.dialects.responses_dialect import RESPONSES
from proxy.errors import Blocked, UpstreamError

Entry = dict[str, Any]

_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_PARTS = ("content", "content_parts")
"""Members of a stored message that hold its parts."""


class Entries(Protocol):
    """One kind of entry."""

    dialect: Dialect
    root: str
    """Where an entry stands in the reply that it is read as."""

    def sent(self, entry: Entry) -> Entry | None:
        """The entry as its maker sent it: without the line about tokens; None when it is nothing else."""

    def reply(self, entry: Entry) -> Reply:
        """The entry as a reply. Raises UpstreamError when it is none."""

    def entry(self, reply: Reply, entry: Entry) -> Entry:
        """The entry that a changed reply makes of this one."""

    def blocked(self, reply: Reply) -> Reply:
        """The reply with nothing of its texts left. Raises Blocked where an entry cannot say so."""

    def unscannable(self, entry: Entry) -> list[str]:
        """Pointers, below the entry, of parts that hold something other than text."""


class _Parts:
    """What entries share that are parts of one object."""

    def blocked(self, reply: Reply) -> Reply:
        """As in Entries."""
        raise Blocked("The list was blocked by a rule of the policy. The trace names the rule.")


class Items(_Parts):
    """The input items of a response."""

    dialect: Dialect = RESPONSES
    root = "/output/0"

    def sent(self, entry: Entry) -> Entry | None:
        """As in Entries."""
        content = entry.get("content")
        parts = content if isinstance(content, list) else [{"text": content}]
        texts = [part.get("text") for part in parts if isinstance(part, dict)]
        return None if entry.get("role") == "system" and texts == [INSTRUCTION] else entry

    def reply(self, entry: Entry) -> Reply:
        """As in Entries."""
        return {"output": [entry]}

    def entry(self, reply: Reply, entry: Entry) -> Entry:
        """As in Entries."""
        made: Entry = reply["output"][0]
        return made

    def unscannable(self, entry: Entry) -> list[str]:
        """As in Entries."""
        return [at.removeprefix("/input/0") for at, _ in responses.unscannable({"input": [entry]})]


class Messages(_Parts):
    """The messages of a chat completion's request."""

    dialect: Dialect = CHAT
    root = "/choices/0/message"

    def sent(self, entry: Entry) -> Entry | None:
        """As in Entries."""
        told = dict(entry)
        for name in _PARTS:
            value = told.get(name)
            if value == INSTRUCTION:
                return None
            if isinstance(value, str):
                told[name] = value.removesuffix(f"\n\n{INSTRUCTION}")
            elif isinstance(value, list):
                told[name] = [each for each in value if not _is_line(each)]
        return told

    def reply(self, entry: Entry) -> Reply:
        """As in Entries. Any role of the protocol stands as the one that replies have."""
        role = "assistant" if entry.get("role") in _ROLES else entry.get("role")
        return {"choices": [{"index": 0, "message": {**entry, "role": role}}]}

    def entry(self, reply: Reply, entry: Entry) -> Entry:
        """As in Entries."""
        made: Entry = reply["choices"][0]["message"]
        return {**made, "role": entry["role"]} if entry.get("role") in _ROLES else made

    def unscannable(self, entry: Entry) -> list[str]:
        """As in Entries."""
        return [
            at.replace("/messages/0/content", f"/{name}")
            for name in _PARTS
            if isinstance(entry.get(name), list)
            for at, _ in chat.unscannable({"messages": [{"role": "user", "content": _objects(entry[name])}]})
        ]


class Completions:
    """Chat completions, each an object of its own."""

    dialect: Dialect = CHAT
    root = ""

    def sent(self, entry: Entry) -> Entry:
        """As in Entries."""
        return entry

    def reply(self, entry: Entry) -> Reply:
        """As in Entries."""
        return chat_reply.parse_reply(orjson.dumps(entry))

    def entry(self, reply: Reply, entry: Entry) -> Entry:
        """As in Entries."""
        return reply

    def blocked(self, reply: Reply) -> Reply:
        """As in Entries."""
        return chat_reply.blocked_reply(reply)

    def unscannable(self, entry: Entry) -> list[str]:
        """As in Entries."""
        return []


STAGE = Stage.OUTPUT
"""Stage of parts that cannot be scanned: all of a list goes to the caller."""


def parsed(body: bytes) -> tuple[list[Entry], bool]:
    """The entries of a list, and whether there are more. Raises UpstreamError when a body holds no list."""
    page = chat_reply.parse_object(body)
    data = page.get("data")
    if not isinstance(data, list) or not all(isinstance(entry, dict) for entry in data):
        raise UpstreamError("The provider's answer is no list of objects.")
    return data, page.get("has_more") is True and bool(data)


def listed(entries: list[Entry], more: bool) -> dict[str, Any]:
    """Some entries as OpenAI writes a list."""
    ids = [entry.get("id") for entry in entries] or [None]
    return {"object": "list", "data": entries, "first_id": ids[0], "last_id": ids[-1], "has_more": more}


def _objects(parts: list[Any]) -> list[Entry]:
    return [part if isinstance(part, dict) else {} for part in parts]


def _is_line(part: Any) -> bool:
    return isinstance(part, dict) and part.get("text") == INSTRUCTION
