"""One version of a prompt, read from its file: `<folder>/<name>/<version>.yaml`."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictStr, ValidationError

from proxy.errors import ConfigError
from proxy.exchange import PromptUse
from proxy.prompt_template import Budget, PromptTemplate, TemplateFault
from proxy.prompt_variables import Kind, Variable
from proxy.yaml_source import KeyPath, YamlSource

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
"""What names and versions look like: they stand in paths, headers and labels."""
NOT_DEFAULTS = frozenset(
    {"model", "messages", "prompt", "input", "instructions", "system", "stream", "guardhouse"}
    | {"previous_response_id", "conversation"}
)
"""Members of a request that a prompt does not fill by `defaults`: it says them otherwise, or not at all."""

Role = Literal["system", "developer", "user", "assistant"]
OPENING = ("system", "developer")
_VARIABLE = r"^[a-z][a-z0-9_]{0,63}$"
_FIX = "See docs/guides/prompts.md."


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")

    type: Literal["text"]
    text: StrictStr


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid")

    role: Role
    content: StrictStr | Annotated[list[_Part], Field(min_length=1)]


class _Variable(BaseModel):
    model_config = ConfigDict(extra="forbid")

    required: bool | None = None
    default: Any = None
    type: Kind | None = None
    max_length: Annotated[int, Field(ge=1)] | None = None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    description: StrictStr = ""
    messages: list[_Message] = []
    prompt: StrictStr | None = None
    variables: dict[Annotated[str, Field(pattern=_VARIABLE)], _Variable | None] | None = None
    model: Annotated[StrictStr, Field(min_length=1)] | None = None
    defaults: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class TemplateMessage:
    """A message whose content is to be rendered: one text, or the texts of several parts."""

    role: Role
    content: PromptTemplate | tuple[PromptTemplate, ...]

    def rendered(self, values: Mapping[str, Any], budget: Budget) -> dict[str, Any] | None:
        """The message; None when there is nothing in it. Raises Unrenderable."""
        if isinstance(self.content, PromptTemplate):
            text = self.content.render(values, budget)
            return {"role": self.role, "content": text} if text.strip() else None
        texts = [part.render(values, budget) for part in self.content]
        parts = [{"type": "text", "text": text} for text in texts if text.strip()]
        return {"role": self.role, "content": parts} if parts else None


@dataclass(frozen=True, slots=True)
class PromptVersion:
    """One version of a prompt, ready to be rendered."""

    use: PromptUse
    """What a trace says of it."""
    description: str
    messages: tuple[TemplateMessage, ...]
    """Empty where `prompt` is set."""
    prompt: PromptTemplate | None
    """The text for legacy completions."""
    variables: Mapping[str, Variable]
    model: str | None
    """Alias for requests that name none."""
    defaults: Mapping[str, Any]
    """Members to add to requests that leave them out."""
    file: str
    spoken: frozenset[str]
    """Variables that stand in system messages: rules that trust those are told of these apart."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a version became: messages, or one text."""

    messages: tuple[dict[str, Any], ...]
    """Without those in which nothing is left."""
    text: str | None

    @property
    def characters(self) -> int:
        """How long it is, about."""
        return sum(len(str(each["content"])) for each in self.messages) + len(self.text or "")


def rendered(version: PromptVersion, values: Mapping[str, Any], characters: int) -> Rendered:
    """A version with values for all its variables, of so many characters at most. Raises Unrenderable."""
    budget = Budget(characters)
    made = tuple(each.rendered(values, budget) for each in version.messages)
    text = None if version.prompt is None else version.prompt.render(values, budget)
    return Rendered(tuple(each for each in made if each is not None), text)


def read_version(file: Path) -> PromptVersion:
    """The version in a file. Raises ConfigError with file and line for one that cannot be used."""
    source = _source(file)
    told = _validated(source)
    templates = [*_message_paths(told), *([("prompt",)] if told.prompt is not None else [])]
    if not templates:
        raise source.error("there are neither messages nor a prompt.", fix="Add `messages:`.", line=1)
    if told.messages and told.prompt is not None:
        raise source.error_at(
            ("prompt",), "a prompt has either messages or a prompt text.", fix="Make it two."
        )
    _check_order(source, told)
    compiled = {path: _compiled(source, path) for path in templates}
    used = {name: path for path, template in compiled.items() for name in template.names}
    use = PromptUse(file.parent.name, file.stem, hash_of(source.data))
    return PromptVersion(
        use=use,
        description=told.description,
        messages=_messages(told, compiled),
        prompt=compiled.get(("prompt",)),
        variables=_variables(source, told, used),
        model=told.model,
        defaults=_defaults(source, told),
        file=str(file),
        spoken=frozenset(
            name
            for path, template in compiled.items()
            if path[0] == "messages" and told.messages[int(path[1])].role in OPENING
            for name in template.names
        ),
    )


