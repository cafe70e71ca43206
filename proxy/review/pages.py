"""How every page leaves: everything in it escaped, under a policy that lets no text run or call out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from proxy.errors import NotFound, ProxyError
from proxy.review import words
from proxy.review.filters import trace_path
from proxy.review.marks import plain, visible
from proxy.review.session import HOME

HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that pages load."""

    body: bytes
    media_type: str


class Pages:
    """Renders the templates of one running proxy.

    Args:
        policy: gives the label of the policy that is enforced, for the page header.
    """

    def __init__(self, policy: Callable[[], str]) -> None:
        self._policy = policy
        self._assets = {
            path.name: Asset(path.read_bytes(), _TYPES[path.suffix])
            for path in sorted((_FOLDER / "static").iterdir())
            if path.suffix in _TYPES
        }
        revision = hashlib.sha256(b"\0".join(asset.body for asset in self._assets.values())).hexdigest()[:12]
        # Autoescape for every template whatever its name; a name that is not given is an error, not a blank.
        self._templates = Environment(
            loader=FileSystemLoader(_FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(
            show=visible,
            plain=plain,
            short=words.shorten,
            count=words.count,
            duration=words.duration,
            decimal=words.decimal,
            short_time=words.short_time,
            long_time=words.long_time,
            machine_time=words.machine_time,
            tokens=words.tokens,
            cost=words.cost,
        )
        self._templates.globals.update(home=HOME, revision=revision, trace_path=trace_path)

    def html(self, template: str, values: dict[str, Any], status: int = 200) -> Response:
        """A page. `values` must have `reader`: who is signed in, or None."""
        text = self._templates.get_template(template).render(policy=self._policy(), **values)
        # Half a surrogate pair, which JSON can hold and UTF-8 cannot, must not keep a page from showing.
        body = text.encode("utf-8", "replace")
        return Response(body, status, HEADERS | {"cache-control": "no-store"}, "text/html; charset=utf-8")

    def asset(self, name: str) -> Response:
        """A static file. Raises NotFound."""
        found = self._assets.get(name)
        if found is None:
            raise NotFound("There is no such file.")
        # The address carries the revision of the content, so a copy never goes stale.
        headers = HEADERS | {"cache-control": "public, max-age=86400, immutable"}
        return Response(found.body, 200, headers, found.media_type)

    def problem(self, error: ProxyError, reader: Any) -> Response:
        """An error as a page."""
        values = {
            "reader": reader,
            "status": error.status,
            "message": error.message,
            "title": _TITLES.get(error.status),
        }
        answer = self.html("problem.html", values, error.status)
        answer.headers.update(error.headers)
        return answer


def redirect(path: str) -> Response:
    """Go on to another of our pages with GET."""
    return RedirectResponse(path, 303, HEADERS | {"cache-control": "no-store"})


def secure(request: Request) -> bool:
    """Whether the browser reached us over TLS, here or at a reverse proxy in front."""
    return "https" in (request.url.scheme, request.headers.get("x-forwarded-proto", "").split(",")[0].strip())


_TITLES = {
    400: "That cannot be shown",
    401: "Sign in first",
    403: "Not allowed",
    404: "Not found",
    413: "Too long",
    429: "Too many attempts",
}
