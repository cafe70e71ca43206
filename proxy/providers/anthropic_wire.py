"""Direct HTTP to whatever answers Anthropic's own requests: bytes out, bytes back.

Chat completions for the same deployments go through litellm; only the routes in PATHS are reached here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from proxy.config_deployments import Deployment
from proxy.providers.base import Call, forwarded_headers, traced_headers
from proxy.providers.openai_wire import OpenAIWire, body_bytes
from proxy.vendors import NOT_IN_BODY

PATHS = frozenset({"/v1/messages", "/v1/messages/count_tokens"})
"""Routes that Anthropic has itself."""
BASE = "https://api.anthropic.com"
VERSION = "2023-06-01"
"""`anthropic-version` for callers that name none."""
FORWARDED = ("anthropic-version", "anthropic-beta")
"""Headers of the caller that go on to the provider: they choose features, and hold no credentials."""


class AnthropicWire(OpenAIWire):
    """Reaches deployments of the vendor `anthropic`."""

    name = "anthropic_wire"

    def request(self, deployment: Deployment, call: Call) -> tuple[str, bytes, dict[str, str]]:
        """URL, body and headers of a call."""
        return target(deployment, call.path), _body(deployment, call), headers(deployment, call.headers)


def target(deployment: Deployment, path: str) -> str:
    """The URL of a route. LiteLLM takes a base with and without the version, or with the whole path."""
    base = deployment.api_base or BASE
    return base.removesuffix("/messages").removesuffix("/v1") + path


def headers(deployment: Deployment, caller: Mapping[str, str]) -> dict[str, str]:
    """Every header of the request to the provider."""
    made = {
        "content-type": "application/json",
        "accept-encoding": "identity",
        "user-agent": "guardhouse",
        "anthropic-version": VERSION,
    }
    made |= forwarded_headers(caller, FORWARDED) | traced_headers(deployment, caller)
    if deployment.api_key:
        made["x-api-key"] = deployment.api_key
    return made | dict(deployment.headers)


def _body(deployment: Deployment, call: Call) -> bytes:
    """The body, with the configured request fields that the caller left out."""
    name = deployment.model.removeprefix("anthropic/")
    fields = {key: value for key, value in deployment.params.items() if key not in _OURS}
    if call.path != "/v1/messages":
        fields = {}
    return body_bytes(replace(deployment, model=name, defaults=fields), call)


_OURS = NOT_IN_BODY | {"custom_llm_provider"}
