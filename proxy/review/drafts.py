"""A draft of a policy, tried on the traces that reviewers judged. Nothing is put in force, and no draft is kept."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from guardrails.engine import Guard, load_guard
from guardrails.errors import GuardrailsError, PolicyError
from guardrails.policy import Policy
from guardrails.policy_diff import changes
from proxy.errors import BadRequest, RateLimited
from proxy.estimates import was_right
from proxy.policies import Placed
from proxy.policy_sources import draft, editable, texts
from proxy.review.forms import read_form
from proxy.review.policies import one
from proxy.review.site import Reader, Site, as_json
from proxy.review.trace import read as read_trace
from proxy.roles import Permission
from proxy.store import filters, policy_texts
from proxy.store.db import Store
from proxy.store.deadline import Late
from proxy.store.judged_scores import judged_scores
from proxy.store.reading import documents
from proxy.what_if import Outcome, Threshold, thresholds, what_if

MOST = 500
"""Reviewed traces that a draft is tried on."""
WITHIN_S = 20.0
"""Seconds that it may take: what was done until then is shown, and said to be a part."""
AT_ONCE = 2
"""Replays of one process at a time."""
_KEY = b"guardhouse replay"
"""A replay keeps nothing, so its fingerprints need no secret."""


class Running:
    """Who has a draft replayed now: each once, and AT_ONCE in all."""

    def __init__(self) -> None:
        self._who: set[str] = set()
        self._lock = threading.Lock()

    @contextmanager
    def turn(self, who: str) -> Iterator[None]:
        """Somebody's turn. Raises RateLimited while there is none."""
        with self._lock:
            if who in self._who or len(self._who) >= AT_ONCE:
                raise RateLimited(
                    "A draft is being replayed: wait until that is done.", headers={"retry-after": "5"}
                )
            self._who.add(who)
        try:
            yield
        finally:
            with self._lock:
                self._who.discard(who)


def add(routes: APIRouter, site: Site) -> None:
    """Drafts of the policies in force."""
    reads = Depends(site.allowed(Permission.POLICIES_READ))
    running = Running()

    @routes.get("/policies/{name}/draft")
    def draft_page(name: str, request: Request, reader: Reader = reads) -> Response:
        """The text of the policy to change, or of one with another threshold for a rule."""
        placed, asked = one(site, name), request.query_params
        text = _text(site, placed)
        if asked.get("rule"):
            text = _with_threshold(text, asked["rule"], asked.get("threshold", ""))
        values = _page(site, placed, reader, text, _trace(site, asked.get("trace", ""), reader))
        return site.pages.html("draft.html", values)

    @routes.post("/policies/{name}/draft")
    async def replay_draft(
        name: str, request: Request, reader: Reader = reads, form: dict[str, str] = Depends(read_form)
    ) -> Response:
        """What the draft would change for the traces that reviewers judged, or where it is wrong."""
        site.check_form(request, form)
        placed, text = one(site, name), form.get("text", "").replace("\r\n", "\n")
        trace = _trace(site, form.get("trace", ""), reader)
        with running.turn(reader.who.key_id):
            values = await asyncio.to_thread(_replayed, site, placed, reader, text, trace)
        if form.get("as") == "json":
            outcome = values["outcome"]
            told = None if outcome is None else outcome.told()
            return as_json({"error": _as_text(values["error"]), "outcome": told})
        return site.pages.html("draft.html", values, 200 if values["error"] is None else 400)


def _replayed(site: Site, placed: Placed, reader: Reader, text: str, trace: str) -> dict[str, Any]:
    values = _page(site, placed, reader, text, trace)
    policy = placed.guard.policy
    try:
        new = draft(text, [each.guard.policy for each in site.context.policies.placed()])
        guards = load_guard(policy, _KEY), load_guard(new, _KEY)
    except PolicyError as error:
        return values | {"error": error}
    except GuardrailsError as error:
        return values | {"error": PolicyError(str(error), file="draft")}
    values["changes"] = changes(policy, new)
    values["outcome"] = asyncio.run(_outcome(site, reader, policy, guards, trace))
    return values


