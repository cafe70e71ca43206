"""JSON lines that any reader takes and no terminal obeys: ASCII alone, every other character an escape."""

from __future__ import annotations

import json
from typing import Any


def line(value: Any) -> bytes:
    """A value as one line; lone surrogates and integers of any size come back as they were."""
    return (text(value) + "\n").encode()


def text(value: Any) -> str:
    """A value as JSON in printable ASCII."""
    # json.dumps leaves DEL alone, which a terminal would obey.
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).replace("\x7f", "\\u007f")
