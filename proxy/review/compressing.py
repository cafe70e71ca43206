"""Makes pages small on their way out, where nobody else can make a browser ask for them.

See docs/decisions/0026-which-pages-are-compressed.md.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping

LEAST = 1_400
"""Bytes below which it is not worth it: about one packet."""
LEVEL = 4
OURS = ("same-origin", "none")
"""Who asked, as the browser says: a page of ours, or a person by address or bookmark."""


def takes_gzip(headers: Mapping[str, str]) -> bool:
    """Whether whoever asks takes gzip."""
    told = (each.partition(";") for each in headers.get("accept-encoding", "").split(","))
    return any(
        name.strip() == "gzip" and rest.replace(" ", "") not in ("q=0", "q=0.0") for name, _, rest in told
    )


def may_shrink(headers: Mapping[str, str]) -> bool:
    """Whether a page that holds secrets may be compressed for this request: only one that no other site made.

    The length of what is compressed tells a little of what stands in it. To learn more than that little, an
    attacker has to make a browser ask again and again with guesses of theirs.
    """
    return takes_gzip(headers) and headers.get("sec-fetch-site") in OURS


def shrunk(body: bytes, level: int = LEVEL) -> bytes:
    """The body compressed. The same for the same body: no time stands in it."""
    return gzip.compress(body, level, mtime=0)
