"""Limits in the configuration: those of teams, and of keys that have none of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from proxy.auth import ADMIN, ANYONE
from proxy.errors import ConfigError, Forbidden
from proxy.exchange import Principal
from proxy.limits import UNLIMITED, Limits, parse_limits
from proxy.yaml_source import KeyPath, YamlSource

if TYPE_CHECKING:
    from proxy.config import Config

TEAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
"""What a team may be called: its name is part of keys in Redis, and a label of metrics."""
_WITHOUT_DEFAULTS = (ADMIN.key_id, ANYONE.key_id)


def teams(source: YamlSource, given: Mapping[str, Any]) -> Mapping[str, Limits]:
    """The limits of each team of `guardhouse.teams`. Raises ConfigError at the line of what cannot be meant."""
    found = {}
    for name, limits in given.items():
        path: KeyPath = ("guardhouse", "teams", name)
        if not TEAM.fullmatch(name):
            raise source.error_at(
                path,
                f"{name[:64]!r} is no name for a team.",
                fix="Use up to 64 letters, digits, dots, dashes and underscores.",
            )
        found[name] = _limits(source, path, limits)
    return MappingProxyType(found)


def default_limits(source: YamlSource, given: Any) -> Limits:
    """The limits of `guardhouse.default_limits`. Raises ConfigError at the line of what cannot be meant."""
    return _limits(source, ("guardhouse", "default_limits"), given)


def scopes_of(config: Config, who: Principal) -> tuple[tuple[str, Limits], ...]:
    """Every bound on a caller with the name under which it is counted: its key's, then its team's.

    Names are `key:<key_id>` and `team:<tenant>/<name>`; a scope without bounds is left out. A virtual key without
    limits of its own has the configured default ones. Raises Forbidden when its team is not configured any more.
    """
    defaults = UNLIMITED if who.key_id in _WITHOUT_DEFAULTS else config.default_limits
    scopes = [(f"key:{who.key_id}", who.limits or defaults)]
    if who.team is not None:
        scopes.append((f"team:{who.tenant}/{who.team}", team_limits(config, who.team)))
    return tuple((name, limits) for name, limits in scopes if limits)


def team_limits(config: Config, team: str) -> Limits:
    """The limits of a team. Raises Forbidden when it is not configured."""
    found = config.teams.get(team)
    if found is None:
        raise Forbidden(f"The team {team!r} of this key is not configured any more. Ask the operator.")
    return found


def _limits(source: YamlSource, path: KeyPath, given: Any) -> Limits:
    if given is None:
        return UNLIMITED
    if not isinstance(given, Mapping):
        where = ".".join(map(str, path))
        raise source.error_at(path, f"{where} must be a mapping.", fix="Write e.g. {rpm: 60}.")
    try:
        return parse_limits(given)
    except ValueError as error:
        raise _error(source, path, given, str(error)) from None


def _error(source: YamlSource, path: KeyPath, given: Mapping[str, Any], what: str) -> ConfigError:
    """The error at the line of the first member that is wrong by itself."""
    for name, value in given.items():
        try:
            parse_limits({name: value})
        except ValueError:
            path = (*path, name)
            break
    return source.error_at(path, f"{'.'.join(map(str, path))}: {what}", fix="See docs/reference/config.md.")
