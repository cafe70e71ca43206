"""Addresses in Markdown, HTML and plain text, and where one may have begun in a growing text."""

from __future__ import annotations

import pytest

from guardrails.checks.links import LONGEST, begun, links
from tests.cost import metered

HOST = "https://a.example/p?q=1"


def _found(text: str) -> list[tuple[str, bool]]:
    return [(link.url, link.loads) for link in links(text)]


@pytest.mark.parametrize(
    ("text", "loads"),
    [
        (f"see {HOST} now", False),
        (f"see ({HOST}).", False),
        (f"<{HOST}>", False),
        (f"[x]({HOST})", False),
        (f'[x]({HOST} "title")', False),
        (f"[x](<{HOST}>)", False),
        (f"![x]({HOST})", True),
        (f"![x](\n {HOST})", True),
        (f"[![x](/i.png)]({HOST})", False),
        (f"[r]: {HOST}\n", True),
        (f"<img src='{HOST}'>", True),
        (f"<IMG WIDTH=1 SRC={HOST}>", True),
        (f'<a href="{HOST}">x</a>', False),
        (f'<link rel=x href="{HOST}">', True),
        (f"<iframe src = '{HOST}'>", True),
        (f'<img src\n=\n"{HOST}">', True),
        (f'<img src   =   "{HOST}">', True),
        (f'<img srcset="a.png 1x, {HOST} 2x">', True),
        (f'<a data-x="1" href   =   "{HOST}">', False),
        (f"background:url({HOST})", True),
        (f'background:url("{HOST}")', True),
        (f"'{HOST}', ", False),
        (f'{{"url": "{HOST}"}}', False),
    ],
)
def test_each_way_to_write_an_address_is_read(text: str, loads: bool) -> None:
    """Whole, and with whether it is loaded as soon as it is shown."""
    assert _found(text) == [(HOST, loads)]


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("<img src='//a.example/p'>", "//a.example/p"),
        ("![x](//a.example/p)", "//a.example/p"),
        ("![x](\\/\\/a.example/p)", "//a.example/p"),
        ("![x](&#104;ttps://a.example/p)", "https://a.example/p"),
        ("![x](https&colon;//a.example/p)", "https://a.example/p"),
        ("<img src='ht\ntps://a.example/a b'>", "https://a.example/a b"),
        ("![x](https://a.example/(b(c)d)e)", "https://a.example/(b(c)d)e"),
        ("![x](https://a.example/'b\"c<d)", "https://a.example/'b\"c<d"),
        ("![x](<https://a.example/b c>)", "https://a.example/b c"),
        ("HTTPS://a.example/x", "HTTPS://a.example/x"),
        ("www.a.example/x", "www.a.example/x"),
    ],
)
def test_addresses_are_read_as_a_browser_reads_them(text: str, url: str) -> None:
    """Escapes, entities, line breaks, brackets and quotes inside."""
    assert [found for found, _ in _found(text)] == [url]


@pytest.mark.parametrize(
    "text",
    [
        "[x](/docs/a.md)",
        "![x](image.png)",
        "[x](#top)",
        "a[0](b)",
        "data = {}",
        "src = open(p)",
        "h",
        "mailto:a@b.example",
    ],
)
def test_addresses_inside_the_page_are_none(text: str) -> None:
    """Nor is code."""
    assert _found(text) == []


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("so it i", ""), ("so h", "h"), ("see http:/", "http:/"), ("see https://a.exa", "https://a.exa"),
        ("a [b](", "]("), ("a [b](/x", ""), ("a [b](h", "](h"), ("![b](//x", "](//x"), ("<img src=", "src="),
        ("<img src='", "src='"), ('data = "hello wor', ""), ("(https://a.b/c)", ""), ("https://a.b/c ", ""), ("]", "]"),
    ],
)  # fmt: skip
def test_only_what_may_be_an_address_waits(text: str, rest: str) -> None:
    """From its opening on."""
    assert text[begun(text) :] == rest


def test_a_longer_address_is_cut() -> None:
    """It is told so, and the text behind is no part of it."""
    (link,) = links(f"{HOST}{'x' * LONGEST} https")
    assert link.cut
    assert link.end - link.start == LONGEST
    assert begun(HOST + "x" * LONGEST) == len(HOST) + LONGEST


@pytest.mark.parametrize(
    "part", ["![[[[", "http://", "](", 'src="', "(", "<a", "![](https://a.b/", "www.", "\\", "[a]: //"]
)
def test_hostile_texts_end_soon(part: str) -> None:
    """Openings without an end, and brackets without a partner."""
    text = part * (500_000 // len(part))
    with metered() as spent:
        assert len(list(links(text))) <= len(text)
        begun(text)
    assert spent.seconds < 3
