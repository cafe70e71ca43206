"""Candidates that reviewers promoted at a proxy, fetched over HTTP and taken into a golden set."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from evals.errors import FetchError, GoldenError
from evals.golden import ITEMS, Item, check_item, item_sha256, read_items
from evals.golden_scan import personal

FORMAT = "guardhouse.candidate/1"
TIMEOUT_S = 30.0
MOST_BYTES = 16 << 20
"""Bytes of one answer that are read."""
MOST_PAGES = 50
_HERE = ("localhost", "127.0.0.1", "::1")
_PAGES, _API = "/review/golden/candidates", "/api/golden/candidates"


@dataclass(frozen=True, slots=True)
class Fetched:
    """One candidate, as the proxy tells of it."""

    id: str
    state: str
    item: Item | None
    problem: str
    """Why there is no item; empty when there is one."""


@dataclass(frozen=True, slots=True)
class Left:
    """A candidate that is not taken, and why."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What of some candidates goes into a set."""

    items: tuple[Item, ...]
    taken: tuple[str, ...]
    """Ids of their candidates, in the same order."""
    left: tuple[Left, ...]


class _Here(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: a key goes to the address that was given, and to no other."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Nowhere."""


def address(url: str, *, insecure: bool = False) -> str:
    """The API address that a URL of a candidate, of their list, or of one of their pages means. Raises FetchError."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in {"http", "https"} or not host or parts.username is not None:
        raise FetchError(
            f"{url!r} is not a web address",
            fix="give one like http://127.0.0.1:4000/api/golden/candidates/ID",
        )
    if parts.scheme == "http" and host not in _HERE and not insecure:
        raise FetchError(
            f"{host} would be asked without encryption",
            fix="use https, or pass --insecure on a network you trust",
        )
    path = parts.path.rstrip("/").removesuffix(".json")
    path = path.replace(_PAGES, _API, 1)
    if _API not in path:
        raise FetchError(
            f"{url!r} names no candidate", fix="copy the address that the candidate's page shows"
        )
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def fetch(url: str, key: str) -> list[Fetched]:
    """The candidates behind an address that `address` gave, the oldest first. Raises FetchError."""
    found: list[Fetched] = []
    following: str | None = url
    for _ in range(MOST_PAGES):
        if following is None:
            break
        told = _asked(following, key)
        listed = told.get("data", [told])
        found += [_fetched(each) for each in listed if isinstance(each, dict)]
        following = _next(url, told.get("next"))
    return found[::-1]


def plan(directory: Path, found: Iterable[Fetched]) -> Plan:
    """What of some candidates can be added to a set: well-formed, new, with nobody's data. Raises GoldenError."""
    before = read_items(directory / ITEMS)
    ids = {str(item["id"]) for item in before}
    hashes = {item_sha256(item): str(item["id"]) for item in before}
    items: list[Item] = []
    taken: list[str] = []
    left: list[Left] = []
    for each in found:
        reason = _unfit(each, ids, hashes)
        if reason or each.item is None:
            left.append(Left(each.id, reason))
            continue
        items.append(each.item)
        taken.append(each.id)
        ids.add(str(each.item["id"]))
        hashes[item_sha256(each.item)] = str(each.item["id"])
    return Plan(tuple(items), tuple(taken), tuple(left))


def tell(url: str, key: str, ids: Sequence[str]) -> list[str]:
    """Tell the proxy which candidates were taken; the ids of those that it could not be told of."""
    parts = urlsplit(url)
    base = urlunsplit((parts.scheme, parts.netloc, parts.path.partition(_API)[0] + _API, "", ""))
    failed = []
    for id in ids:
        try:
            _asked(f"{base}/{quote(id, safe='')}/taken", key, "POST")
        except FetchError:
            failed.append(id)
    return failed


def _unfit(each: Fetched, ids: set[str], hashes: Mapping[str, str]) -> str:
    """Why a candidate is not taken; empty when it is."""
    if each.item is None:
        return each.problem or "the proxy gave no item"
    if each.state == "withdrawn":
        return "it was withdrawn"
    try:
        item = check_item(each.item, f"candidate {each.id}", None)
    except GoldenError as error:
        return str(error)
    if item["id"] in ids:
        return f"{item['id']} is already in the set"
    if same := hashes.get(item_sha256(item)):
        return f"{same} in the set asks and expects the same"
    if not item.get("expected"):
        return "it expects nothing: say on its page what the answer or the guardrail's action should be"
    if kinds := personal(item):
        return f"it holds what looks like {', '.join(kinds)}: no golden set takes personal data"
    return ""


def _asked(url: str, key: str, method: str = "GET") -> dict[str, Any]:
    if not (key.isascii() and key.isprintable()):
        raise FetchError("the key holds a character that no key has", fix="copy it anew, without line breaks")
    headers = {"authorization": f"Bearer {key}", "accept": "application/json"}
    body = b"" if method == "POST" else None
    request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310  (checked in `address`)
    opener = urllib.request.build_opener(_Here)
    try:
        with opener.open(request, timeout=TIMEOUT_S) as reply:
            answer = reply.read(MOST_BYTES + 1)
    except urllib.error.HTTPError as error:
        status = error.code
        error.close()
        raise FetchError(f"the proxy answered HTTP {status}", fix=_FIXES.get(status, _LOG)) from None
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise FetchError(
            f"the proxy cannot be reached ({type(reason).__name__})", fix="start it, or correct --from"
        ) from None
    if len(answer) > MOST_BYTES:
        raise FetchError(f"the answer is over {MOST_BYTES} bytes", fix="ask for fewer, with &limit=")
    try:
        told = json.loads(answer)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict) or (method == "GET" and told.get("format") != FORMAT):
        raise FetchError(f"the answer is no {FORMAT} document", fix="give an address of a Guardhouse proxy")
    return told


def _fetched(told: Mapping[str, Any]) -> Fetched:
    item = told.get("item")
    problem = told.get("problem")
    return Fetched(
        str(told.get("id")),
        str(told.get("state")),
        item if isinstance(item, dict) else None,
        problem if isinstance(problem, str) else "",
    )


def _next(url: str, cursor: Any) -> str | None:
    if not isinstance(cursor, str):
        return None
    parts = urlsplit(url)
    kept = [pair for pair in parts.query.split("&") if pair and not pair.startswith("before=")]
    return urlunsplit(parts._replace(query="&".join([*kept, f"before={quote(cursor)}"])))


_LOG = "look at the proxy's log"
_FIXES = {
    401: "give a key with --key or GUARDHOUSE_API_KEY",
    403: "give a key whose role may read traces",
    404: "the candidate is gone with its trace, or the address is not quite it",
    **dict.fromkeys((301, 302, 303, 307, 308), "give the address that it redirects to"),
}
