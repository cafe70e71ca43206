"""The texts of one event of a streamed response, each at the place where it stands in the whole response."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from guardrails import arguments
from guardrails.types import Segment, Stage
from proxy.dialects import responses_logprobs
from proxy.dialects.responses_events import Event
from proxy.dialects.responses_lanes import base, is_kept, item_base, kind_of
from proxy.dialects.responses_reply import reply_texts
from proxy.dialects.responses_texts import MODEL, item_texts, part_texts, texts


@dataclass(frozen=True, slots=True)
class Piece:
    """The texts of one member of an event."""

    member: str
    root: str
    """Where in the response its value (`whole`), or else the object that it is a member of, stands."""
    found: tuple[Segment, ...]
    whole: bool = False


def event_texts(event: Event, names: Mapping[str, str], said: Any = None) -> list[Piece]:
    """The texts of an event, member by member.

    Args:
        event: as the provider sent it.
        names: names of called tools by the id of the call.
        said: the text of a delta, when it was taken out of the event.
    """
    kind_ = kind_of(event)[0]
    at = item_base(event) if is_kept(kind_) else base(event)
    pieces = []
    for name, value in event.items():
        if name == "response" and isinstance(value, dict):
            pieces.append(Piece(name, "", tuple(reply_texts(value)), True))
        elif name == "item" and isinstance(value, dict):
            root = item_base(event)
            pieces.append(Piece(name, root, tuple(item_texts(value, root, MODEL, names)), True))
        elif name == "part" and isinstance(value, dict):
            pieces.append(Piece(name, at, tuple(part_texts(value, at, Stage.OUTPUT, "assistant")), True))
        elif name == "annotation" and isinstance(value, dict):
            root = f"{at}/annotations/{event.get('annotation_index')}"
            pieces.append(Piece(name, root, tuple(texts(value, root, Stage.OUTPUT, "assistant")), True))
        elif name == "logprobs" and value:
            other = responses_logprobs.other(value, _said(event, said))
            found = [Segment(other, f"{at}/logprobs", Stage.OUTPUT, "assistant")] if other else []
            pieces.append(Piece(name, at, tuple(found)))
        else:
            pieces.append(Piece(name, at, tuple(_member(name, value, at, kind_))))
    return [piece for piece in pieces if piece.found]


def _said(event: Event, said: Any) -> str:
    text = said if said is not None else event.get("text", event.get("refusal"))
    return text if isinstance(text, str) else ""


def _member(name: str, value: Any, at: str, kind_: str) -> Iterator[Segment]:
    stage = Stage.TOOL_CALL if is_kept(kind_) else Stage.OUTPUT
    if name == "arguments" and isinstance(value, str):
        yield from arguments.segments(value, f"{at}/arguments", stage, "assistant")
        return
    yield from texts({name: value}, at, stage, "assistant")
