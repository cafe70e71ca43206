"""Names that stand for indices: which one now, which ones before, who said so and on what grounds.

A name is a folder of a store. It holds `current.json`, which points to the index that the name stands for;
`history.jsonl`, one promotion or rollback a line, each with the hash of the line before; and the files of every index
that was promoted, in a folder that is named by its manifest's hash. So what is rolled back to is there, whatever
became of the folder that it was promoted from.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evals.errors import RetrievalError
from evals.indexing import pointer as pointers
from evals.indexing.manifest import FILES, FORMAT, manifest_sha256, read_manifest
from evals.indexing.pointer import POINTER, Pointer, line_sha256, located, read_pointer
from evals.retrieval import open_index, read_parts

HISTORY = "history.jsonl"
SHORT = 12
"""Characters of a manifest's hash that name a folder."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Record:
    """One line of a name's history."""

    action: str
    """`promote` or `rollback`."""
    at: str
    """RFC 3339, UTC."""
    by: str
    index: str
    """The folder that was promoted, by its name and hash."""
    manifest_sha256: str
    previous: str = ""
    """Hash of the manifest that the name stood for before; empty when it stood for none."""
    note: str = ""
    verdict: str = ""
    """Of the comparison with what the name stood for; empty when nothing was compared."""
    reason: str = ""
    forced: bool = False
    """Whether it was promoted in spite of the verdict."""
    golden: Mapping[str, str] = field(default_factory=dict)
    """Name, version and hash of the golden set that they were compared on."""
    metrics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    before: str = ""
    """Hash of the line before; empty in the first."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a comparison said of an index that is to be promoted."""

    verdict: str = ""
    reason: str = ""
    golden: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    forced: bool = False
    against: str | None = None
    """Hash of the manifest that it was compared with, empty where the name stood for none; None says nothing."""


def folder_of(store: Path, name: str) -> Path:
    """The folder of a name. Raises RetrievalError where it can be none."""
    if not _NAME.fullmatch(name):
        raise RetrievalError(f"{name!r:.80} cannot be a name: take letters, digits, '.', '_' and '-'.")
    return store / name


def current(store: Path, name: str) -> Path | None:
    """The folder of the index that a name stands for; None where it stands for none. Raises RetrievalError.

    That it is whole was checked.
    """
    folder = folder_of(store, name)
    if read_pointer(folder) is None:
        return None
    found = located(folder)
    _whole(found)
    return found


def stands_for(store: Path, name: str) -> str:
    """Hash of the manifest that a name stands for, whatever became of its files; empty for none.

    Raises RetrievalError.
    """
    folder = folder_of(store, name)
    with pointers.locked(folder, shared=True):
        stack = standing(_read(folder).records)
    return stack[-1].manifest_sha256 if stack else ""


def promote(
    index: Path, store: Path, name: str, record: Record, grounds: Grounds | None = None
) -> Record | None:
    """Has a name stand for an index from now on; the record of it, or None when it stands for it already.

    Files that the store lost, or holds damaged, are kept anew in either case.

    Args:
        index: its folder, or another promoted name. Its files are copied into the store.
        store: folder of the names; it is made.
        name: the name.
        record: who, when and why; the rest is filled in.
        grounds: what a comparison said. Whether it allows this is for the caller to know.

    Raises RetrievalError where the index cannot be opened, the name stands for another one by now than was compared,
    or the store cannot be written; ModelError where its embedder cannot be loaded.
    """
    folder, source = folder_of(store, name), located(index)
    _opened(source)
    sha256, known = manifest_sha256(source), grounds or Grounds()
    with _alone(folder):
        records = _settled(folder)
        stack = standing(records)
        stands = stack[-1].manifest_sha256 if stack else ""
        if known.against is not None and known.against != stands:
            raise RetrievalError(
                f"{folder}: stands for another index by now than the one that was compared. Promote again."
            )
        _keep(source, folder / sha256[:SHORT], sha256)
        if stands == sha256:
            return None
        told = replace(record, action="promote", index=pointers.identity(index), manifest_sha256=sha256)
        return _say(folder, records, told, known)


