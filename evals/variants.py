"""What one arm of a comparison changes: a prompt, a model, an index, a policy, or a named variant of the suite."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evals.errors import SuiteError
from evals.prompts import read_prompt, read_template
from evals.run import PromptRef
from evals.suite import Suite
from guardrails.inheritance import SHIPPED

KINDS = ("prompt", "model", "index", "policy")
"""What a spec may name before its colon."""
SUFFIXES = {"prompt": (".txt", ".yaml"), "policy": (".yaml",), "index": ("",)}
"""What a version's file is called after the version; an index is a folder."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One arm: what it is called, and the keys of what is asked that it changes."""

    name: str
    changes: Mapping[str, Any]
    """Keys of a suite's `target`, `prompt` and `index` among them, both as Path."""

    @property
    def kind(self) -> str:
        """What it changes, if that is one of KINDS and nothing else; else empty."""
        (only, *more) = self.changes
        return only if only in KINDS and not more else ""


def read(spec: str, suite: Suite, like: Variant | None = None) -> Variant:
    """The variant that a spec means: the name of one in the suite, or `[KIND:]VALUE`.

    Without KIND it is of the kind of `like`, else a prompt; beside a `like` that changes several things only
    `FOLDER@VERSION` is one. A VALUE is `FOLDER@VERSION`, a version beside the one that `like` names, a file, or a
    model's name. Raises SuiteError naming what there is.
    """
    if spec in suite.variants:
        return Variant(spec, _placed(suite.variants[spec], suite))
    word, colon, rest = spec.partition(":")
    kind, value = (word, rest) if colon and word in KINDS else ("", spec)
    if not kind and like is not None and not like.kind:
        folder, _, version = value.rpartition("@")
        if folder and version and _folder(folder, suite, "prompt"):
            return read(f"prompt:{value}", suite)
        raise SuiteError(
            f"{spec!r} may be of any kind, since {like.name!r} changes several things",
            fix=f"write KIND:VALUE with one of {', '.join(KINDS)}{_named(suite)}",
        )
    kind = kind or (like.kind if like else "prompt")
    if not value:
        raise SuiteError(f"{spec!r} names no {kind}", fix=f"write {kind}:VALUE")
    if kind == "model":
        return Variant(value, {"model": value})
    beside = like.changes.get(kind) if like else None
    path = _file(kind, value, suite) if "@" in value else None
    path = path or _versioned(kind, value, suite, beside if isinstance(beside, Path) else None)
    path = path or _file(kind, value, suite)
    if path is not None:
        return Variant(_told(kind, path, value), {kind: path})
    if kind == "policy" and value in SHIPPED:
        return Variant(value, {"policy": value})
    shipped = f", or {', '.join(SHIPPED)}" if kind == "policy" else ""
    raise SuiteError(
        f"there is no {kind} {value!r}",
        fix=f"write FOLDER@VERSION or the path of one{shipped}{_named(suite)}",
    )


def baseline(spec: str, suite: Suite, candidate: Variant | None) -> Variant | None:
    """The variant that a candidate is compared with; None when the spec can only be the file of a stored run.

    Raises SuiteError.
    """
    word, colon, _ = spec.partition(":")
    if spec in suite.variants or (colon and word in KINDS):
        return read(spec, suite, candidate)
    if spec.endswith(".json") or (candidate is None and "@" not in spec):
        return None
    return read(spec, suite, candidate)


def read_list(text: str, suite: Suite) -> list[Variant]:
    """The variants of a list: `A,B,C`, a range `FOLDER@A..B` in natural order, or a file with one a line.

    Raises SuiteError when fewer than two are named, or one twice.
    """
    word, colon, rest = text.partition(":")
    kind, value = (word, rest) if colon and word in KINDS else ("prompt", text)
    listed = _file("list", value, suite)
    if ".." in value.rpartition("@")[2] and "@" in value:
        found = _range(kind, value, suite)
    elif "," not in value and listed is not None and listed.is_file():
        found = _in_turn(_lines(listed), kind, suite)
    else:
        found = _in_turn([part.strip() for part in value.split(",") if part.strip()], kind, suite)
    names = [variant.name for variant in found]
    if len(names) < 2:
        raise SuiteError(
            f"{text!r} names {len(names)} version", fix="name two at least: FOLDER@v1..v7 or v1,v2"
        )
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SuiteError(f"{twice!r} is named twice", fix="name each version once, oldest first")
    return found


def spec_of(prompt: PromptRef, suite: Suite) -> str:
    """`FOLDER@VERSION` of the prompt that a run used, where it is still there with the same text; else empty."""
    for folder in (prompt.name, f"prompts/{prompt.name}"):
        spec = f"{folder}@{prompt.version}"
        try:
            found = read(f"prompt:{spec}", suite).changes["prompt"]
            ref = read_template(found) if found.suffix == ".yaml" else read_prompt(found)[1]
        except SuiteError:
            continue
        if ref.sha256 == prompt.sha256:
            return spec
    return ""


