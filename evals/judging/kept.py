"""Rulings that were given, and requests that were paid for, in a SQLite file: a run that goes on pays for none twice.

Only rulings with a verdict are kept. Failures, refusals and replies that could not be read are asked for again.
Requests are written down before they are sent, and settled when they came back: one that was under way when the process
was killed stays in the books with what it was expected to take.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evals.errors import RunError
from evals.judging.purse import Tally
from evals.judging.types import Rubric, Ruling
from evals.types import Usage

FILE = "judge.sqlite"
"""Name of the file in a run's folder."""
BUSY_S = 30.0
"""How long another process' write is waited for."""
MOST_TOKENS = 2**31
"""No request takes so many."""
_TABLES = (
    "create table if not exists ruling (key text primary key, side text not null, ruling text not null) without rowid",
    "create table if not exists request (number integer primary key, side text not null, answered integer not null,"
    " expected_prompt integer, expected_completion integer, prompt integer, completion integer)",
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A ruling that was given before."""

    ruling: Ruling
    side: str
    """Which side of a comparison paid for it; empty where it came from another run."""


class Rulings:
    """A file of rulings by key. Several processes may use it at a time. Raises RunError when it cannot be used."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
            try:
                self._database.execute("pragma journal_mode = wal")
                self._database.execute("pragma synchronous = normal")
                for table in _TABLES:
                    self._database.execute(table)
            except sqlite3.Error:
                self._database.close()
                raise
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from None

    def get(self, key: str, rubric: Rubric, count: int | None = None) -> Kept | None:
        """The ruling under a key, or None. One that does not fit the rubric is none, and makes room for another.

        Args:
            key: of the ruling.
            rubric: by which it was given.
            count: how many texts have a verdict each; None for any number.
        """
        try:
            row = self._database.execute("select side, ruling from ruling where key = ?", (key,)).fetchone()
        except sqlite3.Error as error:
            raise self._unusable(error) from None
        if row is None:
            return None
        ruling = _ruling(row[1], rubric, count)
        if ruling is not None:
            return Kept(ruling, row[0])
        self._write("delete from ruling where key = ? and ruling = ?", (key, row[1]))
        return None

    def put(self, key: str, ruling: Ruling, side: str) -> None:
        """Keeps a ruling that has a verdict."""
        if not ruling.verdict:
            return
        used = None if ruling.usage is None else [ruling.usage.prompt_tokens, ruling.usage.completion_tokens]
        told = {
            "verdict": ruling.verdict,
            "verdicts": ruling.verdicts,
            "explanation": ruling.explanation,
            "usage": used,
            "model": ruling.answered_model,
        }
        self._write("insert or ignore into ruling values (?, ?, ?)", (key, side, json.dumps(told)))

    def sent(self, side: str, expected: Usage) -> int:
        """Keeps that a request is made now, and what it may take. Its number, for `settled`."""
        statement = (
            "insert into request (side, answered, expected_prompt, expected_completion) values (?, 1, ?, ?)"
        )
        return self._write(statement, (side, expected.prompt_tokens, expected.completion_tokens))

    def settled(self, number: int, usage: Usage | None, answered: bool) -> None:
        """Keeps what a request took, and whether it may have cost something."""
        counts = (None, None) if usage is None else (usage.prompt_tokens, usage.completion_tokens)
        statement = "update request set prompt = ?, completion = ?, answered = ? where number = ?"
        self._write(statement, (*counts, answered, number))

    def tallies(self) -> Mapping[str, Tally]:
        """What each side has paid so far."""
        query = (
            "select side, count(*), coalesce(sum(prompt), 0), coalesce(sum(completion), 0), sum(open),"
            " coalesce(sum(open * expected_prompt), 0), coalesce(sum(open * expected_completion), 0)"
            " from (select *, answered and prompt is null as open from request) group by side"
        )
        try:
            return {
                side: Tally(calls, prompt, completion, uncounted, expected=Usage(*expected))
                for side, calls, prompt, completion, uncounted, *expected in self._database.execute(query)
            }
        except sqlite3.Error as error:
            raise self._unusable(error) from None

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    def _write(self, statement: str, values: tuple[object, ...]) -> int:
        """The number of the row that was added last."""
        try:
            return self._database.execute(statement, values).lastrowid or 0
        except sqlite3.Error as error:
            raise self._unusable(error) from None

    def _unusable(self, error: Exception) -> RunError:
        detail = getattr(error, "strerror", None) or str(error)
        fix = "choose another place, or delete the file: it is made anew"
        return RunError(f"the rulings in {self._path} cannot be used ({detail})", fix=fix)


def _ruling(text: str, rubric: Rubric, count: int | None) -> Ruling | None:
    """A ruling that was kept; None where it is damaged, or no ruling by this rubric."""
    try:
        told = json.loads(text)
        verdict, verdicts = told["verdict"], tuple(told["verdicts"])
        usage = None if told["usage"] is None else _usage(*told["usage"])
        texts = (told["explanation"], told["model"])
        if not all(isinstance(each, str) for each in texts) or not _fits(rubric, verdict, verdicts, count):
            return None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return Ruling(verdict, texts[0], usage=usage, answered_model=texts[1], cached=True, verdicts=verdicts)


def _fits(rubric: Rubric, verdict: str, verdicts: tuple[str, ...], count: int | None) -> bool:
    """Whether the whole is of the rubric, and where that has a list, the worst of it."""
    value = rubric.verdicts[verdict]
    if not rubric.each:
        return not verdicts
    if verdict not in verdicts or count not in {None, len(verdicts)}:
        return False
    return value == min(rubric.verdicts[each] for each in verdicts)


def _usage(prompt: int, completion: int) -> Usage:
    """Tokens. Raises ValueError where they cannot be."""
    if not all(type(each) is int and 0 <= each < MOST_TOKENS for each in (prompt, completion)):
        raise ValueError
    return Usage(prompt, completion)