def hash_of(data: Mapping[str, Any]) -> str:
    """Hash of what a file says: comments and layout do not count."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _source(file: Path) -> YamlSource:
    for word, what in ((file.parent.name, "folder"), (file.stem, "version")):
        if not NAME.fullmatch(word):
            fix = "Use small letters, digits, `.`, `_` and `-`, 64 at most, a letter or digit first."
            raise ConfigError(f"the {what} of this prompt has no usable name.", fix=fix, file=str(file))
    source = YamlSource.read(file, begins="messages:")
    try:
        hash_of(source.data)
    except (TypeError, ValueError):
        what = "the file holds a date, a key that is no text, or a number that JSON does not have."
        raise source.error(what, fix="Put it in quotes.") from None
    return source


def _validated(source: YamlSource) -> _File:
    try:
        return _File.model_validate(source.data)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
    # Of the kinds that a content can have, the one that fits best is the one that was meant.
    first = max(found, key=lambda each: len(_place(source.data, each["loc"])))
    at = _place(source.data, first["loc"])
    where = ".".join(map(str, at))
    if first["type"] == "extra_forbidden":
        raise source.error_at(at, f"unknown key {where}.", fix=_FIX)
    if first["type"] == "missing":
        raise source.error_at(at, f"{where}: {first['loc'][-1]} is missing.", fix="Add it.")
    message = first["msg"].removeprefix("Value error, ")
    raise source.error_at(at, f"{where}: {message[:1].lower()}{message[1:]}.", fix=_FIX)


def _place(document: Any, location: KeyPath) -> KeyPath:
    """Where in the file an error is: pydantic also names what is not written there, such as kinds of content."""
    found: list[str | int] = []
    data: Any = document
    for step in location:
        known = step in data if isinstance(data, dict) else isinstance(step, int) and isinstance(data, list)
        if known:
            found.append(step)
            data = data[step]
    return tuple(found)


def _message_paths(told: _File) -> list[KeyPath]:
    paths: list[KeyPath] = []
    for place, message in enumerate(told.messages):
        at: KeyPath = ("messages", place, "content")
        parts = message.content if isinstance(message.content, list) else None
        paths += [at] if parts is None else [(*at, number, "text") for number in range(len(parts))]
    return paths


def _compiled(source: YamlSource, path: KeyPath) -> PromptTemplate:
    text: Any = source.data
    for step in path:
        text = text[step]
    try:
        return PromptTemplate(text)
    except TemplateFault as fault:
        # A block begins on the line after its mark.
        block = source.excerpt(path).lstrip().startswith(("|", ">"))
        line = (source.line(path) or 1) + fault.line - (0 if block else 1)
        where = ".".join(map(str, path))
        raise source.error(f"{where}: {fault.what}.", fix=_FIX, line=line) from None


def _check_order(source: YamlSource, told: _File) -> None:
    """Raises ConfigError for a system message behind others: not every API has a place for it there."""
    roles = [message.role for message in told.messages]
    opening = next((n for n, role in enumerate(roles) if role not in OPENING), len(roles))
    late = next((n for n, role in enumerate(roles) if n > opening and role in OPENING), None)
    if late is not None:
        raise source.error_at(
            ("messages", late), "a system message stands behind other messages.", fix="Move it up."
        )


def _messages(told: _File, compiled: Mapping[KeyPath, PromptTemplate]) -> tuple[TemplateMessage, ...]:
    made = []
    for place, message in enumerate(told.messages):
        at: KeyPath = ("messages", place, "content")
        count = len(message.content) if isinstance(message.content, list) else 0
        parts = tuple(compiled[(*at, number, "text")] for number in range(count))
        made.append(TemplateMessage(message.role, parts or compiled[at]))
    return tuple(made)


def _variables(source: YamlSource, told: _File, used: Mapping[str, KeyPath]) -> Mapping[str, Variable]:
    """What each variable takes: as declared, else any value for each that the templates use."""
    if told.variables is None:
        return {name: Variable() for name in sorted(used)}
    for name, path in used.items():
        if name not in told.variables:
            raise source.error_at(path, f"the variable {name!r} is not declared.", fix="Add it to variables.")
    return {name: _variable(source, name, each) for name, each in told.variables.items()}


def _variable(source: YamlSource, name: str, told: _Variable | None) -> Variable:
    if told is None:
        return Variable()
    at = ("variables", name)
    has_default = "default" in told.model_fields_set
    if told.required and has_default:
        raise source.error_at(at, f"{name} is required and has a default.", fix="Remove one of them.")
    required = not has_default if told.required is None else told.required
    made = Variable(required, told.default, told.type, told.max_length)
    if told.default is not None and (misfit := made.misfit(told.default)):
        raise source.error_at((*at, "default"), f"the default of {name} is not {misfit}.", fix="Correct it.")
    return made


def _defaults(source: YamlSource, told: _File) -> Mapping[str, Any]:
    for name in told.defaults:
        if name in NOT_DEFAULTS:
            raise source.error_at(("defaults", name), f"defaults cannot set {name!r}.", fix=_FIX)
    return told.defaults
