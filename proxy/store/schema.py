"""Every table there is: importing this makes METADATA whole."""

from __future__ import annotations

from proxy.store import tables, tables_governance, tables_review, tables_rollups, tables_texts
from proxy.store.base import METADATA

ALL = (tables, tables_governance, tables_review, tables_rollups, tables_texts)
"""The modules with tables."""

__all__ = ["ALL", "METADATA"]
