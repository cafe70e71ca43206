"""Tests mirror the source: the test of a module is found by its path."""

from __future__ import annotations

from tests.architecture.source import ROOT, sources

EXEMPT = ("proxy/store/migrations/", "guardrails/models/")
"""Migrations are proved by the store's tests; the model scripts are run by hand and their results are what is tested."""


def test_every_module_has_its_test() -> None:
    """`proxy/sse.py` is tested by `tests/proxy/test_sse.py`."""
    mirrors = [
        ROOT / "tests" / source.path.relative_to(ROOT).parent / f"test_{source.path.name}"
        for source in sources()
        if not source.name.endswith("__init__.py") and not source.name.startswith(EXEMPT)
    ]

    assert [f"{mirror.relative_to(ROOT)} is missing" for mirror in mirrors if not mirror.is_file()] == []
