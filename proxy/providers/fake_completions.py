"""The scripted provider's legacy completions: what it would say in a chat, as `text_completion`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from proxy.providers.fake_reader import crc
from proxy.sse import DONE, event

FINISH = "stop"
"""Why every choice ends."""


@dataclass(frozen=True, slots=True)
class TextAnswer:
    """An answer and everything its JSON needs."""

    texts: tuple[str, ...]
    """One for each choice: the choices of the first prompt, then those of the next."""
    head: Mapping[str, Any]
    """`id`, `object`, `created` and `model`."""
    usage: Mapping[str, int]
    with_usage: bool
    chunk_chars: int

    @classmethod
    def of(
        cls, payload: Mapping[str, Any], say: Callable[[str], str], head: Mapping[str, Any], chunk_chars: int
    ) -> TextAnswer:
        """What `say` makes of each prompt, as often as `n` asks for; with `echo` the prompt comes first.

        A prompt of token numbers reads as an empty one.
        """
        prompts = _prompts(payload.get("prompt"))
        count = payload.get("n")
        times = count if isinstance(count, int) and 1 <= count <= 128 else 1
        said = [say(prompt) for prompt in prompts]
        if payload.get("echo") is True:
            said = [prompt + text for prompt, text in zip(prompts, said, strict=True)]
        asked = sum(len(prompt.split()) for prompt in prompts)
        given = sum(len(text.split()) for text in said) * times
        options = payload.get("stream_options")
        return cls(
            texts=tuple(text for text in said for _ in range(times)),
            head={"id": f"cmpl-{crc(repr(said) + str(asked)):08x}", **head},
            usage={"prompt_tokens": asked, "completion_tokens": given, "total_tokens": asked + given},
            with_usage=isinstance(options, Mapping) and options.get("include_usage") is True,
            chunk_chars=chunk_chars,
        )

    def whole(self) -> dict[str, Any]:
        """The answer as a `text_completion`."""
        choices = [_choice(index, text, FINISH) for index, text in enumerate(self.texts)]
        return {**self.head, "choices": choices, "usage": dict(self.usage)}

    def parts(self) -> list[bytes]:
        """The events that carry the texts in pieces, choice after choice."""
        size = self.chunk_chars
        return [
            self._chunk([_choice(index, text[at : at + size], None)])
            for index, text in enumerate(self.texts)
            for at in range(0, len(text), size)
        ]

    def closing(self) -> list[bytes]:
        """The events that end the stream: each choice's finish_reason, usage if asked for, `[DONE]`."""
        ends = [self._chunk([_choice(index, "", FINISH)]) for index in range(len(self.texts))]
        usage = [self._chunk([], usage=dict(self.usage))] if self.with_usage else []
        return [*ends, *usage, event(DONE)]

    def _chunk(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        return event(orjson.dumps({**self.head, "choices": choices, **more}))


def _choice(index: int, text: str, finish: str | None) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": finish}


def _prompts(value: Any) -> list[str]:
    """The prompts of a request, one at least."""
    if not isinstance(value, list) or not value or isinstance(value[0], int):
        return [value if isinstance(value, str) else ""]
    return [item if isinstance(item, str) else "" for item in value]
