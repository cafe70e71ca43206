"""What providers do wrong on the wire, each as what a rough provider plays, and what a caller must be told."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass

from tests.acceptance.rough import End, Play
from tests.acceptance.spoken import Route

BROKEN = frozenset({"error 502"})
LATE = frozenset({"error 504"})
CUT = frozenset({"error in band"})
"""Told inside the stream that had begun."""
WELL = frozenset({"answered"})

JSON = "content-type: application/json"
EVENTS = "content-type: text/event-stream"
ERROR = b'data: {"error": {"message": "No.", "type": "server_error", "param": null, "code": null}}\n\n'
HTML = b"<html><body>Bad gateway: hunter2</body></html>"
"""A text of the provider's that nobody may be shown."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong."""

    name: str
    play: Callable[[Route], Play]
    told: frozenset[str] = BROKEN
    """What the caller may be told: `answered`, `error STATUS`, `error in band`."""


def head(*lines: str, status: str = "200 OK") -> bytes:
    """The head of an answer."""
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode()


def sized(body: bytes, *lines: str, status: str = "200 OK", size: int | None = None) -> bytes:
    """A whole answer that says how long it is."""
    length = len(body) if size is None else size
    return head(*(lines or (JSON,)), f"content-length: {length}", status=status) + body


def chunks(*pieces: bytes, end: bool = True) -> bytes:
    """Pieces in chunked framing."""
    framed = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return framed + b"0\r\n\r\n" if end else framed


def chunked(*pieces: bytes, end: bool = True) -> bytes:
    """A streamed answer."""
    return head(EVENTS, "transfer-encoding: chunked") + chunks(*pieces, end=end)


