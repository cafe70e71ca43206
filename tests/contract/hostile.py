"""Requests that no well-meaning client sends, as the bytes that go over the wire."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.servers import ADMIN_KEY

MODEL_ROUTES = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "hi"}]},
    "/v1/completions": {"prompt": "hi"},
    "/v1/responses": {"input": "hi"},
    "/v1/embeddings": {"input": "hi"},
    "/v1/moderations": {"input": "hi"},
    "/v1/messages": {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 9},
    "/v1/messages/count_tokens": {"messages": [{"role": "user", "content": "hi"}]},
}
"""Routes that call a model, each with what makes a smallest request of it besides the model."""

OTHER_ROUTES = {
    "/v1/models": 405,
    "/v1/models/gpt-test": 405,
    "/v1/batches": 404,
    "/v1/files": 404,
    "/v1/nothing/here": 404,
    "/v1/messages/batches": 404,
}
"""Other paths, each with what a POST to it is answered, whatever its body holds."""

KEY = f"authorization: Bearer {ADMIN_KEY}\r\n".encode()
JSON = b"content-type: application/json\r\n"
BOMB = gzip.compress(b"[" * 20_000_000, 9)
"""Twenty megabytes, packed."""
BIG = 200_000
"""`max_body_bytes` of the proxy that they are sent to."""


@dataclass(frozen=True)
class Hostile:
    """One request, for any path, and what it must be answered."""

    name: str
    made: Callable[[str], bytes]
    """Path to the whole request."""
    statuses: tuple[int, ...] = (400,)
    codes: tuple[str, ...] = ()
    """Codes it may have in OpenAI's envelope; any when there are none."""
    traced: bool = True
    """Whether it is an exchange of a route that calls a model, and leaves a trace."""
    wire: bool = False
    """Whether it is no proper HTTP: refused on every path alike."""
    cut: bool = False
    """Whether the caller's side of the connection ends with it."""
    judged: bool = False
    """Whether a moderation by the policy itself has nothing against it."""


def post(
    path: str, body: bytes, headers: bytes = JSON, length: int | str | None = None, key: bytes = KEY
) -> bytes:
    """A POST of a body."""
    told = b"content-length: %s\r\n" % str(len(body) if length is None else length).encode()
    return b"POST %s HTTP/1.1\r\nhost: proxy\r\n%s%s%s\r\n%s" % (path.encode(), key, headers, told, body)


def request(path: str, members: Mapping[str, Any] | None = None) -> bytes:
    """A body that the route takes, as far as anything here looks, with other members in it."""
    model = "claude-test" if path.endswith("/count_tokens") else "gpt-test"
    return json.dumps({"model": model, **MODEL_ROUTES.get(path, {}), **(members or {})}).encode()


def valid(path: str) -> bytes:
    """A body that the route takes, as far as anything here looks."""
    return request(path)


def _with(path: str, member: str) -> bytes:
    """A valid body with one more member, as it stands."""
    return valid(path)[:-1] + b", " + member.encode("utf-8", "surrogatepass") + b"}"


