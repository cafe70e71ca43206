"""What a dialect is: one wire format, and how its requests and replies are read, changed and told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from guardrails.types import Edit, Segment, Stage, Verdict

if TYPE_CHECKING:
    from guardrails.conversation import Conversation, ToolCall
    from guardrails.engine import Guard
    from guardrails.pseudonyms import Vault
    from proxy.errors import ProxyError
    from proxy.exchange import Exchange, RetrievalHit
    from proxy.exchange import ToolCall as StoredCall

Request = dict[str, Any]
"""A request as parsed: a JSON object, unknown members and all."""
Reply = dict[str, Any]
"""A provider's whole reply as parsed."""


class GuardedStream(Protocol):
    """The guard of one streamed reply. `feed` each payload in order, then `end`; stop when `blocked`."""

    blocked: bool
    """A rule blocked the reply: nothing that is still held may leave."""
    started: bool
    """The provider sent a first proper event."""
    done: bool
    """The provider said that it is done."""
    usage: dict[str, Any] | None

    async def feed(self, payload: bytes) -> bytes:
        """The frames that may leave after this payload. Raises UpstreamError when it is no event of the dialect."""

    async def end(self) -> bytes:
        """The frames still held when the provider has ended. Look at `blocked`, then at `broken`."""

    def block(self) -> bytes:
        """The frames that end a blocked stream."""

    @property
    def broken(self) -> str | None:
        """Why the ended stream is no whole answer, or None when it is one."""

    def verdict(self) -> Verdict:
        """What was found in all that came so far."""

    @property
    def model(self) -> str | None:
        """The model that the provider says answered."""

    def finish_reasons(self) -> tuple[str, ...]:
        """Why the reply ended, by choice."""

    def response(self) -> Reply | None:
        """What left so far, as one whole reply with pseudonyms in place; None before the first event."""


class Dialect(Protocol):
    """One wire format. Keeps nothing of what it reads."""

    name: str
    """As traces name it."""

    # --- requests

    def check(self, request: Request) -> None:
        """Checks the shape as far as anything here depends on it. Raises BadRequest naming the member."""

    def texts(self, request: Request) -> list[Segment]:
        """Every text of a request."""

    def unscannable(self, request: Request) -> list[tuple[str, Stage]]:
        """(pointer, stage) of every part that holds something other than text."""

    def hits(self, request: Request) -> list[RetrievalHit]:
        """The hits that the caller reports, in rank order, with the texts the request holds. Raises BadRequest."""

    def conversation(self, request: Request, texts: Sequence[Segment], key: str) -> Conversation:
        """What the request says, for checks that judge by it."""

    def edited(self, request: Request, edits: Iterable[Edit]) -> Request:
        """The request with edits of its texts made: a copy where something changes."""

    def outgoing(self, request: Request, edits: Sequence[Edit], vault: Vault) -> Request:
        """The edited request for the provider: without what is ours, and with what the model must know of tokens."""

    def stored(self, request: Request) -> Request:
        """The edited request as it is kept: without our extension, and with notes in place of media."""

    def answered_calls(self, request: Request) -> list[StoredCall]:
        """The tool calls of earlier turns that this request answers."""

    # --- replies

    def reply(self, body: bytes) -> Reply:
        """The reply that a body holds. Raises UpstreamError when it is none."""

    def reply_texts(self, reply: Reply) -> list[Segment]:
        """Every text of a reply."""

    def reply_calls(self, reply: Reply) -> list[ToolCall]:
        """The tool calls that a reply asks for, for checks."""

    def edited_reply(self, reply: Reply, edits: Iterable[Edit]) -> Reply:
        """The reply with edits of its texts made."""

    def restored(self, reply: Reply, edits: Iterable[Edit], vault: Vault, request: Request) -> Reply:
        """The same, with every pseudonym of the request its value again."""

    def blocked(self, reply: Reply) -> Reply:
        """The reply with nothing of the model's left in it. Raises Blocked where a reply cannot say so."""

    def stored_reply(self, reply: Reply) -> Reply:
        """The edited reply as it is kept: without what nobody reads, such as vectors."""

    def note(self, exchange: Exchange, reply: Reply) -> None:
        """Sets what the exchange says of a reply: usage, model."""

    def finish_reasons(self, reply: Reply) -> tuple[str, ...]:
        """Why the reply ended, by choice."""

    def requested_calls(self, reply: Reply) -> list[StoredCall]:
        """The tool calls that a reply asks for, as they are kept."""

    def refusal(self, exchange: Exchange) -> Reply | None:
        """A reply of our own that declines politely; None where a reply cannot say so."""

    # --- on the wire

    def events(self, reply: Reply) -> bytes:
        """A whole reply told as a stream, without the frame that ends it."""

    def stream(self, guard: Guard, exchange: Exchange) -> GuardedStream:
        """The guard of a streamed reply to the exchange's request."""

    def error(self, error: ProxyError) -> bytes:
        """The body that tells of an error."""

    def provider_error(self, body: bytes, status: int) -> bytes:
        """A provider's error, an object with `error.message`, in this dialect's shape; itself where it has it."""

    def error_event(self, error: ProxyError) -> bytes:
        """The frame that tells of an error within a stream."""

    ping: bytes
    """The frame that keeps a silent stream alive."""
    done: bytes
    """The frame that ends every stream; empty where the dialect has none."""
