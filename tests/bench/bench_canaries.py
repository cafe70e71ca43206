"""Canaries: `python tests/bench/bench_canaries.py [--quick] [--json]`.

10,000 made-up secrets and personal values (`--quick`: 200) of the kinds that the shipped policy knows go through a real
server on every way there is, one each: contents, names and headers, whole and streamed, refused, blocked, failed at a
provider that repeats what it was sent, cancelled. Raw capture is off, logs are at `debug`, the texts go to a collector.
Then everything that was written or told to others is searched for them: plain, in capitals or not, and as base64, hex,
URL, JSON and UTF-16 write them. What is encrypted is decrypted first. Only values that the policy finds when they stand
alone are taken: how many it misses is the business of `bench_pii.py` and `bench_secrets.py`.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import http.client
import http.server
import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import orjson
import yaml
from sqlalchemy import select

from guardrails.engine import Guard
from guardrails.policy import load
from guardrails.types import Segment, Stage
from proxy.spool import parse
from proxy.store import bodies, queries
from proxy.store.candidates import of_traces
from proxy.store.data_keys import Shredded
from proxy.store.db import Store, open_store, url_of
from proxy.store.keyfile import load_key
from proxy.store.spool_seal import Seal
from proxy.store.tables import BLOB, RUN
from proxy.store.tables_review import CANDIDATE
from tests.bench.canary_paths import DEFINED, TOO_LARGE, WAYS, Sent
from tests.bench.report import Row, command
from tests.bench.values import Value, after, personal, secret
from tests.proxy.templates import folder as prompt_folder
from tests.proxy.test_server import RUN as COMMAND
from tests.proxy.test_server import lines_until, start
from tests.servers import ADMIN_KEY, Script, Upstream, raw, stream, whole

SEED = 11
CALLERS = 4
_AT_ONCE = 1 << 24
SHORTEST = 9
"""Characters of a value: what is shorter stands somewhere by chance."""
POLICY = Path(__file__).resolve().parents[2] / "guardrails" / "policies" / "default.yaml"
FORBIDDEN = [
    {"id": "no", "check": "words", "with": {"deny": ["kryptonite"]}, "stages": ["input"], "action": "block"},
    {
        "id": "no-reply",
        "check": "words",
        "with": {"deny": ["krypto-echo"]},
        "stages": ["output"],
        "action": "block",
    },
]


@dataclass(frozen=True, slots=True)
class Canary:
    """A value, what it stands in, and the way it takes."""

    value: Value
    way: str

    @property
    def phrase(self) -> str:
        """With the words without which it means nothing."""
        return f"{self.value.lead}{self.value.text}{after(self.value)}"

    @property
    def sentence(self) -> str:
        """In a text."""
        return f"Please note: {self.phrase} and go on."


def canaries(count: int) -> list[Canary]:
    """So many that the policy finds, on every way in turn, of every kind in turn."""
    chance, ways = Random(SEED), list(WAYS)
    guard = Guard(load(POLICY), b"k" * 32)
    made: list[Canary] = []
    seen: set[str] = set()

    async def draw() -> None:
        place = 0
        while len(made) < count:
            place += 1
            way = ways[len(made) % len(ways)]
            is_secret = place % 2 == 0 or way in DEFINED
            value = secret(chance, place // 2) if is_secret else personal(chance)
            canary = Canary(value, way)
            fits = len(value.text) >= SHORTEST and value.text not in seen
            if (
                fits
                and await _is_found(guard, canary.phrase, value)
                and await _is_found(guard, canary.sentence, value)
            ):
                seen.add(value.text)
                made.append(canary)

    asyncio.run(draw())
    return made


async def _is_found(guard: Guard, text: str, value: Value) -> bool:
    """Whether all of a value is masked in a text, wherever a caller can write it."""
    at = text.index(value.text)
    stages = (Stage.INPUT, Stage.TOOL_CALL, Stage.TOOL_RESULT, Stage.RETRIEVAL)
    for stage in stages:
        verdict = await guard.inspect([Segment(text, "/x", stage)])
        if not any(edit.start <= at and edit.end >= at + len(value.text) for edit in verdict.edits):
            return False
    return True


# --- what the values go through


def provider(request: dict[str, object]) -> Script:
    """Repeats everything it was sent, in a reply or in an error."""
    told = orjson.dumps(request).decode()
    if request.get("model") == "failing":
        return raw(orjson.dumps({"error": {"message": told, "type": told, "code": told, "param": told}}), 400)
    if request.get("stream"):
        piece = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        delta = {**piece, "choices": [{"index": 0, "delta": {"content": told}, "finish_reason": "stop"}]}
        return stream([b"data: " + orjson.dumps(delta) + b"\n\n", b"data: [DONE]\n\n"])
    return whole({"role": "assistant", "content": told})


class Collector:
    """Takes what the proxy exports to an operator's collector."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        bodies = self.bodies

        class Taker(http.server.BaseHTTPRequestHandler):
            """Keeps every body."""

            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["content-length"]))
                bodies.append(gzip.decompress(data) if self.headers["content-encoding"] == "gzip" else data)
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Silent."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Taker)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def config(folder: Path, upstream: int, collector: int) -> str:
    """The proxy's configuration: the shipped policy, and what blocks."""
    policy = yaml.safe_load(POLICY.read_text("utf-8"))
    policy["rules"] += FORBIDDEN
    policy.pop("tests", None)
    fake = {
        "echo": {},
        "strict": {},
        "tool": {},
        "slow": {"chunk_ms": 100, "first_ms": 300},
        "truncated": {},
        "garbage": {},
    }
    scripts = {"strict": "echo", "slow": "echo"}
    models = [
        {
            "model_name": {"truncated": "broken"}.get(name, name),
            "litellm_params": {"model": f"fake/{scripts.get(name, name)}", **options},
        }
        for name, options in fake.items()
    ]
    base = {"api_base": f"http://127.0.0.1:{upstream}/v1", "api_key": "sk-upstream"}
    models += [
        {"model_name": n, "litellm_params": {"model": f"openai/{n}", **base}} for n in ("parrot", "failing")
    ]
    variables = {"who": {"type": "string"}}
    greet = {"messages": [{"role": "user", "content": "I am {{ who }}."}], "variables": variables}
    return json.dumps(
        {
            "model_list": models,
            "router_settings": {"num_retries": 0, "timeout": 20},
            "guardhouse": {
                "policy": policy,
                "max_body_bytes": TOO_LARGE,
                "prompts": {"dir": str(prompt_folder(folder / "prompts", greet__1=greet))},
                "otlp": {"endpoint": f"http://127.0.0.1:{collector}", "content": True},
            },
        }
    )


