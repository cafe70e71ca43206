"""The chats that are sent when the proxy is timed. Each holds a phrase of its own, so no text is met twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.bench.texts import prose

MARK = "qqqqqqqq"
"""Stands where each request gets a phrase of its own."""
_WORDS = (
    *("spring", "minute", "ledger", "kettle", "winter", "garden", "letter", "market"),
    *("silver", "bridge", "carpet", "window", "summer", "orange", "basket", "harbor"),
)
VALUES = {
    "mail": "maria.keller@kestrel.dev",
    "call": "415-867-5309",
    "charge the card": "4539 1488 0343 6467",
    "her SSN is": "536-90-4399",
    "wire it to": "DE89 3704 0044 0532 0130 00",
    "the server is": "81.2.69.160",
    "the key was": "AKIAQ3EGTIMUFAW5ZPVN",
    "or mail": "tom.okafor@kestrel.dev",
    "his phone is": "+44 20 7946 0958",
}
"""Nine values by what stands before them in a conversation."""


def phrase(number: int) -> bytes:
    """Eight common words, always 55 characters, for the lower 32 bits of a number.

    Words and not letters: letters at random are dear to whoever looks for secrets, and nobody writes them.
    """
    return " ".join([_WORDS[int(digit, 16)] for digit in f"{number & 0xFFFFFFFF:08x}"]).encode()


@dataclass(frozen=True, slots=True, eq=False)
class Chat:
    """One kind of request."""

    name: str
    request: dict[str, Any]
    paced: bool = False
    """The answer is a stream in time: its chunks are timed, and its CPU means nothing."""

    def bodies(self, extra: dict[str, Any], first: int) -> Iterator[bytes]:
        """Request bodies without end, all of one length; those of another `first` (far enough away) are others.

        Args:
            extra: further keys of the request, as a certain proxy wants them.
            first: the number of the first.
        """
        parts = json.dumps({**self.request, **extra}).encode().split(MARK.encode())
        while True:
            yield phrase(first).join(parts)
            first += 1


def _marked(text: str, every: int) -> str:
    return " ".join(f"{MARK} {text[at : at + every]}" for at in range(0, len(text), every))


def _asked(*messages: str, model: str = "bench", stream: bool = False) -> dict[str, Any]:
    said = [
        {"role": "user" if n % 2 == 0 else "assistant", "content": each} for n, each in enumerate(messages)
    ]
    request: dict[str, Any] = {"model": model, "messages": said}
    return {**request, "stream": True} if stream else request


def history(mark: str) -> list[str]:
    """20 messages, 8 KB, nine values in the older ones; each message begins with `mark`."""
    chance = Random(8)
    texts = [f"{mark} {prose(chance, 340)}" for _ in range(20)]
    for place, (lead, value) in enumerate(VALUES.items()):
        texts[2 * place] += f" And {lead} {value}, please."
    return texts


SMALL = Chat("small chat", _asked(f"{MARK} {prose(Random(1), 145)}"))
SAME = Chat("small chat, the same again", _asked(prose(Random(1), 200)))
NEW_HISTORY = Chat("8 KB history", _asked(*history(MARK)))
OLD_HISTORY = Chat(
    "8 KB history seen before", _asked(*history("as said:"), f"{MARK} {prose(Random(2), 145)}")
)
LARGE = Chat("64 KB prompt", _asked(_marked(prose(Random(3), 56_000), 344)))
SHAPES = ("space in front", "space behind")


def _streamed(model: str) -> dict[str, Any]:
    return _asked(f"{MARK} {prose(Random(1), 145)}", model=model, stream=True)


def stream(shape: str) -> Chat:
    """An answer of 100 chunks, as fast as it is read."""
    return Chat(f"stream of 100, {shape}", _streamed(f"bench-{shape.split()[-1]}"))


def paced(shape: str, short: bool) -> Chat:
    """An answer of 100 chunks, or of 20, 10 ms apart."""
    return Chat(
        f"paced, {shape}", _streamed(f"bench-{shape.split()[-1]}-{'short' if short else 'paced'}"), paced=True
    )


MODELS = (
    "bench",
    *(f"bench-{shape.split()[-1]}{pace}" for shape in SHAPES for pace in ("", "-paced", "-short")),
)
