"""Lines of OTLP are requests that a collector takes: our own ingest reads them, and so does protobuf."""

from __future__ import annotations

import base64
import json

from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from proxy.export import otlp
from proxy.otlp.json_form import read
from tests.proxy.export.hostile import TEXTS
from tests.proxy.store.test_rollups import NOON, trace


def test_a_line_is_a_request_that_protobuf_reads() -> None:
    """Times, ids, status, attributes and events stand where they belong."""
    given = trace(
        id="0123456789abcdef" * 2, parent_span="b" * 16, model=TEXTS[2], error={"type": "t", "code": "c", "message": "m", "param": None}
    )  # fmt: skip

    (line,) = otlp.lines([given], True)

    message = json.loads(line)
    for group in message["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        for name in ("traceId", "spanId", "parentSpanId"):
            # Protobuf's own JSON has bytes in base64, OTLP's in hex.
            group[name] = base64.b64encode(bytes.fromhex(group[name])).decode()
    request = Parse(json.dumps(message), ExportTraceServiceRequest())
    (span,) = request.resource_spans[0].scope_spans[0].spans
    attributes = {each.key: each.value for each in span.attributes}
    assert (span.span_id.hex(), span.parent_span_id.hex()) == ("0123456789abcdef", "b" * 16)
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (NOON * 1000, (NOON + 1500) * 1000)
    assert (span.kind, span.status.code) == (3, 2)
    assert attributes["gen_ai.usage.input_tokens"].int_value == 9
    assert attributes["gen_ai.request.model"].string_value == TEXTS[2].replace("\ud800", "?").replace(
        "\udfff", "?"
    )
    assert json.loads(attributes["input.value"].string_value) == given["request"]
    assert [each.name for each in span.events] == ["guardhouse.finding", "guardhouse.check_failure"]


def test_lines_are_of_bounded_size() -> None:
    """A hundred spans each; fewer where their texts are long."""
    short = list(otlp.lines([trace(id=f"{n + 1:032x}") for n in range(250)], False))
    long = list(otlp.lines([trace(id=f"{n + 1:032x}", request={"x": "x" * 400_000}) for n in range(7)], True))

    counts = [[len(read(line).spans) for line in lines] for lines in (short, long)]
    assert counts == [[100, 100, 50], [3, 3, 1]]
