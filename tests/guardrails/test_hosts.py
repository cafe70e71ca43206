"""A host is the same however it is written, and there is none where programs would not agree on it."""

from __future__ import annotations

import ipaddress
from urllib.parse import quote, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from guardrails.hosts import found_in, host_of, matches, pattern
from tests.cost import metered

LABELS = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True).filter(lambda x: "--" not in x)
NAMES = st.lists(LABELS, min_size=2, max_size=4).map(".".join)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("https://good.com@evil.com/", "evil.com"),
        ("https://good.com:pw@evil.com:8443/x", "evil.com"),
        ("HTTPS://EVIL.com.:8080/x", "evil.com"),
        ("//evil.com/x", "evil.com"),
        ("example.com:8080/x", "example.com"),
        ("localhost", "localhost"),
        ("https://a.com?x=1", "a.com"),
        ("https://medium.com/@user", "medium.com"),
        ("postgres://u:p@db.internal:5432/x", "db.internal"),
        ("https://%65vil.com", "evil.com"),
        ("https://ｅｖｉｌ。com", "evil.com"),
        ("https://e\u00advil.com", "evil.com"),
        ("https://bücher.de", "xn--bcher-kva.de"),
        ("https://XN--BCHER-KVA.de", "xn--bcher-kva.de"),
        ("http://аpple.com", "xn--pple-43d.com"),
        ("http://0x7f.1", "127.0.0.1"),
        ("http://2130706433", "127.0.0.1"),
        ("http://0x7F000001", "127.0.0.1"),
        ("http://１２７.0.0.1", "127.0.0.1"),
        ("http://127.1.", "127.0.0.1"),
        ("http://[::ffff:7f00:1]:80/", "127.0.0.1"),
        ("http://[0:0::1]", "::1"),
        ("::1", "::1"),
        ("fe80::1", "fe80::1"),
        ("1::1", "1::1"),
        ("ada@Example.COM", "example.com"),
        ("Ada <ada@example.com>", "example.com"),
        ('"Lovelace, Ada" <ada@example.com>', "example.com"),
        ("mailto:ada%40example.com", "example.com"),
        ("  https://a.com\n", "a.com"),
    ],
)
def test_a_host_is_told_however_it_is_written(text: str, host: str) -> None:
    """User information, ports, case, scripts, escapes and odd numbers do not change it."""
    assert host_of(text) == host


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://",
        "file:///etc/passwd",
        "/path",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://good.com\\@evil.com",
        "https:\\\\evil.com",
        "https:/evil.com",
        "https:evil.com",
        "http:0/",
        "//0::1",
        "https://::1/",
        "0ws://evil.com",
        "http:///evil.com",
        "https://good.com#@evil.com",
        "https://good.com?@evil.com",
        "https://a@b@evil.com",
        "http://1.1.1.1 &@2.2.2.2# @3.3.3.3/",
        "http://127.0.0.1:11211:80/",
        "https://evil.com:99999",
        "https://evil.com:８０",
        "http://0177.0.0.1",
        "http://256.1.1.1",
        "http://1.2.3.4.5",
        "http://4294967296",
        "http://[fe80::1%25eth0]/",
        "http://[::1",
        "https://good.com%2f.evil.com",
        "https://good.com%00.evil.com",
        "https://good.com%252eevil.com",
        "https://%ff.com",
        "https://good.com／.evil.com",
        "https://℀.com",
        "https://a..com",
        "https://-a.com",
        "https://xn--a.com",
        "https://" + "a" * 64 + ".com",
        "https://" + "a." * 200 + "com",
        "ho st.com",
        "https://a\tb.com",
        "\u202ehttps://a.com",
        "a@b.com,c@evil.com",
        "a@b.com;c@evil.com",
        "a@b.com\nBcc: c@evil.com",
        "mailto:a@b.com?cc=c@evil.com",
        "a%evil.com@b.com",
        "evil!a@b.com",
        "a@[127.0.0.1]",
        "a@b.com/c",
        "good.com:80@evil.com",
    ],
)
def test_there_is_no_host_where_programs_would_not_agree(text: str) -> None:
    """What parsers read in two ways, and what is no host, has none: whoever allows hosts refuses it."""
    assert host_of(text) is None


@given(
    NAMES,
    st.sampled_from(["", "u@", "u:p@", "good.com@", "%40@", "good.com%2F@"]),
    st.sampled_from(["", ":", ":1", ":65535"]),
    st.sampled_from(["", "/", "/@evil.org", "/x?y=z@evil.org", "?x", "#x"]),
    st.randoms(use_true_random=False),
)
def test_what_stands_around_a_name_does_not_change_it(name: str, user: str, port: str, rest: str, r) -> None:
    """The host of any URL around a name is that name, in any case, escaped, or with a dot behind."""
    written = "".join(r.choice([c, c.upper(), f"%{ord(c):02x}"]) for c in name) + r.choice(["", "."])
    assert host_of(f"https://{user}{written}{port}{rest}") == name
    assert host_of(name + port.rstrip(":")) == name
    assert host_of(f"ada@{name}") == name


