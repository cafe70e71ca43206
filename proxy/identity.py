"""What a caller says an exchange belongs to: a session by name, a response it goes on from, a text it asks, a person.

Names never leave this module but as keyed hashes: a session may be called after somebody's e-mail address.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from guardrails.keyed import keyed_hash

HEADER = b"x-guardhouse-session"
VENDOR_HEADERS = (
    b"x-session-id",
    b"helicone-session-id",
    b"x-litellm-session-id",
    b"x-litellm-trace-id",
    b"x-claude-code-session-id",
    b"x-opencode-session",
    b"x-dynamo-session-id",
    b"x-langtrace-session-id",
    b"langfuse-session-id",
    b"langfuse_session_id",
    b"session-id",
    b"session_id",
)
"""Headers in which clients and other gateways name a session, the first that is there. Codex sends `session-id`."""
BODY = ("litellm_session_id", "litellm_trace_id", "session_id")
METADATA = ("session_id", "conversation_id", "thread_id", *BODY[:2])
"""Members of the body, and of its `metadata`, that name a session."""

USER_HEADER = b"x-guardhouse-user"
"""Header that names the person whom a request is for. It stays here: no provider is sent it."""
_USERS = ("safety_identifier", "user")
_METADATA_USERS = ("user_id", "user")
USER_PLACES = frozenset(
    {*(f"/{name}" for name in _USERS), *(f"/metadata/{name}" for name in _METADATA_USERS)}
)
"""Where a body names the person whom a request is for."""
UNNAMED = "[SUBJECT]"
"""What is stored in these places."""

MOST_CHARS = 1_024
"""Longer names are none."""

_USER_SESSION = re.compile(r"_session_([0-9A-Za-z-]{8,64})$")
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")


class Source(StrEnum):
    """What a run is known by."""

    HEADER = "header"
    VENDOR_HEADER = "vendor_header"
    RESPONSE_CHAIN = "response_chain"
    METADATA = "metadata"
    TRACE = "trace"
    TOOL_CALL = "tool_call"
    PREFIX = "prefix"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Named:
    """A session by the name that its caller gave it."""

    source: Source
    name: str


def in_headers(headers: Mapping[bytes, bytes]) -> Named | None:
    """The session that a request's headers name."""
    for name in (HEADER, *VENDOR_HEADERS):
        told = _name(headers.get(name, b"").decode("latin-1"))
        if told is not None:
            return Named(Source.HEADER if name == HEADER else Source.VENDOR_HEADER, told)
    return None


def in_body(request: Mapping[str, Any]) -> Named | None:
    """The session that a request's body names; a user or a key for a prompt cache is none."""
    metadata = request.get("metadata")
    told = [request.get(name) for name in BODY]
    if isinstance(metadata, dict):
        told += [metadata.get(name) for name in METADATA]
        told.append(_session_of_user(metadata.get("user_id")))
    found = next((name for name in map(_name, told) if name is not None), None)
    return None if found is None else Named(Source.METADATA, found)


def user(headers: Mapping[bytes, bytes], request: Mapping[str, Any]) -> str | None:
    """The name of the person whom a request is for: in our header, else in the first member that has one."""
    metadata = request.get("metadata")
    told = [headers.get(USER_HEADER, b"").decode("utf-8", "replace"), *(request.get(name) for name in _USERS)]
    if isinstance(metadata, dict):
        told += [metadata.get(name) for name in _METADATA_USERS]
    return next((name.strip() for name in told if isinstance(name, str) and name.strip()), None)


def without_user(body: dict[str, Any]) -> dict[str, Any]:
    """A body as it is stored: what names the person is left to the keyed hash beside it."""
    kept = {name: UNNAMED if name in _USERS and value is not None else value for name, value in body.items()}
    metadata = body.get("metadata")
    if isinstance(metadata, dict):
        kept["metadata"] = {
            name: UNNAMED if name in _METADATA_USERS and value is not None else value
            for name, value in metadata.items()
        }
    return kept


def conversation(request: Mapping[str, Any]) -> str | None:
    """Id of the conversation that a Responses request is part of, as its provider keeps it."""
    told = request.get("conversation")
    return _name(told.get("id") if isinstance(told, dict) else told)


def session_hash(key: bytes, tenant: str, name: str) -> str:
    """What stands for a tenant's session: 32 hex digits, from which the name cannot be found."""
    return digest(key, "session", tenant, name)


def subject_hash(key: bytes, tenant: str, name: str) -> str:
    """What stands for a person whom a tenant's request is for: 32 hex digits, from which the name cannot be found."""
    return digest(key, "subject", tenant, _person(name.strip()))


def asked(key: bytes, tenant: str, text: str) -> str:
    """What stands for a text that a tenant's caller asked, white space around it left out: 32 hex digits."""
    return digest(key, "asked", tenant, text.strip())


def digest(key: bytes, *words: str) -> str:
    """32 hex digits that stand for some words in their order, under a key."""
    encoded = [word.encode("utf-8", "surrogatepass") for word in words]
    return keyed_hash(key, b"".join(b"%d:%b" % (len(word), word) for word in encoded), 16).hex()


def reply_id(told: Any) -> str | None:
    """The id of a reply, if it looks like one: what a provider writes there is stored."""
    return told if isinstance(told, str) and _ID.fullmatch(told) else None


def _name(told: Any) -> str | None:
    if not isinstance(told, str) or len(told) > MOST_CHARS:
        return None
    return told.strip() or None


def _person(name: str) -> str:
    """A name without the session that Claude Code writes into it, so that a person has one name in all sessions."""
    if ended := _USER_SESSION.search(name):
        return name[: ended.start()]
    if not name.startswith("{"):
        return name
    try:
        read = orjson.loads(name)
    except orjson.JSONDecodeError:
        return name
    if not isinstance(read, dict) or "session_id" not in read:
        return name
    rest = {key: value for key, value in read.items() if key != "session_id"}
    return orjson.dumps(rest, option=orjson.OPT_SORT_KEYS).decode()


def _session_of_user(told: Any) -> str | None:
    """The session in Anthropic's `metadata.user_id`, where Claude Code puts it: at the end of it, or as JSON."""
    if not isinstance(told, str) or len(told) > MOST_CHARS:
        return None
    if ended := _USER_SESSION.search(told):
        return ended[1]
    if not told.startswith("{"):
        return None
    try:
        read = orjson.loads(told)
    except orjson.JSONDecodeError:
        return None
    return _name(read.get("session_id")) if isinstance(read, dict) else None
