"""Policies that change another one: the keys of a file put over those of the file that it inherits."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from guardrails.errors import PolicyError
from guardrails.lines import Field, read, text_of
from guardrails.policy_keys import POLICY, RULE, required
from guardrails.types import Action

SHIPPED = ("default", "strict", "agents")
"""Names of the policies that ship with the product."""

MAX_DEPTH = 8
"""Policies that may be inherited one over another."""


@dataclass(frozen=True, slots=True)
class RuleFields:
    """One rule's keys, each from the file that says it last."""

    entry: Field
    """The rule in the last file that names it."""
    keys: Mapping[str, Field]


@dataclass(frozen=True, slots=True)
class Level:
    """What a policy file says after what it inherits was put below it."""

    keys: Mapping[str, Field]
    """Its top-level keys without rules and tests."""
    rules: Mapping[str, RuleFields]
    """By id, inherited ones first."""
    tests: tuple[Field, ...]
    """Its own tests."""
    inherited_tests: bool
    file: str
    files: tuple[Path, ...]
    """The files that were read: its own first, then those it inherits."""
    heirs: tuple[str, ...]
    """`file:line` of each `inherit` that led here, the nearest first."""


@dataclass(frozen=True, slots=True)
class _Source:
    """A policy's text, and where it stands."""

    text: str
    file: str
    path: Path | None


@dataclass(frozen=True, slots=True)
class _Read:
    """A policy file as read."""

    source: _Source
    root: Field
    keys: dict[str, Field]


def shipped(name: str) -> Path:
    """The file of a policy that ships with the product."""
    return Path(__file__).with_name("policies") / f"{name}.yaml"


def levels(text: str, file: str, path: Path | None) -> list[Level]:
    """A policy and all that it inherits, each merged with what is below it; the lowest first, its own last.

    Args:
        text: the policy as written.
        file: its name for people.
        path: where it stands; None for a policy without a file, which can inherit shipped ones only.

    Raises PolicyError naming the file and line, and through which files it was inherited.
    """
    chain: list[_Read] = []
    heirs: list[tuple[str, ...]] = [()]
    source: _Source | None = _Source(text, file, path)
    while source:
        try:
            root = read(source.text, source.file, "policy")
            keys = root.fields(POLICY)
            chain.append(_Read(source, root, keys))
            parent = _parent(source, keys["inherit"], chain) if "inherit" in keys else None
        except PolicyError as error:
            raise told_of(error, heirs[-1]) from None
        if parent:
            heirs.append((f"{source.file}:{keys['inherit'].line}", *heirs[-1]))
        source = parent
    found: list[Level] = []
    for each, above in zip(reversed(chain), reversed(heirs), strict=True):
        try:
            found.append(_merged(each, found[-1] if found else None, above))
        except PolicyError as error:
            raise told_of(error, above) from None
    return found


def told_of(error: PolicyError, heirs: tuple[str, ...]) -> PolicyError:
    """The error of a policy, with the files that inherit it named."""
    if not heirs:
        return error
    chain = ", which is inherited by ".join(heirs)
    fix = f"{error.fix} This file is inherited by {chain}.".strip()
    return PolicyError(error.what, fix=fix, file=error.file, line=error.line)


def _parent(source: _Source, entry: Field, chain: list[_Read]) -> _Source:
    """What an `inherit` names. Raises PolicyError when it cannot be had, or leads back to a file above."""
    name = entry.text()
    is_path = "/" in name or name.endswith((".yaml", ".yml"))
    if not is_path and name not in SHIPPED:
        raise entry.error(
            f"there is no shipped policy {name[:64]!r}.",
            f"Use one of: {', '.join(SHIPPED)}, or the path of a file that ends in .yaml.",
        )
    if is_path and source.path is None:
        raise entry.error(
            "a policy that is not in a file of its own can inherit shipped policies only.",
            f"Use one of: {', '.join(SHIPPED)}, or put this policy into a file.",
        )
    if not name.isprintable():
        raise entry.error(f"{name[:64]!r} is no path.", "Take out the characters that cannot be printed.")
    path = source.path.parent / name if is_path and source.path else shipped(name)
    shown = _beside(source.file, name) if is_path else str(path)
    try:
        text = text_of(path, shown)
    except PolicyError as error:
        if error.line is not None:
            raise
        raise entry.error(f"inherits {shown}, which {error.what}", error.fix) from None
    seen = [each.source.path.resolve() for each in chain if each.source.path]
    if path.resolve() in seen:
        files = " -> ".join([*(each.source.file for each in chain if each.source.path), shown])
        raise entry.error(f"the policy inherits itself: {files}.", "Take one `inherit` out.")
    if len(chain) > MAX_DEPTH:
        files = " -> ".join([*(each.source.file for each in chain), shown])
        raise entry.error(f"more than {MAX_DEPTH} policies are inherited: {files}.", "Join some of them.")
    return _Source(text, shown, path)


