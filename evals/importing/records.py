"""The records of a file: rows of a table, JSON objects, or entries of a YAML list, each with its place."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.errors import GoldenError
from evals.golden import canonical, misfit
from evals.importing.files import text_of

if TYPE_CHECKING:
    from yaml import SafeLoader

MOST_YAML = 2 << 20
"""Characters of YAML that are read: it is slow to parse."""

LISTS = ("goldens", "conversational_goldens", "conversationalGoldens", "test_cases", "samples", "examples")
"""Members of a JSON object that hold the records, where it has one of them; `data` and `rows` too."""

_DELIMITERS = (",", "\t", ";")
_CORE = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
    ("null", r"~|null|Null|NULL|", ("~", "n", "N", "")),
)
"""YAML's core schema: kinds of plain scalars, how they are written, and what they begin with."""
_JSON = "write a JSON array of objects, or one object a line"


@dataclass(frozen=True, slots=True)
class Record:
    """One record, and where it stands."""

    fields: Mapping[str, Any]
    number: int
    """From 1, in the order of the file."""
    file: str
    line: int | None = None

    def error(self, what: str, field: str = "", fix: str = "see docs/guides/import-golden.md") -> GoldenError:
        """The error that points at this record, or at one of its fields."""
        return GoldenError(
            f"{what} (row {self.number})", fix=fix, file=self.file, line=self.line, field=field
        )

    def first(self, *names: str) -> tuple[str, Any]:
        """The first of those fields that says something, with its name; an empty name when none does."""
        for name in names:
            value = self.fields.get(name)
            if value is not None and value != "" and value != [] and value != {}:
                return name, value
        return "", None

    def text(self, *names: str) -> str:
        """The first of those fields that says something, as text; empty when none does. Raises GoldenError."""
        name, value = self.first(*names)
        if isinstance(value, bool) or not isinstance(value, str | int | float | None):
            raise self.error(f"is {_kind(value)}, not a text", name)
        return "" if value is None else str(value).strip()


@dataclass(frozen=True, slots=True)
class Document:
    """A file, read."""

    path: Path
    records: tuple[Record, ...]
    around: Mapping[str, Any] = field(default_factory=dict)
    """The file's one mapping, when it is one; empty for lists and tables."""

    def names(self) -> set[str]:
        """Every field that some record has."""
        return {name for record in self.records for name in record.fields}


def parse(path: Path, columns: Collection[str] | None) -> Document:
    """Read a file, telling JSON, JSON Lines, YAML and tables apart by content.

    Args:
        path: the file.
        columns: names that tell the first line of a table; None takes any names in a file called so.

    Raises GoldenError with the line where it can be told.
    """
    text = text_of(path)
    if text.lstrip().startswith(("{", "[")):
        document = _json(text, path)
    elif delimiter := _delimiter(text, columns, path):
        document = Document(path, tuple(_table(text, path, delimiter)))
    elif path.suffix.lower() in (".csv", ".tsv"):
        what = f"the first line names no column that is known: {text.splitlines()[0][:80]!r}"
        raise GoldenError(what, fix="see docs/guides/import-golden.md", file=str(path), line=1)
    elif path.suffix.lower() in (".json", ".jsonl"):
        raise GoldenError("not JSON", fix=_JSON, file=str(path), line=1)
    else:
        document = _yaml(text, path)
    for record in document.records:
        if why := unfit(record.fields):
            raise record.error(why, fix="correct it, or take the record out")
    return document


def unfit(value: Any) -> str:
    """Why no golden set can hold a parsed value; empty when one can."""
    if found := misfit(value):
        return found
    try:
        canonical(value).encode()
    except UnicodeEncodeError:
        return "holds half of a surrogate pair"
    return ""


