"""Traces without messages, read as turns: prompts and inputs, and the texts, vectors or judgements that answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]

DIALECTS = frozenset({"completions", "embeddings", "moderations"})
"""Whose traces are read here."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One text of a request or of a reply."""

    role: str
    label: str
    text: str = ""
    pointer: str = ""
    """Where the text stands in its document; empty for one of our own words."""
    note: str = ""


def asked(request: Json) -> Iterator[Turn]:
    """The prompts or inputs of a stored request."""
    name = "prompt" if "prompt" in request else "input"
    value = request.get(name)
    if isinstance(value, list):
        for place, item in enumerate(value):
            label = f"{name} {place + 1} of {len(value)}" if len(value) > 1 else name
            yield _asked(item, label, f"/{name}/{place}")
    elif value is not None:
        yield _asked(value, name, f"/{name}")
    if isinstance(suffix := request.get("suffix"), str) and suffix:
        yield Turn("user", "suffix", suffix, "/suffix")


def _asked(item: Any, label: str, pointer: str) -> Turn:
    if isinstance(item, str):
        return Turn("user", label, item, pointer)
    if isinstance(item, dict) and isinstance(text := item.get("text"), str):
        return Turn("user", label, text, f"{pointer}/text")
    kind = item.get("type") if isinstance(item, dict) else None
    return Turn("user", label, note=f"{kind}, not kept" if isinstance(kind, str) else "not shown")


def answered(response: Json) -> Iterator[Turn]:
    """The texts, vectors or judgements of a stored reply."""
    choices = _objects(response.get("choices"))
    for place, choice in enumerate(choices):
        text, reason = choice.get("text"), choice.get("finish_reason")
        notes = [f"choice {place + 1} of {len(choices)}"] if len(choices) > 1 else []
        notes += [f"finished: {reason}"] if isinstance(reason, str) else ["no finish reason"]
        said = text if isinstance(text, str) else ""
        yield Turn("assistant", "reply", said, f"/choices/{place}/text", ", ".join(notes))
    if (data := response.get("data")) is not None:
        count = data.get("count") if isinstance(data, dict) else len(_objects(data))
        yield Turn("assistant", "reply", note=f"{count} vector{'' if count == 1 else 's'}, not kept")
    results = _objects(response.get("results"))
    for place, result in enumerate(results):
        label = f"result {place + 1} of {len(results)}" if len(results) > 1 else "result"
        flagged = "flagged" if result.get("flagged") is True else "not flagged"
        yield Turn("assistant", label, "\n".join(_fired(result)), note=flagged)


def _fired(result: Json) -> Iterator[str]:
    """The categories that are true, each with its score."""
    categories, scores = result.get("categories"), result.get("category_scores")
    for name, value in categories.items() if isinstance(categories, dict) else ():
        if value is True:
            score = scores.get(name) if isinstance(scores, dict) else None
            yield name if score is None else f"{name} {score}"


def _objects(value: Any) -> list[Json]:
    return [item if isinstance(item, dict) else {} for item in value] if isinstance(value, list) else []
