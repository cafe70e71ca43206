"""What recording costs: `python tests/bench/bench_recorder.py [--quick] [--json]`.

Exchanges as the pipeline leaves them, five messages each of which two are new to the record, one thing masked in them, from
the event loop's side through the real recorder and its encrypted spool to SQLite (synchronous=FULL), in this one process.
"Metadata" is every page of the database but those of `blob`, so indexes too, that of the
words that were said among them, unless `search` is off. The agent's run has 30 turns, each resent whole.
"""

from __future__ import annotations

import json
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from guardrails.types import Action, Finding, Mode, Stage, Verdict
from proxy.dialects.chat_dialect import CHAT
from proxy.exchange import Exchange, Principal, new_id
from proxy.recorder import Options, Recorder
from proxy.store.db import Store, open_store, url_of
from proxy.store.keyfile import load_key
from proxy.store.spool_seal import Seal
from proxy.telemetry import Metrics
from tests.bench.report import Row, command, share
from tests.proxy.exchanges import JUDGE

WORDS = [
    "the",
    "committee",
    "met",
    "on",
    "tuesday",
    "and",
    "agreed",
    "to",
    "look",
    "at",
    "this",
    "matter",
    "again",
    "in",
    "spring",
    "when",
    "more",
    "is",
    "known",
    "of",
    "it",
]
TURNS = 30
NO_INDEX = ", not searchable"


def prose(seed: int, words: int) -> str:
    """Text that no other seed makes."""
    random = Random(seed)
    return " ".join(random.choice(WORDS) + str(random.randrange(100)) for _ in range(words))


def exchange(number: int, messages: list[dict[str, Any]], reply: str) -> Exchange:
    """A chat in which an e-mail address was masked."""
    found = Finding(
        *("pii", "pii", "EMAIL_ADDRESS", Stage.INPUT, "/messages/4/content", 8, 30, 1.0),
        *(Action.PSEUDONYMIZE, Mode.ENFORCE),
        fingerprint=f"{number:032x}",
    )
    return Exchange(
        "/v1/chat/completions",
        CHAT,
        JUDGE,
        principal=Principal("0123456789abcdef"),
        model="gpt-4o-mini",
        deployment="openai/gpt-4o-mini",
        provider="openai_wire",
        answered_model="gpt-4o-mini-2024-07-18",
        response_id=f"chatcmpl-{number:029d}",
        run_id=new_id(),
        run_source="prefix",
        asked=f"{number:032x}",
        config="0123456789ab",
        input=Verdict(Action.PSEUDONYMIZE, Action.PSEUDONYMIZE, (found,)),
        safe_request={"model": "gpt-4o-mini", "temperature": 0.2, "messages": messages},
        safe_response={
            "id": f"chatcmpl-{number:029d}",
            "object": "chat.completion",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": reply}, "finish_reason": "stop"}],
        },
        usage={"prompt_tokens": 312, "completion_tokens": 60, "total_tokens": 372},
        finish_reasons=("stop",),
        timings={"auth": 0.01, "parse": 0.11, "inspect_input": 0.83, "upstream": 412.2, "inspect_output": 0.4},
        first_token_us=411_000,
        duration_us=413_000,
        http_status=200,
        upstream_called=True,
        attempts=1,
    )  # fmt: skip


def chat(number: int) -> Exchange:
    """Five messages, as in the third turn of a chat: each chat is recorded at three of its turns."""
    texts = [prose(number * 10 + place, 60) for place in range(5)]
    messages = [
        {"role": ("system", "user", "assistant", "user", "assistant", "user")[place], "content": text}
        for place, text in enumerate(["You are a helpful assistant.", *texts[:4]])
    ]
    return exchange(number, messages, texts[4])


@contextmanager
def recorded(folder: Path, mode: Any = "group", search: bool = True) -> Iterator[tuple[Recorder, Store]]:
    """A recorder in front of a new SQLite file, with or without an index of what was said."""
    store = open_store(url_of(folder, None), load_key(folder), search=search)
    recorder = Recorder(folder / "spool", store.write, Metrics("b", "b"), Seal(store.key), Options(mode))
    recorder.start()
    yield recorder, store
    recorder.close(60)
    with closing(sqlite3.connect(folder / "guardhouse.sqlite3")) as database:
        database.execute("pragma wal_checkpoint(truncate)")
    store.close()


def settled(recorder: Recorder) -> None:
    """Returns when all is in the database."""
    while recorder.oldest_unwritten_seconds():
        time.sleep(0.01)


def metadata(folder: Path) -> int:
    """Bytes of the database file that are no blob's."""
    file = folder / "guardhouse.sqlite3"
    with closing(sqlite3.connect(file)) as database:
        # An empty database has its pages too, and they do not grow.
        (bodies,) = database.execute("select coalesce(sum(length(body)), 0) from blob").fetchone()
    return file.stat().st_size - int(bodies)


