"""Finds credentials: provider keys by their documented shape, others by the name they are assigned to."""

from __future__ import annotations

from collections.abc import Sequence

from guardrails.check import Scanner, in_process
from guardrails.checks.secret_gates import ENDS, GATES
from guardrails.checks.secret_kinds.every import KINDS
from guardrails.checks.secret_kinds.kind import SecretKind
from guardrails.errors import CheckError
from guardrails.patterns import Pattern, PatternSet


@in_process()
def secrets(kinds: Sequence[str] | None = None, exclude: Sequence[str] = ()) -> Scanner:
    """A scanner for credentials.

    Args:
        kinds: the only kinds to look for, by entity name; None means every kind.
        exclude: kinds to leave out.

    Raises CheckError naming a kind that does not exist.
    """
    known = {kind.entity for kind in KINDS}
    for name in (*(kinds or ()), *exclude):
        if name not in known:
            raise CheckError(f"secrets: there is no kind {name!r}. Known kinds: {', '.join(sorted(known))}.")
    wanted = (known if kinds is None else set(kinds)) - set(exclude)
    if not wanted:
        raise CheckError(
            "secrets: no kind is left to look for. Name at least one in `kinds`, or shorten `exclude`."
        )
    return PatternSet(_pattern(kind) for kind in KINDS if kind.entity in wanted)


def _pattern(kind: SecretKind) -> Pattern:
    """The pattern of one kind."""
    return Pattern(
        kind.entity,
        kind.regex,
        kind.score,
        kind.group,
        validate=GATES[kind.gate],
        after=ENDS.get(kind.gate),
        trigger=kind.trigger,
    )
