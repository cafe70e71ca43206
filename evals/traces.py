"""Traces as a Guardhouse proxy has stored them: one GET each, and what of a trace tells what was retrieved."""

from __future__ import annotations

import http.client
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from evals.errors import FetchError
from evals.types import Hit, Output

TIMEOUT_S = 30.0
MOST_BYTES = 64 * 1024 * 1024
"""Longest answer that is read."""
AT_ONCE = 8
AGAIN_S = 1.0
"""After this a trace that is not there is asked for once more: proxies store a moment after they answer."""

Trace = Mapping[str, Any]

_HIT = re.compile(r"/guardhouse/retrieval(?:/hits)?/(\d{1,6})(?:/|$)")
_CHANGES = ("redact", "pseudonymize", "block")
"""Actions after which a text is stored otherwise than it was."""
_FIX = {
    401: "give a key with --key or GUARDHOUSE_API_KEY",
    403: "give a key whose role may read traces",
    404: "correct --from: a Guardhouse proxy has /api/traces",
}


@dataclass(frozen=True, slots=True)
class Recalled:
    """What a trace tells of a retrieval."""

    hits: tuple[Hit, ...] = ()
    """By rank. Where a hit stands in its document is known only of those that the run knew with the same text."""
    masked: frozenset[int] = frozenset()
    """Ranks of hits whose texts are not as they were found."""
    why: str = ""
    """Why nothing can be said of what was retrieved; empty when it can."""
    searched: bool = True
    """Whether anything was searched at all."""


def fetch(
    ids: Sequence[str], url: str, key: str, *, wait: Callable[[float], None] = time.sleep
) -> dict[str, Trace]:
    """The traces of those ids that the proxy has, by id.

    Args:
        ids: of exchanges, as `x-guardhouse-trace-id` told them.
        url: the proxy's address, with or without `/v1`.
        key: one that may read them.
        wait: waits for so many seconds.

    Raises FetchError, which never holds the key, when the proxy cannot be asked.
    """
    base, wanted = _base(url, key), list(dict.fromkeys(filter(None, ids)))
    found = _all(wanted, base, key)
    missing = [id for id in wanted if id not in found]
    if missing:
        wait(AGAIN_S)
        found |= _all(missing, base, key)
    return found


def recalled(trace: Trace | None, output: Output) -> Recalled:
    """What was retrieved for an output, as its trace has it.

    The hits that the request itself named count before those that apps told of beside it. A text is known to be
    masked where the proxy says so of it, and where the run found another one.
    """
    if trace is None:
        return Recalled(why="its trace is not at the proxy: erased, past its time, or another key's")
    if trace.get("reduced"):
        return Recalled(why="the proxy could keep its trace only without what was retrieved")
    listed = trace.get("retrieval")
    if not isinstance(listed, list) or not all(map(_well_formed, listed)):
        return Recalled(why="its trace does not say what was retrieved")
    hits, why = _of_one_search(listed)
    if why:
        return Recalled(why=why)
    if not hits and output.hits:
        return Recalled(why=f"its trace holds none of the {len(output.hits)} hits that were sent")
    if not hits and output.hits is None:
        return Recalled(searched=False)
    known = {(hit.rank, hit.doc_id): hit for hit in output.hits or ()}
    told = _masked(trace)
    placed: list[Hit] = []
    masked: set[int] = set()
    for place, hit in hits:
        own = known.get((hit["rank"], hit["doc_id"]))
        text = hit["text"] if isinstance(hit["text"], str) else ""
        if place in told or not text.strip() or (own is not None and own.text != text):
            masked.add(hit["rank"])
        where = (own.start, own.end) if own is not None and own.text == text else (None, None)
        score = hit.get("score")
        number = float(score) if isinstance(score, int | float) else 0.0
        placed.append(Hit(hit["doc_id"], number, text, hit["rank"], *where))
    return Recalled(tuple(sorted(placed, key=lambda hit: hit.rank)), frozenset(masked))


def _of_one_search(listed: Sequence[Trace]) -> tuple[list[tuple[int, Trace]], str]:
    """The hits of the search that fed the request with their places in the list, or why none can be told."""
    own = [(place, hit) for place, hit in enumerate(listed) if hit.get("source") == "request"]
    if own:
        return own, ""
    searches = {(hit.get("source"), hit.get("span")) for hit in listed}
    if len(searches) > 1:
        return [], f"its trace tells of {len(searches)} searches, and not which of them is meant"
    return list(enumerate(listed)), ""


def _masked(trace: Trace) -> set[int]:
    """Places of the hits in whose texts something was found that is not stored as it was."""
    places = set()
    for finding in trace.get("findings") or ():
        at = _HIT.match(str(finding.get("pointer"))) if finding.get("side") == "input" else None
        if at and finding.get("mode") != "shadow" and finding.get("action") in _CHANGES:
            places.add(int(at[1]))
    return places


def _well_formed(hit: Any) -> bool:
    return (
        isinstance(hit, dict)
        and type(hit.get("rank")) is int
        and isinstance(hit.get("doc_id"), str)
        and "text" in hit
    )


def _all(ids: Sequence[str], base: str, key: str) -> dict[str, Trace]:
    with ThreadPoolExecutor(AT_ONCE) as threads:
        found = threads.map(lambda id: _one(f"{base}/api/traces/{quote(id, safe='')}", key), ids)
        return {id: trace for id, trace in zip(ids, found, strict=True) if trace is not None}


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows nobody: the key is for the address that was given, and for no other."""

    def redirect_request(self, *asked: Any) -> None:
        """No other request."""


def _one(url: str, key: str) -> Trace | None:
    """One trace; None where there is none. Raises FetchError."""
    headers = {"authorization": f"Bearer {key}", "accept": "application/json"}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310  (checked in `_base`)
    try:
        with urllib.request.build_opener(_Stay).open(request, timeout=TIMEOUT_S) as reply:
            answer = reply.read(MOST_BYTES + 1)
    except urllib.error.HTTPError as error:
        with error:
            told = _object(error.read(10_000))
        if error.code in (404, 410) and isinstance(told.get("error"), dict):
            return None
        fix = _FIX.get(error.code, "look at the proxy's log")
        raise FetchError(f"the proxy answered HTTP {error.code}", fix=fix) from None
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        what = f"the proxy cannot be reached ({type(reason).__name__})"
        raise FetchError(what, fix="start it, or correct --from") from None
    trace = _object(answer)
    if len(answer) > MOST_BYTES or "retrieval" not in trace:
        raise FetchError("what was answered is no trace", fix="give the address of a Guardhouse proxy")
    return trace


def _object(answer: bytes) -> dict[str, Any]:
    try:
        value = json.loads(answer)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _base(url: str, key: str) -> str:
    """The proxy's address without `/v1`. Raises FetchError when it is none, or the key cannot be sent."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme in {"http", "https"} and bool(parts.netloc) and "@" not in parts.netloc
    except ValueError:
        fits = False
    if not fits:
        fix = "give the proxy's, e.g. http://127.0.0.1:4000"
        raise FetchError("--from is not a plain web address", fix=fix)
    if re.search(r"/(?:api|v1/.+)(?:/|$)", parts.path) or parts.query or parts.fragment:
        raise FetchError(
            "--from is more than the proxy's address", fix="leave out what follows it, e.g. /api"
        )
    if not (key.isascii() and key.isprintable()):
        raise FetchError("the key holds a character that no key has", fix="copy it anew, without line breaks")
    return url.rstrip("/").removesuffix("/v1")
