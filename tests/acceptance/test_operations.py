"""Running the proxy as an operator does: what keeps it from starting, several workers, signals."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.proxy.test_server import CONFIG, lines_until, start
from tests.servers import ADMIN_KEY

MODELS = "model_list:\n  - {model_name: echo, litellm_params: {model: fake/echo}}\n"

pytestmark = pytest.mark.long


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ("model_list:\n- {model_name: m, litellm_params: {model: openai/m, api_key: os.environ/NOT_SET_9}}\n",
         "guardhouse.yaml:2: the environment variable NOT_SET_9 is not set"),
        ("model_list:\n  - {model_name: [\n", "guardhouse.yaml:3: this is not YAML"),
        (MODELS + "guardhouse: {polciy: default}\n", "guardhouse.yaml:3: unknown key guardhouse.polciy"),
        (MODELS + "guardhouse: {policy: ./none.yaml}\n", "guardhouse.yaml:3: there is no policy file"),
        (MODELS + "guardhouse: {redis_url: nonsense}\n", "redis_url is no URL of a Redis"),
        (MODELS + "guardhouse: {data_dir: ./guardhouse.yaml}\n", "data key cannot be read"),
        (MODELS + "guardhouse: {database_url: 'sqlite:////proc/none/x.db'}\n", "the database's file cannot be made"),
    ],
)  # fmt: skip
def test_what_keeps_it_from_starting_is_one_line(tmp_path: Path, config: str, told: str) -> None:
    """What is wrong, where, and what to do; exit code 2."""
    server = start(tmp_path, config=config, GUARDHOUSE_ADMIN_KEY=ADMIN_KEY)
    _, said = server.communicate(timeout=90)

    assert server.returncode == 2
    assert said.startswith("guardhouse: ") and said.count("\n") == 1
    assert told in said


def test_a_spool_that_cannot_be_used_and_a_taken_port_are_one_line(tmp_path: Path) -> None:
    """Before a key is printed that nobody could use."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "spool").write_text("no folder")
    server = start(tmp_path, config=CONFIG)
    _, said = server.communicate(timeout=90)
    assert (server.returncode, said.count("\n")) == (2, 1) and "spool" in said

    (tmp_path / "data" / "spool").unlink()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = start(tmp_path, "--port", str(taken.getsockname()[1]), config=CONFIG)
        _, said = server.communicate(timeout=90)
    assert (server.returncode, said.count("\n")) == (2, 1) and "cannot listen on" in said


def ask(port: int, method: str, path: str, body: str = "") -> tuple[int, str]:
    """The status and text of an answer, over a connection of its own, so that any worker may take it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    head = {"authorization": f"Bearer {ADMIN_KEY}", "connection": "close"}
    connection.request(method, path, body, head)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def requests(metrics: str) -> float:
    """How many requests the workers have answered together."""
    return sum(float(n) for n in re.findall(r"^guardhouse_requests_total\{.*\} (\S+)$", metrics, re.M))


@pytest.mark.long
def test_two_workers_tell_one_set_of_numbers_and_take_over_a_new_configuration(tmp_path: Path) -> None:
    """Whichever is scraped: no counter falls and none is missing. SIGHUP to the parent reaches both."""
    server = start(tmp_path, "--workers", "2", config=CONFIG, GUARDHOUSE_ADMIN_KEY=ADMIN_KEY)
    try:
        port = int(lines_until(server, "listens on").rpartition("127.0.0.1:")[2].split()[0])
        body = json.dumps({"model": "echo", "messages": [{"role": "user", "content": "hi"}]})
        seen = []
        for _ in range(40):
            assert ask(port, "POST", "/v1/chat/completions", body)[0] == 200
            seen.append(requests(ask(port, "GET", "/metrics")[1]))
        assert seen == sorted(seen)
        until = time.monotonic() + 60
        while (last := requests(ask(port, "GET", "/metrics")[1])) != 40:
            assert last < 40 and time.monotonic() < until
            time.sleep(0.2)

        _, before = ask(port, "GET", "/readyz")
        (tmp_path / "guardhouse.yaml").write_text(CONFIG + "  cache_ttl_s: 5\n")
        server.send_signal(signal.SIGHUP)
        until = time.monotonic() + 60
        revisions = {json.loads(before)["config"]}
        while len(revisions) != 1 or json.loads(before)["config"] in revisions:
            assert time.monotonic() < until
            revisions = {json.loads(ask(port, "GET", "/readyz")[1])["config"] for _ in range(12)}
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=60)
    assert server.returncode == 0
    assert not [*(tmp_path / "data" / "workers").glob("*")]
