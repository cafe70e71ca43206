"""Policies: which checks run where, and what is done about what they find. One YAML file, with a hash."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from guardrails.check import BUILT_IN as BUILT_IN_CHECKS
from guardrails.check import names
from guardrails.errors import PolicyError
from guardrails.lines import Field, read
from guardrails.types import Action, Mode, Stage, Style

BUILT_IN = ("default", "strict")
"""Names of the policies that ship with the product."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MAX_TIMEOUT_MS = 60_000


class Capture(StrEnum):
    """What of an exchange is kept."""

    NONE = "none"
    REDACTED = "redacted"


class BlockStyle(StrEnum):
    """How a blocked request is answered."""

    ERROR = "error"
    REFUSAL = "refusal"


class Hold(StrEnum):
    """How much of a streamed reply a rule needs before any of it may leave."""

    AUTO = "auto"
    FULL = "full"


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
    """Where the rule starts in its file."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A finding that a policy test asks for; None means any."""

    rule: str
    entity: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class PolicyTest:
    """One example that the policy carries: a text, and what the policy must make of it."""

    text: str
    stage: Stage
    action: Action | None
    """The verdict's action, or None when the test does not say."""
    findings: tuple[Expected, ...] | None
    """Exactly these findings, in the order of the text, or None when the test does not say."""
    line: int


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy as loaded. Two files that mean the same have the same revision."""

    name: str
    revision: str
    """12 hex digits of SHA-256 over everything that has a meaning at run time."""
    rules: tuple[Rule, ...]
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

    @property
    def label(self) -> str:
        """`name@revision`, as stamped on every trace."""
        return f"{self.name}@{self.revision}"


def load(path: Path | str) -> Policy:
    """The policy in a file. Raises PolicyError with file, line, what is wrong and what to do."""
    file = str(path)
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise PolicyError(
            f"cannot be read: {reason}.", fix="Check the path and its permissions.", file=file
        ) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise PolicyError("is not UTF-8.", fix="Save the file as UTF-8.", file=file, line=line) from None
    return parse(text, file=file)


def builtin(name: str) -> Policy:
    """A policy that ships with the product. Raises PolicyError for an unknown name."""
    if name not in BUILT_IN:
        raise PolicyError(
            f"there is no built-in policy {name!r}.", fix=f"Use one of: {', '.join(BUILT_IN)}.", file=name
        )
    return load(Path(__file__).with_name("policies") / f"{name}.yaml")


def parse(text: str, file: str = "policy") -> Policy:
    """The policy in a YAML text. Raises PolicyError with file, line, what is wrong and what to do."""
    root = read(text, file, "policy").fields(
        known=(
            *("name", "capture", "block_style", "unscannable"),
            *("budget_ms", "on_budget", "rules", "tests"),
        ),
        required=("name", "rules"),
    )
    rules: dict[str, Rule] = {}
    for entry in root["rules"].items():
        rule = _rule(entry)
        if rule.id in rules:
            raise entry.error(
                f"rule id {rule.id!r} is used twice (first in line {rules[rule.id].line}).",
                "Give each rule its own id.",
            )
        rules[rule.id] = rule
    policy = Policy(
        name=_name(root["name"]),
        revision="",
        rules=tuple(rules.values()),
        capture=_capture(root["capture"]) if "capture" in root else Capture.REDACTED,
        block_style=root["block_style"].choice(BlockStyle) if "block_style" in root else BlockStyle.ERROR,
        unscannable=(
            root["unscannable"].choice((Action.BLOCK, Action.FLAG, Action.ALLOW))
            if "unscannable" in root
            else Action.FLAG
        ),
        budget_ms=root["budget_ms"].number(1, _MAX_TIMEOUT_MS) if "budget_ms" in root else 1000.0,
        on_budget=(
            root["on_budget"].choice((Action.BLOCK, Action.ALLOW)) if "on_budget" in root else Action.BLOCK
        ),
        tests=tuple(_test(entry, rules) for entry in root["tests"].items()) if "tests" in root else (),
        file=file,
    )
    return _stamped(policy)


def _capture(entry: Field) -> Capture:
    if entry.plain() == "raw":
        raise entry.error(
            "capture cannot be 'raw': this version stores masked text only.",
            f"Use one of: {', '.join(Capture)}.",
        )
    return entry.choice(Capture)


def _rule(entry: Field) -> Rule:
    keys = entry.fields(
        known=(
            *("id", "check", "with", "stages", "action", "style"),
            *("mode", "on_error", "threshold", "hold", "timeout_ms"),
        ),
        required=("id", "check", "stages", "action"),
    )
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
        on_error=keys["on_error"].choice((Action.BLOCK, Action.ALLOW)) if "on_error" in keys else on_error,
        threshold=keys["threshold"].number(0, 1) if "threshold" in keys else 0.5,
        hold=keys["hold"].choice(Hold) if "hold" in keys else Hold.AUTO,
        timeout_ms=keys["timeout_ms"].number(1, _MAX_TIMEOUT_MS) if "timeout_ms" in keys else 250.0,
        line=entry.line,
    )
    if rule.action is Action.PSEUDONYMIZE and Stage.OUTPUT in rule.stages:
        raise keys["action"].error(
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


def _test(entry: Field, rules: Mapping[str, Rule]) -> PolicyTest:
    keys = entry.fields(known=("stage", "text", "expect"), required=("text", "expect"))
    expect = keys["expect"].fields(known=("action", "findings"))
    if not expect:
        raise keys["expect"].error("the test expects nothing.", "Give `action`, `findings` or both.")
    findings: tuple[Expected, ...] | None = None
    if "findings" in expect:
        none = expect["findings"].plain() == []
        findings = () if none else tuple(_expected(item, rules) for item in expect["findings"].items())
    return PolicyTest(
        text=keys["text"].text(),
        stage=keys["stage"].choice(Stage) if "stage" in keys else Stage.INPUT,
        action=expect["action"].choice(Action) if "action" in expect else None,
        findings=findings,
        line=entry.line,
    )


def _expected(entry: Field, rules: Mapping[str, Rule]) -> Expected:
    keys = entry.fields(known=("rule", "entity", "text"), required=("rule",))
    rule = keys["rule"].text()
    if rule not in rules:
        raise keys["rule"].error(f"there is no rule {rule!r}.", f"Rules here: {', '.join(rules)}.")
    return Expected(
        rule=rule,
        entity=keys["entity"].text() if "entity" in keys else None,
        text=keys["text"].text() if "text" in keys else None,
    )


def _stamped(policy: Policy) -> Policy:
    """The policy with its revision: a hash of what it means, defaults filled in, without tests and layout."""
    meaning = {
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
    canonical = json.dumps(meaning, sort_keys=True, separators=(",", ":"), default=str)
    revision = hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return replace(policy, revision=revision)
