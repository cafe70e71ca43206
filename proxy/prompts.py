"""The prompt templates that requests may name: their versions, and which one a request gets.

Which version a session gets hangs on nothing but its name, its tenant and the weights: every process gives the same
one. When weight moves from one version to the next, only as many sessions move as the weight says.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from proxy.config_prompts import PromptSource
from proxy.errors import BadRequest, Code, ConfigError
from proxy.prompt_file import PromptVersion, read_version

WHERE = "guardhouse.prompt"
"""How errors name what a request says of its prompt."""
Versions = Mapping[str, PromptVersion]
"""The versions of one prompt, oldest first."""


class Prompts:
    """The prompts of one configuration. Never changed: a reload makes another one.

    Args:
        versions: by prompt and version, oldest version first.
        weights: how requests that name no version are spread, by prompt and version; the newest gets all those of
            a prompt that is not there.
        folder: where they were read.
        seed: makes the choice for requests without a session repeatable.
    """

    def __init__(
        self,
        versions: Mapping[str, Versions],
        weights: Mapping[str, Mapping[str, float]],
        folder: Path | None = None,
        *,
        seed: int | None = None,
    ) -> None:
        self._versions, self._weights, self.folder = versions, weights, folder
        self._random = Random(seed)  # noqa: S311 - draws a sample, keeps no secret
        read = [each.file for named in versions.values() for each in named.values()]
        within = [] if folder is None else [str(folder), *dict.fromkeys(str(Path(f).parent) for f in read)]
        self.files = (*within, *read)
        """What to watch: the files that were read, and the folders in which new ones appear."""

    def labels(self) -> list[str]:
        """`name@version:hash` of every version, so that a change of one is told."""
        named = self._versions.items()
        return [
            f"{name}@{each}:{found.use.hash}" for name, versions in named for each, found in versions.items()
        ]

    def versions(self, name: str) -> Versions:
        """The versions of a prompt, oldest first. Raises BadRequest where there is no such prompt."""
        if name not in self._versions:
            raise _not_found("There is no such prompt here.", "name")
        return self._versions[name]

    def choose(self, name: str, version: str | None, session: str | None) -> PromptVersion:
        """The version that a request gets: the one it names, else one by weight.

        Args:
            name: of the prompt.
            version: None leaves the choice to the rollout.
            session: requests of equal ones get the same version; None draws one for this request.

        Raises BadRequest where there is no such prompt or version.
        """
        versions = self.versions(name)
        if version is not None:
            if version not in versions:
                raise _not_found(f"The prompt {name!r} has no such version.", "version")
            return versions[version]
        weights = self.weights(name)
        place = self._random.random() if session is None else point(name, session)
        return versions[_at(place, [*weights], [*weights.values()])]

    def weights(self, name: str) -> Mapping[str, float]:
        """The share of each version that gets any, oldest first; together they are 1."""
        versions, told = self._versions[name], self._weights.get(name)
        if told is None:
            return {[*versions][-1]: 1.0}
        total = sum(told.values())
        return {version: told[version] / total for version in versions if told.get(version)}

    def listed(self) -> list[dict[str, Any]]:
        """Every prompt with its versions, as `GET /api/prompts` tells of them."""
        return [
            {
                "name": name,
                "rollout": dict(self.weights(name)),
                "versions": [
                    {
                        "version": each.use.version,
                        "hash": each.use.hash,
                        "description": each.description,
                        "variables": sorted(each.variables),
                        "file": each.file,
                    }
                    for each in versions.values()
                ],
            }
            for name, versions in self._versions.items()
        ]


NO_PROMPTS = Prompts({}, {})
"""Where no folder is configured."""


def load_prompts(source: PromptSource) -> Prompts:
    """The prompts that a configuration names. Raises ConfigError with file and line for what cannot be used."""
    if source.folder is None:
        return NO_PROMPTS
    versions = read_folder(source.folder)
    for name, shares in source.rollout.items():
        for version, share in shares.items():
            if version not in versions.get(name, {}):
                known = ", ".join(versions[name]) if name in versions else ", ".join(versions) or "none"
                what = f"the rollout names {name}@{version}, which {source.folder} does not have."
                raise source.error(what, f"There is: {known}.", share.line)
    weights = {
        name: {version: share.weight for version, share in shares.items()}
        for name, shares in source.rollout.items()
    }
    return Prompts(versions, weights, source.folder)


def read_folder(folder: Path) -> dict[str, dict[str, PromptVersion]]:
    """Every version of every prompt in a folder, by name. Raises ConfigError for one that cannot be used."""
    try:
        found = sorted(path for path in folder.glob("*/*") if _is_yaml(path))
        stray = [path for path in folder.iterdir() if _is_yaml(path)]
    except OSError as error:
        raise ConfigError(f"the folder cannot be read ({error.strerror}).", file=str(folder)) from None
    for path in (*stray, *(path for path in found if path.suffix != ".yaml")):
        raise ConfigError("this is no version of a prompt.", fix="Call it NAME/VERSION.yaml.", file=str(path))
    made: dict[str, dict[str, PromptVersion]] = {}
    for path in sorted(found, key=lambda path: (path.parent.name, in_order(path.stem))):
        made.setdefault(path.parent.name, {})[path.stem] = read_version(path)
    return made


def _is_yaml(path: Path) -> bool:
    return path.suffix in (".yaml", ".yml") and not path.name.startswith(".")


def in_order(version: str) -> tuple[Any, ...]:
    """What versions are ordered by: numbers as numbers, and `2-beta` before `2`."""
    released, _, before = version.partition("-")
    return (_pieces(released), not before, _pieces(before), version)


def _pieces(text: str) -> list[tuple[bool, int, str]]:
    found = re.findall(r"\d+|[a-z]+", text)
    return [(piece.isdigit(), int(piece) if piece.isdigit() else 0, piece) for piece in found]


def point(name: str, session: str) -> float:
    """Where between 0 and 1 a session stands for a prompt: always and everywhere the same place."""
    digest = hashlib.blake2b(f"{name}\0{session}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest) >> 11) / 2**53


def _at(place: float, versions: Sequence[str], shares: Sequence[float]) -> str:
    """The version whose share a place is in; shares stand one after the other."""
    for version, share in zip(versions, shares, strict=True):
        place -= share
        if place < 0:
            return version
    return versions[-1]


def _not_found(what: str, member: str) -> BadRequest:
    # What the caller wrote is not repeated: nobody has inspected it, and errors are stored.
    return BadRequest(what, code=Code.PROMPT_NOT_FOUND, param=f"{WHERE}.{member}")
