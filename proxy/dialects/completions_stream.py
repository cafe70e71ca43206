"""A streamed legacy completion: the text of each choice in a lane of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy.dialects import completions_logprobs
from proxy.dialects.chat_lanes import Choice
from proxy.dialects.chat_words import plain
from proxy.dialects.choice_stream import ChoiceStream
from proxy.dialects.completions_reply import OBJECT
from proxy.errors import UpstreamError


class CompletionStream(ChoiceStream):
    """The guard of one streamed completion."""

    OBJECT = OBJECT
    APART = frozenset({"index", "logprobs", "choices"})

    def response(self) -> dict[str, Any] | None:
        """What left so far, as one whole reply with pseudonyms in place; None before the first chunk."""
        if not self._choices:
            return None
        choices = []
        for _, choice in sorted(self._choices.items()):
            said = {name: lane.guard.recorded for name, lane in choice.beside.items()}
            reason = plain(choice.finish)
            choices.append(
                {"index": choice.index, "text": "", **said, "logprobs": None, "finish_reason": reason}
            )
        whole = {**self._top, "object": self.OBJECT, "choices": choices}
        return whole if self.usage is None else {**whole, "usage": self.usage}

    async def _part(self, part: Any, before: list[bytes]) -> bool:
        choice = self._choice(part.get("index") or 0)
        at, text, logprobs = f"/choices/{choice.index}", part.get("text"), part.get("logprobs")
        if text and choice.finish is not None:
            raise UpstreamError("The provider sent text for a choice it had already finished.")
        clean = not logprobs or await self._are_clean(
            choice,
            completions_logprobs.spelled(logprobs, text),
            completions_logprobs.other_texts(logprobs, at),
        )
        changed = False
        if new := self._new(part):
            changed = await self._members(part, new, choice.beside, at)
        if part.get("finish_reason") and choice.finish is None:
            await self._close(choice)
            changed |= await self._finish(choice, part)
        if isinstance(text, str):
            part.setdefault("text", "")  # all of it is held: the member itself stays
        if logprobs and not (clean and choice.clean):
            changed = True
            part["logprobs"] = None  # they spell the text that was replaced
        return changed

    async def _close(self, choice: Choice) -> dict[str, Any]:
        await self._end_spelled(choice)
        return {}

    def _written(self, delta: dict[str, Any], beside: Mapping[str, str]) -> dict[str, Any]:
        return {"text": "", "logprobs": None, **beside}
