"""What has been asked already: one line on disk per finished call, so that a run that died can go on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from io import FileIO
from pathlib import Path
from types import TracebackType

from pydantic import TypeAdapter, ValidationError

from evals.errors import RunError
from evals.golden import canonical
from evals.types import Case, Output


def key(case: Case, repeat: int, prompt_sha256: str, signature: str) -> str:
    """What makes one call the same as another: item, its hash, repeat, prompt and target."""
    return hashlib.sha256(
        canonical([case.id, case.sha256, repeat, prompt_sha256, signature]).encode()
    ).hexdigest()


class Journal:
    """An append-only file of outputs by key. Use as a context manager. Errors are never kept."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, Output] = {}
        self._file: FileIO | None = None

    def __enter__(self) -> Journal:
        """Reads what is there (a torn last line is skipped) and opens the file. Raises RunError."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            old = self._path.read_bytes() if self._path.is_file() else b""
            self._known = dict(_read(old))
            self._file = self._path.open("ab", buffering=0)
            if old and not old.endswith(b"\n"):
                self._write(b"\n")
        except OSError as error:
            raise _unwritable(self._path, error) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()

    def __len__(self) -> int:
        """Number of outputs held."""
        return len(self._known)

    def get(self, name: str) -> Output | None:
        """The output kept under a key, or None."""
        return self._known.get(name)

    def put(self, name: str, output: Output) -> None:
        """Keeps an output before it returns, unless it is an error or JSON cannot hold it.

        Raises RunError when the disk refuses.
        """
        if output.error:
            return
        self._known[name] = output
        entry = {"key": name, "output": asdict(output)}
        try:
            line = json.dumps(entry, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
        except ValueError:
            return
        try:
            self._write(line.encode() + b"\n")
        except OSError as error:
            raise _unwritable(self._path, error) from None

    def _write(self, data: bytes) -> None:
        while data and self._file is not None:
            data = data[self._file.write(data) :]


def _read(data: bytes) -> Iterator[tuple[str, Output]]:
    adapter = TypeAdapter(Output)
    for line in data.split(b"\n"):
        try:
            entry = json.loads(line, parse_constant=_refuse_constant)
            yield str(entry["key"]), adapter.validate_python(entry["output"])
        except (ValueError, KeyError, TypeError, RecursionError, ValidationError):
            continue


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _unwritable(path: Path, error: OSError) -> RunError:
    return RunError(
        f"{path} cannot be written ({error.strerror})", fix="free space there, or choose another --out"
    )
