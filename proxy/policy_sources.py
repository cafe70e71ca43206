"""The texts of the policies in force, and the policy of a text that is not in force."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from guardrails.errors import PolicyError
from guardrails.policy import Policy, meaning, parse
from proxy.policies import Placed, Policies, load_policy
from proxy.store.policy_texts import File

MOST_BYTES = 256 << 10
"""The longest text of a policy that is kept, or taken for a draft."""
MOST_RULES = 100
"""Rules of a draft: what it is tried on is bounded in time, and each rule looks at every text."""
_DEEPEST = 64
"""Brackets within brackets: the parser's time grows faster than their number."""
_OUTSIDE = ("recognizers", "recognizers_file", "spacy_model")
"""Options of checks that name code and files of this machine."""


def texts(policies: Policies) -> dict[str, list[File]]:
    """The files of every policy in force, by label. One whose files are not any more what was loaded is left out."""
    found: dict[str, list[File]] = {}
    for placed in policies.placed():
        label = placed.guard.policy.label
        if label not in found and (files := _files(placed)):
            found[label] = files
    return found


def _files(placed: Placed) -> list[File]:
    source, policy = placed.source, placed.guard.policy
    try:
        now = load_policy(source)
        if now.revision != policy.revision:
            return []
        if source.kind == "inline":
            return [File(Path(source.file).name, source.value.lstrip("\n"))]
        files = [File(Path(name).name, Path(name).read_text("utf-8")) for name in now.files]
    except (PolicyError, OSError, UnicodeDecodeError):
        return []
    return files if sum(len(file.text) for file in files) <= MOST_BYTES else []


def editable(policy: Policy, files: list[File]) -> str:
    """The text to begin a draft with: the policy's own file, or one that means the same where that inherits files."""
    if files:
        try:
            if parse(files[0].text).revision == policy.revision:
                return files[0].text
        except PolicyError:
            pass  # it inherits another file: a draft has no folder
    return yaml.safe_dump(_plain(meaning(policy)), sort_keys=False, allow_unicode=True)


def draft(text: str, in_force: Iterable[Policy]) -> Policy:
    """The policy of a draft. Raises PolicyError.

    A draft names no code and no file of this machine but those that a policy in force names already.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise PolicyError(f"is over {MOST_BYTES} bytes.", file="draft")
    if _depth(text) > _DEEPEST:
        raise PolicyError("is nested too deeply.", fix="Flatten it.", file="draft")
    policy = parse(text, file="draft")
    if len(policy.rules) > MOST_RULES:
        raise PolicyError(f"has over {MOST_RULES} rules.", fix="Try a part of them.", file="draft")
    known = [each.options.get(name) for one in in_force for each in one.rules for name in _OUTSIDE]
    for rule in policy.rules:
        for name in _OUTSIDE:
            if rule.options.get(name) and rule.options[name] not in known:
                raise PolicyError(
                    f"rule {rule.id!r} has `{name}`, which no policy in force has.",
                    fix="Leave it out: a draft cannot name code or files.",
                    file="draft",
                    line=rule.line,
                )
    return policy


def _depth(text: str) -> int:
    """How many brackets are open at most, closed ones not counted, whatever they stand in."""
    depth = deepest = 0
    for char in text:
        depth += (char in "[{") - (char in "]}" and depth > 0)
        deepest = max(deepest, depth)
    return deepest


def _plain(value: Any) -> Any:
    """Data of plain types alone, as YAML is written."""
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, str) else value
