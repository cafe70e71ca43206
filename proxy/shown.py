"""The configuration in force, as administrators may see it: every secret is only said to be set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import BaseModel

from proxy.config import Config
from proxy.config_policies import PolicySource

SET = "set"
"""Stands for a secret."""


def shown(config: Config) -> dict[str, Any]:
    """The configuration as JSON. What a dataclass keeps out of its `repr` is secret; so is who a URL asks as."""
    told = _walked(config)
    assert isinstance(told, dict)
    return told


def _walked(value: Any) -> Any:
    if isinstance(value, PolicySource):
        return "inline" if value.kind == "inline" else value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {
            each.name: _walked(found) if each.repr else _hidden(found)
            for each in fields(value)
            for found in [getattr(value, each.name)]
        }
    if isinstance(value, BaseModel):
        return _walked(value.model_dump())
    if isinstance(value, Mapping):
        return {str(key): _walked(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_walked(item) for item in value]
    if isinstance(value, str):
        return _without_password(value)
    return str(value) if isinstance(value, Path) else value


def _hidden(value: Any) -> Any:
    """That there is a secret, or under which names there are some."""
    if isinstance(value, Mapping):
        return {str(key): SET for key in value}
    return SET if value else None


def _without_password(text: str) -> str:
    """A URL without what says who asks: its user, its password and its query."""
    if "://" not in text:
        return text
    try:
        found = urlsplit(text)
    except ValueError:
        return SET
    host = found.netloc.rpartition("@")[2]
    return urlunsplit((found.scheme, host, found.path, "", ""))