def rollback(store: Path, name: str, record: Record) -> Record:
    """Has a name stand for what it stood for before its present index was promoted; the record of it.

    Once more goes back one further. Raises RetrievalError where there is nothing before, or its files are not what
    they were; ModelError where its embedder cannot be loaded.
    """
    folder = folder_of(store, name)
    _promoted(folder, name)
    with _alone(folder):
        records = _settled(folder)
        stack = standing(records)
        if len(stack) < 2:
            raise RetrievalError(
                f"{folder}: nothing was promoted before what it stands for. See: guardhouse index history {name}"
            )
        before = stack[-2]
        kept = folder / before.manifest_sha256[:SHORT]
        if manifest_sha256(kept) != before.manifest_sha256:
            raise RetrievalError(f"{kept}: is not the index that was promoted. Promote another one.")
        _opened(kept)
        told = replace(record, action="rollback", index=before.index, manifest_sha256=before.manifest_sha256)
        return _say(folder, records, told, Grounds())


def history(store: Path, name: str) -> list[Record]:
    """What was promoted and rolled back, oldest first. Raises RetrievalError where a line is not what was written."""
    folder = folder_of(store, name)
    _promoted(folder, name)
    with pointers.locked(folder, shared=True):
        records = _read(folder).records
    if not records:
        raise _nothing(folder, name)
    return records


def _promoted(folder: Path, name: str) -> None:
    """Raises RetrievalError where nothing was ever promoted under a name; it makes no folder."""
    if not (folder / HISTORY).exists() and not (folder / POINTER).exists():
        raise _nothing(folder, name)


def _nothing(folder: Path, name: str) -> RetrievalError:
    return RetrievalError(
        f"{folder}: nothing was promoted there. Run: guardhouse index promote DIR --as {name}"
    )


def standing(records: Sequence[Record]) -> list[Record]:
    """What a name stood for, the present last: a promotion adds one, a rollback takes one away."""
    stack: list[Record] = []
    for each in records:
        if each.action == "rollback":
            del stack[-1:]
        else:
            stack.append(each)
    return stack


def now() -> str:
    """The time as records have it."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _say(folder: Path, records: Sequence[Record], record: Record, grounds: Grounds) -> Record:
    """Appends the record, then points to what it says."""
    stack = standing(records)
    last = _line(records[-1]) if records else ""
    told = replace(
        record,
        previous=stack[-1].manifest_sha256 if stack else "",
        verdict=grounds.verdict,
        reason=grounds.reason,
        golden=grounds.golden,
        metrics=grounds.metrics,
        forced=grounds.forced,
        before=line_sha256(last) if last else "",
    )
    path = folder / HISTORY
    length = path.stat().st_size if path.exists() else 0

    def append() -> None:
        with path.open("ab") as file:
            file.write((_line(told) + "\n").encode("utf-8", "backslashreplace"))
            file.flush()
            os.fsync(file.fileno())

    try:
        _written(folder, append)
        _point(folder, told)
    except RetrievalError:
        with suppress(OSError):  # else the next one takes it back
            os.truncate(path, length)
        raise
    return told


def _point(folder: Path, record: Record) -> None:
    draft = folder / f"{POINTER}.new"

    def replaced() -> None:
        with draft.open("w", encoding="utf-8") as file:
            file.write(pointers.dumped(_pointing(record)))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(folder / POINTER)

    _written(folder, replaced)


@dataclass(frozen=True, slots=True)
class _History:
    """A history as it was read."""

    records: list[Record]
    """What came into force."""
    pointed: bool
    """Whether the pointer says what the last of them does."""


def _settled(folder: Path) -> list[Record]:
    """The history as it is in force, with nothing behind it: what was cut off before the pointer came never was."""
    path = folder / HISTORY
    found = _read(folder)
    if not path.exists():
        return []
    wanted, content = "".join(_line(record) + "\n" for record in found.records).encode(), path.read_bytes()

    def cut() -> None:
        with path.open("r+b") as file:
            file.truncate(len(wanted))
            file.seek(0)
            file.write(wanted)

    if content != wanted:  # lines too many, or the end of the last one is missing
        _written(folder, cut)
    if found.records and not found.pointed:
        _point(folder, found.records[-1])
    return found.records


def _read(folder: Path) -> _History:
    """The history, without a line whose pointer never came. Raises RetrievalError where a line is not what was written.

    The pointer is read first: whatever is appended meanwhile, its line is there.
    """
    path = folder / HISTORY
    pointer, lost = _pointer(folder)
    try:
        text = path.read_bytes().decode("utf-8") if pointer or path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise RetrievalError(f"{path}: cannot be read. Restore it from a copy.") from error
    records = _records(path, text)
    hashes = [line_sha256(_line(record)) for record in records]
    if pointer is None:
        # One line alone: the first promotion was cut off. More: somebody took the pointer away.
        kept = len(records) if lost or len(records) > 1 else 0
    elif pointer.record in hashes[-2:]:
        kept = hashes.index(pointer.record) + 1
    else:
        raise RetrievalError(
            f"{path}: does not end with the line that {POINTER} was made by. Restore it from a copy."
        )
    in_force = records[:kept]
    return _History(in_force, bool(in_force) and pointer == _pointing(in_force[-1]))


def _pointing(record: Record) -> Pointer:
    return Pointer(record.manifest_sha256[:SHORT], record.manifest_sha256, line_sha256(_line(record)))


def _pointer(folder: Path) -> tuple[Pointer | None, bool]:
    """The pointer, and whether there is one that cannot be read: the history's last line makes it anew."""
    try:
        return read_pointer(folder), False
    except RetrievalError:
        if not (folder / HISTORY).exists():
            raise
        return None, True


