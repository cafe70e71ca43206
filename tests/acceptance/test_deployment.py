"""What is deployed, by hand: two proxies on one database and one Redis, both balancers, and Prometheus, with the shipped files."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from proxy.exchange import new_id
from proxy.key_terms import Terms
from proxy.limits import Limits
from proxy.store.db import open_store
from proxy.store.keys import create_key
from tests.acceptance.test_deployment_files import expressions
from tests.acceptance.tools import DEPLOY, haproxy, nginx, tool
from tests.contract.hostile import wires
from tests.proxy.policies import policy
from tests.proxy.store.schemas import DEFAULT_POSTGRES
from tests.proxy.test_server import lines_until, start
from tests.proxy.test_vaults import redis_url
from tests.servers import ADMIN_KEY, Upstream, said, whole

pytestmark = [pytest.mark.long, pytest.mark.services]

MAIL = "ada@example.com"
METRICS_KEY = "for-prometheus-alone"
PATIENCE = 30.0


@dataclass
class Fleet:
    """What runs."""

    folder: Path
    upstream: Upstream
    variables: dict[str, str]
    ports: list[int]
    """Of the two proxies."""
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def begin(self, number: int) -> None:
        """Starts a proxy, or starts it anew."""
        folder = self.folder / f"proxy{number}"
        folder.mkdir(exist_ok=True)
        process = start(folder, "--port", str(self.ports[number]), config=self.config(), **self.variables)
        lines_until(process, "listens on")
        # What it says later must not make it wait to be read.
        threading.Thread(target=process.communicate).start()
        self.processes[number : number + 1] = [process]

    def config(self) -> str:
        """The configuration of both."""
        at = f"http://127.0.0.1:{self.upstream.port}/v1"
        real = {"model": "openai/gpt-real", "api_base": at, "api_key": "sk-upstream-secret"}
        names = {"echo": {"model": "fake/echo"}, "smuggled": {"model": "fake/echo"}, "real": real}
        models = [{"model_name": name, "litellm_params": params} for name, params in names.items()]
        return json.dumps({"model_list": models, "guardhouse": {"policy": json.loads(policy())}})

    def ask(
        self, number: int, path: str, body: Any = None, key: str = ADMIN_KEY, **headers: str
    ) -> tuple[int, Any]:
        """Status and JSON of one proxy's answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[number], timeout=PATIENCE)
        told = {"authorization": f"Bearer {key}", **headers}
        data = None if body is None else json.dumps(body)
        connection.request("GET" if body is None else "POST", path, data, told)
        answer = connection.getresponse()
        read = json.loads(answer.read())
        connection.close()
        return answer.status, read

    def chat(
        self, number: int, words: str, model: str = "echo", key: str = ADMIN_KEY, **headers: str
    ) -> tuple[int, Any]:
        """One chat with one proxy."""
        body = {"model": model, "messages": [{"role": "user", "content": words}]}
        return self.ask(number, "/v1/chat/completions", body, key, **headers)


def free() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def until(reached: Callable[[], Any]) -> Any:
    """What a question is answered once the answer is yes."""
    end = time.monotonic() + PATIENCE
    while not (found := reached()) and time.monotonic() < end:
        time.sleep(0.1)
    assert found
    return found


