"""A bare guardrail policy as a target: no model is asked, the verdict on the case's input is the output."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from evals.errors import TargetError
from evals.run import TargetRef
from evals.types import Case, Output
from guardrails.types import Segment, Stage, Verdict


class Inspector(Protocol):
    """What is needed of a Guard."""

    async def inspect(self, segments: Sequence[Segment], vault: Any = None) -> Verdict:
        """The verdict on some segments."""


class PolicyTarget:
    """A bare Guard in this process.

    Args:
        guard: what inspects.
        label: the policy's `name@revision`.
        vault: makes a vault for one case; without one the guard has nowhere to mint pseudonyms.
    """

    def __init__(self, guard: Inspector, label: str, vault: Callable[[], Any] = lambda: None) -> None:
        self._guard, self._label, self._vault = guard, label, vault

    @property
    def ref(self) -> TargetRef:
        """As in Target; the policy's `name@revision` stands where a model would."""
        return TargetRef(
            "policy", "", self._label, signature=hashlib.sha256(self._label.encode()).hexdigest()
        )

    async def probe(self) -> None:
        """A guard in this process can always be asked."""

    async def ask(self, case: Case, repeat: int = 0) -> Output:
        """As in Target."""
        started = time.perf_counter()
        verdict = await self._guard.inspect(segments(case), self._vault())
        entities = tuple(sorted({finding.entity for finding in verdict.findings}))
        failed = "; ".join(f"check {failure.check}: {failure.kind}" for failure in verdict.failures)
        spent = round((time.perf_counter() - started) * 1000, 3)
        return Output(
            verdict=verdict.action.value,
            entities=entities,
            latency_ms=spent,
            error=failed,
            guardrail_ms=spent,
        )

    async def aclose(self) -> None:
        """Nothing to let go of."""


def policy_target(name: str) -> PolicyTarget:
    """The target for a policy, given as a file or a built-in's name. Raises PolicyError or TargetError."""
    path = Path(name)
    if not path.is_file() and name not in {"default", "strict", "agents"}:
        raise TargetError(
            f"there is no policy {name!r}", fix="give a policy file, `default`, `strict` or `agents`"
        )
    from guardrails.engine import load_guard
    from guardrails.policy import builtin, load
    from guardrails.pseudonyms import Vault

    loaded = load(path) if path.is_file() else builtin(name)
    key = secrets.token_bytes(32)
    return PolicyTarget(load_guard(loaded, key), loaded.label, lambda: Vault(key, "eval", "case"))


def segments(case: Case) -> list[Segment]:
    """The inspectable strings of a case's input: its question, its messages, or its turns and scripted results."""
    if case.question is not None:
        return [Segment(case.question, "/messages/0/content", Stage.INPUT)]
    found = [Segment(said, f"/turns/{turn}", Stage.INPUT, "user") for turn, said in enumerate(case.turns)]
    found += [
        Segment(entry.result, f"/script/{place}/result", Stage.TOOL_RESULT, f"tool:{entry.tool}")
        for place, entry in enumerate(case.script)
    ]
    for place, message in enumerate(case.messages):
        role = str(message.get("role", "user"))
        stage = Stage.TOOL_RESULT if role == "tool" else Stage.INPUT
        channel = f"tool:{message.get('name', '')}" if role == "tool" else role
        content = message.get("content")
        if isinstance(content, str):
            found.append(Segment(content, f"/messages/{place}/content", stage, channel))
        for part, piece in enumerate(content if isinstance(content, list) else ()):
            if isinstance(piece, dict) and isinstance(piece.get("text"), str):
                found.append(Segment(piece["text"], f"/messages/{place}/content/{part}/text", stage, channel))
    return found
