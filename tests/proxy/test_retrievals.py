"""How a request names a retrieval that was posted beforehand: header, `guardhouse`, or metadata."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.retrievals import stored_id
from tests.proxy.test_pipeline import ask, chat
from tests.servers import Running, Upstream


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"x-guardhouse-retrieval": "r1"}, {}),
        ({}, {"guardhouse": {"retrieval_id": "r1"}}),
        ({}, {"metadata": {"retrieval_id": "r1"}}),
        ({"x-guardhouse-retrieval": "r1"}, {"guardhouse": {"retrieval_id": "r1", "retrieval": []}}),
    ],
)
def test_a_request_names_a_retrieval(
    proxy: Running, upstream: Upstream, headers: dict[str, str], body: dict[str, Any]
) -> None:
    """The trace has its stored id, which is the key's own; the provider hears nothing of header and extension."""
    assert ask(proxy, chat(**body), headers=headers).status == 200

    kept = proxy.recorder.last()
    assert kept["retrievals"] == [stored_id(proxy.app.context.key, "admin", "r1")]
    assert "guardhouse" not in upstream.requests[0]
    assert b"x-guardhouse" not in upstream.headers[0].lower()


@pytest.mark.parametrize("name", ["", "a b", "x" * 129, 7, "ada@example.com"])
def test_a_name_that_is_none_is_refused_without_repeating_it(
    proxy: Running, upstream: Upstream, name: object
) -> None:
    """In the extension it is ours to refuse; in metadata it may be the caller's own affair."""
    answer = ask(proxy, chat(guardhouse={"retrieval_id": name}))
    assert (answer.status, answer.error["param"]) == (400, "guardhouse.retrieval_id")
    assert "ada@" not in json.dumps(proxy.recorder.last())

    assert ask(proxy, chat(metadata={"retrieval_id": str(name) + " "})).status == 200
    assert proxy.recorder.last()["retrievals"] == []


def test_equal_names_of_two_keys_are_two_retrievals() -> None:
    """The name is hashed with the key that says it."""
    assert stored_id(b"k", "key-1", "r1") != stored_id(b"k", "key-2", "r1")
    assert "r1" not in stored_id(b"k", "key-1", "r1")
