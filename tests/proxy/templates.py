"""Folders of prompts for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from proxy.prompt_file import PromptVersion
from proxy.prompts import Prompts, read_folder

GREETING: dict[str, Any] = {
    "description": "Greets.",
    "messages": [
        {"role": "system", "content": "You greet {{ style }}."},
        {"role": "user", "content": "I am {{ name }}.{% for item in items %} {{ item }}{% endfor %}"},
    ],
    "variables": {
        "style": {"type": "string", "default": "briefly", "max_length": 20},
        "name": {"type": "string"},
        "items": {"type": "list", "default": []},
    },
}
"""A prompt with one required variable."""


def folder(at: Path, **prompts: dict[str, Any]) -> Path:
    """A folder with prompts: `greeting__2=...` is `greeting/2.yaml`."""
    for name, document in prompts.items():
        file = at / name.replace("__", "/").replace("_", "-")
        file = file.with_name(file.name + ".yaml")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(yaml.safe_dump(document, sort_keys=False))
    return at


def saying(text: str, **more: Any) -> dict[str, Any]:
    """A prompt with one message of the user's."""
    return {"messages": [{"role": "user", "content": text}], **more}


def version(at: Path, document: dict[str, Any]) -> PromptVersion:
    """The only version of a prompt."""
    folder(at, one__1=document)
    return read_folder(at)["one"]["1"]


def prompts(at: Path, weights: dict[str, float], count: int = 3, seed: int = 1) -> Prompts:
    """A prompt `p` with so many versions."""
    folder(at, **{f"p__{number}": saying(f"Version {number}.") for number in range(1, count + 1)})
    return Prompts(read_folder(at), {"p": weights} if weights else {}, at, seed=seed)
