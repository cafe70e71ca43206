"""Server-sent events: the same payloads however the bytes are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy import sse
from proxy.errors import UpstreamError
from proxy.sse import Decoder, event

CASES = [
    ("one event", b'data: {"a":1}\n\n', [b'{"a":1}']),
    ("no space after the colon", b"data:x\n\n", [b"x"]),
    ("only one space is dropped", b"data:  x\n\n", [b" x"]),
    ("CRLF", b"data: x\r\n\r\ndata: y\r\n\r\n", [b"x", b"y"]),
    ("lone CR", b"data: x\r\rdata: y\r\r", [b"x", b"y"]),
    ("mixed line ends", b"data: x\r\n\ndata: y\n\r\n", [b"x", b"y"]),
    ("several data lines", b"data: a\ndata: b\n\n", [b"a\nb"]),
    ("comments", b": ping\n\n:\n\ndata: x\n: in between\n\n", [b"x"]),
    ("other fields", b"event: message\nid: 3\nretry: 10\ndata: x\n\n", [b"x"]),
    ("event without data", b"event: ping\n\ndata: x\n\n", [b"x"]),
    ("empty data", b"data\n\ndata:\n\n", [b"", b""]),
    ("byte order mark", b"\xef\xbb\xbfdata: x\n\n", [b"x"]),
    ("more blank lines than needed", b"\n\n\n\ndata: x\n\n\n\n\ndata: y\n\n", [b"x", b"y"]),
    ("done", b"data: x\n\ndata: [DONE]\n\n", [b"x", b"[DONE]"]),
    ("unfinished event", b"data: x\n\ndata: y\n", [b"x"]),
    ("a field that only begins like data", b"database: x\n\n", []),
    ("characters of several bytes", "data: grüße \U0001f600\n\n".encode(), ["grüße \U0001f600".encode()]),
]


@pytest.mark.parametrize(("wire", "payloads"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_reads_the_payloads(wire: bytes, payloads: list[bytes]) -> None:
    """The rules of the event stream format, whole and byte by byte."""
    assert Decoder().feed(wire) == payloads
    decoder = Decoder()
    assert [found for byte in wire for found in decoder.feed(bytes([byte]))] == payloads


@given(
    st.lists(
        st.sampled_from([case[1] for case in CASES[:14]] + [b": c\r\n\r\n", "data: ü€\n\n".encode()]),
        max_size=8,
    ),
    st.lists(st.integers(0, 400), max_size=12),
)
def test_any_split_gives_the_same_payloads(events: list[bytes], cuts: list[int]) -> None:
    """Cut anywhere, also inside characters and CRLF, and with empty reads."""
    wire = b"".join(events)
    places = sorted({min(cut, len(wire)) for cut in cuts} | {0, len(wire)})
    whole, parts = Decoder(), Decoder()
    expected = whole.feed(wire)
    pieces = [wire[start:end] for start, end in pairwise(places)]
    assert [found for piece in [b"", *pieces] for found in parts.feed(piece)] == expected
    assert parts.rest == whole.rest


@given(st.lists(st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"])).map(str.encode)))
def test_what_is_framed_is_read_back(payloads: list[bytes]) -> None:
    """`event` and `Decoder` are inverse, also for payloads of several lines."""
    assert Decoder().feed(b"".join(event(payload) for payload in payloads)) == payloads


@pytest.mark.parametrize(
    ("wire", "rest"), [(b"data: x\n\n", False), (b"data: x\n", True), (b"da", True), (b"", False)]
)
def test_rest_says_whether_an_event_is_open(wire: bytes, rest: bool) -> None:
    """An event is complete with its blank line."""
    decoder = Decoder()
    decoder.feed(wire)
    assert decoder.rest is rest


def test_an_endless_event_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider cannot fill our memory with one line."""
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 1000)
    decoder = Decoder()
    with pytest.raises(UpstreamError):
        for _ in range(20):
            decoder.feed(b"x" * 100)


def test_a_ping_is_no_event() -> None:
    """Clients must not see the keep-alive."""
    assert Decoder().feed(sse.COMMENT_PING) == []


def test_a_named_event_has_its_name_before_its_data() -> None:
    """Clients of some dialects look at the name alone; what is read back is the payload."""
    assert sse.named("ping", b"{}") == b"event: ping\ndata: {}\n\n"
    assert Decoder().feed(sse.named("ping", b"a\nb")) == [b"a\nb"]
