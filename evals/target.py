"""What is under test: a case goes in, an output comes out. What goes wrong on the way is in the output."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from evals.errors import TargetError
from evals.golden import canonical
from evals.types import Case, Hit, Output, PromptRef, TargetRef, ToolCall, Usage
from guardrails.types import Segment, Stage, Verdict

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types.chat import ChatCompletion

TRACE_HEADER, VERDICT_HEADER = "x-guardhouse-trace-id", "x-guardhouse-verdict"
PROMPT_HASH_HEADER = "x-guardhouse-prompt-hash"


class Target(Protocol):
    """Answers cases."""

    @property
    def ref(self) -> TargetRef:
        """How a run refers to it; its signature covers everything that may change an output."""

    async def probe(self) -> None:
        """Returns when the target can be asked. Raises TargetError with what to do."""

    async def ask(self, case: Case) -> Output:
        """The output for a case. Failures of the target are in `Output.error`, not raised."""

    async def aclose(self) -> None:
        """Lets go of connections."""


class Found(Protocol):
    """What is read of a retriever's hit."""

    doc_id: str
    score: float
    text: str


class Retriever(Protocol):
    """Finds passages for a question, best first."""

    def search(self, query: str, k: int) -> Sequence[Any]:
        """At most k hits with `doc_id`, `score`, `text`, and where known `start` and `end`."""


@dataclass(frozen=True, slots=True)
class Ask:
    """How a target is asked."""

    model: str
    system_prompt: str = ""
    prompt: PromptRef | None = None
    """A prompt that the proxy renders, from the case's question, hits and variables."""
    k: int = 5
    """Hits per question."""
    send_hits: bool = False
    """Whether the hits also go as `guardhouse.retrieval`, a field that only a Guardhouse proxy takes."""
    temperature: float | None = None
    """None leaves it to the server."""
    timeout_s: float = 60.0
    index: str = ""
    """Identity of the retrieval index."""