@contextmanager
def running(*command: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs meanwhile."""
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE)


@contextmanager
def database() -> Iterator[str]:
    """The URL of an empty database."""
    url = make_url(os.environ.get("GUARDHOUSE_TEST_POSTGRES_URL", DEFAULT_POSTGRES))
    admin = create_engine(url, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 3})
    name = f"guardhouse_{new_id()}"
    with admin.connect() as connection:
        connection.execute(text(f"CREATE SCHEMA {name}"))
    yield url.update_query_dict({"options": f"-csearch_path={name}"}).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP SCHEMA {name} CASCADE"))
    admin.dispose()


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Two proxies, each with a data folder of its own."""
    upstream = Upstream()
    with database() as url:
        variables = {
            "GUARDHOUSE_ADMIN_KEY": ADMIN_KEY,
            "GUARDHOUSE_METRICS_KEY": METRICS_KEY,
            "GUARDHOUSE_DATA_KEY": os.urandom(32).hex(),
            "GUARDHOUSE_DATABASE_URL": url,
            "GUARDHOUSE_REDIS_URL": redis_url(),
        }
        made = Fleet(tmp_path_factory.mktemp("fleet"), upstream, variables, [free(), free()])
        for number in (0, 1):
            made.begin(number)
        yield made
        for process in made.processes:
            process.kill()
            process.wait(PATIENCE)
    upstream.stop()


def test_a_key_made_once_works_on_both(fleet: Fleet) -> None:
    """Made with the command line, beside the running proxies; revoked, it works on neither."""
    environment = {**os.environ, **fleet.variables, "PYTHONPATH": str(DEPLOY.parent)}
    command = fleet.processes[0].args[:3]  # type: ignore[index]

    def keys(*arguments: str) -> str:
        told = [*command, "keys", *arguments]
        return subprocess.run(
            told, cwd=fleet.folder / "proxy0", env=environment, check=True, capture_output=True, text=True
        ).stdout

    made = json.loads(keys("create", "shop", "--json"))

    for number in (0, 1):
        until(lambda number=number: fleet.chat(number, "hi", key=made["key"])[0] == 200)
    keys("revoke", made["key_id"])
    for number in (0, 1):
        until(lambda number=number: fleet.chat(number, "hi", key=made["key"])[0] == 401)
    assert not (fleet.folder / "proxy0" / "data" / "key").exists()


def test_a_session_goes_on_at_the_other_proxy(fleet: Fleet) -> None:
    """What one masked, the other restores, for the same value has the same pseudonym on both."""
    session = {"x-guardhouse-session": new_id()}
    fleet.upstream.reset()
    for number in (0, 1):
        assert fleet.chat(number, f"write to {MAIL}", "real", **session)[0] == 200
    sent = [request["messages"][-1]["content"] for request in fleet.upstream.requests]
    [token] = {re.search(r"\w+_[0-9a-f]{10}", each)[0] for each in sent}  # type: ignore[index]

    fleet.upstream.script = whole({"content": f"I wrote to {token}."})
    other = fleet.chat(1, "did you?", "real", **session)[1]

    assert other["choices"][0]["message"]["content"] == f"I wrote to {MAIL}."
    assert MAIL.encode() not in b"".join(fleet.upstream.bodies)


def test_traces_of_both_are_listed_by_either(fleet: Fleet) -> None:
    """There is one list."""
    words = {"words from proxy zero": 0, "words from proxy one": 1}
    for words_of, number in words.items():
        fleet.chat(number, words_of)

    for number in (0, 1):
        until(
            lambda number=number: (
                words.keys()
                <= {each["preview"] for each in fleet.ask(number, "/api/traces?limit=200")[1]["data"]}
            )
        )


def test_limits_are_shared(fleet: Fleet) -> None:
    """Six requests at two proxies, of four that a key may make a minute."""
    root = bytes.fromhex(fleet.variables["GUARDHOUSE_DATA_KEY"])
    store = open_store(fleet.variables["GUARDHOUSE_DATABASE_URL"], root)
    key = create_key(store, "limited", terms=Terms(limits=Limits(rpm=4))).secret
    store.close()
    for number in (0, 1):
        until(lambda number=number: fleet.ask(number, "/v1/models", key=key)[0] == 200)

    statuses = [fleet.chat(turn % 2, "hi", key=key)[0] for turn in range(6)]

    assert sorted(statuses) == [200] * 4 + [429] * 2


def test_a_proxy_with_another_data_key_does_not_start(fleet: Fleet) -> None:
    """It says so in one line, and touches nothing."""
    folder = fleet.folder / "stranger"
    folder.mkdir()
    other = {**fleet.variables, "GUARDHOUSE_DATA_KEY": os.urandom(32).hex()}
    process = start(folder, config=fleet.config(), **other)
    _, said_ = process.communicate(timeout=PATIENCE)

    assert process.returncode == 2
    assert (
        "another data key" in said_ and "Traceback" not in said_ and other["GUARDHOUSE_DATA_KEY"] not in said_
    )


BALANCERS = {
    "haproxy": (haproxy, lambda file: (tool("haproxy"), "-db", "-f", file)),
    "nginx": (nginx, lambda file: (tool("nginx"), "-c", file)),
}


@pytest.fixture(params=BALANCERS)
def balanced(
    request: pytest.FixtureRequest, fleet: Fleet, tmp_path: Path
) -> Iterator[tuple[int, ssl.SSLContext]]:
    """The port of a balancer in front of both, and what its certificate is trusted by."""
    configured, command = BALANCERS[request.param]
    port = free()
    file = configured(tmp_path, port, fleet.ports)
    trust = ssl.create_default_context(cafile=tmp_path / "tls.crt")
    with running(*command(file)):
        until(lambda: status(port, trust, "/readyz/serving") == 200)
        yield port, trust


def status(port: int, trust: ssl.SSLContext, path: str, **headers: str) -> int:
    """The status of a GET through a balancer; 0 when it does not answer."""
    connection = http.client.HTTPSConnection("localhost", port, timeout=PATIENCE, context=trust)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


class Caller(threading.Thread):
    """Asks through a balancer until told to stop; notes whatever was not a whole answer."""

    def __init__(self, port: int, trust: ssl.SSLContext, stream: bool, model: str) -> None:
        super().__init__(daemon=True)
        self.port, self.trust, self.stream, self.model = port, trust, stream, model
        self.stop = threading.Event()
        self.answered, self.failed = 0, []  # type: ignore[var-annotated]

    def run(self) -> None:
        """One request after another, each on the connection of the last as long as it is kept."""
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=PATIENCE, context=self.trust)
        messages = [{"role": "user", "content": "hi there"}]
        body = json.dumps({"model": self.model, "stream": self.stream, "messages": messages})
        while not self.stop.is_set():
            try:
                connection.request(
                    "POST", "/v1/chat/completions", body, {"authorization": f"Bearer {ADMIN_KEY}"}
                )
                answer = connection.getresponse()
                read = answer.read()
                if answer.status != 200 or (self.stream and not read.endswith(b"[DONE]\n\n")):
                    self.failed.append((answer.status, read[-300:]))
                self.answered += 1
            except (OSError, http.client.HTTPException) as error:
                self.failed.append((0, repr(error).encode()))
                connection.close()
        connection.close()


