"""What a deployment of Anthropic's is sent."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy.config_deployments import Deployment
from proxy.providers.anthropic_wire import AnthropicWire
from proxy.providers.base import Call, relayed_headers

PATH = "/v1/messages"


def made(call: Call | None = None, **more: Any) -> tuple[str, bytes, dict[str, str]]:
    """URL, body and headers of a call."""
    given = {"model": "anthropic/claude-x", "api_key": "sk-ant", **more}
    deployment = Deployment("d", "m", "litellm", "anthropic", **given)
    return AnthropicWire().request(deployment, call or Call({"model": "claude-x"}, PATH))


@pytest.mark.parametrize("base", ["http://h", "http://h/v1", "http://h/v1/messages"])
def test_every_form_of_the_base_leads_to_the_route(base: str) -> None:
    """LiteLLM takes them all."""
    assert made(api_base=base)[0] == "http://h/v1/messages"
    assert made(api_base="")[0] == "https://api.anthropic.com/v1/messages"


def test_only_listed_headers_go_on() -> None:
    """The key is ours; version and beta are the caller's choice."""
    caller = {"anthropic-beta": "b", "x-api-key": "theirs", "cookie": "c", "x-stainless-os": "Linux"}

    headers = made(Call({}, PATH, headers=caller), headers={"x-own": "1"})[2]

    assert headers == {
        "content-type": "application/json",
        "accept-encoding": "identity",
        "user-agent": "guardhouse",
        "anthropic-version": "2023-06-01",
        "anthropic-beta": "b",
        "x-api-key": "sk-ant",
        "x-own": "1",
    }
    version = {"anthropic-version": "2026-10-21"}
    assert made(Call({}, PATH, headers=version))[2]["anthropic-version"] == "2026-10-21"


def test_untouched_bytes_are_relayed() -> None:
    """When the caller names the model as the provider does; else the body is written anew with its name."""
    body = b'{"model": "claude-x" }'
    assert made(Call({"model": "claude-x"}, PATH, body=body))[1] == body
    renamed = made(Call({"model": "alias", "x": 1}, PATH, body=b"{}"))[1]
    assert orjson.loads(renamed) == {"model": "claude-x", "x": 1}


def test_configured_fields_fill_up_a_message_but_not_a_count() -> None:
    """What the caller left out; keys that are litellm's own stay out."""
    params = {"max_tokens": 9, "custom_llm_provider": "anthropic", "drop_params": True}

    assert orjson.loads(made(params=params)[1]) == {"model": "claude-x", "max_tokens": 9}
    counted = made(Call({"model": "claude-x"}, "/v1/messages/count_tokens"), params=params)
    assert orjson.loads(counted[1]) == {"model": "claude-x"}


def test_the_limits_of_the_account_come_back() -> None:
    """And the id of the request, but no cookie and no name of the organisation."""
    told = [
        ("Request-Id", "req_1"),
        ("Anthropic-Ratelimit-Tokens-Remaining", "5"),
        ("Set-Cookie", "c"),
        ("Anthropic-Organization-Id", "o"),
    ]

    assert relayed_headers(told, Deployment("d", "m", "litellm", "anthropic", "x")) == {
        "request-id": "req_1",
        "anthropic-ratelimit-tokens-remaining": "5",
    }
