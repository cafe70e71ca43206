"""Embeddings of the scripted provider."""

from __future__ import annotations

import base64
import math
from array import array
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config_deployments import Deployment
from proxy.providers.base import Call
from proxy.providers.fake import FakeProvider
from proxy.providers.fake_embeddings import DIMENSIONS, embeddings, vector


def vectors(**payload: Any) -> list[Any]:
    """The vectors of an answer."""
    return [item["embedding"] for item in embeddings(payload, "m")["data"]]


def dot(one: list[float], other: list[float]) -> float:
    """How near two unit vectors are."""
    return sum(a * b for a, b in zip(one, other, strict=True))


@given(st.text(max_size=40), st.integers(1, 64))
def test_a_vector_has_the_length_asked_for_and_is_a_unit(text: str, size: int) -> None:
    """The same each time."""
    found = vector(text, size)

    assert len(found) == size
    assert math.hypot(*found) == pytest.approx(1, abs=1e-5)
    assert found == vector(text, size)


def test_texts_that_share_words_are_near() -> None:
    """So that a retrieval demo finds what it should."""
    question, fits, other = vectors(
        input=["When does the library open?", "The library can open at nine.", "Cats sleep all day long."]
    )

    assert dot(question, fits) > dot(question, other) + 0.2


def test_base64_holds_the_same_numbers() -> None:
    """As 32-bit floats."""
    [plain], [packed] = (vectors(input="hello", encoding_format=form) for form in ("float", "base64"))

    assert array("f", base64.b64decode(packed)).tolist() == plain
    assert len(plain) == DIMENSIONS


@pytest.mark.parametrize(
    ("value", "count"), [("a", 1), (["a", "b"], 2), ([1, 2], 1), ([[1], [2], [3]], 3), (None, 1), ([], 1)]
)
def test_each_input_has_its_vector(value: Any, count: int) -> None:
    """Token numbers are read as words; sizes that cannot be are the usual one."""
    found = embeddings({"input": value, "dimensions": -1}, "m")

    assert [item["index"] for item in found["data"]] == [*range(count)]
    assert len(found["data"][0]["embedding"]) == DIMENSIONS


async def test_it_is_served_on_its_route() -> None:
    """By every script that does not fail; usage counts words."""
    place = Deployment("fake", "m", "fake", "fake", "assistant", params={})

    reply = await FakeProvider().complete(place, Call({"input": "a b"}, path="/v1/embeddings"))

    found = orjson.loads(reply.body)
    assert (found["object"], found["model"]) == ("list", "fake-assistant")
    assert found["usage"] == {"prompt_tokens": 2, "total_tokens": 2}
