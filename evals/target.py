"""What is under test: a case goes in, an output comes out. What goes wrong on the way is in the output."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from evals.chat import Chat, Reply
from evals.errors import Retryable
from evals.golden import canonical
from evals.index_target import Retriever, search
from evals.run import PromptRef, TargetRef
from evals.scenario import Conversation
from evals.types import Case, Hit, Output

SESSION_HEADER = "x-guardhouse-session"


class Target(Protocol):
    """Answers cases."""

    @property
    def ref(self) -> TargetRef:
        """How a run refers to it; its signature covers everything that may change an output."""

    async def probe(self) -> None:
        """Returns when the target can be asked. Raises TargetError with what to do."""

    async def ask(self, case: Case, repeat: int = 0) -> Output:
        """The output for a case, asked for the `repeat`th time from 0. One try.

        Raises Retryable when another try may succeed. Other failures of the target are in `Output.error`.
        """

    async def aclose(self) -> None:
        """Lets go of connections."""


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
    seed: int | None = None
    """From which each call's own seed is made; None sends none."""


class HttpTarget:
    """Any OpenAI-compatible chat endpoint: one chat call a case, and for a scenario as many as it takes.

    The calls of a scenario name one session, new for each target: a Guardhouse proxy shows them as one agent run.
    """

    def __init__(self, base_url: str, api_key: str, how: Ask, retriever: Retriever | None = None) -> None:
        self._base_url, self._how, self._retriever = base_url, how, retriever
        self._chat = Chat(base_url, api_key, how.timeout_s)
        self._token = secrets.token_hex(8)
        self._under_way: dict[str, Conversation] = {}

    @property
    def ref(self) -> TargetRef:
        """As in Target."""
        return TargetRef(
            "http",
            self._base_url,
            self._how.model,
            index=self._how.index,
            signature=signature(self._how, self._base_url, searches=self._retriever is not None),
            temperature=self._how.temperature,
        )

    async def probe(self) -> None:
        """As in Target: lists the models once. Any answer but a refused key will do."""
        await self._chat.probe()

    async def ask(self, case: Case, repeat: int = 0) -> Output:
        """As in Target. A reply that guardrails blocked is an output with verdict `block`, not an error."""
        if case.turns:
            return await self._converse(case, repeat)
        hits = None
        if self._retriever is not None and case.question is not None:
            hits = await search(self._retriever, case.question, self._how.k)
        told = request(self._how, case, hits, repeat)
        return replace(as_asked(self._how, await self._chat.ask(told)).output, hits=hits)

    async def aclose(self) -> None:
        """As in Target."""
        await self._chat.aclose()

    async def _converse(self, case: Case, repeat: int) -> Output:
        """A scenario, from where it stopped when a call of it has to be made again."""
        named = hashlib.sha256(canonical([self._token, case.id, case.sha256, repeat]).encode()).hexdigest()
        headers = {SESSION_HEADER: f"eval-{named[:32]}"}

        async def call(said: Sequence[Mapping[str, Any]]) -> Reply:
            told = request(self._how, case, None, repeat, said)
            return as_asked(self._how, await self._chat.ask(told, headers))

        under_way = self._under_way.pop(named, None) or Conversation(case)
        try:
            return await under_way.play(call)
        except (Retryable, asyncio.CancelledError) as trouble:
            self._under_way[named] = under_way
            if isinstance(trouble, Retryable):
                trouble.so_far = under_way.so_far()
            raise


def call_seed(seed: int, sha256: str, repeat: int) -> int:
    """The seed of one call, 0 to 2^31 - 1: the same for the same case and repeat, whatever else is asked."""
    digest = hashlib.sha256(canonical([seed, sha256, repeat]).encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def signature(how: Ask, base_url: str, **more: Any) -> str:
    """Hash of everything in it that may change an output; patience may not."""
    told = asdict(replace(how, timeout_s=0.0)) | {"base_url": base_url} | more
    for name in ("prompt", "seed"):
        if told[name] is None:
            # Runs of before there were such things keep their signature.
            del told[name]
    return hashlib.sha256(canonical(told).encode()).hexdigest()


def request(
    how: Ask,
    case: Case,
    hits: Sequence[Hit] | None,
    repeat: int,
    said: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """What the endpoint is sent for a case; `said` is a scenario so far."""
    named = how.prompt
    told: dict[str, Any] = {"model": how.model}
    if named is None:
        told["messages"] = [*messages(case, how.system_prompt, hits), *said]
    else:
        told["messages"] = [*case.messages, *said]
    if case.tools:
        told["tools"] = list(case.tools)
    if how.temperature is not None:
        told["temperature"] = how.temperature
    if how.seed is not None:
        told["seed"] = call_seed(how.seed, case.sha256, repeat)
    ours: dict[str, Any] = {} if named is None else {"prompt": _rendering(named, case, hits)}
    if how.send_hits and hits is not None:
        listed = [
            {"rank": hit.rank, "doc_id": hit.doc_id, "score": hit.score, "text": hit.text} for hit in hits
        ]
        ours["retrieval"] = {"query": case.question, "hits": listed}
    return told | ({"guardhouse": ours} if ours else {})


def as_asked(how: Ask, reply: Reply) -> Reply:
    """The reply; an error in its place where the proxy says that it rendered something else."""
    named, used, output = how.prompt, reply.prompt_sha256, reply.output
    if named is None or used == named.sha256 or output.error or (output.verdict == "block" and not used):
        return reply
    said = "renders another text for" if used else "does not know"
    error = f"the proxy {said} {named.name}@{named.version}: give it the file that --prompt names"
    return Reply(replace(output, text="", tool_calls=(), verdict=None, error=error), {})


def messages(case: Case, system_prompt: str, hits: Sequence[Hit] | None) -> list[dict[str, Any]]:
    """The chat messages that put a case: system prompt, then the question below its hits, one a line."""
    head = [{"role": "system", "content": system_prompt}] if system_prompt else []
    if case.question is None:
        return [*head, *map(dict, case.messages)]
    if hits is None:
        return [*head, {"role": "user", "content": case.question}]
    lines = [f"[{hit.doc_id}] {' '.join(hit.text.split())}" for hit in hits]
    return [*head, {"role": "user", "content": "\n".join([*lines, f"Question: {case.question}"])}]


def _rendering(prompt: PromptRef, case: Case, hits: Sequence[Hit] | None) -> Mapping[str, Any]:
    """What `guardhouse.prompt` of a request says: the case's own variables, its question, and its hits as passages."""
    variables = dict(case.variables)
    if case.question is not None:
        variables.setdefault("question", case.question)
    if hits is not None:
        variables.setdefault(
            "passages", [{"doc_id": hit.doc_id, "text": " ".join(hit.text.split())} for hit in hits]
        )
    return {"name": prompt.name, "version": prompt.version, "variables": variables}
