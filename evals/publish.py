"""Posts a run to a Guardhouse proxy, whose pages then list it."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from evals.document import dump
from evals.errors import PublishError
from evals.facts import plain
from evals.run import Run

TIMEOUT_S = 30.0
TRIES = 4
WAIT_S = 1.0
"""Before the second try; doubled before each further one, unless the proxy says how long to wait."""
MOST_WAIT_S = 30.0
_BUSY = frozenset({429, 502, 503, 504})
"""Answers that another try may change. A run that is posted twice is kept once, so trying again is safe."""
_FIX = {
    307: "give the address that it leads to with --url",
    401: "give a key with --key or GUARDHOUSE_API_KEY",
    403: "give a key that may publish runs",
    404: "correct --url: a Guardhouse proxy has /api/runs",
    413: "publish a run of fewer cases or repeats; the whole record stays in run.json",
    503: "publish it again later",
}


def publish(run: Run, url: str, key: str, *, wait: Callable[[float], None] = time.sleep) -> dict[str, Any]:
    """The proxy's answer to `POST /api/runs`, asked again while it is busy.

    Args:
        run: what is posted.
        url: the proxy's address, with or without `/v1`.
        key: one that may publish runs.
        wait: waits for so many seconds.

    Raises PublishError, which never holds the key.
    """
    base = _base(url, key)
    # A text may hold half of a character, which JSON parsers refuse.
    body = json.dumps(dump(run), ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    request = urllib.request.Request(f"{base}/api/runs", body, headers, method="POST")  # noqa: S310  (checked)
    for tried in range(1, TRIES + 1):
        try:
            return _object(_post(request))
        except urllib.error.HTTPError as error:
            with error:
                if error.code not in _BUSY or tried == TRIES:
                    raise _refusal(base, error, tried) from None
                pause = _pause(error.headers.get("retry-after"), tried)
        except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise PublishError(
                f"{base} cannot be reached ({type(reason).__name__})", fix="start it, or correct --url"
            ) from None
        wait(pause)
    raise AssertionError("the last try returns or raises")


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows nobody: the key is for the address that was given, and for no other."""

    def redirect_request(self, *asked: Any) -> None:
        """No other request."""


def _post(request: urllib.request.Request) -> bytes:
    with urllib.request.build_opener(_Stay).open(request, timeout=TIMEOUT_S) as reply:
        answer: bytes = reply.read()
    return answer


def _base(url: str, key: str) -> str:
    """The proxy's address without `/v1`. Raises PublishError when it is none, or the key cannot be sent."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme in {"http", "https"} and bool(parts.netloc)
    except ValueError:
        fits = False
    if not fits:
        raise PublishError(
            f"{url!r} is not a web address", fix="give the proxy's, e.g. http://127.0.0.1:4000"
        )
    if not (key.isascii() and key.isprintable()):
        raise PublishError(
            "the key holds a character that no key has", fix="copy it anew, without line breaks"
        )
    return url.rstrip("/").removesuffix("/v1")


def _pause(told: str | None, tried: int) -> float:
    """Seconds until the next try."""
    asked = float(told) if told and told.isascii() and told.isdigit() else WAIT_S * 2 ** (tried - 1)
    return min(asked, MOST_WAIT_S)


def _refusal(base: str, error: urllib.error.HTTPError, tried: int) -> PublishError:
    """What the proxy answered, with its reason where it gave one."""
    status = error.code
    try:
        told = _object(error.read(10_000)).get("error")
    except (OSError, http.client.HTTPException):
        told = None
    said = told.get("message") if isinstance(told, dict) else None
    reason = f": {plain(said, 300).rstrip('.')}" if isinstance(said, str) and said else ""
    times = f" {tried} times" if tried > 1 else ""
    kind = 307 if 300 <= status < 400 else 503 if status in _BUSY else status
    fix = _FIX.get(kind, "correct the document" if 400 <= status < 500 else "look at the proxy's log")
    return PublishError(f"{base} refused the run{times} (HTTP {status}){reason}", fix=fix)


def _object(answer: bytes) -> dict[str, Any]:
    try:
        value = json.loads(answer or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
