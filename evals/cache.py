"""Outputs kept across runs: the same item, repeat, prompt and target are not asked again."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from types import TracebackType

from pydantic import ValidationError

from evals.errors import RunError
from evals.journal import output_adapter
from evals.types import Output

BUSY_S = 30.0
"""How long another process' write is waited for."""


class Cache:
    """A file of outputs by key (`journal.key`). Several processes may use it at a time. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database: sqlite3.Connection | None = None

    def __enter__(self) -> Cache:
        """Opens the file, and makes it where there is none. Raises RunError."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None)
            self._database.execute("pragma journal_mode = wal")
            self._database.execute("pragma synchronous = normal")
            self._database.execute(
                "create table if not exists output (key text primary key, output text not null) without rowid"
            )
        except (OSError, sqlite3.Error) as error:
            self._close()
            raise self._unusable(error) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the file."""
        self._close()

    def get(self, name: str) -> Output | None:
        """The output kept under a key, or None. Raises RunError when the file is damaged."""
        if self._database is None:
            return None
        try:
            row = self._database.execute("select output from output where key = ?", (name,)).fetchone()
            return None if row is None else output_adapter().validate_python(json.loads(row[0]))
        except (sqlite3.Error, ValueError, TypeError, ValidationError) as error:
            raise self._unusable(error) from None

    def put(self, name: str, output: Output) -> None:
        """Keeps an output that may stand for the next one, see `keepable`. Raises RunError when the disk refuses."""
        if self._database is None or not keepable(output):
            return
        told = output_adapter().dump_python(output, exclude_defaults=True, warnings=False)
        try:
            text = json.dumps(told, allow_nan=False)
        except (ValueError, TypeError):
            return
        try:
            self._database.execute("insert or ignore into output values (?, ?)", (name, text))
        except sqlite3.Error as error:
            raise self._unusable(error) from None

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    def _unusable(self, error: Exception) -> RunError:
        detail = (
            getattr(error, "strerror", None) or str(error) if not isinstance(error, ValueError) else "damaged"
        )
        what = f"the cache {self._path} cannot be used ({detail})"
        return RunError(what, fix="choose another --cache, or delete the file: it is made anew")


def keepable(output: Output) -> bool:
    """Whether an output may stand for the next: no error, no refusal by the provider, nothing that cannot be read."""
    if output.error or output.verdict == "block":
        return False
    if not all(_is_json(call.arguments) for call in output.tool_calls or ()):
        return False
    from_model = output.usage is not None or output.answered_model != ""
    return bool(output.text or output.tool_calls or (output.hits and not from_model))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
