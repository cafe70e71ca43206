"""The word and template lists that training examples are made of, read from the text files beside this one."""

from __future__ import annotations

import re
from pathlib import Path

_HERE = Path(__file__).resolve().parent


def _sections(file: str) -> dict[str, list[str]]:
    parts = re.split(r"^\[(\w+)\]\n", (_HERE / file).read_text(encoding="utf-8"), flags=re.M)
    return {
        name: [line for line in body.split("\n") if line]
        for name, body in zip(parts[1::2], parts[2::2], strict=True)
    }


WORDS = {
    name: [word for line in lines for word in line.split("|")]
    for name, lines in _sections("names_words.txt").items()
}
"""Words by list: names of places, trades, particles, lookalikes and so on."""

TEMPLATES = {
    name: [line.replace("\\n", "\n") for line in lines]
    for name, lines in _sections("names_templates.txt").items()
}
"""Templates by genre; what the slots mean stands at the top of the file."""
