"""What the tests of the golden sets about Brightwater Energy Cooperative read: documents, items, prompts."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.evals.commands import call

ROOT = Path(__file__).parents[2]
DATASETS = ROOT / "datasets"
CORPUS = DATASETS / "corpora" / "brightwater"


def _example(name: str) -> ModuleType:
    """A module of docs/examples, which is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / "examples" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


stand_in = _example("stand_in")


def canonical(value: Any) -> str:
    """The one text of a JSON value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def rows(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON Lines file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def items(name: str) -> list[dict[str, Any]]:
    """The items of a golden set."""
    return rows(DATASETS / "golden" / name / "items.jsonl")


def manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a folder."""
    loaded: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))
    return loaded


def prompt(name: str) -> str:
    """A prompt, by `folder/version`."""
    return (DATASETS / "prompts" / f"{name}.txt").read_text("utf-8")


def complaints(name: str, *more: object) -> tuple[int, str]:
    """Exit code and words of a strict `guardhouse golden check`: warnings count."""
    checked = call("golden", "check", DATASETS / "golden" / name, "--strict", *more)
    return checked.exit_code, checked.output


def ran(name: str, out: Path, *options: object) -> tuple[int, dict[str, Any]]:
    """Exit code and run document of `guardhouse eval run` with the set's own suite."""
    suite = DATASETS / "golden" / name / "suite.yaml"
    done = call("eval", "run", "--suite", suite, "--out", out, *options)
    assert (out / "run.json").is_file(), done.output
    document: dict[str, Any] = json.loads((out / "run.json").read_text("utf-8"))
    return done.exit_code, document


def means(document: dict[str, Any]) -> dict[str, float]:
    """The mean of each metric of a run."""
    return {name: summary["mean"] for name, summary in document["summary"].items()}