class Server:
    """The proxy as it is served; what it says goes to a list."""

    def __init__(self, folder: Path, text: str) -> None:
        told = {
            "GUARDHOUSE_LOG_LEVEL": "debug",
            "GUARDHOUSE_ACCESS_LOG": "true",
            "GUARDHOUSE_LOG_FORMAT": "json",
        }
        self.process = start(folder, config=text, GUARDHOUSE_ADMIN_KEY=ADMIN_KEY, **told)
        said = lines_until(self.process, "listens on")
        self.port = int(said.rpartition("127.0.0.1:")[2].split()[0])
        self.said = [said]
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)

    def end(self, how: signal.Signals) -> bytes:
        """Stop it; everything that it said."""
        self.process.send_signal(how)
        self.process.wait(60)
        self._reading.join(10)
        return "".join(self.said).encode("utf-8", "surrogateescape")


def ask(port: int, sent: Sent) -> tuple[int, bytes]:
    """The status of the answer, and all of it; 0 when there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"authorization": f"Bearer {sent.key}", **sent.headers}
    body = sent.body
    path = sent.path
    if b"FRESH" in body or "FRESH" in path:
        chat = {"model": "echo", "messages": [{"role": "user", "content": "hi"}]}
        connection.request("POST", "/v1/chat/completions", json.dumps(chat), headers)
        answer = connection.getresponse()
        answer.read()
        fresh = answer.headers["x-guardhouse-trace-id"]
        body, path = body.replace(b"FRESH", fresh.encode()), path.replace("FRESH", fresh)
        if any(word in path for word in ("reviews", "comments", "bulk", "golden")):
            # What is said of a trace needs it in the database.
            time.sleep(1.5)
        if "golden" in path:
            connection.request("POST", f"/api/traces/{fresh}/reviews", b'{"verdict": "pass"}', headers)
            connection.getresponse().read()
    try:
        connection.request(sent.method, path, body or None, headers)
        if sent.leaves:
            time.sleep(0.2)
            return 0, b""
        answer = connection.getresponse()
        told = "\n".join(f"{name}: {value}" for name, value in answer.getheaders()).encode("latin-1")
        return answer.status, told + b"\n" + answer.read()
    except (OSError, http.client.HTTPException, ValueError):
        return 0, b""
    finally:
        connection.close()


# --- what is searched, and for what


def needles(value: str) -> Iterator[bytes]:
    """A value in all its spellings."""
    plain = value.encode()
    spelled = (value, plain.hex(), quote(value), quote(value, safe=""))
    escaped = json.dumps(value)[1:-1]
    yield from (text.encode() for text in (*spelled, escaped, json.dumps(escaped)[1:-1]))
    yield from (value.encode(form) for form in ("utf-16-le", "utf-16-be"))
    for shift in range(3):
        # Inside a longer text the edges of base64 mix with what stands beside it.
        coded = base64.b64encode(b"\0" * shift + plain)
        yield coded[4 if shift else 0 : -4]
    if len(plain) >= 30:
        yield plain[len(plain) // 2 - 10 : len(plain) // 2 + 10]


class Sought:
    """Finds every canary in bytes, in capitals or not."""

    def __init__(self, made: Sequence[Canary]) -> None:
        self._words: dict[bytes, list[tuple[bytes, int]]] = {}
        for number, canary in enumerate(made):
            for needle in needles(canary.value.text):
                if len(needle) >= SHORTEST:
                    self._words.setdefault(needle.lower()[:8], []).append((needle.lower(), number))
        self._begins = np.unique(np.frombuffer(b"".join(self._words), dtype="<u8"))

    def within(self, data: bytes) -> list[int]:
        """Numbers of the canaries that stand there."""
        told, found = data.lower(), set[int]()
        for first in range(0, len(told), _AT_ONCE):
            some = told[first : first + _AT_ONCE + 8]
            for shift in range(8):
                words = np.frombuffer(some, dtype="<u8", count=(len(some) - shift) // 8, offset=shift)
                for place in np.flatnonzero(np.isin(words, self._begins)):
                    at = first + shift + int(place) * 8
                    for word, number in self._words[told[at : at + 8]]:
                        if told.startswith(word, at):
                            found.add(number)
        return sorted(found)


def stored(store: Store) -> Iterator[bytes]:
    """Everything in the database that is encrypted, decrypted."""
    with store.read() as connection:
        for row in connection.execute(select(BLOB)).mappings():
            try:
                yield bodies.unpack(dict(row), store.keys)
            except Shredded:
                continue
        runs = connection.execute(select(RUN.c.id)).scalars().all()
        promoted = list(connection.execute(select(CANDIDATE.c.span_id)).scalars())
        labels = [bodies.encode(each.labels) for each in of_traces(connection, store.keys, promoted)]
    yield from labels
    for id in runs:
        yield bodies.encode(queries.get_run(store, id))


def spooled(data: Path, store: Store) -> Iterator[bytes]:
    """Every record that stands in the spool's files."""
    seal = Seal(store.key)
    for path in (data / "spool").rglob("*.log"):
        for record, _ in parse(path.read_bytes()):
            if record is not None:
                yield seal.open(record)


