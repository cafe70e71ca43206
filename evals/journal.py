"""What has been asked already: a line on disk per finished call and per failed try, so that a run that died can go on.

Four kinds of lines: `{"key", "output"}` is an answer, `{"key", "failed"}` a try that failed, `{"key", "throttled"}` one
that was refused as one too many, `{"key", "ended"}` says that a call was given up without an answer. A line that cannot
be read counts for nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from dataclasses import dataclass
from functools import cache
from io import FileIO
from pathlib import Path
from types import TracebackType

from pydantic import TypeAdapter, ValidationError

from evals.errors import RunError
from evals.golden import canonical
from evals.types import Case, Output

SYNCED_S = 1.0
"""A killed process loses nothing that was kept; a power cut loses at most the last so many seconds."""

_HEAD = b'{"key":"'


def key(case: Case, repeat: int, prompt_sha256: str, signature: str) -> str:
    """What makes one call the same as another: item, its hash, repeat, prompt and target."""
    return hashlib.sha256(
        canonical([case.id, case.sha256, repeat, prompt_sha256, signature]).encode()
    ).hexdigest()


@dataclass(frozen=True, slots=True)
class Failures:
    """Tries of one call that failed."""

    open: int = 0
    """Those since it last had an end, throttled ones left out; they count against the tries that it has."""
    throttled: int = 0
    """Those since it last had an end that were refused as one call too many."""
    all: int = 0


class Journal:
    """An append-only file of outputs by key, for one process at a time. Use as a context manager.

    It remembers where each output stands and not what it says, so that a long journal takes little memory.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[str, tuple[int, int]] = {}
        self._failures: dict[str, Failures] = {}
        self._file: FileIO | None = None
        self._size = 0
        self._sync: _Sync | None = None

    def __enter__(self) -> Journal:
        """Reads what is there and opens the file; a torn last line is ended. Raises RunError."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a+b", buffering=0)
            _lock(self._file, self._path)
            self._read(self._path if self._path.is_file() else None)
        except OSError as error:
            self._close()
            raise _unwritable(self._path, error) from None
        except RunError:
            self._close()
            raise
        self._sync = _Sync(self._file.fileno())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the file once everything is on the disk."""
        if self._sync is not None:
            self._sync.stop()
        self._close()

    def __len__(self) -> int:
        """Number of outputs held."""
        return len(self._places)

    def __contains__(self, name: object) -> bool:
        """Whether there is a line with an output under a key."""
        return name in self._places

    def get(self, name: str) -> Output | None:
        """The output kept under a key, or None. Raises RunError when the file cannot be read."""
        place = self._places.get(name)
        if place is None or self._file is None:
            return None
        try:
            line = os.pread(self._file.fileno(), place[1], place[0])
        except OSError as error:
            raise _unwritable(self._path, error) from None
        return _output(line)

    def put(self, name: str, output: Output) -> None:
        """Keeps an output before it returns, unless JSON cannot hold it. Of an error only the end is kept.

        Raises RunError when the disk refuses.
        """
        if output.error:
            self._append({"key": name, "ended": output.error})
            self._ended(name)
            return
        told = output_adapter().dump_python(output, exclude_defaults=True, warnings=False)
        if (place := self._append({"key": name, "output": told})) is not None:
            self._places[name] = place

    def fail(self, name: str, reason: str, throttled: bool = False) -> None:
        """Keeps that a try failed, or was throttled. Raises RunError when the disk refuses."""
        self._append({"key": name, "throttled" if throttled else "failed": reason})
        self._failed(name, throttled)

    def failures(self, name: str) -> Failures:
        """How often a call failed so far, in earlier processes too."""
        return self._failures.get(name, Failures())

    def _failed(self, name: str, throttled: bool) -> None:
        before = self.failures(name)
        self._failures[name] = Failures(
            before.open + (not throttled), before.throttled + throttled, before.all + 1
        )

    def _ended(self, name: str) -> None:
        self._failures[name] = Failures(all=self.failures(name).all)

    def _append(self, entry: dict[str, object]) -> tuple[int, int] | None:
        """Where the line stands; None when JSON cannot hold it."""
        try:
            text = json.dumps(entry, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
        except (ValueError, TypeError):
            return None
        line = text.encode() + b"\n"
        try:
            return self._write(line)
        except OSError as error:
            raise _unwritable(self._path, error) from None

    def _write(self, data: bytes) -> tuple[int, int]:
        start, left = self._size, data
        while left and self._file is not None:
            written = self._file.write(left)
            self._size += written
            left = left[written:]
        if self._sync is not None:
            self._sync.due()
        return start, len(data)

    def _read(self, path: Path | None) -> None:
        """Learns what each whole line is about; where the last one is torn, ends it."""
        if path is None:
            return
        torn = False
        with path.open("rb") as file:
            for line in file:
                torn = not line.endswith(b"\n")
                self._learn(line, self._size)
                self._size += len(line)
        if torn:
            self._write(b"\n")

    def _learn(self, line: bytes, start: int) -> None:
        end = line.find(b'"', len(_HEAD))
        if not line.startswith(_HEAD) or end < 0 or not line.rstrip().endswith(b"}"):
            return
        name, rest = line[len(_HEAD) : end].decode("ascii", "replace"), line[end:]
        if rest.startswith(b'","output":'):
            self._places[name] = (start, len(line))
        elif rest.startswith((b'","failed":', b'","throttled":')):
            self._failed(name, rest.startswith(b'","t'))
        elif rest.startswith(b'","ended":'):
            self._ended(name)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class _Sync:
    """Has the disk take what was written, about once a second, in a thread of its own."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._ended, self._due = threading.Event(), False
        self._thread: threading.Thread | None = None

    def due(self) -> None:
        """Something was written. Raises OSError when the disk has refused what was written before."""
        self._due = True
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="journal", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Returns when everything is on the disk, as far as the disk takes it."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        ended = False
        while not ended:
            ended = self._ended.wait(SYNCED_S)
            if self._due:
                self._due = False
                # What the kernel has, a killed process cannot lose; a disk that fails shows at the next write.
                with contextlib.suppress(OSError):
                    os.fsync(self._descriptor)


@cache
def output_adapter() -> TypeAdapter[Output]:
    """Turns outputs into plain values and back."""
    return TypeAdapter(Output)


def _output(line: bytes) -> Output | None:
    try:
        entry = json.loads(line, parse_constant=_refuse_constant)
        return output_adapter().validate_python(entry["output"])
    except (ValueError, KeyError, TypeError, RecursionError, ValidationError):
        return None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _lock(file: FileIO, path: Path) -> None:
    """Keeps other processes away until the file is closed, or the process ends. Raises RunError."""
    try:
        import fcntl
    except ImportError:  # Windows
        return
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        fix = "wait until it has ended, or choose another --out"
        raise RunError(f"another run is writing to {path.parent}", fix=fix) from None
    except OSError:  # a file system without locks
        return


def _unwritable(path: Path, error: OSError) -> RunError:
    return RunError(
        f"{path} cannot be written ({error.strerror})", fix="free space there, or choose another --out"
    )
