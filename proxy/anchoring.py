"""Anchors the end of the audit log again and again: in the file where it is missing, and at the operator's URL."""

from __future__ import annotations

import hmac
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from proxy import chain
from proxy.store.audit import read_head
from proxy.store.seals import ledger_key

if TYPE_CHECKING:
    from proxy.config_audit import Audit
    from proxy.context import Context

TIMEOUT_SECONDS = 10.0
SIGNATURE = "x-guardhouse-signature"
"""Header with `t=SECONDS,v1=HEX`: HMAC-SHA-256, under the secret, of the seconds, a dot and the body."""


def anchor(context: Context, _stop: Callable[[], bool]) -> None:
    """Write the end of the log down where it is due. Raises OSError when it cannot be, sqlalchemy's errors."""
    store, running, audit = context.store, context.metrics.running, context.config.audit
    with store.read() as connection:
        head = read_head(connection)
    if head is None:
        return
    key, failed = ledger_key(store), False
    if store.anchors is not None:
        newest = store.anchors.newest()
        there = newest is not None and newest["seq"] == head["seq"] and newest["hash"] == head["hash"]
        if there or store.anchors.add(key, head):
            running.anchored["file"] = time.time()
        else:
            failed = True
    if audit.anchor_url is not None:
        running.anchored.setdefault("url", time.time())
        if _due(*running.posted, audit, head["seq"]):
            post(audit, chain.anchor(key, head["seq"], head["hash"], head["at_us"]))
            running.posted = head["seq"], time.time()
            running.anchored["url"] = running.posted[1]
    if failed:
        raise OSError("the file of anchors cannot be written")


def _due(posted_seq: int, posted_at: float, audit: Audit, seq: int) -> bool:
    age = time.time() - posted_at
    return age >= (audit.anchor_at_most_every if seq != posted_seq else audit.anchor_every)


def post(audit: Audit, said: Mapping[str, Any], now: float | None = None) -> None:
    """Post an anchor to the configured URL. Raises OSError unless the answer is a 2xx; redirects are not followed."""
    body = json.dumps(said, separators=(",", ":")).encode()
    headers = {
        "content-type": "application/json",
        SIGNATURE: signature(audit.anchor_secret or "", body, int(time.time() if now is None else now)),
    }
    # The scheme is checked as the configuration is read.
    request = urllib.request.Request(str(audit.anchor_url), body, headers, method="POST")  # noqa: S310
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)
    try:
        with opener.open(request, timeout=TIMEOUT_SECONDS):
            pass
    except urllib.error.HTTPError as error:
        error.close()
        raise OSError(f"the anchor was answered with {error.code}") from None
    except HTTPException as error:
        raise OSError(f"the anchor was not answered in HTTP ({type(error).__name__})") from None


def signature(secret: str, body: bytes, at: int) -> str:
    """The value of the header that signs a body."""
    return f"t={at},v1={hmac.digest(secret.encode(), b'%d.' % at + body, 'sha256').hex()}"


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the anchor is for the URL that was configured."""

    def redirect_request(self, *_args: Any, **_named: Any) -> None:
        """None: the redirect is an answer like any other."""
        return
