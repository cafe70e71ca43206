"""Tests mirror the source: the test of a module is found by its path."""

from __future__ import annotations

import pytest

from tests.architecture.source import ROOT, Source, sources

EXEMPT = ("proxy/store/migrations/", "guardrails/models/")
"""Migrations are proved by the store's tests; the model scripts are run by hand and their results are what is tested."""


@pytest.mark.parametrize(
    "source",
    [s for s in sources() if not s.name.endswith("__init__.py") and not s.name.startswith(EXEMPT)],
    ids=lambda source: source.name,
)
def test_every_module_has_its_test(source: Source) -> None:
    """`proxy/sse.py` is tested by `tests/proxy/test_sse.py`."""
    mirror = ROOT / "tests" / source.path.relative_to(ROOT).parent / f"test_{source.path.name}"

    assert mirror.is_file(), f"{mirror.relative_to(ROOT)} is missing"
