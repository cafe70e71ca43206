"""The end of the audit log reaches the file and the URL that were configured, signed, and nothing else does."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from proxy import anchoring
from proxy.config_audit import Audit
from proxy.metrics_running import Running
from proxy.store.anchors import Anchors, read_anchors
from proxy.store.db import Store, open_store
from proxy.store.seals import ledger_key
from tests.proxy.store.tampering import grown

SECRET = "a-secret-of-the-operator"


class Receiver(BaseHTTPRequestHandler):
    """Keeps what is posted; answers as its server says."""

    server: Any

    def do_POST(self) -> None:
        """One anchor."""
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        self.send_header("location", "/elsewhere")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Any]:
    """A server that takes anchors."""
    server: Any = HTTPServer(("127.0.0.1", 0), Receiver)
    server.got, server.status = [], 204
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store that anchors in a file."""
    made = open_store(f"sqlite:///{tmp_path / 'x.sqlite3'}", b"k" * 32, anchors=Anchors(tmp_path / "anchors"))
    yield made
    made.close()


def context(store: Store, audit: Audit) -> Any:
    """What the job sees."""
    return SimpleNamespace(
        store=store, config=SimpleNamespace(audit=audit), metrics=SimpleNamespace(running=Running())
    )


def asked(server: Any, **more: Any) -> Audit:
    """The configuration with this server's URL."""
    url = f"http://127.0.0.1:{server.server_port}/anchors"
    return Audit(anchor_url=url, anchor_secret=SECRET, **more)


def test_the_end_is_posted_signed(store: Store, receiver: Any) -> None:
    """As documented; and again only when it is due."""
    grown(store, 2)
    at = context(store, asked(receiver))
    anchoring.anchor(at, lambda: False)
    grown(store, 1)
    anchoring.anchor(at, lambda: False)
    [(path, headers, body)] = receiver.got
    said = json.loads(body)
    assert (path, said["seq"]) == ("/anchors", 2)
    given = headers["X-Guardhouse-Signature"]
    assert given == anchoring.signature(SECRET, body, int(given.split(",")[0].removeprefix("t=")))
    assert set(at.metrics.running.anchored) == {"file", "url"}
    at.metrics.running.posted = at.metrics.running.posted[0], time.time() - 301
    anchoring.anchor(at, lambda: False)
    assert [json.loads(each[2])["seq"] for each in receiver.got] == [2, 3]
    at.metrics.running.posted = at.metrics.running.posted[0], time.time() - 301
    anchoring.anchor(at, lambda: False)
    assert len(receiver.got) == 2
    at.metrics.running.posted = at.metrics.running.posted[0], time.time() - 3_601
    anchoring.anchor(at, lambda: False)
    assert len(receiver.got) == 3


@pytest.mark.parametrize("status", [302, 307, 400, 500])
def test_what_is_not_taken_is_tried_again(store: Store, receiver: Any, status: int) -> None:
    """A redirect is followed nowhere; the metric stays as it was."""
    receiver.status = status
    at = context(store, asked(receiver))
    with pytest.raises(OSError, match=str(status)):
        anchoring.anchor(at, lambda: False)
    assert [each[0] for each in receiver.got] == ["/anchors"] and at.metrics.running.posted == (-1, 0.0)
    receiver.status = 200
    anchoring.anchor(at, lambda: False)
    assert at.metrics.running.posted[0] == 0


def test_a_file_that_was_away_gets_the_end_later(store: Store, tmp_path: Path) -> None:
    """Each act appends its own; the job adds the one that is missing, once."""
    assert store.anchors is not None
    grown(store, 2)
    store.anchors.file.unlink()
    at = context(store, Audit())
    for _ in range(3):
        anchoring.anchor(at, lambda: False)
    assert list(read_anchors(store.anchors.file, ledger_key(store)).hashes) == [2]
    object.__setattr__(store, "anchors", Anchors(tmp_path / "no" / "such" / "folder"))
    with pytest.raises(OSError, match="cannot be written"):
        anchoring.anchor(at, lambda: False)
