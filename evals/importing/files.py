"""The text of a file that somebody else wrote: bounded, in UTF-8, with plain line ends."""

from __future__ import annotations

import codecs
from pathlib import Path

from evals.errors import GoldenError

MOST_BYTES = 32 << 20
"""Bytes of one file that are read."""

_OTHER_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
_SAVE = "save the file as UTF-8"


def text_of(path: Path) -> str:
    """The text of a file, without a byte order mark, lines ended by line feeds. Raises GoldenError."""
    raw = _bytes(path)
    for mark, name in _OTHER_MARKS.items():
        if raw.startswith(mark):
            raise GoldenError(f"is {name}", fix=_SAVE, file=str(path))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise GoldenError(f"byte {error.start} is not UTF-8", fix=_SAVE, file=str(path), line=line) from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise GoldenError("holds a zero byte", fix="export it as text", file=str(path), line=line)
    if not text.strip():
        raise GoldenError("is empty", fix="name a file with at least one test", file=str(path))
    return text


def beside(path: Path, reference: str) -> list[Path]:
    """The files that a `file://` reference in a file names, in order; wildcards are followed.

    Raises GoldenError when there is none, or when it leads out of the folder that the file is in.
    """
    folder = path.resolve().parent
    name = reference.removeprefix("file://")
    wild = any(sign in name for sign in "*?[")
    if Path(name).is_absolute() or ".." in Path(name).parts:
        found = [Path(name) if Path(name).is_absolute() else folder / name]
    else:
        found = sorted(folder.glob(name)) if wild else [folder / name]
    for each in found:
        if not each.resolve().is_relative_to(folder):
            what = f"{reference!r} leads out of the folder of the file"
            raise GoldenError(what, fix="copy what it names into the folder", file=str(path))
    if not any(each.is_file() for each in found):
        what = f"{reference!r} names no file"
        raise GoldenError(what, fix="references are read relative to the file", file=str(path))
    return [each for each in found if each.is_file()]


def _bytes(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise GoldenError("is not a file", fix="name a file", file=str(path))
        with path.open("rb") as stream:
            raw = stream.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        detail = getattr(error, "strerror", None) or "it is not a path"
        raise GoldenError(f"cannot be read ({detail})", fix="check the path", file=str(path)) from None
    if len(raw) > MOST_BYTES:
        raise GoldenError(
            f"is over {MOST_BYTES >> 20} MiB", fix="split it into several files", file=str(path)
        )
    return raw
