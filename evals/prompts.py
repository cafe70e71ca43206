"""Prompt files, and how a run refers to them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from evals.errors import SuiteError
from evals.golden import canonical
from evals.run import PromptRef


def read_prompt(path: Path | None) -> tuple[str, PromptRef]:
    """A prompt file's text and how a run refers to it: named by its folder, versioned by its file name.

    Raises SuiteError. Without a file the prompt is empty.
    """
    if path is None:
        return "", PromptRef("none", "", hashlib.sha256(b"").hexdigest())
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        detail = getattr(error, "strerror", None) or "not UTF-8"
        raise SuiteError(f"prompt {path} cannot be read ({detail})", fix="check --prompt") from None
    return text, PromptRef(path.resolve().parent.name, path.stem, hashlib.sha256(text.encode()).hexdigest())


def read_template(path: Path) -> PromptRef:
    """How a run refers to a prompt that the proxy renders: `NAME/VERSION.yaml`, by the hash that the proxy tells.

    Raises SuiteError.
    """
    import yaml

    try:
        told = yaml.safe_load(path.read_text("utf-8"))
        text = canonical(told)
    except OSError as error:
        raise SuiteError(f"prompt {path} cannot be read ({error.strerror})", fix="check --prompt") from None
    except (yaml.YAMLError, ValueError, TypeError):
        raise SuiteError(f"prompt {path} is no template", fix="run `guardhouse prompts check`") from None
    return PromptRef(path.resolve().parent.name, path.stem, hashlib.sha256(text.encode()).hexdigest())
