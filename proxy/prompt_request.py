"""`guardhouse.prompt` in a request: read, rendered, and put where the route has its place for it.

This comes before anything looks at the request: what is rendered is inspected, masked and recorded as if the caller
had written it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from proxy.dialects.extension import EXTENSION
from proxy.dialects.prompted import placed
from proxy.dialects.request_body import wrong_type
from proxy.errors import BadRequest, Code, PayloadTooLarge
from proxy.identity import in_body
from proxy.prompt_file import PromptVersion, rendered
from proxy.prompt_template import TooLong, Unrenderable
from proxy.prompt_variables import WHERE as VARIABLES
from proxy.prompt_variables import filled
from proxy.prompts import WHERE

if TYPE_CHECKING:
    from proxy.context import Context
    from proxy.exchange import Exchange

MOST_RENDERED = 1_000_000
"""Characters that a prompt may become; fewer where `max_body_bytes` is smaller."""
_MEMBERS = frozenset({"name", "version", "variables"})


def prompted(context: Context, exchange: Exchange, request: dict[str, Any]) -> dict[str, Any]:
    """The request with the prompt that it names in it; the request itself when it names none.

    Sets which prompt the exchange uses. Raises BadRequest or PayloadTooLarge for a prompt that cannot be used so.
    """
    extension = request.get(EXTENSION)
    if not isinstance(extension, dict) or "prompt" not in extension:
        return request
    asked = _asked(extension["prompt"])
    together = _conversation(exchange, request)
    version = context.prompts.choose(asked["name"], asked.get("version"), together)
    exchange.prompt = version.use
    values = filled(version.variables, asked.get("variables"))
    try:
        made = rendered(version, values, min(MOST_RENDERED, context.config.max_body_bytes))
    except TooLong as error:
        raise PayloadTooLarge(f"The prompt cannot be rendered: {error}.", param=VARIABLES) from None
    except Unrenderable as error:
        raise BadRequest(f"The prompt cannot be rendered: {error}.", param=VARIABLES) from None
    exchange.body = b""
    exchange.size += made.characters
    apart = {name: values[name] for name in asked.get("variables") or () if name in version.spoken}
    filled_up = _filled_up(_answered(request, apart), version)
    return placed(exchange.path, filled_up, made.messages, made.text)


def _conversation(exchange: Exchange, request: Mapping[str, Any]) -> str | None:
    """What requests get the same version by: the session that they name in any way, else their trace."""
    named = exchange.named or in_body(request)
    tenant = exchange.principal.tenant if exchange.principal else ""
    if named is not None:
        return f"{tenant}/{named.name}"
    return None if exchange.parent_span is None else f"{tenant}/{exchange.trace_id}"


def _asked(told: Any) -> Mapping[str, Any]:
    """What a request says of its prompt. Raises BadRequest for any other shape."""
    if not isinstance(told, dict):
        raise wrong_type(WHERE, "an object")
    if told.keys() - _MEMBERS:
        # The caller's own name for it is text nobody has inspected, and errors are stored.
        known = ", ".join(sorted(_MEMBERS))
        raise BadRequest(
            f"Unknown member in '{WHERE}'. It takes: {known}.", code=Code.UNKNOWN_PARAMETER, param=WHERE
        )
    if "name" not in told:
        raise BadRequest(
            f"Missing required parameter: '{WHERE}.name'.",
            code=Code.MISSING_REQUIRED_PARAMETER,
            param=f"{WHERE}.name",
        )
    if not isinstance(told["name"], str):
        raise wrong_type(f"{WHERE}.name", "a string")
    if not isinstance(told.get("version"), str | None):
        raise wrong_type(f"{WHERE}.version", "a string")
    return told


def _answered(request: dict[str, Any], apart: Mapping[str, Any]) -> dict[str, Any]:
    """The request without what it says of its prompt, but for variables that rules are to see apart."""
    extension = {name: value for name, value in request[EXTENSION].items() if name != "prompt"}
    if apart:
        extension["prompt"] = {"variables": apart}
    made = {name: value for name, value in request.items() if name != EXTENSION}
    return made | ({EXTENSION: extension} if extension else {})


def _filled_up(request: dict[str, Any], version: PromptVersion) -> dict[str, Any]:
    """The request with the prompt's model and fields where it leaves them out."""
    if version.model is not None and request.get("model") is None:
        request["model"] = version.model
    return {**version.defaults, **request}