def versions(folder: Path, kind: str = "prompt") -> list[str]:
    """The versions in a folder, in natural order: v2 before v10."""
    found = {
        entry.name.removesuffix(suffix)
        for suffix in SUFFIXES[kind]
        for entry in (folder.iterdir() if folder.is_dir() else ())
        if entry.name.endswith(suffix)
        and not entry.name.startswith(".")
        and entry.is_dir() == (kind == "index")
    }
    return sorted(found, key=natural)


def natural(name: str) -> list[tuple[int, int, str]]:
    """A sort key under which numbers in names count as numbers."""
    return [
        (1, int(part), "") if part.isdigit() and part.isascii() else (0, 0, part)
        for part in re.split(r"(\d+)", name)
        if part
    ]


def _placed(changes: Mapping[str, Any], suite: Suite) -> dict[str, Any]:
    """A suite's own variant, its paths found as those of a spec are."""
    placed = dict(changes)
    for kind in ("prompt", "index", "policy"):
        if kind in placed:
            placed.update(read(f"{kind}:{placed[kind]}", _without_variants(suite)).changes)
    return placed


def _without_variants(suite: Suite) -> Suite:
    return replace(suite, variants={})


def _in_turn(specs: Sequence[str], kind: str, suite: Suite) -> list[Variant]:
    """Each spec, understood beside the one before it."""
    found: list[Variant] = []
    for spec in specs:
        before = found[-1] if found and found[-1].kind else None
        found.append(read(spec if before or spec in suite.variants else _with(kind, spec), suite, before))
    return found


def _with(kind: str, spec: str) -> str:
    word, colon, _ = spec.partition(":")
    return spec if colon and word in KINDS else f"{kind}:{spec}"


def _range(kind: str, value: str, suite: Suite) -> list[Variant]:
    folder, _, ends = value.rpartition("@")
    first, _, last = ends.partition("..")
    if kind == "model":
        raise SuiteError(f"{value!r} is a range, but models have no order", fix="write model:A,B,C")
    place = _folder(folder, suite, kind)
    known = versions(place, kind) if place else []
    for end in (first, last):
        if end not in known:
            raise _unknown(kind, folder, end, known)
    if known.index(first) > known.index(last):
        raise SuiteError(f"{first} comes after {last}", fix="write the older version first")
    chosen = known[known.index(first) : known.index(last) + 1]
    return [read(f"{kind}:{folder}@{version}", suite) for version in chosen]


def _versioned(kind: str, value: str, suite: Suite, beside: Path | None) -> Path | None:
    """The file of `FOLDER@VERSION`, or of a bare version beside another; None when it is neither."""
    folder, at, version = value.rpartition("@")
    place = beside.parent if beside is not None else None
    if at and folder:
        place = _folder(folder, suite, kind)
    if place is None:
        if at:
            raise SuiteError(
                f"there is no folder {folder!r}" if folder else f"{value!r} names no folder",
                fix=f"it is looked for in {_places(suite)}",
            )
        return None
    known = versions(place, kind)
    if version in known:
        found = [
            place / f"{version}{suffix}"
            for suffix in SUFFIXES[kind]
            if (place / f"{version}{suffix}").exists()
        ]
        if len(found) > 1:
            raise SuiteError(
                f"{place} has {found[0].name} and {found[1].name}", fix="name the file that is meant"
            )
        return found[0]
    if at or not (_file(kind, value, suite) or (kind == "policy" and value in SHIPPED)):
        raise _unknown(kind, folder or place.name, version, known)
    return None


def _unknown(kind: str, folder: str, version: str, known: Sequence[str]) -> SuiteError:
    there = f"choose from {', '.join(known)}" if known else f"the folder holds no {kind}"
    return SuiteError(f"{kind} {folder!r} has no version {version!r}", fix=there)


def _folder(name: str, suite: Suite, kind: str) -> Path | None:
    """The first folder of that name that holds a version; else the first there is."""
    found = [place / name for place in _roots(suite) if (place / name).is_dir()]
    return next((folder for folder in found if versions(folder, kind)), found[0] if found else None)


def _file(kind: str, name: str, suite: Suite) -> Path | None:
    """The file or, for an index, the folder of that name."""
    for place in _roots(suite):
        path = place / name
        if path.is_dir() if kind == "index" else path.is_file():
            return path
    return None


def _roots(suite: Suite) -> tuple[Path, ...]:
    return (suite.home, Path(), Path("datasets"))


def _places(suite: Suite) -> str:
    return f"{suite.home}, the working directory and its `datasets`"


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise SuiteError(f"{path} cannot be read", fix="write one version a line, as UTF-8") from None
    return [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def _told(kind: str, path: Path, value: str) -> str:
    """How a reader knows it: `FOLDER@VERSION` for what is kept by version, else as it was written."""
    suffix = next((suffix for suffix in SUFFIXES[kind] if suffix and path.name.endswith(suffix)), None)
    return value if suffix is None else f"{path.resolve().parent.name}@{path.name.removesuffix(suffix)}"


def _named(suite: Suite) -> str:
    return f", or a variant of the suite: {', '.join(suite.variants)}" if suite.variants else ""
