"""Measures recording: `python tests/bench/bench_recorder.py` from the repository root.

Prints microseconds of the event loop's share for one small chat, and traces a second from the loop to SQLite.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from guardrails.types import Action, Finding, Mode, Stage, Verdict
from proxy.dialects.chat_dialect import CHAT
from proxy.exchange import Exchange, Principal
from proxy.recorder import Recorder
from proxy.store.db import open_store, url_of
from proxy.store.keyfile import load_key
from proxy.telemetry import Metrics
from tests.proxy.exchanges import JUDGE

COUNT = 4000


def exchange(number: int) -> Exchange:
    """A small chat in which an e-mail address was masked."""
    found = Finding(
        "pii",
        "pii",
        "EMAIL_ADDRESS",
        Stage.INPUT,
        "/messages/0/content",
        8,
        30,
        1.0,
        Action.PSEUDONYMIZE,
        Mode.ENFORCE,
    )
    return Exchange(
        "/v1/chat/completions",
        CHAT,
        JUDGE,
        principal=Principal("k1"),
        model="gpt-4o-mini",
        input=Verdict(Action.PSEUDONYMIZE, Action.PSEUDONYMIZE, (found,)),
        safe_request={
            "model": "gpt-4o-mini",
            "messages": [{"role": "user", "content": f"Write to EMAIL_ADDRESS_0123456789 about {number}."}],
        },
        safe_response={"choices": [{"index": 0, "message": {"role": "assistant", "content": "Done. " * 30}}]},
        usage={"prompt_tokens": 12, "completion_tokens": 60, "total_tokens": 72},
        duration_us=1200,
        http_status=200,
        upstream_called=True,
        attempts=1,
    )


def main() -> None:
    """Runs the measurements and prints them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        key = load_key(folder)
        store = open_store(url_of(folder, None), key)
        recorder = Recorder(folder / "spool", store.write, Metrics("bench", "bench"))
        recorder.start()
        exchanges = [exchange(number) for number in range(COUNT)]
        started, busy = time.perf_counter(), time.process_time()
        for each in exchanges:
            recorder.record(each)
        recorded = time.perf_counter() - started
        while recorder.oldest_unwritten_seconds():
            time.sleep(0.01)
        elapsed, cpu = time.perf_counter() - started, time.process_time() - busy
        recorder.close()
        store.close()
        size = sum(path.stat().st_size for path in folder.glob("*.sqlite3*"))
    sys.stdout.write(
        f"record(): {recorded / COUNT * 1e6:.0f} us a trace on the caller's thread\n"
        f"to SQLite (synchronous=FULL): {COUNT / elapsed:.0f} traces/s, {cpu / COUNT * 1e6:.0f} us of CPU a trace\n"
        f"stored: {size / COUNT / 1024:.1f} KB a trace\n"
    )


if __name__ == "__main__":
    main()
