"""Providers that do not speak OpenAI's wire, through the litellm SDK: the only module that imports it.

The import costs seconds, so it happens at the first call. litellm is told nothing it could keep: no
callbacks, no retries (the router has its own), no log of a request.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import struct
from collections.abc import AsyncIterator, Mapping
from functools import partialmethod
from types import ModuleType
from typing import Any

import orjson

from proxy.config_deployments import Deployment
from proxy.errors import BadRequest, Code, Redirected, UpstreamError, UpstreamTimeout
from proxy.providers.base import Call, Reply, ReplyStream, relayed_headers, scrubbed, traced_headers
from proxy.settings import prepare_litellm
from proxy.sse import DONE, event

CHAT_PARAMETERS = frozenset(
    {
        "audio",
        "frequency_penalty",
        "function_call",
        "functions",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "metadata",
        "modalities",
        "model",
        "n",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "reasoning_effort",
        "response_format",
        "safety_identifier",
        "seed",
        "service_tier",
        "stop",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_k",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
        "web_search_options",
    }
)
"""Request fields that may reach litellm. Its function takes a request and its own options in one list of
keywords, so a caller who could add `api_base` would be sent our key: everything else is refused."""

EMBEDDING_PARAMETERS = frozenset({"dimensions", "encoding_format", "input", "model", "user"})
"""The same for `/v1/embeddings`."""

CHAT, EMBEDDINGS = "/v1/chat/completions", "/v1/embeddings"
PARAMETERS = {CHAT: CHAT_PARAMETERS, EMBEDDINGS: EMBEDDING_PARAMETERS}
"""By route: what may reach litellm. Other routes are not served for its vendors."""

TOP_FIELDS = ("id", "object", "created", "model", "usage")

MESSAGE_FIELDS = ("role", "content", "reasoning_content", "refusal", "tool_calls", "function_call")
"""Fields of a message or delta that go on: litellm adds others that repeat text where no rule looks."""

MAX_MESSAGE_CHARS = 2000

_CODES = {
    "ContextWindowExceededError": "context_length_exceeded",
    "ContentPolicyViolationError": "content_policy_violation",
    "UnsupportedParamsError": "unsupported_parameter",
}


class LiteLLM:
    """A provider for every deployment whose vendor needs translation."""

    name = "litellm"

    def __init__(self) -> None:
        self._sdk: ModuleType | None = None

    async def complete(self, deployment: Deployment, call: Call) -> Reply:
        """The whole answer as OpenAI's JSON; a refusal of the provider in OpenAI's envelope.

        Raises UpstreamError, UpstreamTimeout, and BadRequest for a field that litellm must not see.
        """
        deadlines = call.deadlines(deployment)
        arguments = keywords(deployment, call, deadlines.total)
        sdk = await self._loaded()
        try:
            async with asyncio.timeout(deadlines.total):
                if call.path == EMBEDDINGS:
                    response = await sdk.aembedding(**arguments)
                else:
                    response = await sdk.acompletion(**arguments)
        except TimeoutError:
            raise UpstreamTimeout("The provider did not answer in time.") from None
        except sdk.exceptions.openai.OpenAIError as error:
            return refusal(error, deployment)
        told = response.model_dump(exclude_none=True)
        if call.path == EMBEDDINGS:
            body = vectors(told, packed=call.payload.get("encoding_format") == "base64")
        else:
            body = whole(told)
        return Reply(200, headers_of(response, deployment), orjson.dumps(body))

    async def stream(self, deployment: Deployment, call: Call) -> ReplyStream | Reply:
        """The answer as OpenAI's events, ending in `[DONE]` only if the provider really ended it."""
        deadlines = call.deadlines(deployment)
        arguments = keywords(deployment, call, deadlines.first_byte)
        sdk = await self._loaded()
        try:
            async with asyncio.timeout(deadlines.first_byte):
                response = await sdk.acompletion(**arguments)
        except TimeoutError:
            raise UpstreamTimeout("The provider did not begin to answer in time.") from None
        except sdk.exceptions.openai.OpenAIError as error:
            return refusal(error, deployment)
        return _Chunks(response, sdk, deadlines.idle, headers_of(response, deployment))

    async def aclose(self) -> None:
        """Close litellm's cached connections."""
        if self._sdk is not None:
            await self._sdk.close_litellm_async_clients()

    async def _loaded(self) -> ModuleType:
        """litellm, imported beside the event loop at the first call and made quiet."""
        if self._sdk is None:
            self._sdk = await asyncio.to_thread(load_sdk)
        return self._sdk


