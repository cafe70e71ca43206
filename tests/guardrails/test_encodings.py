"""Each spelling's regex finds what it stands for, and its decoder says what that is."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails.encodings import BASE64, HEX, SPELLINGS
from guardrails.prefixes import read
from guardrails.rewriting import Stretches

READABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=12, max_size=60)


_BASE64, _HEX = (re2.compile(read(regex).scan) for regex in (BASE64, HEX))


@settings(deadline=None)
@given(READABLE)
def test_readable_text_is_known_in_base64_and_hex(text: str) -> None:
    """With and without padding, for URLs, and in capitals."""
    data = text.encode()
    urlsafe = base64.urlsafe_b64encode(data).decode()

    assert all(
        _BASE64.fullmatch(written)
        for written in (base64.b64encode(data).decode(), urlsafe, urlsafe.rstrip("="))
    )
    assert all(_HEX.fullmatch(written) for written in (data.hex(), "0x" + data.hex().upper()))


@settings(deadline=None)
@given(st.text("жéя 中😀", min_size=24, max_size=40).map(lambda text: "ж" + text))
def test_readable_text_of_other_scripts_is_known_in_hex(text: str) -> None:
    """UTF-8 of any script; in base64 only after twelve characters of ASCII."""
    assert _BASE64.fullmatch(base64.b64encode(b"a plain text" + text.encode()).decode())
    assert _HEX.fullmatch(text.encode().hex())


@pytest.mark.parametrize(
    "data",
    [hashlib.sha512(b"1").digest(), bytes(range(240, 256)) * 2, b"\x00" * 30],
    ids=("digest", "high", "zero"),
)
def test_other_bytes_are_not(data: bytes) -> None:
    """What decodes to no readable text is no base64 or hex of ours."""
    assert _BASE64.search(base64.b64encode(data).decode()) is None
    assert _HEX.search(data.hex()) is None


@pytest.mark.parametrize("order", range(len(SPELLINGS)))
@settings(deadline=None)
@given(text=st.text("ab .%41&#6;\\ux[()@t-_\nQUFI6d", max_size=60))
def test_every_match_has_its_sign_and_can_be_decoded(order: int, text: str) -> None:
    """A sign occurs in whatever its spelling matches, and the decoder takes up the whole match."""
    spelling = SPELLINGS[order]
    for match in re.finditer(spelling.regex, text):
        stretches = Stretches(text)
        stretches.keep(match.start())
        spelling.decode(match.group(), match.start(), stretches)

        assert re.search(spelling.sign, match.group())
        assert stretches.done().text.endswith(text[match.end() :])
