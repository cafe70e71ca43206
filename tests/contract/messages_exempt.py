"""The places of a message where a plain word is not inspected, and why: as tests/contract/exempt.py for chat.

The sides are the request (`message`), the whole reply (`answer`) and the streamed `event`.
"""

from __future__ import annotations

_PAIR = "pairs a call with its result"
_ID = "is made up by the provider, and looked up again unchanged"
_MODEL = "is the name of a model"

EXEMPT = {
    "message /container": _ID,
    "message /container/id": _ID,
    "message /messages/*tool_use/id": _PAIR,
    "message /messages/*/tool_use_id": _PAIR,
    "message /messages/*/caller:*/tool_id": _PAIR,
    "message /messages/*/file_id": _ID,
    "answer /id": _ID,
    "answer /model": _MODEL,
    "answer /container": _ID,
    "answer /container/id": _ID,
    "answer /content/*tool_use/id": _PAIR,
    "answer /content/*/tool_use_id": _PAIR,
    "answer /content/*/caller:*/tool_id": _PAIR,
    "answer /content/*/file_id": _ID,
    "event :message_start/message/id": _ID,
    "event :message_start/message/model": _MODEL,
    "event :message_start/message/container": _ID,
    "event :message_start/message/container/id": _ID,
    "event */content*tool_use/id": _PAIR,
    "event */content*/tool_use_id": _PAIR,
    "event */content*/caller:*/tool_id": _PAIR,
    "event */file_id": _ID,
}
