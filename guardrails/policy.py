"""Policies: which checks run where, and what is done about what they find. One YAML file, with a hash."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from guardrails.check import BUILT_IN as BUILT_IN_CHECKS
from guardrails.check import names
from guardrails.errors import PolicyError
from guardrails.inheritance import SHIPPED, Level, RuleFields, levels, shipped, told_of
from guardrails.lines import Field, text_of
from guardrails.policy_keys import MAX_MS, NAME, ON_FAILURE, UNSCANNABLE
from guardrails.policy_keys import BlockStyle as BlockStyle
from guardrails.policy_keys import Capture as Capture
from guardrails.policy_keys import Hold as Hold
from guardrails.policy_tests import PolicyTest, read_test
from guardrails.types import Action, Mode, Stage, Style

BUILT_IN = SHIPPED
"""Names of the policies that ship with the product."""

_NAME = re.compile(NAME)


class Place(NamedTuple):
    """Where something is written."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Rule:
    """One check at some stages, and what its findings lead to."""

    id: str
    check: str
    """Name of the check."""
    stages: frozenset[Stage]
    action: Action
    options: Mapping[str, Any] = field(default_factory=dict)
    """The check's own options (`with:` in the file)."""
    style: Style = Style.TOKEN
    """How a pseudonym is written; anything but `token` only with action `pseudonymize`."""
    mode: Mode = Mode.ENFORCE
    on_error: Action = Action.BLOCK
    """What happens when the check fails: `block` or `allow`."""
    threshold: float = 0.5
    """Findings with a lower score are dropped."""
    hold: Hold = Hold.AUTO
    timeout_ms: float = 250
    """Time limit of a check that is not a scanner."""
    line: int | None = None
    """Where the rule starts in the last file that names it."""
    places: Mapping[str, Place] = field(default_factory=dict)
    """Where each of its keys is written: in its own file, or in one that it inherits."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy as loaded. Two files that mean the same have the same revision."""

    name: str
    revision: str
    """12 hex digits of SHA-256 over everything that has a meaning at run time."""
    rules: tuple[Rule, ...]
    digest: str = ""
    """All 64 digits of that hash."""
    capture: Capture = Capture.REDACTED
    block_style: BlockStyle = BlockStyle.ERROR
    unscannable: Action = Action.FLAG
    """What happens to parts that no check can read: `block`, `flag` or `allow`."""
    budget_ms: float = 1000
    """Time that scanning one request's texts may take, and one reply's."""
    on_budget: Action = Action.BLOCK
    """What happens when it takes longer: `block` or `allow`."""
    tests: tuple[PolicyTest, ...] = ()
    file: str = "policy"
    files: tuple[str, ...] = ()
    """Paths of the files that were read for it: its own first, then those it inherits."""

    @property
    def label(self) -> str:
        """`name@revision`, as stamped on every trace."""
        return f"{self.name}@{self.revision}"


def load(path: Path | str) -> Policy:
    """The policy in a file. Raises PolicyError with file, line, what is wrong and what to do."""
    return _policy(text_of(Path(path), str(path)), str(path), Path(path))


def builtin(name: str) -> Policy:
    """A policy that ships with the product. Raises PolicyError for an unknown name."""
    if name not in BUILT_IN:
        raise PolicyError(
            f"there is no built-in policy {name!r}.", fix=f"Use one of: {', '.join(BUILT_IN)}.", file=name
        )
    return load(shipped(name))


def parse(text: str, file: str = "policy") -> Policy:
    """The policy in a YAML text, which can inherit shipped policies only.

    Raises PolicyError with file, line, what is wrong and what to do.
    """
    return _policy(text, file, None)


def _policy(text: str, file: str, path: Path | None) -> Policy:
    """The policy in a text, over what it inherits, each of which must be a policy by itself."""
    policy: Policy | None = None
    for level in levels(text, file, path):
        try:
            policy = _read(level, policy.tests if policy and level.inherited_tests else ())
        except PolicyError as error:
            raise told_of(error, level.heirs) from None
    assert policy is not None
    return policy


