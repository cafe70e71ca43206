"""The formats of an export by name, each a stream of bytes over a stream of trace documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from proxy.export.lines import line

MEDIA_TYPES = {
    "jsonl": "application/x-ndjson",
    "openinference": "application/x-ndjson",
    "otlp": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}
"""By format: what a reply says of itself."""
SUFFIXES = {
    "jsonl": "jsonl",
    "openinference": "openinference.jsonl",
    "otlp": "otlp.jsonl",
    "parquet": "parquet",
}
_PIECE = 64 << 10


def encoded(traces: Iterable[Mapping[str, Any]], format: str, content: bool = False) -> Iterator[bytes]:
    """Trace documents in a format, in pieces of about 64 KB; `content` puts the texts into OTLP."""
    data = bytearray()
    for each in _pieces(traces, format, content):
        data += each
        if len(data) >= _PIECE:
            yield bytes(data)
            data.clear()
    yield bytes(data)


def _pieces(traces: Iterable[Mapping[str, Any]], format: str, content: bool) -> Iterable[bytes]:
    if format == "parquet":
        from proxy.export import parquet

        return parquet.chunks(traces)
    if format == "openinference":
        from proxy.export import openinference

        return openinference.lines(traces)
    if format == "otlp":
        from proxy.export import otlp

        return otlp.lines(traces, content)
    return map(line, traces)
