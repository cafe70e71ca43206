"""Edits, overlaps and fingerprints."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.redact import Mark, apply, clusters, fingerprint, mask, redaction
from guardrails.types import Action, Edit, Finding, Mode, Stage

F, P, R, B = Action.FLAG, Action.PSEUDONYMIZE, Action.REDACT, Action.BLOCK

OVERLAPS = [
    ("apart", [(0, 3, "A", R), (4, 6, "B", R)], [(0, 3, "A", R), (4, 6, "B", R)]),
    ("touching is not overlapping", [(0, 3, "A", R), (3, 6, "B", R)], [(0, 3, "A", R), (3, 6, "B", R)]),
    ("inside", [(0, 9, "A", R), (4, 6, "B", R)], [(0, 9, "A", R)]),
    ("the strictest decides, whatever its length", [(0, 9, "A", P), (4, 6, "B", R)], [(0, 9, "B", R)]),
    ("of equally strict ones the longest decides", [(0, 3, "A", R), (2, 9, "B", R)], [(0, 9, "B", R)]),
    ("of equals the first decides", [(2, 5, "B", R), (0, 3, "A", R)], [(0, 5, "A", R)]),
    ("chains become one", [(0, 3, "A", P), (2, 5, "B", P), (4, 8, "C", P)], [(0, 8, "C", P)]),
    ("a block wins", [(0, 9, "A", R), (8, 10, "B", B)], [(0, 10, "B", B)]),
]


@pytest.mark.parametrize(("why", "given_marks", "expected"), OVERLAPS)
def test_overlapping_marks_become_one(why: str, given_marks, expected) -> None:
    """Strictest, then longest, then first; and all that was covered stays covered."""
    assert [(m.start, m.end, m.entity, m.action) for m in clusters(Mark(*m) for m in given_marks)] == expected


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(1, 8), st.sampled_from("ABC"), st.sampled_from([P, R, B]))
    )
)
def test_clusters_never_overlap_and_cover_exactly_what_was_marked(raw) -> None:
    """No code point of any finding is left standing, none outside is touched, and order does not matter."""
    marks = [Mark(start, start + size, entity, action) for start, size, entity, action in raw]

    result = list(clusters(marks))

    covered = [point for mark in result for point in range(mark.start, mark.end)]
    assert covered == sorted({point for mark in marks for point in range(mark.start, mark.end)})
    assert result == list(clusters(reversed(marks)))


def test_edits_are_made_in_code_points() -> None:
    """Offsets count code points, also beyond the basic plane."""
    assert apply("😀 ada 👩‍👩‍👧 bob", [Edit("", 2, 5, "[X]"), Edit("", 12, 15, "")]) == "😀 [X] 👩‍👩‍👧 "
    assert apply("text", []) == "text"
    assert apply("later ada", [Edit("", 106, 109, "[X]")], offset=100) == "later [X]"


def test_a_fingerprint_tells_equal_from_different_and_nothing_else() -> None:
    """Same key, entity and value: same fingerprint. Any of them differs: another one."""
    base = fingerprint(b"key", "EMAIL", "ada@example.com")

    assert base == fingerprint(b"key", "EMAIL", "ada@example.com")
    assert len({base, fingerprint(b"k", "EMAIL", "ada@example.com"), fingerprint(b"key", "E", "ada@example.com"),
                fingerprint(b"key", "EMAIL", "bob@example.com")}) == 4  # fmt: skip
    assert len(base) == 16
    assert fingerprint(b"key", "X", "\ud800") != base


def finding(
    start: int, end: int, entity: str, action: Action, pointer: str = "/p", within: str = ""
) -> Finding:
    """A finding of a test rule."""
    return Finding("r", "c", entity, Stage.INPUT, pointer, start, end, 1.0, action, Mode.SHADOW, "", within)


def test_mask_redacts_every_finding_whatever_its_rule_does() -> None:
    """What was only flagged, shadowed or blocked is still not to be stored raw."""
    found = [
        finding(4, 6, "B", F),
        finding(0, 2, "A", B),
        finding(1, 3, "C", P),
        finding(0, 2, "D", F, pointer="/p", within="/x"),
        finding(0, 2, "E", F, pointer="/a"),
    ]

    assert mask(found) == (
        Edit("/a", 0, 2, "[E]"),
        Edit("/p", 0, 3, "[A]"),
        Edit("/p", 4, 6, "[B]"),
        Edit("/p", 0, 2, "[D]", "/x"),
    )
    assert redaction("EMAIL_ADDRESS") == "[EMAIL_ADDRESS]"