@pytest.mark.parametrize("balanced", ["haproxy"], indirect=True)
def test_no_request_fails_while_a_proxy_is_stopped(
    fleet: Fleet, balanced: tuple[int, ssl.SSLContext]
) -> None:
    """SIGTERM under load, of plain requests, short streams, and streams that outlast the notice."""
    fleet.upstream.script = said("a long story " * 4, cut=str.split, field="content")
    fleet.upstream.script.delay = 0.9
    callers = [
        Caller(*balanced, stream, model)
        for stream, model in [(False, "echo"), (True, "echo"), (True, "real")] * 2
    ]
    for caller in callers:
        caller.start()
    until(lambda: all(caller.answered for caller in callers[:2]))
    stopped = fleet.processes[0]
    stopped.send_signal(signal.SIGTERM)

    assert stopped.wait(60) == 0
    before = callers[0].answered
    until(lambda: callers[0].answered > before + 5)
    for caller in callers:
        caller.stop.set()
    for caller in callers:
        caller.join(PATIENCE)
    fleet.begin(0)

    assert [caller.failed for caller in callers] == [[]] * len(callers)
    assert all(caller.answered for caller in callers)


def test_streams_leave_as_they_come(fleet: Fleet, balanced: tuple[int, ssl.SSLContext]) -> None:
    """The first words are there before the provider has said the last."""
    fleet.upstream.reset()
    fleet.upstream.script = said("one two three four", cut=str.split)
    fleet.upstream.script.delay = 0.4
    port, trust = balanced
    connection = http.client.HTTPSConnection("localhost", port, timeout=PATIENCE, context=trust)
    body = json.dumps({"model": "real", "stream": True, "messages": [{"role": "user", "content": "hi"}]})
    connection.request("POST", "/v1/chat/completions", body, {"authorization": f"Bearer {ADMIN_KEY}"})
    answer = connection.getresponse()
    began = time.monotonic()
    first = b""
    while b"three" not in first:
        first += answer.read1(65536)
    seen = time.monotonic() - began
    rest = answer.read()
    whole_s = time.monotonic() - began
    connection.close()

    assert (b"one" in first and rest.endswith(b"[DONE]\n\n")) or b"[DONE]" in first
    assert seen < whole_s