class _Chunks:
    """A ReplyStream over litellm's chunks."""

    __slots__ = ("_chunks", "_idle", "_sdk", "headers", "status")

    def __init__(self, chunks: Any, sdk: ModuleType, idle: float, headers: Mapping[str, str]) -> None:
        self.status, self.headers = 200, headers
        self._chunks, self._sdk, self._idle = chunks, sdk, idle

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Each chunk as an event. Raises UpstreamError when the provider breaks off."""
        try:
            while True:
                async with asyncio.timeout(self._idle):
                    try:
                        found = await anext(self._chunks)
                    except StopAsyncIteration:
                        break
                chunk = part(found.model_dump(exclude_none=True))
                ends = any(choice["finish_reason"] for choice in chunk["choices"])
                # litellm makes up a `stop` for an answer that was cut: an invented end is no end
                if ends and not _ended(self._chunks):
                    return
                yield event(orjson.dumps(chunk))
        except TimeoutError:
            raise UpstreamTimeout("The provider stopped in the middle of its answer.") from None
        except self._sdk.exceptions.openai.OpenAIError:
            raise UpstreamError("The provider broke off its answer.") from None
        finally:
            await self.aclose()
        yield event(DONE)

    async def aclose(self) -> None:
        """Drop the provider's connection."""
        await self._chunks.aclose()


def _ended(chunks: Any) -> bool:
    """Whether the provider itself gave a reason for the end."""
    return bool(chunks.received_finish_reason or chunks.intermittent_finish_reason)


def load_sdk() -> ModuleType:
    """litellm without its price download, its reports and its log."""
    prepare_litellm()
    import litellm
    from litellm.llms.custom_httpx import http_handler

    # A redirect would carry the prompt, and perhaps our key, to where the configuration does not lead.
    client = http_handler.AsyncHTTPHandler
    client.__init__ = partialmethod(client.__init__, follow_redirects=False)
    litellm.suppress_debug_info = True
    litellm.turn_off_message_logging = True
    litellm.disable_hf_tokenizer_download = True
    for hooks in (litellm.callbacks, litellm.success_callback, litellm.failure_callback):
        hooks.clear()
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    sdk: ModuleType = litellm
    return sdk


def keywords(deployment: Deployment, call: Call, timeout: float | None) -> dict[str, Any]:
    """The arguments of litellm's call. Raises BadRequest for a path it does not serve or a field it must not see."""
    known = PARAMETERS.get(call.path)
    if known is None:
        raise BadRequest(
            f"{call.path} is not served for this model, only {' and '.join(PARAMETERS)}.",
            code=Code.UNSUPPORTED_ENDPOINT,
            param="model",
        )
    for name in call.payload:
        if name not in known:
            raise BadRequest(
                f"Unrecognized request argument supplied: {name[:100]}",
                code=Code.UNKNOWN_PARAMETER,
                param=name[:100],
            )
    payload, stream = dict(call.payload), {"stream": call.stream}
    if call.path == EMBEDDINGS:
        # Vendors know floats: base64 is made of them here.
        payload.pop("encoding_format", None)
        payload.pop("stream", None)
        stream = {}
    own = {
        "api_key": deployment.api_key,
        "api_base": deployment.api_base,
        "api_version": deployment.api_version,
        "organization": deployment.organization,
        "extra_headers": {**traced_headers(deployment, call.headers), **deployment.headers},
    }
    return {
        **deployment.params,
        **payload,
        **{name: value for name, value in own.items() if value},
        **stream,
        "model": deployment.model,
        "timeout": timeout,
        "num_retries": 0,
        "max_retries": 0,
        "no-log": True,
    }


def whole(answer: dict[str, Any]) -> dict[str, Any]:
    """litellm's answer as a `chat.completion`, with every field OpenAI sends and none of litellm's own."""
    kept: dict[str, Any] = {name: answer[name] for name in TOP_FIELDS if name in answer}
    kept["choices"] = [
        {
            "index": choice.get("index", 0),
            "message": {"content": None, "refusal": None} | _kept(choice.get("message", {})),
            "logprobs": choice.get("logprobs"),
            "finish_reason": choice.get("finish_reason"),
        }
        for choice in answer.get("choices", [])
    ]
    return kept


