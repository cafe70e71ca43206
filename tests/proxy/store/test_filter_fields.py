"""The fields of a filter. `test_filters.py` proves what they find."""

from __future__ import annotations

from pathlib import Path

from proxy.store.filters import FIELDS

PAGE = Path(__file__).parents[3] / "docs/reference/filters.md"


def test_every_field_is_documented() -> None:
    """With its values, where they are few."""
    page = PAGE.read_text(encoding="utf-8")

    for name, field in FIELDS.items():
        assert f"| `{name}` |" in page, name
        assert [word for word in field.words if f"`{word}`" not in page] == []