def _half(body: bytes) -> bytes:
    return body[: len(body) // 2]


BEFORE = (
    Fault("closes before a byte", lambda route: [End.CLOSE]),
    Fault("resets before a byte", lambda route: [End.RESET]),
    Fault("closes in the status line", lambda route: [b"HTTP/1.", End.CLOSE]),
    Fault("closes in the head", lambda route: [b"HTTP/1.1 200 OK\r\ncontent-ty", End.CLOSE]),
    Fault("resets in the head", lambda route: [b"HTTP/1.1 200 OK\r\ncontent-ty", 0.05, End.RESET]),
    Fault("is silent", lambda route: [End.SILENT], LATE),
    Fault("stops in the head", lambda route: [b"HTTP/1.1 200 OK\r\ncontent-ty", End.SILENT], LATE),
    Fault("speaks something else", lambda route: [b"SSH-2.0-OpenSSH_9.6\r\n", End.SILENT]),
    Fault("speaks TLS", lambda route: [b"\x15\x03\x01\x00\x02\x02\x46", End.CLOSE]),
    Fault("has endless headers", lambda route: [b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 40_000, End.SILENT]),
    Fault("has one huge header", lambda route: [head(JSON, "x: " + "y" * 200_000), End.SILENT]),
    Fault("has two lengths", lambda route: [head(JSON, "content-length: 5", "content-length: 6"), b"{}{}{}"]),
    Fault(
        "has a length that is no number",
        lambda route: [head(JSON, "content-length: many"), b"{}", End.CLOSE],
    ),
    Fault(
        "has chunks and a length",
        lambda route: [head(JSON, "content-length: 2", "transfer-encoding: chunked"), b"{}", End.CLOSE],
    ),
    Fault("redirects", lambda route: [sized(b"", "location: http://127.0.0.1:1/", status="307 Moved")]),
    Fault("redirects elsewhere", lambda route: [sized(HTML, "location: /x", status="301 Moved"), End.CLOSE]),
    Fault("switches protocols", lambda route: [head("upgrade: h2c", status="101 Switching"), End.SILENT]),
    Fault("only says 100", lambda route: [head(status="100 Continue"), End.CLOSE]),
)
"""Where no answer begins: the same whole and streamed."""

ODD = (
    Fault("says 204", lambda route: [head(status="204 No Content")]),
    Fault("says 205", lambda route: [sized(b"", status="205 Reset")]),
    Fault("is empty", lambda route: [sized(b"")]),
    Fault("is empty without a length", lambda route: [head(JSON), End.CLOSE]),
    Fault("is a web page", lambda route: [sized(HTML, "content-type: text/html")]),
    Fault("is a web page that calls itself JSON", lambda route: [sized(HTML)]),
    Fault("is an array", lambda route: [sized(b"[]")]),
    Fault("is null", lambda route: [sized(b"null")]),
    Fault("is a string", lambda route: [sized(b'"hunter2"')]),
    Fault("is an empty object", lambda route: [sized(b"{}")]),
    Fault("is no UTF-8", lambda route: [sized(b'{"id": "\xff\xfe"}')]),
    Fault("is an error with 200", lambda route: [sized(b'{"error": {"message": "No.", "type": "x"}}')]),
    Fault("is an error in words with 200", lambda route: [sized(b'{"error": "hunter2"}')]),
    Fault("is half of the JSON", lambda route: [sized(_half(route.whole))]),
    Fault("is shorter than it says", lambda route: [sized(route.whole, size=100_000), End.CLOSE]),
    Fault("is cut before its length", lambda route: [sized(route.whole, size=100_000), 0.05, End.RESET]),
    Fault("stops before its length", lambda route: [sized(route.whole, size=100_000), End.SILENT], LATE),
    Fault("is longer than it says", lambda route: [sized(route.whole, size=20), End.CLOSE]),
    Fault(
        "is compressed as br",
        lambda route: [sized(b"\x0b\x02\x80hunter2\x03", JSON, "content-encoding: br")],
    ),
    Fault(
        "says gzip and is not",
        lambda route: [sized(route.whole, JSON, "content-encoding: gzip")],
    ),
    Fault(
        "is half of its gzip",
        lambda route: [sized(_half(gzip.compress(route.whole)), JSON, "content-encoding: gzip")],
    ),
    Fault(
        "has a chunk that is none",
        lambda route: [head(JSON, "transfer-encoding: chunked"), b"zz\r\n" + route.whole, End.SILENT],
    ),
    Fault(
        "ends without a last chunk",
        lambda route: [head(JSON, "transfer-encoding: chunked"), chunks(route.whole, end=False), End.CLOSE],
    ),
    Fault(
        "stops in a chunk",
        lambda route: [head(JSON, "transfer-encoding: chunked"), b"fff\r\n{", End.SILENT],
        LATE,
    ),
    Fault("has a web page with 500", lambda route: [sized(HTML, status="500 No")], frozenset({"error 500"})),
    Fault("has a web page with 429", lambda route: [sized(HTML, status="429 No")], frozenset({"error 429"})),
    Fault("has nothing with 503", lambda route: [sized(b"", status="503 No")], frozenset({"error 503"})),
    Fault(
        "is a web page with 502 that is cut",
        lambda route: [sized(HTML, status="502 No", size=9000), End.CLOSE],
    ),
    Fault(
        "is a status of its own",
        lambda route: [sized(HTML, status="799 Odd"), End.CLOSE],
        frozenset({"error 502"}),
    ),
)
"""An answer that is not the JSON that was asked for: the same whole and streamed."""

FINE = (
    Fault("interim answers first", lambda route: [head(status="103 Hints"), 0.02, sized(route.whole)], WELL),
    Fault(
        "gzip unasked",
        lambda route: [sized(gzip.compress(route.whole), JSON, "content-encoding: gzip")],
        WELL,
    ),
    Fault("no length at all", lambda route: [head(JSON) + route.whole, End.CLOSE], WELL),
    Fault("another content type", lambda route: [sized(route.whole, "content-type: text/plain")], WELL),
    Fault("JSON with a mark in front", lambda route: [sized(b"\n  " + route.whole)], WELL),
    Fault("byte by byte", lambda route: [bytes([b]) for b in sized(route.whole)], WELL),
)
"""What is odd, and an answer all the same: also to a caller who asked for a stream."""

STREAMS = (
    Fault("ends without a last event", lambda route: [chunked(*route.events[:4])], CUT),
    Fault("ends at once", lambda route: [chunked()]),
    Fault("holds only comments", lambda route: [chunked(b": hi\n\n", b": hi\n\n")]),
    Fault("is cut in an event", lambda route: [chunked(*route.events[:4], b'data: {"id": "x"')], CUT),
    Fault("closes in the middle", lambda route: [chunked(*route.events[:4], end=False), End.CLOSE], CUT),
    Fault("resets in the middle", lambda route: [chunked(*route.events[:4], end=False), 0.1, End.RESET], CUT),
    Fault("stops in the middle", lambda route: [chunked(*route.events[:4], end=False), End.SILENT], CUT),
    Fault(
        "stops in a chunk",
        lambda route: [chunked(*route.events[:4], end=False), b"fff\r\nd", End.SILENT],
        CUT,
    ),
    Fault(
        "stops before an event", lambda route: [head(EVENTS, "transfer-encoding: chunked"), End.SILENT], LATE
    ),
    Fault("stops after a comment", lambda route: [chunked(b": hi\n\n", end=False), End.SILENT], LATE),
    Fault("has a chunk that is none", lambda route: [chunked(*route.events[:4], end=False), b"zz\r\n"], CUT),
    Fault(
        "has an event that is no JSON",
        lambda route: [chunked(*route.events[:4], end=False), 0.1, chunks(b"data: hunter2\n\n")],
        CUT,
    ),
    Fault("begins with what is no JSON", lambda route: [chunked(b"data: hunter2\n\n", *route.events)]),
    Fault(
        "has an event that is no object",
        lambda route: [chunked(*route.events[:4], end=False), 0.1, chunks(b"data: []\n\n")],
        CUT,
    ),
    Fault(
        "has an error in the middle",
        lambda route: [chunked(*route.events[:4], end=False), 0.1, chunks(ERROR)],
        CUT,
    ),
    Fault("begins with an error", lambda route: [chunked(ERROR)]),
    Fault("is a web page that calls itself a stream", lambda route: [sized(HTML, EVENTS)]),
    Fault("is JSON that calls itself a stream", lambda route: [sized(route.whole, EVENTS)]),
    Fault(
        "is a stream without a length", lambda route: [head(EVENTS) + b"".join(route.events), End.CLOSE], WELL
    ),
    Fault(
        "is cut where it has no length",
        lambda route: [head(EVENTS) + b"".join(route.events[:4]), End.CLOSE],
        CUT,
    ),
    Fault(
        "is shorter than it says",
        lambda route: [sized(b"".join(route.events[:4]), EVENTS, size=100_000), End.CLOSE],
        CUT,
    ),
    Fault("has an endless event", lambda route: [head(EVENTS), *[b"data: " + b"x" * 2**20] * 18, End.SILENT]),
    Fault("comes in CRLF, byte by byte", lambda route: [bytes([b]) for b in _crlf(route)], WELL),
    Fault(
        "is compressed unasked",
        lambda route: [sized(gzip.compress(b"".join(route.events)), EVENTS, "content-encoding: gzip")],
        WELL,
    ),
)
"""What goes wrong in a stream."""


def _crlf(route: Route) -> bytes:
    return chunked(b"".join(route.events).replace(b"\n", b"\r\n"))
