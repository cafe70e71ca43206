"""Every key that a policy file may hold: its name, what it means, and which values it takes.

The reader refuses keys that are not here; the JSON Schema of policy files is made from the same tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from guardrails.types import Action, Mode, Stage, Style

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""What the names of policies and rules look like."""

CHANNEL = r"user|system|assistant|(tool|retrieved):.+"
"""What the names of channels look like."""

MAX_MS = 60_000
"""The longest time limit, in milliseconds."""

UNSCANNABLE = (Action.BLOCK, Action.FLAG, Action.ALLOW)
ON_FAILURE = (Action.BLOCK, Action.ALLOW)
"""What may happen to parts that nothing can read, and when a check failed."""


class Capture(StrEnum):
    """What of an exchange is kept, least first; each keeps what those before it keep."""

    NONE = "none"
    REDACTED = "redacted"
    FLAGGED = "flagged"
    """Also what was said before masking, of exchanges in which something was found, masked or blocked."""
    RAW = "raw"
    """Also what was said before masking, of every exchange."""

    @property
    def rank(self) -> int:
        """Place in the order, from 0."""
        return list(Capture).index(self)

    @property
    def keeps_raw(self) -> bool:
        """Whether it may keep what was said before masking."""
        return self.rank > Capture.REDACTED.rank


class BlockStyle(StrEnum):
    """How a blocked request is answered."""

    ERROR = "error"
    REFUSAL = "refusal"


class Hold(StrEnum):
    """How much of a streamed reply a rule needs before any of it may leave."""

    AUTO = "auto"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a mapping."""

    about: str
    """What it means, in one sentence."""
    schema: Mapping[str, Any] = field(default_factory=dict)
    """JSON Schema of its value."""
    required: bool = False


def required(table: Mapping[str, Key]) -> tuple[str, ...]:
    """The keys of a table that must be there."""
    return tuple(name for name, key in table.items() if key.required)


def _one_of(values: Iterable[StrEnum]) -> dict[str, Any]:
    return {"enum": [value.value for value in values]}


def _number(low: float, high: float) -> dict[str, Any]:
    return {"type": "number", "minimum": low, "maximum": high}


def _list_of(name: str, least: int = 1) -> dict[str, Any]:
    return {"type": "array", "items": {"$ref": f"#/$defs/{name}"}, "minItems": least}


_NAME = {"type": "string", "pattern": f"^({NAME})$"}
_TEXT = {"type": "string"}

POLICY: Mapping[str, Key] = {
    "name": Key("Name in traces, headers and reports; by default that of the inherited policy.", _NAME),
    "inherit": Key(
        "The policy that this one changes: the name of a shipped policy, or the path of a file beside this one.",
        {"type": "string", "minLength": 1},
    ),
    "inherit_tests": Key("Whether the tests of the inherited policy run too.", {"type": "boolean"}),
    "capture": Key(
        "What is kept of an exchange: no text, text after masking (the default), or also the text before masking,"
        " encrypted, of what was flagged or of everything.",
        _one_of(Capture),
    ),
    "block_style": Key(
        "How a block is answered: with an error (the default), or with an ordinary reply that refuses.",
        _one_of(BlockStyle),
    ),
    "unscannable": Key(
        "What happens to parts that no check can read, such as images; by default `flag`.",
        _one_of(UNSCANNABLE),
    ),
    "budget_ms": Key(
        "Milliseconds that looking at one request's texts may take; by default 1000.", _number(1, MAX_MS)
    ),
    "on_budget": Key(
        "What happens with texts that were not looked at when the budget was spent; by default `block`.",
        _one_of(ON_FAILURE),
    ),
    "rules": Key("What is looked for, and what is done about it.", _list_of("rule")),
    "tests": Key("Examples that must hold.", _list_of("test")),
}

RULE: Mapping[str, Key] = {
    "id": Key("Name of the rule in findings, traces and error messages.", _NAME, required=True),
    "check": Key("Name of the check that looks at the text.", _TEXT, required=True),
    "with": Key("The check's own options.", {"type": "object"}),
    "stages": Key(
        "Where the rule looks.", {"type": "array", "items": _one_of(Stage), "minItems": 1}, required=True
    ),
    "action": Key("What happens with what it finds.", _one_of(Action), required=True),
    "style": Key(
        "How pseudonyms are written; only with action `pseudonymize`. By default `token`.", _one_of(Style)
    ),
    "mode": Key(
        "`shadow` records what the rule would have done and changes nothing; by default `enforce`.",
        _one_of(Mode),
    ),
    "on_error": Key(
        "What happens when the check fails: by default `block`, in shadow mode `allow`.",
        _one_of(ON_FAILURE),
    ),
    "threshold": Key("Findings with a lower score are dropped; by default 0.5.", _number(0, 1)),
    "hold": Key(
        "`full` keeps a streamed reply back until the rule has seen all of it; by default `auto`.",
        _one_of(Hold),
    ),
    "timeout_ms": Key(
        "Time limit, in milliseconds, of a check that is not a scanner; by default 250.", _number(1, MAX_MS)
    ),
    "remove": Key("Takes the inherited rule of this id out.", {"const": True}),
}

SAMPLE: Mapping[str, Key] = {
    "text": Key("The text that is looked at.", _TEXT),
    "call": Key("A tool call that is looked at, in place of a text.", {"$ref": "#/$defs/call"}),
    "stage": Key("Where the text stands; by default what its channel says, else `input`.", _one_of(Stage)),
    "channel": Key(
        "Who the text is from: `user`, `system`, `assistant`, `tool:<name>` or `retrieved:<doc>`.",
        {"type": "string", "pattern": f"^({CHANNEL})$"},
    ),
    "before": Key("What stands before it in the conversation.", _list_of("turn")),
}

TEST: Mapping[str, Key] = {
    **SAMPLE,
    "expect": Key("What the policy must make of it.", {"$ref": "#/$defs/expect"}, required=True),
}

TURN: Mapping[str, Key] = {
    "channel": SAMPLE["channel"],
    "text": Key("A text of that channel; by default the user's.", _TEXT),
    "call": Key("A tool call of an earlier turn.", {"$ref": "#/$defs/call"}),
    "tool": Key("A tool that the request offers.", {"$ref": "#/$defs/tool"}),
}

CALL: Mapping[str, Key] = {
    "name": Key("Name of the tool.", _TEXT, required=True),
    "arguments": Key(
        "The arguments: a mapping, or a text as the model wrote it. By default none.",
        {"type": ["object", "string"]},
    ),
}

TOOL: Mapping[str, Key] = {
    "name": Key("Name of the tool.", _TEXT, required=True),
    "parameters": Key("JSON Schema of its arguments.", {"type": "object"}),
}

EXPECT: Mapping[str, Key] = {
    "action": Key("The strictest action that applies.", _one_of(Action)),
    "findings": Key("All findings, in the order of the text.", _list_of("finding", 0)),
}

FINDING: Mapping[str, Key] = {
    "rule": Key("The rule that found it.", _TEXT, required=True),
    "entity": Key("The kind of thing found.", _TEXT),
    "text": Key("The exact text found.", _TEXT),
    "within": Key("In a tool call: JSON pointer of the argument, such as `/to/0`.", _TEXT),
}
