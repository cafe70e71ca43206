"""Posts a run to a Guardhouse proxy, whose pages then list it."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from evals.document import dump
from evals.errors import PublishError
from evals.types import Run

TIMEOUT_S = 30.0


def publish(run: Run, url: str, key: str) -> dict[str, Any]:
    """The proxy's answer to `POST /api/runs`. Raises PublishError, which never holds the key."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme in {"http", "https"} and bool(parts.netloc)
    except ValueError:
        fits = False
    if not fits:
        raise PublishError(
            f"{url!r} is not a web address", fix="give the proxy's, e.g. http://127.0.0.1:4000"
        )
    base = url.rstrip("/").removesuffix("/v1")
    body = json.dumps(dump(run), allow_nan=False).encode()
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    request = urllib.request.Request(f"{base}/api/runs", body, headers, method="POST")  # noqa: S310  (checked above)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as reply:  # noqa: S310
            answer = reply.read()
    except urllib.error.HTTPError as error:
        status = error.code
        error.close()
        fix = (
            "give a key with --key or GUARDHOUSE_API_KEY"
            if status in {401, 403}
            else "look at the proxy's log"
        )
        raise PublishError(f"{base} refused the run (HTTP {status})", fix=fix) from None
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise PublishError(
            f"{base} cannot be reached ({type(reason).__name__})", fix="start it, or correct --url"
        ) from None
    return _object(answer)


def _object(answer: bytes) -> dict[str, Any]:
    try:
        value = json.loads(answer or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
