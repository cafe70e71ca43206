"""Which prompt templates a configuration names: their folder, and how requests are spread over versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from proxy.config_schema import PromptsEntry
from proxy.errors import ConfigError
from proxy.yaml_source import YamlSource


@dataclass(frozen=True, slots=True)
class Share:
    """How much of a prompt's requests a version gets, beside the weights of the others."""

    weight: float
    line: int | None
    """Where the configuration says so."""


@dataclass(frozen=True, slots=True)
class PromptSource:
    """Where prompt templates are."""

    folder: Path | None = None
    """None: there are none."""
    rollout: Mapping[str, Mapping[str, Share]] = field(default_factory=dict)
    """By prompt and version."""
    file: str = ""
    """File to name in messages about it."""

    def error(self, what: str, fix: str, line: int | None = None) -> ConfigError:
        """A ConfigError about what the configuration says of prompts."""
        return ConfigError(what, fix=fix, file=self.file, line=line)


NOWHERE = PromptSource()
"""Where no prompts are configured."""


def prompt_source(source: YamlSource, entry: PromptsEntry | None) -> PromptSource:
    """What the file says of prompts. Raises ConfigError for a folder that is not there, or weights without a sum."""
    if entry is None:
        return NOWHERE
    path = ("guardhouse", "prompts")
    folder = Path(source.file).parent / entry.dir
    if not folder.is_dir():
        raise source.error_at(
            (*path, "dir"), f"there is no folder {folder}.", fix="Paths start at this file's folder."
        )
    rollout: dict[str, dict[str, Share]] = {}
    written = source.data["guardhouse"]["prompts"].get("rollout") or {}
    for name, weights in entry.rollout.items():
        at = (*path, "rollout", name)
        if any(isinstance(version, float) for version in written[name]):
            # 2.10 is read as 2.1.
            raise source.error_at(at, "a version is read as a number.", fix='Write it in quotes: "2.10".')
        if not sum(weights.values()) > 0:
            raise source.error_at(at, f"no version of {name} has a weight.", fix='Write {"1": 100}.')
        rollout[name] = {
            version: Share(weight, source.line((*at, version))) for version, weight in weights.items()
        }
    return PromptSource(folder, rollout, source.file)
