"""Files that somebody else wrote: bounded, in one encoding, and inside their folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.errors import GoldenError
from evals.importing.files import MOST_BYTES, beside, text_of


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("café".encode("utf-16"), "is UTF-16: save the file as UTF-8"),
        ("café".encode("utf-32"), "is UTF-32"),
        ("one\ntwo café".encode("latin-1"), r"file:2: byte 11 is not UTF-8"),
        (b"one\ntwo\0", r"file:2: holds a zero byte"),
        (b" \n\t\n", "is empty"),
        (b"", "is empty"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path: Path, raw: bytes, message: str) -> None:
    """With the line, where it is known, and what to do."""
    (tmp_path / "file").write_bytes(raw)

    with pytest.raises(GoldenError, match=message):
        text_of(tmp_path / "file")


def test_a_byte_order_mark_and_foreign_line_ends_go(tmp_path: Path) -> None:
    """As spreadsheets write them."""
    (tmp_path / "file").write_bytes(b"\xef\xbb\xbfone\r\ntwo\rthree\n")

    assert text_of(tmp_path / "file") == "one\ntwo\nthree\n"


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    """50 MB of nothing are refused in words."""
    with (tmp_path / "file").open("wb") as stream:
        stream.truncate(max(MOST_BYTES + 1, 50_000_000))

    with pytest.raises(GoldenError, match="is over 32 MiB: split it"):
        text_of(tmp_path / "file")


@pytest.mark.parametrize("name", ["gone", ".", "a\0b"])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    """A missing one, a folder, and what cannot be a path."""
    with pytest.raises(GoldenError, match=r"cannot be read|is not a file"):
        text_of(tmp_path / name)


def test_references_are_read_beside_the_file(tmp_path: Path) -> None:
    """One by name, or several by a wildcard, in order."""
    (tmp_path / "tests").mkdir()
    for name in ("b.csv", "a.csv"):
        (tmp_path / "tests" / name).write_text("x")

    found = beside(tmp_path / "config.yaml", "file://tests/*.csv")

    assert [path.name for path in found] == ["a.csv", "b.csv"]
    assert beside(tmp_path / "config.yaml", "tests/b.csv")[0].name == "b.csv"


@pytest.mark.parametrize("reference", ["file:///etc/passwd", "../secret", "link", "gone.csv", "*.csv"])
def test_references_do_not_lead_out_of_the_folder(tmp_path: Path, reference: str) -> None:
    """Nor by a symbolic link; and what they name must be there."""
    (tmp_path / "secret").write_text("s")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "link").symlink_to(tmp_path / "secret")

    with pytest.raises(GoldenError, match=r"leads out of the folder|names no file"):
        beside(tmp_path / "set" / "config.yaml", reference)
