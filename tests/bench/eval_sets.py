"""Golden sets for the benchmarks of the eval runner, and the command that runs one against the mock."""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evals.golden import canonical, content_sha256, load
from evals.types import Case
from tests.bench.processes import Process, cores, free_port, module, wait_for


def write(folder: Path, n: int) -> Path:
    """A golden set of n questions, each with an answer, written into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    items = [
        {
            "id": f"q{place:05}",
            "input": {"question": f"What do the rules say about matter {place} of the committee in spring?"},
            "expected": {"answer": f"matter {place} of the committee in spring"},
            "relevant": [],
            "tags": [f"tag{place % 7}"],
            "cluster": "",
            "label": {"by": "bench", "kind": "synthetic"},
            "status": "active",
        }
        for place in range(n)
    ]
    (folder / "items.jsonl").write_text("".join(canonical(each) + "\n" for each in items), "utf-8")
    manifest = {"name": "bench", "version": "1.0.0", "n": n, "content_sha256": content_sha256(items)}
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    (folder / "CHANGELOG.md").write_text("# Changelog\n\n## 1.0.0 - 2026-01-01\n\n- First.\n", "utf-8")
    (folder / "suite.yaml").write_text("name: bench\ngolden: .\nscorers: [contains, f1]\n", "utf-8")
    return folder


def cases(folder: Path, n: int) -> tuple[Case, ...]:
    """The cases of such a set."""
    return load(write(folder, n)).cases


@contextmanager
def mock(**behaviour: object) -> Iterator[str]:
    """A mock of its own, and its base URL."""
    port = free_port()
    process = Process(module("mock_chat", port, json.dumps(behaviour)), cores()[1])
    try:
        wait_for(port, process)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.stop()


def counts(base_url: str) -> dict[str, int]:
    """What the mock has counted."""
    with urllib.request.urlopen(base_url.removesuffix("/v1") + "/counts", timeout=10) as reply:
        found: dict[str, int] = json.load(reply)
    return found


def guardhouse(*arguments: object) -> list[str]:
    """The command line of the product."""
    return [sys.executable, "-c", "import guardhouse; guardhouse.main()", *map(str, arguments)]
