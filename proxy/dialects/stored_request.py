"""What is asked about an object that a provider keeps: a query and a body, each member checked by name and value."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any
from urllib.parse import parse_qsl, urlencode

from guardrails.types import Segment, Stage
from proxy.dialects.request_body import document, wrong_type
from proxy.dialects.texts import everything
from proxy.errors import BadRequest, Code
from proxy.objects import OBJECT_ID

METADATA = "metadata"
INCLUDABLE = frozenset(
    {"file_search_call.results", "web_search_call.results", "web_search_call.action.sources"}
    | {"message.input_image.image_url", "computer_call_output.output.image_url"}
    | {"code_interpreter_call.outputs", "reasoning.encrypted_content", "message.output_text.logprobs"}
)
"""What `include` can ask for."""
LONGEST_LIST = 100
_MOST_MEMBERS = 64
_FILTER = re.compile(r"metadata\[([^\[\]]{1,64})\]")
_FLAGS = {"true": True, "false": False}


def query_of(query: bytes, known: Collection[str]) -> dict[str, Any]:
    """The members of a query string, each of those that are known. Raises BadRequest naming the one that is wrong.

    `include` is a list, `metadata` an object; both are written with brackets, as OpenAI's clients do.
    """
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_MEMBERS
        )
    except ValueError:
        raise BadRequest("The query of this URL cannot be read.", code=Code.INVALID_VALUE) from None
    found: dict[str, Any] = {}
    for name, value in pairs:
        if METADATA in known and (match := _FILTER.fullmatch(name)):
            found.setdefault(METADATA, {})[match[1]] = value
            continue
        name = name.removesuffix("[]") if name == "include[]" else name
        if name not in known or name == METADATA:
            # The name itself is not told: errors are stored, and a caller can write anything into it.
            raise BadRequest(
                f"Unknown query parameter. Known here: {', '.join(sorted(known)) or 'none'}.",
                code=Code.UNKNOWN_PARAMETER,
            )
        if name == "include":
            found.setdefault(name, []).append(_includable(name, value))
        elif name in found:
            raise BadRequest(f"The query parameter '{name}' is given twice.", param=name)
        else:
            found[name] = _READ[name](name, value)
    if "starting_after" in found and not found.get("stream"):
        raise BadRequest("'starting_after' needs 'stream=true'.", param="starting_after")
    return found


def metadata_of(body: bytes) -> dict[str, Any]:
    """The metadata that a body sets, and nothing else. Raises BadRequest."""
    given = document(body)
    if given.keys() - {METADATA}:
        raise BadRequest("Only 'metadata' can be changed.", code=Code.UNKNOWN_PARAMETER)
    if METADATA not in given:
        raise BadRequest(
            "Missing required parameter: 'metadata'.",
            code=Code.MISSING_REQUIRED_PARAMETER,
            param=METADATA,
        )
    value = given[METADATA]
    if not isinstance(value, dict | None) or not all(
        isinstance(text, str) for text in (value or {}).values()
    ):
        raise wrong_type(METADATA, "an object of strings")
    return given


def texts(request: dict[str, Any]) -> list[Segment]:
    """Every text of what is asked: names and values of metadata. All else is a known word, a number or an id."""
    return [
        Segment(text, at, Stage.INPUT, "user", within)
        for at, text, within in everything(request.get(METADATA), f"/{METADATA}")
    ]


def encoded(request: dict[str, Any]) -> str:
    """What is asked as a query string."""
    pairs: list[tuple[str, str]] = []
    for name, value in request.items():
        if isinstance(value, list):
            pairs += [(f"{name}[]", each) for each in value]
        elif isinstance(value, dict):
            pairs += [(f"{name}[{key}]", each) for key, each in value.items()]
        else:
            pairs.append((name, str(value).lower() if isinstance(value, bool) else str(value)))
    return urlencode(pairs)


def _includable(name: str, value: str) -> str:
    if value not in INCLUDABLE:
        raise BadRequest(f"Invalid value for '{name}': one of {', '.join(sorted(INCLUDABLE))}.", param=name)
    return value


def _flag(name: str, value: str) -> bool:
    if value not in _FLAGS:
        raise BadRequest(f"Invalid value for '{name}': true or false.", param=name)
    return _FLAGS[value]


def _number(name: str, value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise BadRequest(f"Invalid value for '{name}': a whole number.", param=name)
    return int(value)


def _limit(name: str, value: str) -> int:
    number = _number(name, value)
    if not 1 <= number <= LONGEST_LIST:
        raise BadRequest(f"Invalid value for '{name}': 1 to {LONGEST_LIST}.", param=name)
    return number


def _order(name: str, value: str) -> str:
    if value not in ("asc", "desc"):
        raise BadRequest(f"Invalid value for '{name}': asc or desc.", param=name)
    return value


def _id(name: str, value: str) -> str:
    if not OBJECT_ID.fullmatch(value):
        raise BadRequest(f"Invalid value for '{name}': the id of an object.", param=name)
    return value


def _model(name: str, value: str) -> str:
    return value  # looked up among the models that are served


_READ: dict[str, Callable[[str, str], Any]] = {
    "stream": _flag,
    "include_obfuscation": _flag,
    "starting_after": _number,
    "limit": _limit,
    "order": _order,
    "after": _id,
    "before": _id,
    "model": _model,
}
"""Query parameters to what reads their values."""