async def _outcome(
    site: Site, reader: Reader, policy: Policy, guards: tuple[Guard, Guard], trace: str
) -> Outcome:
    own = filters.EVERYTHING if reader.tenant is None else filters.of(tenant=reader.tenant)
    meant = filters.of(reviewed=True, shadow=False, policy=policy.name) + own
    who = reader.who.key_id
    conditions = filters.where(replace(meant, reader=who), site.store.key, search=False)
    found: Any = [read_trace(site, trace, reader)] if trace else documents(site.store, conditions, MOST, who)
    try:
        return await what_if(found, *guards, WITHIN_S)
    finally:
        for guard in guards:
            await guard.aclose()


def _page(site: Site, placed: Placed, reader: Reader, text: str, trace: str) -> dict[str, Any]:
    policy = placed.guard.policy
    try:
        proposed = _proposed(site.store, policy, reader)
    except Late:
        proposed = {}
    return {
        "reader": reader, "policy_": policy, "text": text, "trace": trace, "error": None, "outcome": None,
        "changes": (), "proposed": proposed, "most": MOST, "within": WITHIN_S,
        "may_replay": reader.may(Permission.TRACES_READ),
    }  # fmt: skip


def _trace(site: Site, id: str, reader: Reader) -> str:
    """The id of a trace to begin from. Raises NotFound for one that is not there, Forbidden for who may see none."""
    if not reader.may(Permission.TRACES_READ):
        return ""
    return str(read_trace(site, id, reader)["id"]) if id else ""


def _text(site: Site, placed: Placed) -> str:
    label = placed.guard.policy.label
    kept = policy_texts.readable(site.store, [label]).get(label)
    return editable(placed.guard.policy, kept or texts(site.context.policies).get(label, []))


def _with_threshold(text: str, rule: str, value: str) -> str:
    """The text with another threshold of a rule, written into the rule's lines. Raises BadRequest."""
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise BadRequest("threshold takes a number from 0 to 1.", param="threshold")
    lines = text.splitlines()
    for at, line in enumerate(lines):
        head, found, rest = line.partition("id:")
        if found and head.strip() in ("-", "") and rest.split("#")[0].strip().strip("\"'") == rule:
            return "\n".join(_replaced(lines, at, len(head), number)) + "\n"
    raise BadRequest("This rule is not written in the policy's own file: add it there by hand.", param="rule")


def _replaced(lines: list[str], at: int, indent: int, number: float) -> list[str]:
    """The lines with `threshold` set in the block mapping whose key `id` stands there."""
    end = at + 1
    while end < len(lines) and (
        not lines[end].strip() or len(lines[end]) - len(lines[end].lstrip()) >= indent
    ):
        end += 1
    written = f"{' ' * indent}threshold: {number:g}"
    for place in range(at + 1, end):
        line = lines[place]
        if line.startswith(" " * indent + "threshold:"):
            return [*lines[:place], written, *lines[place + 1 :]]
    return [*lines[: at + 1], written, *lines[at + 1 :]]


def _proposed(store: Store, policy: Policy, reader: Reader) -> dict[str, list[Threshold]]:
    """Thresholds to choose from, for each rule with scores that tell its judged findings apart. Raises Late."""
    if not reader.may(Permission.TRACES_READ):
        return {}
    said = judged_scores(store, reader.tenant, reader.who.key_id)
    scored: dict[str, list[tuple[float, bool]]] = {}
    for (rule, score, _, _), verdicts in said.items():
        if (right := was_right(verdicts)) is not None:
            scored.setdefault(rule, []).append((score, right))
    found = {rule.id: thresholds(scored.get(rule.id, []), rule.threshold) for rule in policy.rules}
    return {rule: told for rule, told in found.items() if len(told) > 1}


def _as_text(error: PolicyError | None) -> str | None:
    return None if error is None else str(error)
