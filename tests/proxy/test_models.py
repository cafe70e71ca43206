"""Models are listed in the shape that the caller's own client reads."""

from __future__ import annotations

import anthropic
import httpx
import openai
import pytest
from anthropic.types import ModelInfo
from openai.types import Model

from proxy import models
from tests.servers import ADMIN_KEY, Running

CLAUDE = {"x-api-key": ADMIN_KEY, "anthropic-version": "2023-06-01"}


def test_both_shapes_are_those_of_the_official_clients() -> None:
    """Every member that a client requires is there, none is of another type, and an empty list is a list."""
    Model.model_validate(models.model("m", False), strict=True)
    ModelInfo.model_validate_json(httpx.Request("POST", "http://x", json=models.model("m", True)).content)

    assert models.page(["a", "b"], False)["data"][1]["id"] == "b"
    assert models.page([], True) == {"data": [], "has_more": False, "first_id": None, "last_id": None}


def test_each_client_lists_and_finds_models(proxy: Running) -> None:
    """By one address, told apart by the header that Anthropic's clients send."""
    names = ["gpt-test", "gpt-real", "org/model"]
    with (
        openai.OpenAI(base_url=proxy.url, api_key=ADMIN_KEY, _strict_response_validation=True) as one,
        anthropic.Anthropic(base_url=proxy.url.removesuffix("/v1"), api_key=ADMIN_KEY) as other,
    ):
        assert [model.id for model in one.models.list()] == names
        assert [model.id for model in other.models.list()] == names
        assert one.models.retrieve("org/model").object == "model"
        assert other.models.retrieve("org/model").type == "model"
        with pytest.raises(anthropic.NotFoundError) as unknown:
            other.models.retrieve("nobody")

    assert unknown.value.body["error"]["type"] == "not_found_error"


@pytest.mark.parametrize(("path", "status"), [("models/nobody", 404), ("nothing", 404), ("models", 200)])
def test_every_answer_has_an_id_to_report(proxy: Running, path: str, status: int) -> None:
    """Clients show it with an error."""
    told = httpx.get(f"{proxy.url}/{path}", headers={"authorization": f"Bearer {ADMIN_KEY}"})

    assert told.status_code == status
    assert told.headers["x-request-id"] == told.headers["request-id"] != ""


def test_a_wrong_key_is_told_in_the_clients_own_shape(proxy: Running) -> None:
    """Anthropic's type for Anthropic's client."""
    told = httpx.get(f"{proxy.url}/models", headers={**CLAUDE, "x-api-key": "gh-wrong"})

    assert (told.status_code, told.json()["error"]["type"]) == (401, "authentication_error")