def test_what_is_for_the_inside_stays_inside(balanced: tuple[int, ssl.SSLContext]) -> None:
    """/metrics is told to nobody through a balancer, whatever they say of themselves; a key is still asked for."""
    port, trust = balanced
    for name in ("host", "x-forwarded-for", "x-real-ip", "forwarded"):
        assert status(port, trust, "/metrics", **{name: "127.0.0.1"}) == 404
        assert status(port, trust, "//metrics", **{name: "127.0.0.1"}) in (401, 404)
        for path in ("/%6detrics", "/%6Detrics", "/metric%73", "/metrics/", "/metrics?a=b"):
            assert status(port, trust, path, **{name: "127.0.0.1"}) == 404
    assert status(port, trust, "/v1/models") == 401
    assert status(port, trust, f"/v1/models?key={ADMIN_KEY}&api_key={ADMIN_KEY}") == 401


def test_the_rule_that_is_shipped_as_a_comment_holds(fleet: Fleet, tmp_path: Path) -> None:
    """Whoever takes it up keeps the pages inside, however their paths are written."""
    port = free()
    file = haproxy(tmp_path, port, fleet.ports)
    rule = re.search(r"# e\.g\.: (http-request deny .*)\n", file.read_text())
    assert rule
    file.write_text(file.read_text().replace(rule[0], f"\n    {rule[1]}\n"))
    trust = ssl.create_default_context(cafile=tmp_path / "tls.crt")
    with running(tool("haproxy"), "-db", "-f", file):
        until(lambda: status(port, trust, "/readyz/serving") == 200)
        for path in ("/api/traces", "/%61pi/traces", "/ap%69/traces", "/review/", "/%72eview/"):
            assert status(port, trust, path) == 404
        assert status(port, trust, "/v1/models") == 401


def smuggled(path: str) -> bytes:
    """A whole request, to be hidden in another."""
    body = b'{"model": "smuggled", "messages": [{"role": "user", "content": "hi"}]}'
    head = b"POST %s HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %s\r\ncontent-length: %d\r\n\r\n"
    return head % (path.encode(), ADMIN_KEY.encode(), len(body)) + body


def frauds() -> Iterator[tuple[str, bytes]]:
    """Requests that one reader may take for one and another for two."""
    inner = smuggled("/v1/chat/completions")
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n"
    empty = b"0\r\n\r\n" + inner
    size = b"content-length: %d\r\n" % len(empty)
    for name, line in {
        "length and chunks": size + b"transfer-encoding: chunked\r\n",
        "chunks and length": b"transfer-encoding: chunked\r\n" + size,
        "chunks, written oddly": size + b"transfer-encoding: xchunked\r\n",
        "chunks after a tab": size + b"transfer-encoding:\tchunked\r\n",
        "chunks twice": size + b"transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n",
        "chunks with a space before the colon": size + b"transfer-encoding : chunked\r\n",
        "chunks in a folded line": size + b"transfer-encoding:\r\n chunked\r\n",
        "chunks after a bare line feed": size + b"x: y\ntransfer-encoding: chunked\r\n",
    }.items():
        yield name, head + line + b"\r\n" + empty
    yield "length twice", head + b"content-length: 0\r\n" + b"content-length: %d\r\n\r\n" % len(inner) + inner
    yield "length in a list", head + b"content-length: %d, 0\r\n\r\n" % len(inner) + inner
    yield "length with a sign", head + b"content-length: +%d\r\n\r\n" % len(inner) + inner
    for name, chunk in {
        "a chunk that is too short": b"1\r\nab\r\n0\r\n\r\n",
        "a chunk size with a sign": b"+0\r\n\r\n",
        "a chunk size that overflows": b"1" + b"0" * 16 + b"\r\n\r\n0\r\n\r\n",
        "a chunk size in 0x": b"0x0\r\n\r\n",
        "a chunk that ends in a bare line feed": b"0\n\n",
    }.items():
        yield name, head + b"transfer-encoding: chunked\r\n\r\n" + chunk + inner


