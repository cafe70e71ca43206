"""What people and runs say about exchanges, as it may be stored: after the policy, like the exchanges themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from guardrails import redact
from guardrails.engine import Guard
from guardrails.pseudonyms import Vault
from guardrails.types import Edit, Segment, Stage
from proxy.context import Context
from proxy.errors import Unavailable
from proxy.exchange import Principal
from proxy.pipeline import VAULT_SCOPE
from proxy.verdicts import scanned

_AT_ONCE = 200
"""Texts that are looked at together."""
_DEEPEST = 100
_KEPT = frozenset(
    {"id", "sha256", "content_sha256", "trace_id", "trace", "subject", "format", "created_at", "signature"}
)
"""Members of a run document that hold ids: what is known by them must be found again."""


async def masked(context: Context, who: Principal, text: str, model: str = "", route: str = "") -> str | None:
    """A text as it may be stored; None when a rule that acts could not look at it."""
    guard = context.policies.guard_for(who, model, route)
    edits = await _edits(context, who, guard, [Segment(text, "/text", Stage.INPUT)])
    return None if edits is None else redact.apply(text, edits)


async def with_note(context: Context, who: Principal, judgement: Mapping[str, Any]) -> dict[str, Any]:
    """A reviewer's judgement with its note as it may be stored. Raises Unavailable when a rule could not look at it."""
    note = judgement.get("note")
    if not isinstance(note, str) or not note:
        return dict(judgement)
    kept = await masked(context, who, note)
    if kept is None:
        raise Unavailable("The note was not kept: a rule could not look at it. Send it again later.")
    return {**judgement, "note": kept}


async def masked_run(context: Context, who: Principal, run: dict[str, Any]) -> dict[str, Any]:
    """A run document as it may be stored. What marks places in a text goes where that text was changed.

    Raises Unavailable when a rule that acts could not look at it.
    """
    guard = context.policies.guard_for(who, "", "/api/runs")
    texts = [Segment(text, at, Stage.INPUT) for at, text in _texts(run)]
    changed: dict[str, str] = {}
    for first in range(0, len(texts), _AT_ONCE):
        some = texts[first : first + _AT_ONCE]
        edits = await _edits(context, who, guard, some)
        if edits is None:
            raise Unavailable("The run was not kept: a rule could not look at it. Publish it again later.")
        said = {text.pointer: text.text for text in some}
        by_place = sorted(edits, key=lambda edit: (edit.pointer, edit.start))
        for at, here in groupby(by_place, key=lambda edit: edit.pointer):
            changed[at] = redact.apply(said[at], list(here))
    return _without_marks(_changed(run, changed), changed) if changed else run


async def _edits(
    context: Context, who: Principal, guard: Guard, texts: Sequence[Segment]
) -> Sequence[Edit] | None:
    verdict = await guard.inspect(list(texts), Vault(context.key, who.tenant, VAULT_SCOPE), later=True)
    if not scanned(verdict, guard.policy):
        return None
    return redact.mask(f for f in verdict.findings if f.end) if verdict.blocked_by else verdict.edits


def _texts(value: Any, at: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Every text of a run document with its place, ids left out."""
    if isinstance(value, str):
        if value:
            yield at, value
    elif depth < _DEEPEST:
        inner = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        for name, item in inner:
            if name not in _KEPT:
                yield from _texts(item, f"{at}/{_step(name)}", depth + 1)


def _changed(value: Any, changed: dict[str, str], at: str = "") -> Any:
    if isinstance(value, str):
        return changed.get(at, value)
    if isinstance(value, dict):
        return {name: _changed(item, changed, f"{at}/{_step(name)}") for name, item in value.items()}
    if isinstance(value, list):
        return [_changed(item, changed, f"{at}/{place}") for place, item in enumerate(value)]
    return value


def _without_marks(run: dict[str, Any], changed: dict[str, str]) -> dict[str, Any]:
    """Spans of a scored text are counted in its characters, and would mark others now."""
    for place, item in enumerate(run.get("items") or ()):
        if f"/items/{place}/output/text" in changed:
            for score in item["scores"].values():
                if "spans" in score:
                    score["spans"] = []
    return run


def _step(name: Any) -> str:
    return str(name).replace("~", "~0").replace("/", "~1")