def _records(path: Path, text: str) -> list[Record]:
    """The lines of a history; a last one without an end counts where it is whole, and is passed over where it is cut
    off. Raises RetrievalError where a line is not what was written."""
    found: list[Record] = []
    before = ""
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        try:
            record = Record(**json.loads(line))
        except (ValueError, TypeError, RecursionError):
            record = None
        if number == len(lines) and (record is None or _line(record) != line):
            break
        if record is None or record.before != before or _line(record) != line:
            raise RetrievalError(f"{path}:{number}: is not what was written. Restore it from a copy.")
        before = line_sha256(line)
        found.append(record)
    return found


def _line(record: Record) -> str:
    return json.dumps(asdict(record), sort_keys=True, separators=(",", ":"))


def _whole(folder: Path) -> None:
    """Raises RetrievalError where an index's files are not those of its manifest, or cannot be held against it."""
    manifest = read_manifest(folder)
    if manifest.format != FORMAT:
        raise RetrievalError(
            f"{folder}: an index of format {manifest.format} has no hashes of its files. Build the index again."
        )
    read_parts(folder, manifest)


def _opened(folder: Path) -> None:
    """Raises RetrievalError as `_whole`, and where it cannot be searched; ModelError for its embedder."""
    _whole(folder)
    open_index(folder)


def _keep(source: Path, kept: Path, sha256: str) -> None:
    """Copies of the index's files in a folder of the store, unless it holds them whole."""
    if manifest_sha256(kept) == sha256:
        with suppress(RetrievalError):
            return _whole(kept)
    draft = kept.with_name(f".{kept.name}.new")

    def copied() -> None:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        for name in FILES:
            shutil.copyfile(source / name, draft / name)
        _whole(draft)
        if manifest_sha256(draft) != sha256:
            raise RetrievalError(f"{source}: was built anew meanwhile. Promote it again.")
        shutil.rmtree(kept, ignore_errors=True)
        draft.rename(kept)

    try:
        _written(kept.parent, copied)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _written(folder: Path, work: Callable[[], None]) -> None:
    """Does what writes. Raises RetrievalError when it cannot be done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        work()
    except OSError as error:
        what = error.strerror or type(error).__name__
        raise RetrievalError(
            f"{folder}: cannot be written ({what}). Make room, or check permissions."
        ) from error


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else promotes under the name meanwhile; its folder is made."""
    _written(folder, lambda: None)
    with pointers.locked(folder):
        yield
