"""Retrievals that a caller posted beforehand, and how a request names one. Names are kept as keyed hashes alone."""

from __future__ import annotations

import re
from typing import Any

from proxy import identity
from proxy.dialects.extension import EXTENSION
from proxy.errors import BadRequest, Code
from proxy.exchange import Exchange
from proxy.wire import Connection

HEADER = b"x-guardhouse-retrieval"
"""Request header that names a retrieval. It stays here: no provider is sent it."""
MEMBER = "retrieval_id"
"""The same in `guardhouse` of a request's body, or in its `metadata`."""
ID = re.compile(r"[A-Za-z0-9._:-]{1,128}", re.ASCII)


def stored_id(key: bytes, key_id: str, id: str) -> str:
    """The id under which a key's retrieval is stored: another key's of the same name is another one."""
    return f"api{identity.digest(key, 'retrieval', key_id, id)}"


def named(key: bytes, connection: Connection, exchange: Exchange) -> list[str]:
    """Ids, as stored, of the retrievals that a request names. Raises BadRequest for a name that is none."""
    assert exchange.principal is not None
    request = exchange.request
    given: dict[str, Any] = {"x-guardhouse-retrieval": connection.header(HEADER)}
    for name in (EXTENSION, "metadata"):
        holder = request.get(name)
        if isinstance(holder, dict):
            given[f"{name}.{MEMBER}"] = holder.get(MEMBER)
    found = []
    for where, id in given.items():
        if id is None:
            continue
        if not isinstance(id, str) or not ID.fullmatch(id):
            # What stands in `metadata` may be anybody's and mean something else.
            if where.startswith("metadata"):
                continue
            message = (
                f"'{where}' is not the id of a retrieval: 1 to 128 letters, digits, '.', '_', ':' and '-'."
            )
            raise BadRequest(message, code=Code.INVALID_VALUE, param=where)
        found.append(stored_id(key, exchange.principal.key_id, id))
    return list(dict.fromkeys(found))
