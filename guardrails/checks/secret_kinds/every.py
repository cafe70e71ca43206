"""Every kind of secret, of all fields."""

from __future__ import annotations

from guardrails.checks.secret_kinds import (
    ai,
    cloud,
    code,
    generic,
    messaging,
    money,
    observability,
    platform,
    services,
)

KINDS = (
    *ai.KINDS,
    *cloud.KINDS,
    *platform.KINDS,
    *code.KINDS,
    *observability.KINDS,
    *messaging.KINDS,
    *money.KINDS,
    *services.KINDS,
    *generic.KINDS,
)
"""Every kind that ships."""