def bodies() -> Iterator[Hostile]:
    """Bodies that are no JSON object as the API takes it."""
    plain = {
        "empty body": b"",
        "null": b"null",
        "true": b"true",
        "a list": b"[]",
        "a list of requests": b'[{"model": "gpt-test"}]',
        "a string": b'"hello"',
        "a number": b"-1",
        "NaN alone": b"NaN",
        "minus infinity alone": b"-Infinity",
        "spaces": b"   \n ",
        "not JSON": b"hello",
        "an open object": b"{",
        "single quotes": b"{'model': 'gpt-test'}",
        "a trailing comma": b'{"model": "gpt-test",}',
        "a comment": b'{"model": "gpt-test" /* hi */}',
        "no UTF-8": b'{"model": "gpt-test", "x": "\xff\xfe"}',
        "an overlong NUL": b'{"model": "gpt-test", "x": "\xc0\x80"}',
        "a surrogate in UTF-8": b'{"model": "gpt-test", "x": "\xed\xa0\x80"}',
        "a NUL byte": b'{"model": "gpt-test", "x": "\x00"}',
        "100,000 nested lists": b"[" * 100_000,
        "nested lists that end": b'{"x": ' + b"[" * 90_000 + b"]" * 90_000 + b"}",
        "300 nested objects": b'{"x":' * 300 + b"1" + b"}" * 300,
        "nested objects without end": b'{"a":' * 30_000,
        "binary": bytes(range(256)) * 8,
    }
    for name, body in plain.items():
        yield Hostile(name, lambda path, body=body: post(path, body), codes=("invalid_json",))
    members = {
        "NaN inside": '"x": NaN',
        "infinity inside": '"x": [1, Infinity]',
        "1e999": '"temperature": 1e999',
        "a huge integer": '"seed": ' + "9" * 400,
        "an integer of 40 digits": '"seed": ' + "9" * 40,
        "more digits than a double has": '"x": 0.12345678901234567890123',
        "a leading zero": '"seed": 007',
        "a lone surrogate, escaped": '"x": "\\ud83d"',
        "surrogates in the wrong order": '"x": "\\ude00\\ud83d"',
        "a broken escape": '"x": "\\u00g0"',
        "a raw line end in a string": '"x": "a\nb"',
        "a member twice": '"model": "gpt-test"',
        "a member twice, spelled with escapes": '"\\u006dodel": "gpt-test"',
        "a member twice, deep": '"x": [{"y": {"z": 1, "z": 2}}]',
        "a member twice with another between": '"x": {"y": 1, "w": 0, "y": 1}',
        "an empty name twice": '"x": {"": 1, "": 2}',
    }
    for name, member in members.items():
        yield Hostile(
            name, lambda path, member=member: post(path, _with(path, member)), codes=("invalid_json",)
        )
    yield Hostile("cut JSON", lambda path: post(path, valid(path)[:-7]), codes=("invalid_json",))
    yield Hostile("two values", lambda path: post(path, valid(path) * 2), codes=("invalid_json",))
    yield Hostile("a value and a word", lambda path: post(path, valid(path) + b" x"), codes=("invalid_json",))
    yield Hostile("UTF-16", lambda path: post(path, valid(path).decode().encode("utf-16")))
    yield Hostile("UTF-32", lambda path: post(path, valid(path).decode().encode("utf-32")))
    yield Hostile("UTF-7 in name", lambda path: post(path, b"+AHs-" + valid(path)))
    yield Hostile("a byte order mark", lambda path: post(path, b"\xef\xbb\xbf" + valid(path)))
    yield Hostile(
        "a member in other letters",
        lambda path: post(path, _with(path, '"Messages": []')),
        codes=("unknown_parameter",),
    )
    yield Hostile(
        "a member in letters that fold",
        lambda path: post(path, _with(path, '"\u017ftream": true')),
        codes=("unknown_parameter",),
    )


def shapes() -> Iterator[Hostile]:
    """Bodies that are JSON objects, with members of the wrong type."""
    given = {
        "no members": {},
        "model null": {"model": None},
        "model a number": {"model": 5},
        "model a list": {"model": ["gpt-test"]},
        "model empty": {"model": ""},
        "messages a string": {"messages": "x", "input": 5, "prompt": 5},
        "messages a number": {"messages": 5, "input": {"a": 1}, "prompt": {"a": 1}},
        "messages an object": {"messages": {}, "input": True, "prompt": True},
        "messages empty": {"messages": [], "input": [[]] * 2 + ["x"], "prompt": []},
        "messages of numbers": {"messages": [1], "input": [1, "x"], "prompt": [1, "x"]},
        "messages of null": {"messages": [None], "input": [None], "prompt": [None]},
        "messages of lists": {"messages": [[]], "input": [["x"]], "prompt": [["x"]]},
        "no role": {"messages": [{"content": "x"}], "input": [{"role": 1}], "prompt": [{}]},
        "a strange role": {"messages": [{"role": "wizard", "content": "x"}], "input": 1, "prompt": 1},
        "content a number": {
            "messages": [{"role": "user", "content": 5}],
            "input": [{"role": "user", "content": 5}],
            "prompt": 1.5,
        },
        "parts of numbers": {
            "messages": [{"role": "user", "content": [5]}],
            "input": [{"role": "user", "content": [5]}],
            "prompt": [1.5],
        },
        "stream a string": {"stream": "yes", "input": 5},
        "a strange extension": {"guardhouse": 5},
        "an unknown word to us": {"guardhouse": {"x": 1}},
        "hits without text": {"guardhouse": {"retrieval": [{"doc_id": "a"}]}},
    }
    for name, members in given.items():
        yield Hostile(
            name,
            lambda path, members=members: post(path, request(path, members) if members else b"{}"),
            judged=name in ("model null", "model empty"),
        )
    yield Hostile(
        "an unknown model",
        lambda path: post(path, request(path, {"model": "no/such"})),
        statuses=(404,),
        codes=("model_not_found",),
        judged=True,
    )


