"""The forms that pages of ours send: read within bounds, and refused when another site sends them."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qsl

from fastapi import Request

from proxy.errors import BadRequest, PayloadTooLarge
from proxy.review.session import check_origin

COOKIE = "guardhouse_review"
"""Cookie of somebody who is signed in: what the token of a form is bound to."""
FORM_BYTES = 64 << 10
LONG_FORM_BYTES = 256 << 10
"""Bytes of a form with fields that come more than once: a note of the greatest length in any script fits."""
MOST_FIELDS = 20
MOST_REPEATED = 1_000
"""Fields of a form of which some may come more than once."""


class Fields(dict[str, str]):
    """The fields of a form, of which some may come more than once: as a dictionary, each with its last value."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self.pairs = tuple(pairs)
        super().__init__(self.pairs)

    def all(self, name: str) -> list[str]:
        """Every value of a field, in order."""
        return [value for field, value in self.pairs if field == name]


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form that a page of ours sent. Raises Forbidden, PayloadTooLarge or BadRequest."""
    return dict(await _pairs(request, FORM_BYTES, MOST_FIELDS))


async def read_fields(request: Request) -> Fields:
    """The same of a form in which fields may come more than once."""
    return Fields(await _pairs(request, LONG_FORM_BYTES, MOST_REPEATED))


async def _pairs(request: Request, most_bytes: int, most_fields: int) -> list[tuple[str, str]]:
    check_origin(request.headers)
    if not hasattr(request.state, "pairs"):
        request.state.pairs = None  # read once: what breaks off cannot be read again
        request.state.pairs = await _sent(request, most_bytes, most_fields)
    pairs: list[tuple[str, str]] | None = request.state.pairs
    if pairs is None:
        raise BadRequest("The form cannot be read.")
    return pairs


async def _sent(request: Request, most_bytes: int, most_fields: int) -> list[tuple[str, str]]:
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > most_bytes:
            raise PayloadTooLarge(f"The form is over {most_bytes} bytes.")
    try:
        pairs = parse_qsl(
            data.decode("ascii"), keep_blank_values=True, max_num_fields=most_fields, errors="strict"
        )
    except ValueError:
        raise BadRequest("The form cannot be read.") from None
    # No database takes a NUL: what names something with one names nothing.
    return [(name, value.replace("\0", "\N{REPLACEMENT CHARACTER}")) for name, value in pairs]
