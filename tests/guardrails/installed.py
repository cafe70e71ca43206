"""The troublesome checks, as another package brings them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from guardrails.check import factory

CHECKS = ("trouble", "echo", "handmade", "vouched", "dies", "hangs", "misses")


@contextmanager
def installed(folder: Path) -> Iterator[None]:
    """Their entry points are found, and one more that leads nowhere."""
    info = folder / "trouble-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: trouble\nVersion: 1\n")
    lines = "".join(f"{name} = troublesome:{name}\n" for name in CHECKS)
    (info / "entry_points.txt").write_text(f"[guardhouse.checks]\n{lines}gone = nowhere:gone\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent))
        patch.syspath_prepend(str(folder))
        yield
    factory.cache_clear()
    sys.modules.pop("troublesome", None)
