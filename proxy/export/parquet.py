"""Traces as Parquet: typed columns for what one filters and sums by, JSON texts for what is nested.

The one door to pyarrow. Row groups are of bounded size, so neither the writer nor a reader holds more than one. A file
that was cut has no footer, and nothing opens it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from proxy.export.lines import text

VERSION = "1"
"""Of the columns: it grows when one changes its meaning or goes; a new column alone does not change it."""
GROUP_ROWS = 1_000
GROUP_BYTES = 4 << 20
"""JSON texts after which a row group ends."""

TEXTS = (
    "id", "trace_id", "parent_span", "tenant", "key_id", "team", "session_id", "subject", "run_id", "run_source",
    "shadow_of", "path", "dialect", "model", "answered_model", "deployment", "provider", "response_id", "object_id",
    "prompt", "prompt_version", "prompt_hash", "policy", "config", "outcome", "action", "decided", "price_version",
    "content",
)  # fmt: skip
ERROR = ("type", "code", "message", "param")
NUMBERS = ("duration_us", "first_token_us", "http_status", "attempts", "cost_nanousd", "charged_nanousd")
SWITCHES = ("stream", "upstream_called")
LISTS = ("rules", "entities", "tools")
NESTED = (
    "tags", "usage", "finish_reasons", "timings", "request", "response", "findings", "findings_left_out", "failures",
    "tool_calls", "retrieval", "retrievals", "outside", "feedback", "reviews",
)  # fmt: skip
"""Members of a trace document that stand as JSON texts; null where the document has none."""


@cache
def _schema() -> Any:
    import pyarrow as pa

    columns = [pa.field("started_at", pa.timestamp("us", tz="UTC"))]
    columns += [pa.field(name, pa.string()) for name in (*TEXTS, *(f"error_{name}" for name in ERROR))]
    columns += [pa.field(name, pa.int64()) for name in (*NUMBERS, "tokens_in", "tokens_out")]
    columns += [pa.field(name, pa.bool_()) for name in SWITCHES]
    columns += [pa.field(name, pa.list_(pa.string())) for name in LISTS]
    columns += [pa.field(name, pa.string()) for name in NESTED]
    return pa.schema(columns, metadata={"guardhouse.schema": VERSION})


def row(trace: Mapping[str, Any]) -> dict[str, Any]:
    """A trace document as a row."""
    from proxy.store.rows import tokens_in, tokens_out

    error, usage = trace["error"] or {}, trace["usage"] or {}
    return {
        "started_at": trace["started_us"],
        **{name: trace.get(name) for name in (*TEXTS, *NUMBERS, *SWITCHES)},
        **{f"error_{name}": error.get(name) for name in ERROR},
        "tokens_in": tokens_in(usage),
        "tokens_out": tokens_out(usage),
        "rules": sorted({each["rule"] for each in trace["findings"]}),
        "entities": sorted({each["entity"] for each in trace["findings"]}),
        "tools": sorted({each["name"] for each in trace["tool_calls"]}),
        **{name: None if trace.get(name) is None else text(trace[name]) for name in NESTED},
    }


class _Sink(io.RawIOBase):
    """Takes what the writer writes, and gives it away."""

    def __init__(self) -> None:
        self.taken = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.taken += data
        return len(data)

    def given(self) -> bytes:
        """What was written since the last time."""
        data = bytes(self.taken)
        self.taken.clear()
        return data


def chunks(traces: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """The file, piece by piece: a row group at a time, the footer last."""
    import pyarrow as pa
    from pyarrow import parquet

    sink = _Sink()
    writer = parquet.ParquetWriter(pa.PythonFile(sink, mode="w"), _schema(), compression="zstd")
    for group in _groups(traces):
        writer.write_table(pa.Table.from_pylist(group, _schema()))
        yield sink.given()
    writer.close()
    yield sink.given()


def _groups(traces: Iterable[Mapping[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    group: list[dict[str, Any]] = []
    size = 0
    for trace in traces:
        group.append(row(trace))
        size += sum(len(group[-1][name] or "") for name in NESTED)
        if len(group) >= GROUP_ROWS or size >= GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group