def exported(folder: Path) -> Iterator[bytes]:
    """Every export that there is."""
    for number, format in enumerate(("jsonl", "openinference", "otlp", "parquet")):
        file = folder / f"export-{number}"
        done = subprocess.run(
            [sys.executable, "-c", COMMAND, "traces", "export", "--format", format, "-o", str(file)],
            cwd=folder, env={"PYTHONPATH": str(Path(__file__).resolve().parents[2]), "PATH": "/usr/bin:/bin"},
            capture_output=True, check=False,
        )  # fmt: skip
        if done.returncode == 0:
            yield file.read_bytes()


def measure(quick: bool) -> Sequence[Row]:
    """The figures."""
    made = canaries(200 if quick else 10_000)
    upstream, collector = Upstream(), Collector()
    upstream.script = provider
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = config(folder, upstream.port, collector.server.server_port)
        places, statuses = _gone_through(folder, text, made)
        places["collector"] = b"\n".join(collector.bodies)
    upstream.stop()
    collector.server.shutdown()
    sought = Sought(made)
    hits = {place: sought.within(data) for place, data in places.items()}
    for place, numbers in hits.items():
        for way, count in Counter(made[number].way for number in numbers).most_common():
            kinds = sorted({made[number].value.entity for number in numbers if made[number].way == way})
            sys.stderr.write(f"found in {place}: {count} of {way} ({', '.join(kinds[:5])})\n")
    kinds = len({canary.value.entity for canary in made})
    note = f"{len(WAYS)} ways, {kinds} kinds; " + ", ".join(
        f"{n} x {status}" for status, n in statuses.most_common(6)
    )
    return [
        Row("values sent", len(made), note=note),
        *(
            Row(
                f"found in {place}", len(numbers), bar=0, must=True, note=f"{len(places[place]) / 1e6:.1f} MB"
            )
            for place, numbers in hits.items()
        ),
    ]


