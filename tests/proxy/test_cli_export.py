"""`guardhouse traces export`: whole files or none, told in the audit log, and nothing raw."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from proxy import cli_export
from proxy.export import formats
from proxy.store.audit import acts
from proxy.store.db import Store, open_store, url_of
from proxy.store.keyfile import load_key
from tests.proxy.exchanges import SECRET
from tests.proxy.store.test_rollups import trace
from tests.proxy.test_cli_admin import _run
from tests.proxy.test_telemetry_otlp import Collector


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Store]:
    """A store in the folder that commands are given."""
    store = open_store(url_of(tmp_path, None), load_key(tmp_path))
    store.write([trace(id=f"{n + 1:032x}", outcome="masked" if n else "blocked") for n in range(5)])
    yield store
    store.close()


@pytest.mark.parametrize("format", formats.MEDIA_TYPES)
def test_a_file_holds_what_the_filter_names(kept: Store, tmp_path: Path, format: str) -> None:
    """In each format; readable by its owner alone, and nothing else is left."""
    file = tmp_path / "out"

    done = _run(tmp_path, "traces", "export", "outcome:masked", "--format", format, "-o", str(file))

    assert (done.exit_code, done.output) == (0, "")
    if format == "parquet":
        assert parquet.read_table(file).num_rows == 4
    else:
        found = [json.loads(line) for line in file.read_text(encoding="ascii").splitlines()]
        assert len(found) == {"jsonl": 4, "otlp": 1, "openinference": 8}[format]
    assert SECRET.encode() not in file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.glob(".out*")) == []
    assert [(act["actor"], act["action"]) for act in acts(kept)] == [
        ("cli", "traces.exported"),
        ("cli", "traces.export"),
    ]
    assert acts(kept)[0]["detail"] == {
        "filter": "outcome:masked",
        "format": format,
        "count": 4,
        "complete": True,
    }


def test_an_export_that_stops_leaves_what_was_there_before(
    kept: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full half way: a clear line, the old file, and an act that says so."""
    file = tmp_path / "out.jsonl"
    file.write_text("before")

    def full(traces: Any, format: str, content: bool) -> Iterator[bytes]:
        yield b"half"
        next(iter(traces))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(formats, "encoded", full)
    done = _run(tmp_path, "traces", "export", "-o", str(file))

    assert done.exit_code == 2
    assert "stopped after 1 traces (No space left on device)" in done.stderr
    assert file.read_text() == "before"
    assert list(tmp_path.glob(".out*")) == []
    assert acts(kept)[0]["detail"]["complete"] is False


def test_spans_are_sent_to_a_collector(kept: Store, tmp_path: Path) -> None:
    """By reference; with the texts, masked, where that is asked for."""
    collector = Collector()

    done = _run(tmp_path, "traces", "export", "--to", collector.url, "--header", "x-key=secret words")
    with_texts = _run(tmp_path, "traces", "export", "outcome:blocked", "--to", collector.url, "--content")

    assert (done.exit_code, done.stderr) == (0, "5 spans sent.\n")
    assert (with_texts.exit_code, len(collector.spans)) == (0, 6)
    assert (collector.headers[0]["x-key"], collector.headers[0][":path"]) == ("secret words", "/v1/traces")
    told = [{each.key: each.value for each in span.attributes} for span in collector.spans]
    assert ["input.value" in each for each in told] == [False] * 5 + [True]
    assert "[EMAIL_ADDRESS]" in told[5]["input.value"].string_value
    assert "secret" not in str(acts(kept))
    assert acts(kept)[0]["detail"]["to"] == f"{collector.url}/v1/traces"


def test_a_collector_that_is_away_is_told(
    kept: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some tries: how many it took, and that sending again is safe."""
    waited: list[float] = []
    monkeypatch.setattr(cli_export.time, "sleep", waited.append)
    tried: list[int] = []
    monkeypatch.setattr("proxy.telemetry_otlp.sending", lambda *_: lambda spans: tried.append(len(spans)))

    done = _run(tmp_path, "traces", "export", "--to", "http://127.0.0.1:9")

    assert (done.exit_code, tried, waited) == (1, [5] * 5, [1, 2, 4, 8, 0])
    assert "took 0 spans and not the next 5" in done.stderr
    assert acts(kept)[0]["detail"]["complete"] is False


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nonsense:x"], "nonsense"),
        (["--since", "yesterday"], "RFC 3339"),
        (["--format", "csv"], "--format takes one of"),
        (["--to", "ftp://x"], "--to takes"),
        (["--to", "http://x", "-o", "y"], "leave out --output"),
        (["--to", "http://x", "--format", "parquet"], "leave out --output"),
        (["--to", "http://x", "--header", "novalue"], "--header takes name=value"),
        (["--header", "a=b"], "--header needs --to"),
        (["--content"], "--content needs"),
        (["-o", "/nowhere/x"], "cannot be written"),
        (["-o", "/tmp"], "is a folder"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    kept: Store, tmp_path: Path, arguments: list[str], says: str
) -> None:
    """What is wrong, and what to write instead; nothing was exported."""
    done = _run(tmp_path, "traces", "export", *arguments)

    # A filter is shown with a caret at the place.
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 3 if "nonsense" in says else 1)
    assert says in done.stderr
    assert acts(kept) == []


def test_what_is_no_file_is_written_and_not_replaced(kept: Store, tmp_path: Path) -> None:
    """A link stays one, and its file is replaced; a pipe stays a pipe, and is read from its other end."""
    file, link, pipe = tmp_path / "real" / "out", tmp_path / "link", tmp_path / "pipe"
    file.parent.mkdir()
    file.write_text("before")
    link.symlink_to(file)
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    for output in (link, pipe):
        assert _run(tmp_path, "traces", "export", "-o", str(output)).exit_code == 0

    assert link.is_symlink()
    assert file.read_bytes() == os.read(reader, 1 << 20)
    assert pipe.is_fifo()
    os.close(reader)