class HttpTarget:
    """Any OpenAI-compatible chat endpoint, asked through the official client: one chat call a case."""

    def __init__(self, base_url: str, api_key: str, how: Ask, retriever: Retriever | None = None) -> None:
        import httpx
        from openai import AsyncOpenAI

        self._base_url, self._how, self._retriever = base_url, how, retriever
        try:
            self._client: AsyncOpenAI = AsyncOpenAI(
                base_url=base_url, api_key=api_key or "none", timeout=how.timeout_s, max_retries=2
            )
        except (httpx.InvalidURL, ValueError):
            raise TargetError(f"{base_url!r} is not a web address", fix="correct --base-url") from None

    @property
    def ref(self) -> TargetRef:
        """As in Target."""
        told = asdict(replace(self._how, timeout_s=0.0)) | {"base_url": self._base_url}
        if self._how.prompt is None:
            # Runs of before there were such prompts keep their signature.
            del told["prompt"]
        signature = hashlib.sha256(
            canonical(told | {"searches": self._retriever is not None}).encode()
        ).hexdigest()
        return TargetRef("http", self._base_url, self._how.model, index=self._how.index, signature=signature)

    async def probe(self) -> None:
        """As in Target: lists the models once. Any answer but a refused key will do."""
        import openai

        try:
            await self._client.with_options(max_retries=0).models.list()
        except (openai.AuthenticationError, openai.PermissionDeniedError):
            raise TargetError(
                f"the target at {self._base_url} refuses the key",
                fix="give it with --api-key or GUARDHOUSE_API_KEY",
            ) from None
        except openai.APIConnectionError as error:
            raise TargetError(
                f"the target at {self._base_url} cannot be reached ({_root(error)})",
                fix="start it, or correct --base-url",
            ) from None
        except (openai.APIError, ValueError):
            return

    async def ask(self, case: Case) -> Output:
        """As in Target. A reply that guardrails blocked is an output with verdict `block`, not an error."""
        import openai

        hits = await self._search(case)
        started = time.perf_counter()

        def so_far(**known: Any) -> Output:
            return Output(hits=hits, latency_ms=round((time.perf_counter() - started) * 1000, 3), **known)

        try:
            raw = await self._client.chat.completions.with_raw_response.create(**self._request(case, hits))
            return self._as_asked(_output(so_far(), raw.parse(), raw.headers), raw.headers)
        except openai.APIStatusError as error:
            headers = error.response.headers
            known = {"trace_id": headers.get(TRACE_HEADER, ""), "verdict": _verdict(headers)}
            if error.status_code == 400 and error.code == "content_filter":
                return so_far(**known | {"verdict": known["verdict"] or "block"})
            return so_far(
                **known, error=f"HTTP {error.status_code}" + (f" {error.code}" if error.code else "")
            )
        except openai.APITimeoutError:
            return so_far(error=f"no reply within {self._how.timeout_s:g} s")
        except openai.APIConnectionError as error:
            return so_far(error=f"connection failed ({_root(error)})")
        except (openai.OpenAIError, ValueError) as error:
            return so_far(error=f"unreadable reply ({type(error).__name__})")

    async def aclose(self) -> None:
        """As in Target."""
        await self._client.close()

    async def _search(self, case: Case) -> tuple[Hit, ...] | None:
        if self._retriever is None or case.question is None:
            return None
        found = await asyncio.to_thread(self._retriever.search, case.question, self._how.k)
        return tuple(_hit(hit, rank) for rank, hit in enumerate(found, start=1))

    def _as_asked(self, output: Output, headers: Mapping[str, str]) -> Output:
        """The output; without it where the proxy says that it rendered something else."""
        named, used = self._how.prompt, headers.get(PROMPT_HASH_HEADER)
        if named is None or used == named.sha256:
            return output
        said = "renders another text for" if used else "does not know"
        return Output(
            error=f"the proxy {said} {named.name}@{named.version}: give it the file that --prompt names",
            trace_id=output.trace_id,
            latency_ms=output.latency_ms,
        )

    def _request(self, case: Case, hits: Sequence[Hit] | None) -> dict[str, Any]:
        named = self._how.prompt
        request: dict[str, Any] = {
            "model": self._how.model,
            "messages": messages(case, self._how.system_prompt, hits) if named is None else [*case.messages],
        }
        told: dict[str, Any] = {} if named is None else {"prompt": _rendering(named, case, hits)}
        if case.tools:
            request["tools"] = list(case.tools)
        if self._how.temperature is not None:
            request["temperature"] = self._how.temperature
        if self._how.send_hits and hits is not None:
            listed = [
                {"rank": hit.rank, "doc_id": hit.doc_id, "score": hit.score, "text": hit.text} for hit in hits
            ]
            told["retrieval"] = {"query": case.question, "hits": listed}
        if told:
            request["extra_body"] = {"guardhouse": told}
        return request


class Inspector(Protocol):
    """What is needed of a Guard."""

    async def inspect(self, segments: Sequence[Segment], vault: Any = None) -> Verdict:
        """The verdict on some segments."""


class PolicyTarget:
    """A bare Guard in this process: no model is asked, the verdict on the case's input is the output.

    Args:
        guard: what inspects.
        label: the policy's `name@revision`.
        vault: makes a vault for one case; without one the guard has nowhere to mint pseudonyms.
    """

    def __init__(self, guard: Inspector, label: str, vault: Callable[[], Any] = lambda: None) -> None:
        self._guard, self._label, self._vault = guard, label, vault

    @property
    def ref(self) -> TargetRef:
        """As in Target; the policy's `name@revision` stands where a model would."""
        return TargetRef(
            "policy", "", self._label, signature=hashlib.sha256(self._label.encode()).hexdigest()
        )

    async def probe(self) -> None:
        """A guard in this process can always be asked."""

    async def ask(self, case: Case) -> Output:
        """As in Target."""
        started = time.perf_counter()
        verdict = await self._guard.inspect(segments(case), self._vault())
        entities = tuple(sorted({finding.entity for finding in verdict.findings}))
        failed = "; ".join(f"check {failure.check}: {failure.kind}" for failure in verdict.failures)
        spent = round((time.perf_counter() - started) * 1000, 3)
        return Output(verdict=verdict.action.value, entities=entities, latency_ms=spent, error=failed)

    async def aclose(self) -> None:
        """Nothing to let go of."""


