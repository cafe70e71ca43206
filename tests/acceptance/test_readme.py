"""The README is followed as a stranger would: its commands in order, its Python example, against the real program."""

from __future__ import annotations

import os
import pty
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent
RUN_OTHERWISE = ("make demo", "make test", "export KEY=")
"""The first two are how this test came to run, or what it starts itself; the key comes from the demo."""
EXIT = {"prompts/support@degraded": 1}
"""Commands that must fail, and how."""


class Demo(NamedTuple):
    """A demo that stays up, as on a terminal."""

    url: str
    key: str


def blocks(language: str) -> list[str]:
    """The README's fenced blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo on a free port, its standard input a terminal so that it stays up."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("demo") / "out.txt"
    master, slave = pty.openpty()
    with log.open("wb") as out:
        process = subprocess.Popen(
            [BIN / "guardhouse", "demo", "--port", str(port)], stdin=slave, stdout=out, stderr=out, cwd=ROOT
        )
    os.close(slave)
    try:
        yield Demo(f"http://127.0.0.1:{port}", _key(process, log))
    finally:
        process.terminate()
        process.wait(timeout=30)
        os.close(master)


def _key(process: subprocess.Popen[bytes], log: Path) -> str:
    for _ in range(900):
        found = re.search(r"gh-[\w-]{20,}", text := log.read_text(encoding="utf-8"))
        if found and "Ctrl-C" in text:
            return found[0]
        assert process.poll() is None, text
        time.sleep(0.1)
    raise AssertionError(f"the demo did not finish its tour: {text}")


@pytest.mark.timeout(400)
def test_the_commands_work_in_order(demo: Demo, tmp_path: Path) -> None:
    """Every shell block ends with the exit code the README promises."""
    for name in ("datasets", ".venv"):
        (tmp_path / name).symlink_to(ROOT / name if name == "datasets" else BIN.parent)
    ran = 0
    for block in blocks("sh"):
        if block.startswith(RUN_OTHERWISE):
            continue
        script = block.replace("http://127.0.0.1:4000", demo.url)
        done = subprocess.run(
            ["bash", "-ec", script],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "KEY": demo.key},
            timeout=100,
        )
        expected = next((code for part, code in EXIT.items() if part in block), 0)
        assert done.returncode == expected, f"{block}\n{done.stdout}\n{done.stderr}"
        if block.startswith("curl"):
            assert '"code":"content_filter"' in done.stdout
            assert done.stdout.strip() == blocks("json")[0].strip()
        ran += 1

    assert ran >= 8


def test_the_python_example_works(demo: Demo) -> None:
    """The address comes back to the app."""
    [code] = blocks("python")

    done = subprocess.run(
        [sys.executable, "-c", code.replace("http://127.0.0.1:4000", demo.url)],
        capture_output=True,
        text=True,
        env={**os.environ, "KEY": demo.key},
        timeout=60,
    )

    assert "ada@example.com" in done.stdout, done.stderr


def test_the_pages_show_what_the_readme_says(demo: Demo) -> None:
    """The printed key opens the review pages' data."""
    import urllib.request

    request = urllib.request.Request(
        f"{demo.url}/review.json", headers={"authorization": f"Bearer {demo.key}"}
    )
    with urllib.request.urlopen(request, timeout=10) as reply:
        assert b"EMAIL_ADDRESS" in reply.read()
