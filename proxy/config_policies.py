"""Which policies a configuration names: one for everybody, and others for some keys, models or routes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from proxy.config_schema import ScopeEntry
from proxy.yaml_source import KeyPath, YamlSource


@dataclass(frozen=True, slots=True)
class PolicySource:
    """Where a policy is: the name of a built-in one, a file, or YAML text within the configuration."""

    kind: Literal["builtin", "file", "inline"]
    value: str
    """Name, path, or YAML text whose lines are numbered as in the configuration file."""
    file: str = ""
    """File to name in messages about it."""


DEFAULT = PolicySource("builtin", "default")
"""The policy where none is named."""


@dataclass(frozen=True, slots=True)
class Scope:
    """For whom a policy is meant. Patterns as in a shell; an empty list leaves that question open."""

    policy: PolicySource
    keys: tuple[str, ...] = ()
    """Names or ids of virtual keys."""
    models: tuple[str, ...] = ()
    """Names that callers ask for."""
    routes: tuple[str, ...] = ()
    """Paths, e.g. `/v1/chat/completions`."""

    def covers(self, key: Sequence[str], model: str, route: str) -> bool:
        """Whether an exchange is meant: of a key with these names, for that model, on that route."""
        return (
            (not self.keys or any(_is_one(name, self.keys) for name in key))
            and (not self.models or _is_one(model, self.models))
            and (not self.routes or _is_one(route, self.routes))
        )


def policy_source(source: YamlSource, path: KeyPath, policy: str | dict[str, Any]) -> PolicySource:
    """Where the policy at a place of the file is. Raises ConfigError for a file that is not there.

    A bare word is a built-in policy; anything that looks like a file is one.
    """
    if not isinstance(policy, str):
        return PolicySource("inline", source.excerpt(path), source.file)
    if "/" in policy or policy.endswith((".yaml", ".yml")):
        file = Path(source.file).parent / policy
        if not file.is_file():
            raise source.error_at(
                path, f"there is no policy file {file}.", fix="Paths start at this file's folder."
            )
        return PolicySource("file", str(file), str(file))
    return PolicySource("builtin", policy, source.file)


def scopes(source: YamlSource, entries: Iterable[ScopeEntry]) -> tuple[Scope, ...]:
    """The scopes of the file, in order. Raises ConfigError for one that is meant for everybody."""
    made = []
    for place, entry in enumerate(entries):
        path: KeyPath = ("guardhouse", "scopes", place)
        if not (entry.keys or entry.models or entry.routes):
            raise source.error_at(
                path,
                "a scope without keys, models or routes is meant for everybody.",
                fix="Name some, or write the policy under guardhouse.policy.",
            )
        policy = policy_source(source, (*path, "policy"), entry.policy)
        made.append(Scope(policy, tuple(entry.keys), tuple(entry.models), tuple(entry.routes)))
    return tuple(made)


def named(source: YamlSource, given: Mapping[str, str | dict[str, Any]]) -> Mapping[str, PolicySource]:
    """Where each policy of `guardhouse.policies` is. Raises ConfigError for a file that is not there."""
    return {
        name: policy_source(source, ("guardhouse", "policies", name), policy)
        for name, policy in given.items()
    }


def _is_one(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