def sustained(count: int, search: bool) -> list[Row]:
    """As fast as it goes, and the size of what it leaves."""
    told = "" if search else NO_INDEX
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        exchanges = [chat(number) for number in range(count)]
        with recorded(folder, search=search) as (recorder, _):
            pass
        empty = metadata(folder)
        with recorded(folder, search=search) as (recorder, _):
            began, busy, spent = time.perf_counter(), time.process_time(), list[float]()
            for each in exchanges:
                start = time.perf_counter()
                recorder.record(each)
                spent.append(time.perf_counter() - start)
            settled(recorder)
            elapsed, cpu = time.perf_counter() - began, time.process_time() - busy
        size = (metadata(folder) - empty) / count
        return [
            Row(f"sustained to SQLite{told}", count / elapsed, "exchanges/s", 1000, True, note=f"{count:,}, as fast as they go"),
            Row(f"CPU of all threads{told}", cpu / count * 1e6, "us/exchange"),
            Row(f"metadata{told}", size, "bytes/exchange", 2048, must=True, note="all of the file but the bodies of blobs"),
            Row(f"record(), p50, database busy{told}", share(spent, 0.5) * 1e3, "ms"),
            Row(f"record(), p99, database busy{told}", share(spent, 0.99) * 1e3, "ms", 2.0),
        ]  # fmt: skip


def paced(rate: int, seconds: float) -> list[Row]:
    """Time that recording adds before the last byte when exchanges come at a rate, in both modes."""
    spent: list[float] = []
    with tempfile.TemporaryDirectory() as name, recorded(Path(name)) as (recorder, _):
        exchanges = [chat(number) for number in range(int(rate * seconds))]
        began = time.perf_counter()
        for place, each in enumerate(exchanges):
            time.sleep(max(0.0, began + place / rate - time.perf_counter()))
            start = time.perf_counter()
            recorder.record(each)
            spent.append(time.perf_counter() - start)
        lag = recorder.oldest_unwritten_seconds()
        settled(recorder)
    note = f"{rate} exchanges/s for {seconds:g} s; then the oldest not in the database was {lag:.1f} s old"
    return [
        Row("added, p50", share(spent, 0.5) * 1e3, "ms"),
        Row("added, p99", share(spent, 0.99) * 1e3, "ms", 2.0, note=note),
    ]


def agent(search: bool) -> list[Row]:
    """Stored bytes of a run whose every turn repeats all before it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with recorded(folder, search=search) as (recorder, _):
            pass
        empty = (folder / "guardhouse.sqlite3").stat().st_size
        whole = 0
        messages: list[dict[str, Any]] = [{"role": "system", "content": prose(0, 400)}]
        with recorded(folder, search=search) as (recorder, _):
            for turn in range(TURNS):
                messages.append({"role": "user" if not turn else "tool", "content": prose(turn + 1, 300)})
                each = exchange(turn, [*messages], prose(turn + 1000, 80))
                whole += len(json.dumps(each.safe_request)) + len(json.dumps(each.safe_response))
                messages.append({"role": "assistant", "content": prose(turn + 1000, 80)})
                recorder.record(each)
            settled(recorder)
        with closing(sqlite3.connect(folder / "guardhouse.sqlite3")) as database:
            (bodies,) = database.execute("select sum(length(body)) from blob").fetchone()
        grown = (folder / "guardhouse.sqlite3").stat().st_size - empty
    told = "" if search else NO_INDEX
    return [
        Row(f"run of {TURNS} turns: requests and replies whole", whole / 1024, "KiB"),
        Row(f"the same as stored, bodies{told}", bodies / 1024, "KiB"),
        Row(f"the same as stored, the file's growth{told}", grown / 1024, "KiB"),
        Row(f"times smaller (file){told}", whole / max(grown, 1), "", 8, True, must=True),
    ]


def replayed(count: int) -> list[Row]:
    """How fast a start carries over what a dead process left."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = open_store(url_of(folder, None), load_key(folder))
        away = Recorder(folder / "spool", _away, Metrics("b", "b"), Seal(store.key))
        away.start()
        for number in range(count):
            away.record(chat(number))
        away.close(0.5)
        began = time.perf_counter()
        recorder = Recorder(folder / "spool", store.write, Metrics("b", "b"), Seal(store.key))
        recorder.start()
        settled(recorder)
        elapsed = time.perf_counter() - began
        recorder.close()
        store.close()
    return [Row("replay at a start", count / elapsed, "exchanges/s", note=f"{count:,} left in the spool")]


def _away(documents: object) -> list[str]:
    raise ConnectionError


def measure(quick: bool) -> Sequence[Row]:
    """Every row, and how much memory it took."""
    count = 1000 if quick else 10_000
    rows = [
        *sustained(count, search=True),
        *sustained(count, search=False),
        *paced(100, 2 if quick else 30),
        *agent(search=True),
        *agent(search=False),
        *replayed(count // 2),
    ]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [
        *rows,
        Row("most memory of this process", peak, "MiB", note="the exchanges made beforehand included"),
    ]


if __name__ == "__main__":
    command(__doc__, measure)