def _json(text: str, path: Path) -> Document:
    if text.lstrip().startswith("["):
        return Document(path, tuple(_array(text, path)))
    try:
        root = _decoder().decode(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            return Document(path, tuple(_json_lines(text, path)))
        raise _not_json(error, path) from None
    except (ValueError, RecursionError) as error:
        raise _not_json(error, path) from None
    if why := unfit(root):
        raise GoldenError(why, fix="see docs/guides/import-golden.md", file=str(path))
    rows = _rows(root)
    line = text.count("\n", 0, text.index("{")) + 1 if rows == [root] else None
    records = [_record(row, number, path, line) for number, row in enumerate(rows, start=1)]
    return Document(path, tuple(records), root)


def _array(text: str, path: Path) -> Iterator[Record]:
    """The objects of a JSON array, one by one, so that each has its line."""
    decoder, at, line, number = _decoder(), text.index("[") + 1, 1, 0
    line += text.count("\n", 0, at)
    while True:
        start = _skip(text, at)
        line += text.count("\n", at, start)
        if text.startswith("]", start) and not number:
            at = start
            break
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            raise _not_json(error, path, line) from None
        number += 1
        yield _record(value, number, path, line)
        at = _skip(text, end)
        line += text.count("\n", start, at)
        if text.startswith("]", at):
            break
        if not text.startswith(",", at):
            raise GoldenError("not JSON: a comma or ] is missing", fix=_JSON, file=str(path), line=line)
        at += 1
    if text[_skip(text, at + 1) :]:
        raise GoldenError("not JSON: text after the array", fix=_JSON, file=str(path), line=line)


def _json_lines(text: str, path: Path) -> Iterator[Record]:
    number = 0
    for line, each in enumerate(text.split("\n"), start=1):
        if each.strip():
            number += 1
            try:
                yield _record(_decoder().decode(each), number, path, line)
            except (ValueError, RecursionError) as error:
                raise _not_json(error, path, line) from None


def _rows(root: Mapping[str, Any]) -> Sequence[Any]:
    """The records of one JSON object: under a member, in columns, or the object itself."""
    lists = [value for name, value in root.items() if name in LISTS and isinstance(value, list)]
    if lists:
        return [row for each in lists for row in each]
    if isinstance(root.get("tests"), list):
        return [_referring(test) for test in root["tests"]]
    for name in ("data", "rows"):
        if isinstance(root.get(name), list):
            found: list[Any] = root[name]
            return found
    columns = [
        list(value.values()) if isinstance(value, dict) else value
        for value in root.values()
        if isinstance(value, list | dict)
    ]
    lengths = {len(column) for column in columns}
    if len(columns) == len(root) > 1 and len(lengths) == 1 and lengths != {0}:
        return [dict(zip(root, row, strict=True)) for row in zip(*columns, strict=True)]
    return [root]


def _yaml(text: str, path: Path) -> Document:
    import yaml

    from guardrails.errors import PolicyError
    from guardrails.lines import Field, read

    if len(text) > MOST_YAML:
        raise GoldenError(f"is over {MOST_YAML >> 20} MiB of YAML", fix="split it up", file=str(path))
    try:
        read(text, str(path), "list of tests")  # Refuses what is hostile or broken.
        node = yaml.compose(text, Loader=_core_schema())
        assert node is not None
        root = Field(node, str(path), "the list of tests")
        whole = root.plain()
        if isinstance(whole, dict):
            tests = root.fields(("tests",), others=True).get("tests")
            entries = tests.items() if tests is not None and isinstance(whole["tests"], list) else []
        else:
            entries = root.items()
    except PolicyError as error:
        raise GoldenError(error.what.rstrip("."), fix=error.fix, file=str(path), line=error.line) from None
    values = whole if isinstance(whole, list) else (whole.get("tests") if entries else [])
    records = [
        _record(_referring(value), number, path, entry.line)
        for number, (value, entry) in enumerate(zip(values, entries, strict=True), start=1)
    ]
    return Document(path, tuple(records), whole if isinstance(whole, dict) else {})


def _referring(value: Any) -> Any:
    """An entry of a list of tests; a text, which names a file of tests, becomes a record without a name."""
    return {"": value} if isinstance(value, str) else value


def _core_schema() -> type[SafeLoader]:
    """A loader that takes `yes`, `18:30` and `2026-01-02` for texts, as YAML 1.2 does and promptfoo with it."""
    import yaml

    class Core(yaml.SafeLoader):
        """A safe loader that knows fewer kinds of plain scalars."""

    Core.yaml_implicit_resolvers = {}
    for kind, pattern, begins in _CORE:
        Core.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(rf"(?:{pattern})$"), [*begins])
    return Core


def _delimiter(text: str, columns: Collection[str] | None, path: Path) -> str:
    """What parts the columns of a table; empty when the first line is not that of one."""
    first = text.lstrip("\n").partition("\n")[0]
    scores = {}
    for delimiter in _DELIMITERS:
        cells = [cell.strip().strip('"') for cell in first.split(delimiter)]
        known = sum(cell.lower() in (columns or ()) or cell.startswith("__") for cell in cells)
        scores[delimiter] = known
    best = max(_DELIMITERS, key=lambda delimiter: scores[delimiter])
    is_named_so = path.suffix.lower() in (".csv", ".tsv")
    if columns is None:
        return max(_DELIMITERS, key=first.count) if is_named_so else ""
    return best if scores[best] and (is_named_so or ":" not in first) else ""


def _table(text: str, path: Path, delimiter: str) -> Iterator[Record]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows = _cells(reader, path)
    _, cells = next(rows)
    header = [cell.strip() or "(no name)" for cell in cells]
    twice = {name for name in header if header.count(name) > 1}
    if twice:
        what = f"the first line names {sorted(twice)[0]!r} twice"
        raise GoldenError(what, fix="give each column its own name", file=str(path), line=1)
    for number, (line, row) in enumerate(rows, start=1):
        if len(row) != len(header):
            what = f"has {len(row)} cells, the first line {len(header)} (row {number})"
            fix = "put cells that hold the delimiter, quotes or line breaks in double quotes"
            raise GoldenError(what, fix=fix, file=str(path), line=line)
        yield Record(dict(zip(header, row, strict=True)), number, str(path), line)


def _cells(reader: Any, path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table that say something, each with the line that it begins in."""
    before = 0
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            fix = "close every quote, double the quotes inside cells, and keep cells under 128 KiB"
            raise GoldenError(f"not a table: {error}", fix=fix, file=str(path), line=before + 1) from None
        if any(cell.strip() for cell in row):
            yield before + 1, row
        before = reader.line_num


def _record(value: Any, number: int, path: Path, line: int | None) -> Record:
    if not isinstance(value, dict):
        what = f"is {_kind(value)}, not an object (row {number})"
        raise GoldenError(what, fix=_JSON, file=str(path), line=line)
    return Record(value, number, str(path), line)


def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_once)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is there twice")
    return found


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\n":
        at += 1
    return at


def _not_json(error: Exception, path: Path, line: int | None = None) -> GoldenError:
    if isinstance(error, json.JSONDecodeError):
        detail = error.msg
        # A line that is decoded alone is line 1 of itself.
        line = line if line is not None and error.lineno == 1 else error.lineno
    else:
        detail = "nested too deeply" if isinstance(error, RecursionError) else str(error)
    return GoldenError(f"not JSON: {detail}", fix=_JSON, file=str(path), line=line)


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", bool: "true or false", str: "a text", type(None): "nothing"}
    return kinds.get(type(value), "a number")
