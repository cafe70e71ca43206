"""What reviewers say of a trace, as its page marks and lists it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy.store.filter_fields import WITHDRAWN

Json = Mapping[str, Any]


def standing(trace: Json) -> list[Json]:
    """The judgements that nobody replaced or took back."""
    return [
        said for said in trace.get("reviews") or () if not said["superseded"] and said["verdict"] != WITHDRAWN
    ]


def missed(trace: Json) -> list[Json]:
    """The places that reviewers say were missed."""
    return [
        said
        for said in standing(trace)
        if isinstance(said.get("start"), int) and isinstance(said.get("end"), int)
    ]


def judged(trace: Json, author: str | None = None) -> dict[int, str]:
    """What was last said of each finding (by one author), by its index."""
    return {
        said["finding"]: str(said["verdict"])
        for said in standing(trace)
        if said["finding"] is not None and author in (None, said["author"])
    }