@given(st.integers(0, 2**32 - 1), st.integers(0, 3))
def test_an_address_is_one_however_its_numbers_are_grouped(value: int, split: int) -> None:
    """Decimal and hexadecimal, one part to four: as `inet_aton` reads them."""
    whole = ipaddress.IPv4Address(value)
    parts = str(whole).split(".")[:split]
    last = value & (2 ** (8 * (4 - split)) - 1)
    for rest in (str(last), hex(last), hex(last).upper().replace("X", "x")):
        assert host_of("http://" + ".".join([*parts, rest])) == str(whole)
    assert host_of(f"[::ffff:{whole}]") == host_of(f"::ffff:{whole}") == str(whole)


PIECES = [
    "/",
    "\\",
    "@",
    ":",
    "#",
    "?",
    "good.com",
    "evil.com",
    "a",
    "80",
    ".",
    "%40",
    "%2f",
    "[",
    "]",
    "::1",
    "127.1",
    "é",
    "。",
    " ",
    ",",
]


@given(
    st.sampled_from(["https://", "//", "ws://", "db://"]),
    st.lists(st.sampled_from(PIECES), max_size=7).map("".join),
)
def test_no_other_parser_of_urls_goes_to_another_host(scheme: str, rest: str) -> None:
    """Where there is a host, it is the one that the standard library and the HTTP client find."""
    host = host_of(scheme + rest)
    for parse in (lambda: urlsplit(scheme + rest).hostname, lambda: URL(scheme + rest).host):
        try:
            other = parse()
        except (ValueError, IndexError):
            continue
        written = f"[{other}]" if other and ":" in other else unquote(other or "")
        assert host is None or host_of(written) == host


@given(st.text(max_size=60) | st.text("ahtps:/@.\\[]#?%019x-", max_size=40))
def test_any_text_has_a_host_that_reads_as_itself_or_none(text: str) -> None:
    """The answer is ASCII, in lower case, and its own host; nothing raises."""
    host = host_of(text)
    assert host is None or (host.isascii() and host == host.lower() and host_of(host) == host)
    for found in found_in(text):
        assert 0 <= found.start < found.end <= len(text)


@given(NAMES, NAMES)
def test_a_name_is_matched_by_itself_and_by_stars_above_it_only(name: str, other: str) -> None:
    """`*.name` is every host below, not the name; no pattern is matched by what only ends in its letters."""
    assert matches(name, {pattern(name.upper())})
    assert matches(f"{other}.{name}", {pattern(f"*.{name}")})
    assert not matches(name, {pattern(f"*.{name}")})
    assert not matches(f"evil{name}", {pattern(name), pattern(f"*.{name}")})
    assert not matches(f"{other}.{name}", {pattern(name)})
    assert matches(name, {"*"})
    assert not matches(None, {"*"})


@pytest.mark.parametrize(
    "text", ["", "*.", "*.*.com", "a*.com", "https://a.com", "*.127.0.0.1", "a b", "a.com/x"]
)
def test_what_is_no_host_is_no_pattern(text: str) -> None:
    """A mistake in a pattern is told where the pattern is read."""
    with pytest.raises(ValueError, match="not a host"):
        pattern(text)


def test_patterns_are_written_like_hosts() -> None:
    """A pattern in another script or with a dot behind is the same pattern."""
    assert [pattern(text) for text in ("Bücher.de.", "*.BÜCHER.de", "0x7f.1", "*")] == [
        "xn--bcher-kva.de",
        "*.xn--bcher-kva.de",
        "127.0.0.1",
        "*",
    ]


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("see https://evil.com. Or (https://a.b/x)", ["evil.com", "a.b"]),
        ("https://a.b/x?u=https://c.d/", ["a.b", "c.d"]),
        ("mail Ada@X.org, not lodash@4.17.21, @scope/x or a@b", ["x.org"]),
        ("git@github.com:o/r www.foo.com/x awww.foo.com", ["github.com", "www.foo.com"]),
        ("![](//img.evil.com/a) // comment 'c:\\temp' 12:/30", ["img.evil.com"]),
        ("https:\\\\bad.com https:/bad.com https://good.com\\@evil.com", [None, None, None]),
        ("https://u:p@h.com:80/ <https://[::1]:80/x>", ["h.com", "::1"]),
        ("请看https://example.com，谢谢", ["example.com"]),
        ("s3://bucket/k data:text/plain,x", ["bucket"]),
        ("nothing: here / at all @ 5", []),
    ],
)
def test_hosts_are_found_in_longer_texts(text: str, hosts: list[str | None]) -> None:
    """URLs with a scheme, those of markup without one, `www.` and e-mail addresses; unclear ones have no host."""
    assert [found.host for found in found_in(text)] == hosts


@given(st.text(st.characters(exclude_characters="@\\"), max_size=20), NAMES, st.text(max_size=20))
def test_a_host_between_spaces_is_found_whatever_stands_around(before: str, name: str, after: str) -> None:
    """Nothing around a URL hides it, and its span is where it stands."""
    text = f"{before} https://{quote(name)}/ {after}"
    at = len(before) + 1
    assert (at, at + 8 + len(name), name) in [(f.start, f.end, f.host) for f in found_in(text)]


@pytest.mark.parametrize(
    "piece", ["https://", "a@", "www.", "://", "http://a@", "a.b@c.d ", "(//a", "https://[", "a@@", "x"]
)
def test_long_texts_take_linear_time(piece: str) -> None:
    """No text makes the search go back over what it has read."""
    text = piece * (200_000 // len(piece))
    with metered() as spent:
        list(found_in(text))
        host_of(text)
    assert spent.seconds < 3