def vectors(answer: dict[str, Any], packed: bool) -> dict[str, Any]:
    """litellm's answer as OpenAI's list of embeddings: floats, or `packed` as base64 of 32-bit floats."""
    kept: dict[str, Any] = {name: answer[name] for name in ("object", "model") if name in answer}
    kept["data"] = [
        {
            "object": "embedding",
            "index": item.get("index", place),
            "embedding": _packed(item["embedding"]) if packed else item["embedding"],
        }
        for place, item in enumerate(answer.get("data", []))
    ]
    usage = answer.get("usage") or {}
    # litellm writes zeros for what a vendor did not tell
    if usage.get("total_tokens"):
        kept["usage"] = {name: usage[name] for name in ("prompt_tokens", "total_tokens") if name in usage}
    return kept


def _packed(vector: Any) -> Any:
    """A list of numbers as base64 of little-endian 32-bit floats; anything else as it is."""
    if not isinstance(vector, list):
        return vector
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def part(chunk: dict[str, Any]) -> dict[str, Any]:
    """One of litellm's chunks as a `chat.completion.chunk`; the one with usage has no choices."""
    kept: dict[str, Any] = {name: chunk[name] for name in TOP_FIELDS if name in chunk}
    choices = [] if "usage" in chunk else chunk.get("choices", [])
    kept["choices"] = [
        {
            "index": choice.get("index", 0),
            "delta": _kept(choice.get("delta", {})),
            "logprobs": choice.get("logprobs"),
            "finish_reason": choice.get("finish_reason"),
        }
        for choice in choices
    ]
    return kept


def _kept(message: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a message or delta that callers may see."""
    return {name: message[name] for name in MESSAGE_FIELDS if name in message}


def headers_of(response: Any, deployment: Deployment) -> dict[str, str]:
    """What litellm kept of the provider's headers, reduced to those callers may see."""
    hidden = getattr(response, "_hidden_params", None) or {}
    return _relayed(hidden.get("additional_headers") or {}, deployment)


def _relayed(headers: Mapping[Any, Any], deployment: Deployment) -> dict[str, str]:
    """The headers callers may see, under OpenAI's names."""
    plain = {str(name).lower().removeprefix("llm_provider-"): str(value) for name, value in headers.items()}
    if "request-id" in plain:
        plain.setdefault("x-request-id", plain.pop("request-id"))
    return relayed_headers(plain.items(), deployment)


def refusal(error: Any, deployment: Deployment) -> Reply:
    """A provider's error status as a Reply in OpenAI's envelope.

    Raises UpstreamTimeout or UpstreamError when there was no answer at all, BadRequest when litellm knows no such
    route of the vendor.
    """
    kind = type(error).__name__
    if kind == "LiteLLMUnknownProvider":
        raise BadRequest(
            "This path is not served for this model: its provider has no such route.",
            code=Code.UNSUPPORTED_ENDPOINT,
            param="model",
        ) from None
    status = error.status_code if isinstance(getattr(error, "status_code", None), int) else 500
    if kind == "Timeout":
        raise UpstreamTimeout("The provider did not answer in time.") from None
    if status < 400:
        raise Redirected(
            f"The provider answered with a redirect (HTTP {status}): its api_base is not right."
        ) from None
    headers = getattr(error, "litellm_response_headers", None)
    if status >= 500 and headers is None:
        raise UpstreamError("The provider cannot be reached.", code=Code.UPSTREAM_UNREACHABLE) from None
    if kind == "APIConnectionError":
        raise UpstreamError("The provider sent something that is no answer.") from None
    said = _said(str(getattr(error, "message", "")))
    code = _CODES.get(kind) or said.get("code")
    body = orjson.dumps(
        {
            "error": {
                "message": str(said.get("message") or f"The provider answered with status {status}."),
                "type": str(
                    said.get("type") or ("server_error" if status >= 500 else "invalid_request_error")
                ),
                "param": said.get("param"),
                "code": None if code is None else str(code),
            }
        }
    )
    return Reply(status, _relayed(headers or {}, deployment), scrubbed(body, deployment))


def _said(message: str) -> Mapping[str, Any]:
    """The provider's own error object within litellm's message; else what remains of the message as text."""
    start, end = message.find("{"), message.rfind("}")
    if 0 <= start < end:
        try:
            found = orjson.loads(message[start : end + 1])
        except orjson.JSONDecodeError:
            found = None
        if isinstance(found, dict):
            inner = found.get("error", found)
            return inner if isinstance(inner, dict) else {"message": inner}
    plain = message.partition("Exception - ")[2] or message.partition("Error: ")[2] or message
    return {"message": plain[:MAX_MESSAGE_CHARS]}
