"""The options of the `tools` check, as a policy writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=1)]
Length = Annotated[int, Field(ge=0)]
Number = int | float


class ArgumentRule(BaseModel):
    """What one argument of a tool must be like."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    regex: str | None = None
    """What the whole text must match."""
    not_regex: str | None = None
    """What must not occur in the text."""
    enum: list[Any] | None = None
    domains: list[str] | None = None
    """The only hosts that URLs and e-mail addresses may lead to."""
    not_domains: list[str] | None = None
    min: Number | None = None
    max: Number | None = None
    min_length: Length | None = None
    max_length: Length | None = None
    """In code points."""
    required: bool = False
    forbidden: bool = False


class Rate(BaseModel):
    """How often tools may be called by one key."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    calls: Count
    seconds: Annotated[float, Field(gt=0, le=31_536_000)]


class ToolRule(BaseModel):
    """What calls of the tools that fit one name must be like."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    schema_: Any = Field(default=None, alias="schema")
    """A JSON Schema of the arguments, or `declared` for the one that the request gives."""
    arguments: Mapping[str, ArgumentRule] = {}
    """By JSON pointer with `*` and `**`, or by name at any depth."""
    rate: Rate | None = None
    per_conversation: Count | None = None
