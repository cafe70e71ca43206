"""One call to an OpenAI-compatible endpoint, through the official client: a request goes in, a reply comes out.

The only module of targets that imports openai, inside the functions that need it.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from evals.errors import Retryable, TargetError
from evals.types import Output, ToolCall, Usage
from guardrails.types import Action

if TYPE_CHECKING:
    from httpx import Response
    from openai import APIStatusError

TRACE_HEADER, VERDICT_HEADER = "x-guardhouse-trace-id", "x-guardhouse-verdict"
POLICY_HEADER = "x-guardhouse-policy"
TIMING_HEADER, INSPECTING = "server-timing", "inspect_"
"""Where a proxy tells its steps, and how those begin in which guardrails look at something."""
PROMPT_HASH_HEADER = "x-guardhouse-prompt-hash"
MEASURING = {"cache-control": "no-store"}
"""Asks a proxy for a reply of the model's own: one that was kept would make repeats equal and calls fast."""

_PASSING = {408, 409, 429}
_RANKS = {action.value: action.rank for action in Action}
_WORD = re.compile(r"[\w.:-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one request."""

    output: Output
    message: Mapping[str, Any]
    """The assistant's message as the next request tells it: content, and calls with their ids. Empty without one."""
    prompt_sha256: str = ""
    """Hash of the prompt that a proxy rendered for it; empty when none did."""


class Chat:
    """An endpoint and the key for it. Each call is one try: whoever calls decides whether to try again.

    Raises TargetError when the address or the key cannot be used at all.
    """

    def __init__(self, base_url: str, api_key: str, timeout_s: float) -> None:
        import httpx
        from openai import AsyncOpenAI

        from evals.wire import client

        self._base_url, self._timeout_s = base_url, timeout_s
        if not (api_key.isascii() and api_key.isprintable()):
            raise TargetError("the key has characters that no header can carry", fix="copy it anew")
        try:
            self._client = AsyncOpenAI(
                base_url=base_url,
                api_key=api_key or "none",
                timeout=timeout_s,
                max_retries=0,
                default_headers=MEASURING,
                http_client=client(timeout_s),
            )
        except (httpx.InvalidURL, ValueError):
            raise TargetError(f"{base_url!r} is not a web address", fix="correct --base-url") from None

    async def probe(self) -> None:
        """Lists the models once; any answer but a refused key will do. Raises TargetError."""
        import httpx
        import openai

        try:
            await self._client.get("/models", cast_to=httpx.Response)
        except (openai.AuthenticationError, openai.PermissionDeniedError):
            raise self._key_refused() from None
        except openai.APIConnectionError as error:
            raise TargetError(
                f"the target at {self._base_url} cannot be reached ({_root(error)})",
                fix="start it, or correct --base-url",
            ) from None
        except (openai.APIError, ValueError):
            return

    async def ask(self, request: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Reply:
        """One chat completion. What guardrails blocked is an output with verdict `block`.

        Raises Retryable for what may pass: 429, 408, 409, 5xx, a broken connection, no reply in time.
        Raises TargetError for a refused key. Every other failure is in the output's error, without a word of the
        server's.
        """
        import httpx
        import openai

        started = time.perf_counter()
        try:
            # The client's own method would turn request and reply into models, which costs more than the call.
            raw = await self._client.post(
                "/chat/completions",
                body=dict(request),
                cast_to=httpx.Response,
                options={"headers": dict(headers or {})},
            )
            reply = _reply(raw)
        except openai.APIStatusError as error:
            reply = Reply(self._refused(error), {})
        except openai.APITimeoutError:
            raise Retryable(f"no reply within {self._timeout_s:g} s") from None
        except openai.APIConnectionError as error:
            raise Retryable(f"connection failed ({_root(error)})") from None
        except UnicodeEncodeError:
            reply = Reply(Output(error="the case holds half a character, which cannot be sent"), {})
        except (openai.OpenAIError, ValueError, TypeError, RecursionError) as error:
            reply = Reply(Output(error=f"the request cannot be made ({type(error).__name__})"), {})
        spent = round((time.perf_counter() - started) * 1000, 3)
        return replace(reply, output=replace(reply.output, latency_ms=spent))

    async def aclose(self) -> None:
        """Lets go of connections."""
        await self._client.close()

    def _key_refused(self) -> TargetError:
        what = f"the target at {self._base_url} refuses the key"
        return TargetError(what, fix="give it with --api-key or GUARDHOUSE_API_KEY")

    def _refused(self, error: APIStatusError) -> Output:
        """What a status other than 200 is as an output. Raises Retryable."""
        headers, status = error.response.headers, error.status_code
        trace, verdict = headers.get(TRACE_HEADER, ""), _verdict(headers)
        if status == 400 and error.code == "content_filter":
            policy, spent = headers.get(POLICY_HEADER, ""), guardrail_ms(headers)
            return Output(trace_id=trace, verdict=verdict or "block", policy=policy, guardrail_ms=spent)
        code = error.code if isinstance(error.code, str) and _WORD.fullmatch(error.code) else ""
        reason = f"HTTP {status} {code}".strip()
        if status == 401:
            raise self._key_refused() from None
        if status in _PASSING or status >= 500:
            raise Retryable(reason, wait_s=wait_s(headers), throttled=status == 429, trace_id=trace) from None
        return Output(error=reason, trace_id=trace, verdict=verdict)


def wait_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to be left alone for: `retry-after-ms`, or `retry-after` in seconds or as a date.

    None when it does not say, or not readably; never negative.
    """
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            told = float(headers.get(name, "")) / unit
        except ValueError:
            continue
        if math.isfinite(told):
            return max(0.0, told)
    try:
        until = parsedate_to_datetime(headers.get("retry-after", ""))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    zoned = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, zoned.timestamp() - time.time())


def guardrail_ms(headers: Mapping[str, str]) -> float | None:
    """Milliseconds that a proxy's guardrails took for one call, all steps together; None when it does not say."""
    spent: list[float] = []
    for step in headers.get(TIMING_HEADER, "").split(","):
        name, *told = (part.strip() for part in step.split(";"))
        lasted = [part.removeprefix("dur=") for part in told if part.startswith("dur=")]
        if not name.startswith(INSPECTING) or not lasted:
            continue
        try:
            value = float(lasted[0])
        except ValueError:
            return None
        if not math.isfinite(value) or value < 0:
            return None
        spent.append(value)
    return round(sum(spent), 3) if spent else None


def together(outputs: Sequence[Output]) -> Output:
    """Several calls as one output without a text: all tool calls, tokens and time summed, the strictest verdict.

    Tokens and time in guardrails are None when any answered call did not tell them: a part would pass for the whole.
    The trace and the model are the last that were told. Errors are the caller's to tell.
    """
    answered = [output for output in outputs if not refused(output)]
    counted = [output.usage for output in answered if output.usage is not None]
    spent = [output.guardrail_ms for output in answered if output.guardrail_ms is not None]
    verdicts = [output.verdict for output in outputs if output.verdict is not None]
    return Output(
        tool_calls=tuple(call for output in outputs for call in output.tool_calls or ()),
        verdict=max(verdicts, key=lambda verdict: _RANKS.get(verdict, -1), default=None),
        usage=Usage(
            sum(usage.prompt_tokens for usage in counted), sum(usage.completion_tokens for usage in counted)
        )
        if answered and len(counted) == len(answered)
        else None,
        latency_ms=round(sum(output.latency_ms for output in outputs), 3),
        trace_id=_last(output.trace_id for output in outputs),
        answered_model=_last(output.answered_model for output in outputs),
        attempts=max(1, len(outputs)),
        policy=_last(output.policy for output in outputs),
        guardrail_ms=round(sum(spent), 3) if answered and len(spent) == len(answered) else None,
    )


def refused(output: Output) -> bool:
    """Whether a call failed without any model answering it, which costs no tokens."""
    return bool(output.error) and output.usage is None and not output.answered_model


def _last(words: Iterable[str]) -> str:
    return ["", *filter(None, words)][-1]


def _reply(raw: Response) -> Reply:
    """A reply of status 200, whatever it holds, as an output."""
    headers = raw.headers
    known = Output(
        verdict=_verdict(headers),
        trace_id=headers.get(TRACE_HEADER, ""),
        policy=headers.get(POLICY_HEADER, ""),
        guardrail_ms=guardrail_ms(headers),
    )
    rendered = headers.get(PROMPT_HASH_HEADER, "")

    def wrong(what: str) -> Reply:
        return Reply(replace(known, error=what), {}, rendered)

    try:
        told = json.loads(raw.content)
    except (ValueError, RecursionError):
        return wrong("unreadable reply: it is not JSON")
    if isinstance(told, dict):
        model = told.get("model")
        known = replace(
            known, usage=_usage(told.get("usage")), answered_model=model if isinstance(model, str) else ""
        )
    message = _message(told)
    if message is None:
        return wrong("the reply has no choices")
    text, asked = message.get("content") or message.get("refusal") or "", message.get("tool_calls") or []
    if not isinstance(text, str) or not isinstance(asked, list):
        return wrong("unreadable reply: its content is not a text, or its tool calls are no list")
    calls = [_call(call, place) for place, call in enumerate(asked) if _is_function(call)]
    output = replace(
        known,
        text=text,
        tool_calls=tuple(ToolCall(call["function"]["name"], call["function"]["arguments"]) for call in calls),
    )
    spoken: dict[str, Any] = {"role": "assistant", "content": text if text or not calls else None}
    return Reply(output, spoken | ({"tool_calls": calls} if calls else {}), rendered)


def _message(told: Any) -> dict[str, Any] | None:
    """The first choice's message; None where there is none."""
    choices = told.get("choices") if isinstance(told, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, dict) else None
    return message if isinstance(message, dict) else None


def _is_function(call: Any) -> bool:
    if not isinstance(call, dict) or call.get("type", "function") != "function":
        return False
    return isinstance(call.get("function"), dict)


def _call(call: dict[str, Any], place: int) -> dict[str, Any]:
    """A call with an id, and with arguments as a text, also of servers that send the object itself."""
    arguments = call["function"].get("arguments")
    text = arguments if isinstance(arguments, str) else "" if arguments is None else json.dumps(arguments)
    function = {"name": str(call["function"].get("name") or ""), "arguments": text}
    return {"id": str(call.get("id") or f"call_{place}"), "type": "function", "function": function}


def _usage(told: Any) -> Usage | None:
    """Tokens as told; None unless both are whole numbers that a JSON reader keeps exact."""
    counts = (
        [told.get(name) for name in ("prompt_tokens", "completion_tokens")] if isinstance(told, dict) else []
    )
    whole = [count for count in counts if type(count) is int and 0 <= count < 2**53]
    return Usage(*whole) if len(whole) == 2 else None


def _verdict(headers: Mapping[str, str]) -> str | None:
    value = headers.get(VERDICT_HEADER, "").replace(";", " ").replace(",", " ").split()
    return value[0] if value else None


def _root(error: BaseException) -> str:
    cause = error.__cause__ or error.__context__
    return type(error).__name__ if cause is None else _root(cause)
