"""The server as `guardhouse serve` starts it: a real process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from proxy.errors import ConfigError
from proxy.server import _listen

CONFIG = """
model_list:
  - {model_name: echo, litellm_params: {model: fake/echo}}
guardhouse:
  policy: {name: p, rules: [{id: w, check: words, with: {deny: [xyzzy]}, stages: [input], action: block}]}
  shutdown: {notice_s: 0}
"""
RUN = "import typer; from proxy.cli import register; app = typer.Typer(); register(app); app()"


def start(folder: Path, *options: str, config: str = CONFIG, **variables: str) -> subprocess.Popen[str]:
    """`guardhouse serve` in a folder, on a free port unless the options name one."""
    (folder / "guardhouse.yaml").write_text(config)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GUARDHOUSE_")}
    return subprocess.Popen(
        [sys.executable, "-c", RUN, "serve", "--port", "0", *options],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(Path(__file__).parents[2]), **variables},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )


def lines_until(server: subprocess.Popen[str], word: str) -> str:
    """What it says up to the line with a word."""
    said = ""
    assert server.stderr is not None
    for line in server.stderr:
        said += line
        if word in line:
            return said
    raise AssertionError(said)


def get(url: str, key: str | None) -> int:
    """The status of a GET, tried until the server listens."""
    request = urllib.request.Request(url, headers={"authorization": f"Bearer {key}"} if key else {})
    for _ in range(1000):
        try:
            return int(urllib.request.urlopen(request, timeout=20).status)
        except urllib.error.HTTPError as refused:
            return refused.code
        except urllib.error.URLError:
            time.sleep(0.05)
    raise AssertionError("nobody listens")


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_first_start_prints_its_key_once_and_serves(tmp_path: Path, workers: str) -> None:
    """The printed key opens the API, no key does not; it stops cleanly when told to."""
    server = start(tmp_path, "--workers", workers)
    try:
        said = lines_until(server, "listens on")
        key = re.search(r"gh-[\w-]{43}", said)
        url = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert key and url
        statuses = get(url[0] + "/v1/models", key[0]), get(url[0] + "/v1/models", None)
    finally:
        server.send_signal(signal.SIGTERM)
        _, rest = server.communicate(timeout=20)

    assert statuses == (200, 401)
    assert "Traceback" not in rest
    assert key[0] not in rest


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_nothing_that_a_server_writes_is_open_to_other_users(tmp_path: Path, workers: str) -> None:
    """Its folder, database, spool and numbers, also when the data key comes from the environment."""
    key = {"GUARDHOUSE_DATA_KEY": "0f" * 32, "GUARDHOUSE_ADMIN_KEY": "the-admin-key-of-this-test"}
    server = start(tmp_path, "--workers", workers, "--data-dir", str(tmp_path / "state"), **key)
    try:
        url = re.search(r"http://127\.0\.0\.1:\d+", lines_until(server, "listens on"))
        assert url and get(url[0] + "/readyz", None) == 200
        found = [tmp_path / "state", *(tmp_path / "state").rglob("*")]
        modes = {str(path.relative_to(tmp_path)): path.stat().st_mode & 0o777 for path in found}
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=20)

    assert {"state/guardhouse.sqlite3", "state/guardhouse.sqlite3-wal", "state/spool"} <= modes.keys()
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}


def test_an_address_that_cannot_be_had_is_told() -> None:
    """One line that says which address, and what to do."""
    with _listen("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}"):
            _listen("127.0.0.1", port)