def _read(level: Level, inherited: tuple[PolicyTest, ...]) -> Policy:
    """The policy that a file's merged keys amount to."""
    root = level.keys
    rules = {name: _rule(fields) for name, fields in level.rules.items()}
    policy = Policy(
        name=_name(root["name"]),
        revision="",
        rules=tuple(rules.values()),
        capture=root["capture"].choice(Capture) if "capture" in root else Capture.REDACTED,
        block_style=root["block_style"].choice(BlockStyle) if "block_style" in root else BlockStyle.ERROR,
        unscannable=root["unscannable"].choice(UNSCANNABLE) if "unscannable" in root else Action.FLAG,
        budget_ms=root["budget_ms"].number(1, MAX_MS) if "budget_ms" in root else 1000.0,
        on_budget=root["on_budget"].choice(ON_FAILURE) if "on_budget" in root else Action.BLOCK,
        tests=(*inherited, *(read_test(entry, rules) for entry in level.tests)),
        file=level.file,
        files=tuple(map(str, level.files)),
    )
    return _stamped(policy)


def _rule(fields: RuleFields) -> Rule:
    entry, keys = fields.entry, fields.keys
    mode = keys["mode"].choice(Mode) if "mode" in keys else Mode.ENFORCE
    on_error = Action.BLOCK if mode is Mode.ENFORCE else Action.ALLOW
    rule = Rule(
        id=_name(keys["id"]),
        check=_check(keys["check"]),
        options=_options(keys["with"]) if "with" in keys else {},
        stages=frozenset(stage.choice(Stage) for stage in keys["stages"].items()),
        action=keys["action"].choice(Action),
        style=keys["style"].choice(Style) if "style" in keys else Style.TOKEN,
        mode=mode,
        on_error=keys["on_error"].choice(ON_FAILURE) if "on_error" in keys else on_error,
        threshold=keys["threshold"].number(0, 1) if "threshold" in keys else 0.5,
        hold=keys["hold"].choice(Hold) if "hold" in keys else Hold.AUTO,
        timeout_ms=keys["timeout_ms"].number(1, MAX_MS) if "timeout_ms" in keys else 250.0,
        line=entry.line,
        places={name: Place(key.file, key.line) for name, key in keys.items()},
    )
    if rule.action is Action.PSEUDONYMIZE and Stage.OUTPUT in rule.stages:
        blamed = "stages" if keys["action"].file != entry.file == keys["stages"].file else "action"
        raise keys[blamed].error(
            f"rule {rule.id!r} pseudonymizes at stage output, where there is nobody to restore the value to.",
            "Take `output` out of its stages and add a second rule with `action: redact` for output.",
        )
    if "style" in keys and rule.action is not Action.PSEUDONYMIZE:
        raise keys["style"].error(
            f"rule {rule.id!r} has a style and action {rule.action}, which makes no pseudonyms.",
            "Remove `style`, or use `action: pseudonymize`.",
        )
    return rule


def _name(entry: Field) -> str:
    name = entry.text()
    if not _NAME.fullmatch(name):
        raise entry.error(
            f"{name[:64]!r} is not a name.", "Use 1 to 64 letters, digits, dots, dashes and underscores."
        )
    return name


def _check(entry: Field) -> str:
    name = entry.text()
    if name not in BUILT_IN_CHECKS and name not in (known := names()):
        raise entry.error(
            f"there is no check named {name!r}.",
            f"Known checks: {', '.join(known)}. Install the package that brings it, or correct the name.",
        )
    return name


def _options(entry: Field) -> dict[str, Any]:
    options = entry.plain()
    if not isinstance(options, dict) or not all(isinstance(key, str) for key in options):
        raise entry.error(
            "`with` must be a mapping of option names to values.", "Write `with: {option: value}`."
        )
    return options


def meaning(policy: Policy) -> dict[str, Any]:
    """Everything of a policy that has an effect, defaults filled in, without tests and layout, as plain data."""
    return {
        "name": policy.name,
        "capture": policy.capture,
        "block_style": policy.block_style,
        "unscannable": policy.unscannable,
        "budget_ms": policy.budget_ms,
        "on_budget": policy.on_budget,
        "rules": [
            {
                "id": rule.id,
                "check": rule.check,
                "with": rule.options,
                "stages": sorted(rule.stages),
                "action": rule.action,
                **({"style": rule.style} if rule.style is not Style.TOKEN else {}),
                "mode": rule.mode,
                "on_error": rule.on_error,
                "threshold": rule.threshold,
                "hold": rule.hold,
                "timeout_ms": rule.timeout_ms,
            }
            for rule in policy.rules
        ],
    }


def _stamped(policy: Policy) -> Policy:
    """The policy with its revision: a hash of its meaning."""
    canonical = json.dumps(meaning(policy), sort_keys=True, separators=(",", ":"), default=str)
    digest = hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
    return replace(policy, revision=digest[:12], digest=digest)