def _gone_through(folder: Path, text: str, made: Sequence[Canary]) -> tuple[dict[str, bytes], Counter[int]]:
    """What is left of the values, by place, and how often each status was the answer."""
    statuses: Counter[int] = Counter()
    refusals: list[bytes] = []

    def walk(canary: Canary) -> None:
        status, told = ask(server.port, WAYS[canary.way](canary.phrase, canary.sentence))
        statuses[status] += 1
        if status >= 400:
            refusals.append(told)

    server = Server(folder, text)
    half = len(made) - min(len(made) // 4, 400)
    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(walk, made[:half]))
    time.sleep(2)
    metrics = ask(server.port, Sent("/metrics", method="GET"))[1]
    listed = ask(server.port, Sent("/api/traces?limit=200", method="GET"))[1]
    log = server.end(signal.SIGTERM)
    # Again, and killed: what it had not carried over stands in the spool.
    server = Server(folder, text)
    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(walk, made[half:]))
    log += server.end(signal.SIGKILL)
    data = folder / "data"
    store = open_store(url_of(data, None), load_key(data))
    records = [*spooled(data, store)]
    assert records, "nothing was left in the spool: there is nothing to search"
    places = {"spool, decrypted": b"\n".join(records)}
    server = Server(folder, text)
    metrics += ask(server.port, Sent("/metrics", method="GET"))[1]
    time.sleep(2)
    log += server.end(signal.SIGTERM)
    places["blobs and runs, decrypted"] = b"\n".join(stored(store))
    files = [path for path in data.rglob("*") if path.is_file()]
    places["files of database, log and spool"] = b"\n".join(path.read_bytes() for path in files)
    store.close()
    places |= {"logs": log, "metrics": metrics, "lists": listed, "error bodies": b"\n".join(refusals)}
    places["exports"] = b"\n".join(exported(folder))
    return places, statuses


if __name__ == "__main__":
    command(__doc__, measure)