def encodings() -> Iterator[Hostile]:
    """Bodies that are not encoded as their headers say, or in ways that are not read."""
    zipped = b"content-encoding: gzip\r\n"
    yield Hostile("false gzip", lambda path: post(path, valid(path), zipped + JSON), codes=("invalid_value",))
    yield Hostile(
        "cut gzip",
        lambda path: post(path, gzip.compress(valid(path))[:-9], zipped + JSON),
        codes=("invalid_value",),
    )
    yield Hostile(
        "gzip and more",
        lambda path: post(path, gzip.compress(valid(path)) + b"more", zipped + JSON),
        codes=("invalid_value",),
    )
    yield Hostile(
        "a gzip bomb",
        lambda path: post(path, BOMB, zipped + JSON),
        statuses=(413,),
        codes=("request_too_large",),
    )
    for name in ("deflate", "br", "zstd", "compress", "x-unknown", "gzip, gzip", "\u00e9"):
        line = f"content-encoding: {name}\r\n".encode("latin-1")
        yield Hostile(
            f"content-encoding {name}",
            lambda path, line=line: post(path, zlib.compress(valid(path)), line + JSON),
            codes=("invalid_value",),
        )
    form = b"content-type: application/x-www-form-urlencoded\r\n"
    yield Hostile("a form", lambda path: post(path, b"model=gpt-test&messages=hi", form))
    parts = b"content-type: multipart/form-data; boundary=x\r\n"
    yield Hostile(
        "multipart",
        lambda path: post(
            path, b'--x\r\ncontent-disposition: form-data; name="m"\r\n\r\nhi\r\n--x--\r\n', parts
        ),
    )
    yield Hostile("text/plain", lambda path: post(path, b"hi", b"content-type: text/plain\r\n"))


