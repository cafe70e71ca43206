"""What may be asked about stored objects."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import pytest

from guardrails.types import Edit
from proxy.dialects.plain_dialect import apply_edits
from proxy.dialects.stored import STORED
from proxy.dialects.stored_request import INCLUDABLE, encoded, metadata_of, query_of, texts
from proxy.errors import BadRequest

EVERY = frozenset(name for route in STORED for name in route.query)


def test_a_query_is_read_and_written_as_openais_clients_write_it() -> None:
    """Lists and objects with brackets, booleans in small letters."""
    query = (
        b"include[]=file_search_call.results&include=reasoning.encrypted_content&stream=true&starting_after=3"
        b"&limit=100&order=desc&after=msg_1&metadata[who]=a%26b"
    )

    found = query_of(query, EVERY)

    assert found == {
        "include": ["file_search_call.results", "reasoning.encrypted_content"],
        "stream": True,
        "starting_after": 3,
        "limit": 100,
        "order": "desc",
        "after": "msg_1",
        "metadata": {"who": "a&b"},
    }
    assert query_of(encoded(found).encode(), EVERY) == found
    assert ("include[]", "file_search_call.results") in parse_qsl(encoded(found))
    assert query_of(b"", frozenset()) == {}


@pytest.mark.parametrize(
    "query",
    [
        *(b"limit=0", b"limit=101", b"limit=-1", b"limit=1e2", b"limit=", b"limit=%D9%A1"),
        *(
            b"order=up",
            b"after=../x",
            b"after=",
            b"before=a%00",
            b"stream=1",
            b"include[]=x",
            b"include[0]=x",
        ),
        *(
            b"limit=1&limit=2",
            b"nobody=1",
            b"metadata=x",
            b"metadata[a][b]=c",
            b"metadata[]=x",
            b"\xff=1",
            b"%ff",
        ),
        b"&".join(b"metadata[%d]=x" % number for number in range(65)),
    ],
)
def test_anything_else_is_refused(query: bytes) -> None:
    """Without repeating a word of it."""
    with pytest.raises(BadRequest) as raised:
        query_of(query, EVERY)

    assert "nobody" not in raised.value.message


def test_a_parameter_of_another_route_is_unknown() -> None:
    """Each route has its own."""
    with pytest.raises(BadRequest, match="Known here: limit"):
        query_of(b"stream=true", frozenset({"limit"}))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"metadata": {"a": 1}}', b'{"metadata": {}, "x": 1}'])
def test_a_body_sets_metadata_and_nothing_else(body: bytes) -> None:
    """Strings by name, or null."""
    assert metadata_of(b'{"metadata": {"a": "b"}}') == {"metadata": {"a": "b"}}
    assert metadata_of(b'{"metadata": null}') == {"metadata": None}
    with pytest.raises(BadRequest):
        metadata_of(body)


def test_metadata_is_all_that_is_text() -> None:
    """Names and values; the words of the protocol are none, as each is one of a closed list."""
    request: dict[str, Any] = {"include": [*INCLUDABLE], "limit": 3, "metadata": {"who": "ada"}}

    found = texts(request)

    assert [(each.text, each.pointer, each.within) for each in found] == [
        ("who", "/metadata/who", "#"),
        ("ada", "/metadata/who", ""),
    ]
    assert texts({"stream": True}) == []
    assert apply_edits(request, [Edit("/metadata/who", 0, 3, "X")])["metadata"] == {"who": "X"}
