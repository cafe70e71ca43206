"""What a key may do, beyond what its limits count: call at all, and ask for a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from proxy.config_limits import team_limits
from proxy.context import Context
from proxy.errors import Code, Forbidden
from proxy.exchange import Principal
from proxy.store.keys import active_keys


def check_calls(who: Principal) -> None:
    """Raises Forbidden for a key with a role, unless the models that it may call are named."""
    if who.role is not None and not who.models:
        raise Forbidden(
            f"This API key has the role {who.role} and may not call. Use another, or give it models that it may call."
        )


def check_caller(context: Context, who: Principal) -> None:
    """Raises Forbidden when the key's team is not configured any more, or its role calls nothing."""
    check_calls(who)
    if who.team is not None:
        team_limits(context.config, who.team)


def check_model(who: Principal, model: str) -> None:
    """Raises Forbidden, as OpenAI does for a project without access, when the key may not ask for a served model.

    Only what a caller asks for is checked: fallbacks, shadows and second attempts are the operator's own choice.
    """
    if who.models is not None and model not in who.models:
        raise Forbidden(
            f"This API key has no access to the model {model!r}. GET /v1/models lists those that it may use.",
            code=Code.MODEL_NOT_FOUND,
            param="model",
        )


def permitted(who: Principal, models: Sequence[str]) -> list[str]:
    """Those of the models that the key may ask for, in their order."""
    return [model for model in models if who.models is None or model in who.models]


def known_keys(context: Context) -> list[dict[str, Any]]:
    """The keys that may call, as stored; what judges their requests is in force when this returns. Blocks."""
    rows = active_keys(context.store)
    context.policies.use(row["policy"] for row in rows if row["policy"] is not None)
    return rows
