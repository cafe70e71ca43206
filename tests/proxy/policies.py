"""Policies for tests: small patterns, so that it is plain what must be found."""

from __future__ import annotations

import json
from typing import Any

EMAIL = {"name": "EMAIL", "regex": "[a-z]{1,20}@[a-z]{1,20}\\.(?:com|org)"}
CARD = {"name": "CARD", "regex": "[0-9]{4} [0-9]{4} [0-9]{4} [0-9]{4}"}
FORBIDDEN = "kryptonite"

INPUTS = ["input", "tool_definition", "tool_result", "retrieval"]


def policy(rules: list[dict[str, Any]] | None = None, **more: Any) -> str:
    """A policy as JSON text: e-mail addresses become tokens, cards are redacted, one word blocks."""
    usual = [
        {
            "id": "mail",
            "check": "words",
            "with": {"patterns": [EMAIL]},
            "stages": [*INPUTS, "tool_call"],
            "action": "pseudonymize",
        },
        {
            "id": "card",
            "check": "words",
            "with": {"patterns": [CARD]},
            "stages": [*INPUTS, "tool_call", "output"],
            "action": "redact",
        },
        {
            "id": "forbidden",
            "check": "words",
            "with": {"deny": [FORBIDDEN]},
            "stages": [*INPUTS, "tool_call", "output"],
            "action": "block",
        },
    ]
    return json.dumps({"name": "test", "rules": usual if rules is None else rules, **more})
