"""Every kind together: how many, where they are documented, what they promise to a stream, and what they cost to build."""

from __future__ import annotations

import re
from pathlib import Path

from guardrails.checks.secret_gates import GATES
from guardrails.checks.secret_kinds.every import KINDS
from guardrails.checks.secrets import secrets
from guardrails.prefixes import read

ENDLESS = {
    "PRIVATE_KEY",
    "ENCODED_PRIVATE_KEY",
    "SSH2_PRIVATE_KEY",
    "OPENVPN_STATIC_KEY",
    "PUTTY_PRIVATE_KEY",
    "JWT",
}


def test_there_are_as_many_kinds_as_the_reference_says() -> None:
    """The number in the reference is counted, and more than two hundred and twenty."""
    page = (Path(__file__).parents[4] / "docs/reference/checks.md").read_text(encoding="utf-8")
    kinds = {kind.entity for kind in KINDS}

    assert len(kinds) >= 220
    assert f"{len(kinds)} kinds" in page


def test_every_kind_is_in_the_reference_once() -> None:
    """The reference page has a row for each kind, with its score."""
    page = (Path(__file__).parents[4] / "docs/reference/checks.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([A-Z0-9_]+)` \| .* \| ([\d.]+)(?: to [\d.]+)? \|$", page, re.M)
    listed = [name for name, _ in rows if name in {kind.entity for kind in KINDS}]

    assert sorted(listed) == sorted({kind.entity for kind in KINDS})


def test_only_keys_without_a_fixed_size_are_open_ended() -> None:
    """Everything that may be refused is bounded."""
    endless = {kind.entity for kind in KINDS if read(kind.regex).max_length is None}

    assert endless == ENDLESS
    assert {kind.entity for kind in KINDS if kind.gate == "none"} == ENDLESS


def test_a_kind_can_be_run() -> None:
    """Its gate is there, its name is a name, and a search for it starts only where its trigger stands."""
    wrong = [
        kind.entity
        for kind in KINDS
        if kind.gate not in GATES
        or not re.fullmatch(r"[A-Z][A-Z0-9_]+", kind.entity)
        or not 0.5 <= kind.score < 1
        or not kind.trigger
        or read(kind.trigger).min_length < 2
    ]

    assert wrong == []


def test_what_leads_to_a_secret_stays_short() -> None:
    """A stream keeps that much of what has left as context."""
    assert max(read(kind.regex).lead or 0 for kind in KINDS if kind.group) <= 110
    assert secrets().context <= 112