def sizes() -> Iterator[Hostile]:
    """Requests that are too long."""
    yield Hostile(
        "20 MB that are announced and never sent",
        lambda path: post(path, b'{"model":', length=20_000_000),
        statuses=(413,),
        codes=("request_too_large",),
        cut=True,
    )
    yield Hostile(
        "more than may be",
        lambda path: post(path, b'{"x": "' + b"a" * BIG + b'"}'),
        statuses=(413,),
        codes=("request_too_large",),
    )
    piece = b"%x\r\n%s\r\n" % (BIG // 2, b"a" * (BIG // 2))
    chunked = KEY + JSON + b"transfer-encoding: chunked\r\n\r\n"
    yield Hostile(
        "more than may be, in chunks",
        lambda path: (
            b"POST %s HTTP/1.1\r\nhost: proxy\r\n" % path.encode() + chunked + piece * 3 + b"0\r\n\r\n"
        ),
        statuses=(413,),
        codes=("request_too_large",),
    )


def keys() -> Iterator[Hostile]:
    """Requests of nobody."""
    for name, header in {
        "no key": b"",
        "an empty key": b"authorization: Bearer \r\n",
        "another scheme": b"authorization: Basic Z2g6Z2g=\r\n",
        "a wrong key": b"authorization: Bearer gh-wrong\r\n",
        "a key of strange bytes": b"authorization: Bearer \xff\xfe\xf0\r\n",
        "a long key": b"authorization: Bearer gh-" + b"a" * 60_000 + b"\r\n",
        "a wrong x-api-key": b"x-api-key: \xe9\r\n",
    }.items():
        yield Hostile(
            name,
            lambda path, header=header: post(path, valid(path), key=header),
            statuses=(401,),
            codes=("invalid_api_key",),
        )
    yield Hostile(
        "a strange session",
        lambda path: post(path, valid(path), JSON + b"x-guardhouse-session: a b\r\n"),
        codes=("invalid_value",),
    )


def wires() -> Iterator[Hostile]:
    """What is no proper HTTP."""

    def spoiled(header: bytes) -> Callable[[str], bytes]:
        return lambda path: post(path, valid(path), JSON + header)

    def chunks(body: bytes) -> Callable[[str], bytes]:
        head = KEY + JSON + b"transfer-encoding: chunked\r\n\r\n"
        return lambda path: b"POST %s HTTP/1.1\r\nhost: proxy\r\n" % path.encode() + head + body

    made = {
        "content-length twice": spoiled(b"content-length: 3\r\n"),
        "length and chunks": spoiled(b"transfer-encoding: chunked\r\n"),
        "a negative length": lambda path: post(path, b"{}", length=-5),
        "a length in letters": lambda path: post(path, b"{}", length="two"),
        "a length with a sign": lambda path: post(path, b"{}", length="+2"),
        "an endless length": lambda path: post(path, b"{}", length="9" * 60),
        "a chunk without a size": chunks(b"zz\r\n{}\r\n0\r\n\r\n"),
        "a negative chunk": chunks(b"-5\r\n{}\r\n0\r\n\r\n"),
        "an endless chunk": chunks(b"f" * 40 + b"\r\n{}\r\n0\r\n\r\n"),
        "a chunk that is too long": chunks(b"1\r\n{}\r\n0\r\n\r\n"),
        "a NUL in a header": spoiled(b"x-a: a\0b\r\n"),
        "a folded header": spoiled(b"x-a: b\r\n c\r\n"),
        "a space before the colon": spoiled(b"x-a : b\r\n"),
        "a header without a colon": spoiled(b"hello\r\n"),
        "another version": lambda path: post(path, b"{}").replace(b"HTTP/1.1", b"HTTP/9.9"),
        "line feeds alone": lambda path: post(path, valid(path)).replace(b"\r\n", b"\n"),
        "an unknown method": lambda path: b"FETCH %s HTTP/1.1\r\nhost: proxy\r\n\r\n" % path.encode(),
        "CONNECT": lambda path: b"CONNECT proxy:443 HTTP/1.1\r\nhost: proxy\r\n\r\n",
        "the start of TLS": lambda path: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 99,
        "the start of HTTP/2": lambda path: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "a path of 100,000 letters": lambda path: (
            b"GET %s/%s HTTP/1.1\r\nhost: proxy\r\n\r\n" % (path.encode(), b"a" * 100_000)
        ),
        "headers of a megabyte": spoiled(b"x-long: " + b"a" * 1_000_000 + b"\r\n"),
        "100,000 headers": spoiled(b"x-a: 1\r\n" * 100_000),
    }
    for name, request in made.items():
        yield Hostile(name, request, statuses=(400, 431), traced=False, wire=True)
    for name, size in {"a cut body": 20, "a cut head": -12}.items():
        yield Hostile(
            name,
            lambda path, size=size: (
                post(path, valid(path), length=len(valid(path)) + size)
                if size > 0
                else post(path, b"")[:size]
            ),
            codes=("invalid_http",),
            traced=size > 0,
            wire=True,
            cut=True,
        )


EVERY = [*bodies(), *shapes(), *encodings(), *sizes(), *keys(), *wires()]
