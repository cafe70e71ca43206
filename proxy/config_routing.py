"""Which models a configuration names beside another one: to fall back to, or to shadow it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from proxy.config_schema import Entry, Router, ShadowEntry
from proxy.yaml_source import KeyPath, YamlSource


@dataclass(frozen=True, slots=True)
class Shadow:
    """A share of the requests for a model is also sent to another one, whose answers nobody is given."""

    model: str
    """Alias that callers ask for."""
    to: str
    """Alias that answers the copies."""
    share: float
    """Of the requests, above 0 and at most 1."""


def listed(source: YamlSource, key: str, router: Router, known: set[str]) -> dict[str, tuple[str, ...]]:
    """One kind of fallbacks, by alias. Raises ConfigError for an alias that no deployment has."""
    found: dict[str, tuple[str, ...]] = {}
    for index, item in enumerate(getattr(router, key)):
        for name, targets in item.items():
            for unknown in {*targets, *({name} - {"*"})} - known:
                raise source.error_at(
                    ("router_settings", key, index, name),
                    f"{key} name {unknown!r}, which is not in model_list.",
                    fix=closest(unknown, sorted(known)),
                )
            found[name] = tuple(targets)
    return found


def fallbacks(source: YamlSource, router: Router, known: set[str]) -> dict[str, tuple[str, ...]]:
    """Alias to fallbacks. Raises ConfigError for an alias that no deployment has."""
    found = listed(source, "fallbacks", router, known)
    for unknown in set(router.default_fallbacks) - known:
        raise source.error_at(
            ("router_settings", "default_fallbacks"),
            f"default_fallbacks name {unknown!r}, which is not in model_list.",
            fix=closest(unknown, sorted(known)),
        )
    if router.default_fallbacks:
        found.setdefault("*", tuple(router.default_fallbacks))
    return found


def shadows(
    source: YamlSource, own: Sequence[ShadowEntry], entries: Sequence[Entry], known: set[str]
) -> tuple[Shadow, ...]:
    """The shadows of `guardhouse.shadow`, then each `silent_model` of a deployment, as one of all requests.

    Where both name the same two models, the first counts. Raises ConfigError for an alias that no deployment has.
    """
    found: dict[tuple[str, str], Shadow] = {}

    def add(path: KeyPath, shadow: Shadow) -> None:
        for name in (shadow.model, shadow.to):
            if name not in known:
                raise source.error_at(
                    path,
                    f"a shadow names {name!r}, which is not in model_list.",
                    fix=closest(name, sorted(known)),
                )
        if shadow.model == shadow.to:
            raise source.error_at(
                path,
                f"{shadow.model!r} is its own shadow.",
                fix="Name another model to copy its requests to.",
            )
        found.setdefault((shadow.model, shadow.to), shadow)

    for index, entry in enumerate(own):
        path: KeyPath = ("guardhouse", "shadow", index)
        if (entry.model, entry.to) in found:
            raise source.error_at(
                path, f"{entry.to!r} shadows {entry.model!r} twice.", fix="Remove one of them."
            )
        add(path, Shadow(entry.model, entry.to, entry.percent / 100))
    for index, item in enumerate(entries):
        if (silent := item.litellm_params.silent_model) is not None:
            add(("model_list", index, "litellm_params", "silent_model"), Shadow(item.model_name, silent, 1.0))
    return tuple(found.values())


def closest(word: str, known: Sequence[str]) -> str:
    """A suggestion for a misspelt word."""
    near = difflib.get_close_matches(word, known, n=1)
    return f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(sorted(known))}."
