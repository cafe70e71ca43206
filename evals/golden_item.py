"""The form of a golden item: what each field may hold. Nothing here reads files."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

_SHA256 = r"^[0-9a-f]{64}$"


class Strict(BaseModel):
    """An object whose fields are all known: another one is usually a typo."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Result(Strict):
    """What a tool of a scenario answers: a text, or any JSON."""

    tool: str = Field(min_length=1)
    result: Any
    arguments: dict[str, Any] | None = None


class Input(Strict):
    """What is asked: a question, chat messages, or the turns of a scenario."""

    question: str | None = Field(default=None, min_length=1)
    messages: list[dict[str, Any]] | None = Field(default=None, min_length=1)
    turns: list[str] | None = Field(default=None, min_length=1)
    script: list[Result] = []
    tools: list[dict[str, Any]] = []
    variables: dict[str, Any] = {}

    @model_validator(mode="after")
    def _one_of(self) -> Input:
        """Exactly one form of asking, each message with a role, and a script for turns only."""
        if [self.question, self.messages, self.turns].count(None) != 2:
            raise ValueError("give one of: either `question` or `messages`, or `turns`")
        for position, message in enumerate(self.messages or []):
            if not isinstance(message.get("role"), str):
                raise ValueError(f"messages[{position}] has no role")
        for position, turn in enumerate(self.turns or []):
            if not turn.strip():
                raise ValueError(f"turns[{position}] is empty")
        if self.script and self.turns is None:
            raise ValueError("`script` goes with `turns`")
        self._offered()
        return self

    def _offered(self) -> None:
        """Where tools are offered, the script answers for no other: a call of it could never come."""
        functions = [tool.get("function") for tool in self.tools]
        names = {function.get("name") for function in functions if isinstance(function, dict)}
        for position, entry in enumerate(self.script):
            if self.tools and entry.tool not in names:
                raise ValueError(
                    f"script[{position}] answers for {entry.tool!r}, which `tools` does not offer"
                )


class Call(Strict):
    """A tool call that is expected."""

    name: str = Field(min_length=1)
    arguments: dict[str, Any] = {}


class Guardrail(Strict):
    """What the guardrails should decide."""

    action: Literal["allow", "flag", "pseudonymize", "redact", "block"]
    entities: list[str] = []


def checked_schema(schema: dict[str, Any] | None) -> dict[str, Any] | None:
    """The schema itself, once it is known to be one that can be checked. Raises ValueError with its place."""
    if schema is not None:
        from guardrails.checks.tool_schema import Schema

        Schema(schema)
    return schema


class Expectation(Strict):
    """What a good output looks like."""

    answer: str | None = Field(default=None, min_length=1)
    aliases: list[str] = []
    refusal: bool | None = None
    tool_calls: list[Call] | None = None
    guardrail: Guardrail | None = None
    json_schema: dict[str, Any] | None = None

    _is_schema = field_validator("json_schema")(checked_schema)


class Relevant(Strict):
    """A place in the corpus that answers: a document, and in it a span, a quote, or the hash of one."""

    doc_id: str = Field(min_length=1)
    quote: str = ""
    grade: int = Field(default=1, ge=0)
    start: int | None = Field(default=None, ge=0)
    end: int | None = None
    quote_sha256: str = Field(default="", pattern=rf"^$|{_SHA256}")
    doc_sha256: str = Field(default="", pattern=rf"^$|{_SHA256}")

    @model_validator(mode="after")
    def _whole(self) -> Relevant:
        """A span has both ends, and something between them."""
        if (self.start is None) != (self.end is None):
            raise ValueError("give `start` and `end`, or neither")
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ValueError(f"`end` {self.end} is not after `start` {self.start}")
        return self


class Label(BaseModel):
    """Who says that the expectation is right. Other members, such as the labelling policy, are kept in the file."""

    model_config = ConfigDict(extra="allow", strict=True)

    by: str = ""
    at: str = Field(default="", pattern=r"^$|^\d{4}-\d{2}-\d{2}")
    kind: Literal["human", "judge", "synthetic"] | None = None
    adjudicated: bool = False


class Quarantine(Strict):
    """Why an item is kept out of runs for a while, who looks after it, and the last day of it."""

    owner: str = Field(min_length=1)
    until: str
    reason: str = ""

    @field_validator("until")
    @classmethod
    def _a_day(cls, until: str) -> str:
        """A date as YYYY-MM-DD."""
        try:
            if date.fromisoformat(until).isoformat() == until:
                return until
        except ValueError:
            pass
        raise ValueError(f"{until!r} is not a date like 2026-12-31")


class Provenance(BaseModel):
    """Where an item comes from. Other members are kept in the file."""

    model_config = ConfigDict(extra="allow", strict=True)

    trace: str = ""
    subject: str = ""


class ItemForm(BaseModel):
    """One item. Other fields (source, lineage, note) are kept in the file and not read."""

    model_config = ConfigDict(extra="allow", strict=True)

    id: str = Field(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    input: Input
    expected: Expectation = Expectation()
    relevant: list[Relevant] = []
    tags: list[str] = []
    cluster: str = ""
    split: str = Field(default="", pattern=r"^[A-Za-z0-9._-]*$")
    weight: float = Field(default=1.0, gt=0, le=1_000_000, allow_inf_nan=False)
    label: Label = Label()
    status: Literal["active", "quarantined", "retired"] = "active"
    quarantine: Quarantine | None = None
    provenance: Provenance = Provenance()
    planted: list[str] = []

    @model_validator(mode="after")
    def _out_for_a_while(self) -> ItemForm:
        """Only what is quarantined has a quarantine."""
        if self.quarantine is not None and self.status != "quarantined":
            raise ValueError(f"`quarantine` goes with status `quarantined`, not `{self.status}`")
        return self
