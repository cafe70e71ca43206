"""The places of the wire where a plain word is not inspected, and why. Anything but a word is inspected there too.

A path is a side (`request`, whole `reply`, streamed `chunk`, or a
`failure` that a provider tells inside an answer, of which no place is passed over) and a pattern of places; docs/concepts/coverage.md tells the
same; a request's `model` needs no place here, as a name that is not served is refused.
"""

from __future__ import annotations

_PAIR = "pairs a call with its result"
_MODEL = "is the name of a model"
_ID = "is made up by the provider, and looked up again unchanged"

EXEMPT = {
    "request /messages/*:assistant/tool_calls/*/id": _PAIR,
    "request /messages/*:tool/tool_call_id": _PAIR,
    "request /messages/*:assistant/audio/id": _ID,
    "request /messages/*:user/content/*:file/file/file_id": _ID,
    "reply /id": _ID,
    "reply /model": _MODEL,
    "reply /system_fingerprint": _ID,
    "reply /moderation/*/model": _MODEL,
    "reply /choices/*/message/tool_calls/*/id": _PAIR,
    "reply /choices/*/message/audio/id": _ID,
    "reply /choices/*/message/audio/data": "is encoded bytes: nothing but characters of base64, of any length",
    "chunk /id": _ID,
    "chunk /model": _MODEL,
    "chunk /system_fingerprint": _ID,
    "chunk /moderation/*/model": _MODEL,
    "chunk /choices/*/delta/tool_calls/*/id": _PAIR,
    "completions-reply /id": _ID,
    "completions-reply /model": _MODEL,
    "completions-reply /system_fingerprint": _ID,
    "completions-chunk /id": _ID,
    "completions-chunk /model": _MODEL,
    "completions-chunk /system_fingerprint": _ID,
    "embeddings-reply /model": _MODEL,
    "moderations-reply /id": _ID,
    "moderations-reply /model": _MODEL,
}