def test_no_request_is_smuggled_through(balanced: tuple[int, ssl.SSLContext]) -> None:
    """After each fraud those who call next, over the same connections to the proxies, get the answers to their own questions."""
    port, trust = balanced
    wrong = [(each.name, each.made("/v1/chat/completions")) for each in wires() if not each.cut]
    for name, request in [*frauds(), *wrong]:
        with (
            socket.create_connection(("localhost", port), PATIENCE) as plain,
            trust.wrap_socket(plain, server_hostname="localhost") as wire,
        ):
            try:
                wire.sendall(request)
                wire.settimeout(0.2)
                while wire.recv(65536):
                    pass
            except OSError:
                pass
        for path in ("/v1/models", "/v1/models/echo", "/v1/models"):
            connection = http.client.HTTPSConnection("localhost", port, timeout=PATIENCE, context=trust)
            connection.request("GET", path, headers={"authorization": f"Bearer {ADMIN_KEY}"})
            answer = connection.getresponse()
            assert (answer.status, json.load(answer)["object"]) == (
                200,
                "list" if path.endswith("models") else "model",
            ), name
            connection.close()


@pytest.fixture(scope="module")
def prometheus(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Prometheus with the shipped rules that scrapes both, as the shipped file says but for where they are."""
    folder, port = tmp_path_factory.mktemp("prometheus"), free()
    shipped = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())
    [job] = shipped["scrape_configs"]
    [asked] = job.pop("dns_sd_configs")
    assert asked["names"] == ["proxy"]
    job["static_configs"] = [{"targets": [f"127.0.0.1:{each}" for each in fleet.ports]}]
    shipped["global"] |= {"scrape_interval": "1s", "evaluation_interval": "1s"}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(shipped))
    (folder / "alerts.yml").write_text((DEPLOY / "alerts.yml").read_text())
    (folder / "metrics_key").write_text(METRICS_KEY)
    options = (f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data")
    with running(tool("prometheus"), *options, f"--web.listen-address=127.0.0.1:{port}"):
        yield f"http://127.0.0.1:{port}/api/v1/"


def told(url: str) -> Any:
    """What Prometheus answers; None as long as it does not listen."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            return json.load(answer)["data"]
    except urllib.error.HTTPError as refused:
        return refused.read()
    except OSError:
        return None


def test_prometheus_sees_both_and_every_expression_is_understood(fleet: Fleet, prometheus: str) -> None:
    """Targets are up, rules are healthy, and panels and alerts evaluate on what the proxies say."""
    for number in (0, 1):
        fleet.chat(number, f"write to {MAIL}")

    def up() -> bool:
        targets = (told(prometheus + "targets") or {}).get("activeTargets", [])
        return len(targets) == 2 and all(each["health"] == "up" for each in targets)

    until(up)
    for place, expression in expressions():
        query = urllib.parse.urlencode({"query": expression.replace("$__rate_interval", "1m")})
        answer = told(f"{prometheus}query?{query}")
        assert isinstance(answer, dict), (place, answer)
    query = urllib.parse.urlencode({"query": "count(guardhouse_requests_total) > 0"})
    until(lambda: told(f"{prometheus}query?{query}")["result"])

    def healthy() -> bool:
        rules = [rule for group in told(prometheus + "rules")["groups"] for rule in group["rules"]]
        return len(rules) == sum(place.startswith("alerts.yml") for place, _ in expressions()) and all(
            rule["health"] == "ok" for rule in rules if rule["type"] == "alerting"
        )

    until(healthy)
