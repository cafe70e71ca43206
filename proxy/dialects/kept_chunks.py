"""Chunks of one text that wait as their provider wrote them, until all of their text may leave.

A guard holds back the end of a text until it knows what comes next. Chunks that hold nothing but a piece of that text
wait with it and leave whole, so that a stream in which nothing changes arrives just as it was written.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from proxy import sse
from proxy.dialects.chat_lanes import Lane
from proxy.dialects.chunk_form import Form

MAX_OWED = 64
"""Characters that may leave and wait for the rest of their chunk; with more they are told without it."""
MAX_CHUNKS = 256


@dataclass(slots=True)
class KeptChunks:
    """The chunks that wait, all of one lane."""

    lane: Lane | None = None
    """The text that they are pieces of; None when nothing waits."""
    index: int = 0
    """Of its choice."""
    _chunks: deque[tuple[Form, str, bytes]] = field(default_factory=deque)
    _owed: int = 0
    """Characters that the guard has released and nobody was told yet; they begin with the first chunk's."""

    def add(self, lane: Lane, form: Form, text: str, payload: bytes, released: int) -> bytes:
        """Take in a chunk of which, with those before it, so many characters are released."""
        if released == len(text) and not self._chunks:
            return sse.event(payload)
        self.lane, self.index = lane, form.index
        self._chunks.append((form, text, payload))
        self._owed += released
        frames = []
        while self._chunks and self._owed >= len(self._chunks[0][1]):
            _, told, ready = self._chunks.popleft()
            self._owed -= len(told)
            frames.append(sse.event(ready))
        if not self._chunks:
            self.lane = None
        elif self._owed > MAX_OWED or len(self._chunks) > MAX_CHUNKS:
            frames.append(self.told_anew())
        return b"".join(frames)

    def whole(self) -> bytes:
        """Everything that waits, as it was written: the guard has released all of it unchanged."""
        frames = b"".join([sse.event(payload) for _, _, payload in self._chunks])
        self._clear()
        return frames

    def told_anew(self) -> bytes:
        """What waits, rewritten to what is released of it. The guard goes on holding the rest."""
        frames = []
        for form, text, _ in self._chunks:
            part = text[: self._owed]
            self._owed -= len(part)
            if told := form.written(part) if part else form.silent:
                frames.append(sse.event(told))
        self._clear()
        return b"".join(frames)

    def _clear(self) -> None:
        self._chunks.clear()
        self.lane, self._owed = None, 0
