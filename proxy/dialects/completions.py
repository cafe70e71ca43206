"""The dialect of `/v1/completions`: a prompt in, texts out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from guardrails.engine import Guard
from guardrails.pseudonyms import INSTRUCTION, Vault
from guardrails.types import Edit, Segment, Stage
from proxy import sse
from proxy.dialects import chat_reply, completions_reply, prompts
from proxy.dialects.base import Reply, Request
from proxy.dialects.completions_stream import CompletionStream
from proxy.dialects.plain_dialect import PlainDialect
from proxy.dialects.request_body import check_basics

if TYPE_CHECKING:
    from proxy.exchange import Exchange


class Completions(PlainDialect):
    """The legacy completions dialect. See `proxy.dialects.base.Dialect`."""

    name = "completions"

    def check(self, request: Request) -> None:
        """As in Dialect."""
        check_basics(request)
        prompts.check(request, "prompt")

    def unscannable(self, request: Request) -> list[tuple[str, Stage]]:
        """As in Dialect."""
        return prompts.unscannable(request.get("prompt"), "/prompt")

    def outgoing(self, request: Request, edits: Sequence[Edit], vault: Vault) -> Request:
        """As in Dialect."""
        return instructed(prompts.outgoing(request), edits, vault)

    def stored(self, request: Request) -> Request:
        """As in Dialect."""
        return prompts.stored(request, "prompt")

    def reply(self, body: bytes) -> Reply:
        """As in Dialect."""
        return completions_reply.parse_reply(body)

    def reply_texts(self, reply: Reply) -> list[Segment]:
        """As in Dialect."""
        return completions_reply.reply_segments(reply)

    def edited_reply(self, reply: Reply, edits: Iterable[Edit]) -> Reply:
        """As in Dialect."""
        return chat_reply.apply_reply(reply, edits)

    def restored(self, reply: Reply, edits: Iterable[Edit], vault: Vault, request: Request) -> Reply:
        """As in Dialect."""
        return completions_reply.restored(reply, edits, vault)

    def blocked(self, reply: Reply) -> Reply:
        """As in Dialect."""
        return completions_reply.blocked_reply(reply)

    def stored_reply(self, reply: Reply) -> Reply:
        """As in Dialect."""
        return reply

    def finish_reasons(self, reply: Reply) -> tuple[str, ...]:
        """As in Dialect."""
        return chat_reply.finish_reasons(reply)

    def refusal(self, exchange: Exchange) -> Reply:
        """As in Dialect."""
        return completions_reply.refusal(exchange.id, exchange.model)

    def events(self, reply: Reply) -> bytes:
        """As in Dialect."""
        return b"".join(sse.event(chunk) for chunk in completions_reply.as_chunks(reply))

    def stream(self, guard: Guard, exchange: Exchange) -> CompletionStream:
        """As in Dialect."""
        return CompletionStream(guard, exchange.vault, exchange.conversation)


def instructed(request: Request, edits: Iterable[Edit], vault: Vault) -> Request:
    """The request with the line about tokens before each prompt that holds one.

    Not where the prompt comes back (`echo`), nor where the model fills in between two texts (`suffix`): there every
    character counts.
    """
    tokens = [edit.pointer for edit in edits if vault.is_token(edit.replacement)]
    places = prompts.with_tokens(tokens, "prompt")
    if not places or request.get("echo") or request.get("suffix"):
        return request
    prompt = request["prompt"]
    if isinstance(prompt, str):
        return {**request, "prompt": _told(prompt)}
    told = [_told(text) if place in places else text for place, text in enumerate(prompt)]
    return {**request, "prompt": told}


def _told(prompt: str) -> str:
    return f"{INSTRUCTION}\n\n{prompt}"


COMPLETIONS = Completions()
"""The one completions dialect."""