def policy_target(name: str) -> PolicyTarget:
    """The target for a policy, given as a file or a built-in's name. Raises PolicyError or TargetError."""
    path = Path(name)
    if not path.is_file() and name not in {"default", "strict", "agents"}:
        raise TargetError(
            f"there is no policy {name!r}", fix="give a policy file, `default`, `strict` or `agents`"
        )
    from guardrails.engine import load_guard
    from guardrails.policy import builtin, load
    from guardrails.pseudonyms import Vault

    loaded = load(path) if path.is_file() else builtin(name)
    key = secrets.token_bytes(32)
    return PolicyTarget(load_guard(loaded, key), loaded.label, lambda: Vault(key, "eval", "case"))


def messages(case: Case, system_prompt: str, hits: Sequence[Hit] | None) -> list[dict[str, Any]]:
    """The chat messages that put a case: system prompt, then the question below its hits, one a line."""
    head = [{"role": "system", "content": system_prompt}] if system_prompt else []
    if case.question is None:
        return [*head, *map(dict, case.messages)]
    if hits is None:
        return [*head, {"role": "user", "content": case.question}]
    lines = [f"[{hit.doc_id}] {' '.join(hit.text.split())}" for hit in hits]
    return [*head, {"role": "user", "content": "\n".join([*lines, f"Question: {case.question}"])}]


def _rendering(prompt: PromptRef, case: Case, hits: Sequence[Hit] | None) -> dict[str, Any]:
    """What `guardhouse.prompt` of a request says: the case's own variables, its question, and its hits as passages."""
    variables = dict(case.variables)
    if case.question is not None:
        variables.setdefault("question", case.question)
    if hits is not None:
        variables.setdefault(
            "passages", [{"doc_id": hit.doc_id, "text": " ".join(hit.text.split())} for hit in hits]
        )
    return {"name": prompt.name, "version": prompt.version, "variables": variables}


def segments(case: Case) -> list[Segment]:
    """The inspectable strings of a case's input."""
    if case.question is not None:
        return [Segment(case.question, "/messages/0/content", Stage.INPUT)]
    found: list[Segment] = []
    for place, message in enumerate(case.messages):
        role = str(message.get("role", "user"))
        stage = Stage.TOOL_RESULT if role == "tool" else Stage.INPUT
        channel = f"tool:{message.get('name', '')}" if role == "tool" else role
        content = message.get("content")
        if isinstance(content, str):
            found.append(Segment(content, f"/messages/{place}/content", stage, channel))
        for part, piece in enumerate(content if isinstance(content, list) else ()):
            if isinstance(piece, dict) and isinstance(piece.get("text"), str):
                found.append(Segment(piece["text"], f"/messages/{place}/content/{part}/text", stage, channel))
    return found


def _hit(found: Found, rank: int) -> Hit:
    start, end = getattr(found, "start", None), getattr(found, "end", None)
    return Hit(found.doc_id, float(found.score), found.text, rank, start, end)


def _output(blank: Output, reply: ChatCompletion, headers: Mapping[str, str]) -> Output:
    """A reply as an output. Raises ValueError when it is not a chat completion."""
    known = replace(blank, verdict=_verdict(headers), trace_id=headers.get(TRACE_HEADER, ""))
    choices = getattr(reply, "choices", None)
    if not choices or getattr(choices[0], "message", None) is None:
        return replace(known, error="the reply has no choices")
    message = choices[0].message
    calls = [call for call in message.tool_calls or () if call.type == "function"]
    return replace(
        known,
        text=message.content or message.refusal or "",
        tool_calls=tuple(ToolCall(call.function.name, call.function.arguments) for call in calls),
        usage=_usage(reply.usage),
        answered_model=reply.model or "",
    )


def _usage(told: Any) -> Usage | None:
    """Tokens as told; None unless both are whole numbers that a JSON reader keeps exact."""
    counts = [getattr(told, name, None) for name in ("prompt_tokens", "completion_tokens")]
    whole = [count for count in counts if type(count) is int and 0 <= count < 2**53]
    return Usage(*whole) if len(whole) == len(counts) else None


def _verdict(headers: Mapping[str, str]) -> str | None:
    value = headers.get(VERDICT_HEADER, "").replace(";", " ").replace(",", " ").split()
    return value[0] if value else None


def _root(error: BaseException) -> str:
    cause = error.__cause__ or error.__context__
    return type(error).__name__ if cause is None else _root(cause)
