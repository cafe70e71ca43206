"""How every page leaves: everything in it escaped, under a policy that lets no text run or call out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from proxy.errors import NotFound, ProxyError
from proxy.eval_scores import unit
from proxy.review import words
from proxy.review.compressing import shrunk, takes_gzip
from proxy.review.filters import trace_path
from proxy.review.marks import plain, visible
from proxy.review.session import HOME
from proxy.review.typed import Typed

HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
STYLES = "review.css"
"""The one style sheet of the pages."""
SCREENS = (
    ("overview", (("traces.read", "/overview"),), "Overview"),
    ("queue", (("traces.read", ""),), "Queue"),
    ("runs", (("runs.read", "/runs"), ("traces.read", "/sessions")), "Runs"),
    ("policies", (("traces.read", "/policies"), ("policies.read", "/policies")), "Policies"),
    ("golden", (("runs.read", "/golden"),), "Golden"),
    ("reveals", (("audit.read", "/reveals"),), "Reveals"),
    ("people", (("users.write", "/people"),), "People"),
)
"""The header's links: (`here` of the page, its ways, words). A way is a permission and what it opens, as a path
below home; the first that the reader has is taken."""
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Asset:
    """A file that pages load."""

    body: bytes
    media_type: str

    @cached_property
    def small(self) -> bytes:
        """The same, compressed once."""
        return shrunk(self.body, 9)


class Pages:
    """Renders the templates of one running proxy.

    Args:
        policy: gives the label of the policy that is enforced, for the page header.
    """

    def __init__(self, policy: Callable[[], str]) -> None:
        self._policy = policy
        self._assets = _assets()
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
            measure=words.measure,
            unit=unit,
            short_time=words.short_time,
            short_hour=words.short_hour,
            long_time=words.long_time,
            machine_time=words.machine_time,
            tokens=words.tokens,
            cost=words.cost,
        )
        self._templates.globals.update(home=HOME, screens=SCREENS, revision=revision, trace_path=trace_path)

    def html(self, template: str, values: dict[str, Any], status: int = 200) -> Response:
        """A page. `values` must have `reader`: who is signed in, or None."""
        text = self._templates.get_template(template).render(policy=self._policy(), **values)
        # Half a surrogate pair, which JSON can hold and UTF-8 cannot, must not keep a page from showing.
        body = text.encode("utf-8", "replace")
        return Response(body, status, HEADERS | {"cache-control": "no-store"}, "text/html; charset=utf-8")

    def asset(self, name: str, headers: Mapping[str, str] = MappingProxyType({})) -> Response:
        """A static file, for a request with these headers. Raises NotFound."""
        found = self._assets.get(name)
        if found is None:
            raise NotFound("There is no such file.")
        # The address carries the revision of the content, so a copy never goes stale.
        kept = HEADERS | {"cache-control": "public, max-age=86400, immutable", "vary": "accept-encoding"}
        if takes_gzip(headers):
            return Response(found.small, 200, kept | {"content-encoding": "gzip"}, found.media_type)
        return Response(found.body, 200, kept, found.media_type)

    def problem(self, error: ProxyError, reader: Any, typed: Typed | None = None) -> Response:
        """An error as a page, with what was typed into the form that it refused."""
        values = {
            "reader": reader,
            "status": error.status,
            "message": error.message,
            "title": _TITLES.get(error.status),
            "typed": typed,
        }
        answer = self.html("problem.html", values, error.status)
        answer.headers.update(error.headers)
        return answer


def _assets() -> dict[str, Asset]:
    """The files that pages load, by name. The style sheets are one: `review.css` first, the screens' own after it."""
    files = [
        path
        for folder in (_FOLDER / "static", _FOLDER / "static" / "vendor")
        for path in sorted(folder.iterdir())
        if path.suffix in _TYPES
    ]
    styles = sorted((path for path in files if path.suffix == ".css"), key=lambda path: path.name != STYLES)
    found = {path.name: Asset(path.read_bytes(), _TYPES[path.suffix]) for path in files if path not in styles}
    return found | {STYLES: Asset(b"\n".join(path.read_bytes() for path in styles), "text/css")}


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
    409: "Not as it was",
    413: "Too long",
    429: "Too many attempts",
    503: "Not now",
}