def _beside(file: str, name: str) -> str:
    """How a file is called that another one names relative to itself."""
    return str(Path(file).parent / name)


def _merged(each: _Read, parent: Level | None, heirs: tuple[str, ...]) -> Level:
    """A file's keys over those of its parent."""
    source, own = each.source, each.keys
    if parent is None:
        if missing := next((name for name in ("name", "rules") if name not in own), None):
            raise each.root.error(f"the policy has no {missing!r}.", f"Add `{missing}:` to it.")
        if "inherit_tests" in own:
            raise own["inherit_tests"].error("there is nothing to inherit.", "Remove it, or add `inherit:`.")
    inherits_tests = own["inherit_tests"].truth() if "inherit_tests" in own else True
    rules = dict(parent.rules) if parent else {}
    seen: dict[str, Field] = {}
    for entry in own["rules"].items() if "rules" in own else ():
        keys = entry.fields(RULE, required=("id",))
        name = keys["id"].text()
        if name in seen:
            raise entry.error(
                f"rule id {name!r} is used twice (first in line {seen[name].line}).",
                "Give each rule its own id.",
            )
        seen[name] = entry
        _put(rules, name, entry, keys)
    if not rules:
        raise own["rules"].error("no rule is left.", "Keep at least one rule.")
    top = {
        key: value for key, value in own.items() if key not in ("rules", "tests", "inherit", "inherit_tests")
    }
    return Level(
        keys={**(parent.keys if parent else {}), **top},
        rules=rules,
        tests=tuple(own["tests"].items()) if "tests" in own else (),
        inherited_tests=inherits_tests,
        file=source.file,
        files=(*((source.path,) if source.path else ()), *(parent.files if parent else ())),
        heirs=heirs,
    )


def _put(rules: dict[str, RuleFields], name: str, entry: Field, keys: dict[str, Field]) -> None:
    """Adds a rule, changes the inherited one of its id, or takes that out."""
    below = rules.get(name)
    if "remove" in keys:
        _check_removal(rules, name, keys)
        del rules[name]
        return
    merged = {**(below.keys if below else {}), **keys}
    for key in required(RULE):
        if key not in merged:
            close = difflib.get_close_matches(name, rules, n=1)
            hint = f" To change the inherited rule {close[0]!r}, use its id." if close else ""
            raise entry.error(f"{entry.name} has no {key!r}.", f"Add `{key}:` to it.{hint}")
    if "action" in keys and "style" not in keys and merged["action"].plain() != Action.PSEUDONYMIZE:
        merged.pop("style", None)
    rules[name] = RuleFields(entry, merged)


def _check_removal(rules: Mapping[str, RuleFields], name: str, keys: Mapping[str, Field]) -> None:
    """Raises PolicyError unless the rule is there and nothing else is said about it."""
    if not keys["remove"].truth():
        raise keys["remove"].error("`remove` can only be true.", "Leave the key out to keep the rule.")
    if name not in rules:
        known = ", ".join(rules) or "none"
        raise keys["id"].error(f"there is no rule {name!r} to remove.", f"Rules inherited here: {known}.")
    if other := next((key for key in keys if key not in ("id", "remove")), None):
        raise keys[other].error(
            f"rule {name!r} is removed and changed at once.", f"Leave `{other}` out, or `remove`."
        )
