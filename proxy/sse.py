"""Server-sent events: bytes in, `data:` payloads out, and the frames to send."""

from __future__ import annotations

from proxy.errors import UpstreamError

COMMENT_PING = b": ping\n\n"
"""A comment that keeps a silent stream alive; every client skips it."""

DONE = b"[DONE]"
"""The payload with which OpenAI ends a stream."""

MAX_EVENT_BYTES = 16 * 1024 * 1024
"""An event longer than this is not an answer but a fault."""

_BOM = b"\xef\xbb\xbf"


def event(payload: bytes) -> bytes:
    """The payload as one event; line ends inside it become further `data:` lines."""
    if b"\n" in payload:
        payload = payload.replace(b"\n", b"\ndata: ")
    return b"data: " + payload + b"\n\n"


def named(name: str, payload: bytes) -> bytes:
    """The payload as one event with a name; the name is a plain word."""
    return b"event: " + name.encode() + b"\n" + event(payload)


class Decoder:
    """Cuts a byte stream into the `data:` payloads of its complete events, however it was split.

    Comments, other fields and events without data are skipped. An event counts once its blank line came:
    what is left open when the stream ends was never finished.
    """

    __slots__ = ("_after_cr", "_buffer", "_first")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._after_cr = False
        self._first = True

    @property
    def rest(self) -> bool:
        """Whether an event has begun that is not complete."""
        return bool(self._buffer.strip(b"\n"))

    def feed(self, chunk: bytes) -> list[bytes]:
        """The payloads completed by this chunk, in order. Raises UpstreamError for an endless event."""
        if self._after_cr or b"\r" in chunk:
            chunk = self._only_newlines(chunk)
        buffer = self._buffer
        if not (buffer or self._first) and chunk.endswith(b"\n\n"):
            # The usual case: whole events of one line each.
            events = chunk[:-2].split(b"\n\n")
            if chunk.count(b"\n") == 2 * len(events) and all(e.startswith(b"data: ") for e in events):
                return [e[6:] for e in events]
        seek = max(0, len(buffer) - 1)
        buffer += chunk
        payloads: list[bytes] = []
        start = 0
        while (end := buffer.find(b"\n\n", max(start, seek))) >= 0:
            payload = self._payload(bytes(buffer[start:end]))
            if payload is not None:
                payloads.append(payload)
            start = end + 2
        if start:
            del buffer[:start]
        if len(buffer) > MAX_EVENT_BYTES:
            raise UpstreamError("The provider sent an event without end.")
        return payloads

    def _only_newlines(self, chunk: bytes) -> bytes:
        """The chunk with each CRLF and CR as LF; a LF whose CR came with the last chunk is dropped."""
        if not chunk:
            return chunk
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
            self._after_cr = False
            if not chunk:
                return chunk
        self._after_cr = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _payload(self, block: bytes) -> bytes | None:
        """The data of one event: its lines joined by newlines, or None when it has none."""
        if self._first:
            self._first = False
            block = block.removeprefix(_BOM)
        if block.startswith(b"data:") and b"\n" not in block:
            return block[6:] if block.startswith(b"data: ") else block[5:]
        lines = []
        for line in block.split(b"\n"):
            name, _, value = line.partition(b":")
            if name == b"data":
                lines.append(value.removeprefix(b" "))
        return b"\n".join(lines) if lines else None
