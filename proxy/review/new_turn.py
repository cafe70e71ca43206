"""Which messages of a request the step before had already: what it asked, and what it was answered. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from proxy.review.views import Message

Json = Mapping[str, Any]
_LISTS = ("messages", "input")
"""Members of a request that hold its history."""


def known(trace: Json, previous: Json, messages: list[Message]) -> list[bool]:
    """For each message on the page, whether the step before had it already."""
    shared = _shared(_items(trace.get("request")), _items(previous.get("request")), _answers(previous))
    found: list[bool] = []
    for message in messages:
        place = _place(message)
        last = found[-1] if found else True
        found.append((message.folded or last) if place is None else place < shared)
    return found


def _shared(now: list[Any], before: list[Any], answers: list[Json]) -> int:
    """Items at the beginning that are the same as before, and the answer that follows them."""
    count = 0
    while count < min(len(now), len(before)) and now[count] == before[count]:
        count += 1
    if count == len(before):
        while count < len(now) and any(_same(now[count], answer) for answer in answers):
            count += 1
    return count


def _same(item: Any, answer: Json) -> bool:
    """Whether a message of a request is a reply sent back: as far as both say something."""
    if not isinstance(item, dict):
        return False
    own = {name: value for name, value in item.items() if value and name in answer}
    return bool(own) and all(answer[name] == value for name, value in own.items())


def _items(request: Any) -> list[Any]:
    for name in _LISTS:
        if isinstance(request, dict) and isinstance(found := request.get(name), list):
            return found
    return []


def _answers(previous: Json) -> list[Json]:
    """What a reply says, as a later request sends it back, in each dialect."""
    response = previous.get("response")
    if not isinstance(response, dict):
        return []
    choices = response.get("choices")
    choices = choices if isinstance(choices, list) else []
    found = (
        [choice.get("message") for choice in choices if isinstance(choice, dict)]
        if isinstance(choices, list)
        else []
    )
    output = response.get("output")
    found += output if isinstance(output, list) else []
    found += [{"role": "assistant", "content": response["content"]}] if "content" in response else []
    return [answer for answer in found if isinstance(answer, dict)]


def _place(message: Message) -> int | None:
    """Which item of the request's history a message is."""
    for side, pointer, _ in _places(message):
        steps = pointer.split("/")
        if side == "input" and len(steps) > 2 and steps[1] in _LISTS and steps[2].isdigit():
            return int(steps[2])
    return None


def _places(message: Message) -> Iterator[tuple[str, str, str]]:
    parts = [*message.parts, *(part for call in message.calls for _, part in call.arguments)]
    yield from (part.at for part in parts if part.at is not None)
