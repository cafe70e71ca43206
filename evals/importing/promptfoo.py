"""Tests as promptfoo has them: a configuration, a list of tests, or a table with `__expected` columns.

The question-like variable becomes the question, the others variables for a prompt that the proxy renders.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from evals.errors import GoldenError
from evals.importing.asserts import apply, from_cell, rendered
from evals.importing.drafts import QUESTION, Draft, Notes
from evals.importing.files import beside, text_of
from evals.importing.records import Document, Record, parse

MOST_TESTS = 50_000
"""Tests that lists of values may multiply to."""

_SIGNS = ("tests", "prompts", "providers", "defaultTest", "scenarios")
_NOT_HERE = ("provider", "providers", "providerOutput", "threshold", "prompts", "assertScoringFunction")
_COLUMNS = ("prefix", "suffix", "metric", "threshold", "providerOutput", "description")
_CODE = (".js", ".mjs", ".cjs", ".ts", ".py", ".rb")
_TABLES = (".csv", ".tsv", ".json", ".jsonl", ".yaml", ".yml")


def fits(document: Document) -> bool:
    """Whether a file is one of promptfoo's."""
    names = document.names()
    return bool(
        set(_SIGNS) & set(document.around)
        or {"vars", "assert"} & names
        or any(name.startswith("__") for name in names)
    )


def drafts(document: Document, notes: Notes) -> Iterator[Draft]:
    """What each test says. Raises GoldenError with row and field."""
    default = _default(document, notes)
    count = 0
    templates = document.around.get("assertionTemplates")
    for record in _tests(document, notes, 0):
        merged = _resolved(_merged(record, default), templates if isinstance(templates, dict) else {})
        choices = _combinations(_variables(merged, document.path, notes), merged)
        count += len(choices)
        if count > MOST_TESTS:
            raise record.error(f"there are over {MOST_TESTS} tests", fix="split the file")
        for variables in choices:
            draft = _draft(merged, variables, notes)
            if draft is not None:
                draft.id = draft.id if len(choices) == 1 else ""
                yield draft


def _tests(document: Document, notes: Notes, depth: int) -> Iterator[Record]:
    """The tests of a file, and of the files that it names, in order and counted anew."""
    if depth > 3:
        raise GoldenError("names files that name files, too deep", file=str(document.path))
    number = 0
    for record in _listed(document):
        reference = record.fields.get("", record.fields.get("path"))
        if isinstance(reference, str):
            found = _referenced(reference, document.path, record, notes, depth)
        else:
            found = iter([_test(record)])
        for each in found:
            number += 1
            yield Record(each.fields, number, each.file, each.line)


def _listed(document: Document) -> Iterator[Record]:
    """A file's own entries: its tests or references to them, then what its scenarios multiply to."""
    around, file = document.around, str(document.path)
    tests = around.get("tests")
    if not around or (isinstance(tests, list) and len(document.records) == len(tests) and tests):
        yield from document.records
    elif isinstance(tests, str | dict | list):
        for number, told in enumerate(tests if isinstance(tests, list) else [tests], start=1):
            if not isinstance(told, str | dict):
                raise GoldenError(f"test {number} is not a mapping", file=file, field="tests")
            yield Record({"": told} if isinstance(told, str) else told, number, file)
    elif tests is None and set(around) & {"vars", "assert"}:
        yield Record(around, 1, file)
    elif tests is not None:
        raise GoldenError("is no list of tests", file=file, field="tests")
    for position, told in enumerate(around.get("scenarios") or [], start=1):
        yield from _scenario(told, position, file)


def _scenario(told: Any, position: int, file: str) -> Iterator[Record]:
    """Every test of a scenario with every entry of its `config`."""
    record = Record(told if isinstance(told, dict) else {}, position, file)
    configs, tests = record.fields.get("config"), record.fields.get("tests")
    if not isinstance(configs, list) or not isinstance(tests, list):
        raise record.error(
            "a scenario needs a list `config` and a list `tests`", "scenarios", "write them out"
        )
    for config, test in product(configs, tests):
        if not isinstance(config, dict) or not isinstance(test, dict):
            raise record.error("holds what is not a mapping", "scenarios", "write its tests out")
        yield _merged(Record(test, position, file), config)


def _referenced(reference: str, path: Path, record: Record, notes: Notes, depth: int) -> Iterator[Record]:
    """The tests of the files that a reference names."""
    name = reference.removeprefix("file://")
    if "://" in name:
        notes.add(f"tests at {reference[:80]!r} are not fetched, not imported", record)
        return
    if name.partition(":")[0].lower().endswith(_CODE):
        notes.add(f"tests that the code {reference[:80]!r} makes are not made: no code is run", record)
        return
    for file in beside(path, reference):
        if file.suffix.lower() not in _TABLES:
            raise record.error(f"{file.name!r} is no CSV, JSON or YAML", "tests", "export it as CSV")
        inner = parse(file, None)
        yield from _tests(inner, notes, depth + 1)


def _test(record: Record) -> Record:
    """A test; the row of a table becomes one: special columns by their meaning, the others as variables."""
    if "vars" in record.fields or "assert" in record.fields:
        return record
    columns = {name for name in record.fields if name.startswith("__")}
    if not columns and {"description", "options", "metadata"} & set(record.fields):
        return record
    fields: dict[str, Any] = {"vars": {}, "assert": [], "metadata": {}}
    for name, value in record.fields.items():
        written = value.strip() if isinstance(value, str) else value
        if name not in columns:
            fields["vars"][name] = value
        elif written in ("", None):
            continue
        elif name.startswith("__expected"):
            fields["assert"].append(from_cell(str(written)))
        elif name.startswith("__metadata:"):
            key = name.removeprefix("__metadata:")
            listed = _listed_cell(str(written)) if key.endswith("[]") else written
            fields["metadata"][key.removesuffix("[]")] = listed
        elif name.removeprefix("__") in _COLUMNS:
            fields[name.removeprefix("__")] = written
        else:
            fields[name] = written
    return Record(fields, record.number, record.file, record.line)


def _listed_cell(cell: str) -> list[str]:
    """The values of a cell that are parted by commas; a comma with a backslash is part of a value."""
    return [part.strip().replace("\\,", ",") for part in re.split(r"(?<!\\),", cell)]


def _default(document: Document, notes: Notes) -> Mapping[str, Any]:
    told = document.around.get("defaultTest") or {}
    if isinstance(told, str):
        told = parse(beside(document.path, told)[0], None).around
    if not isinstance(told, dict):
        raise GoldenError("is not a mapping", file=str(document.path), field="defaultTest")
    return told


def _merged(record: Record, default: Mapping[str, Any]) -> Record:
    """A test with what all tests have: its own variables win, assertions add up."""
    fields = {**default, **record.fields}
    options = fields.get("options")
    own_alone = isinstance(options, dict) and options.get("disableDefaultAsserts") is True
    for name in ("vars", "metadata", "options"):
        parts = [each for each in (default.get(name), record.fields.get(name)) if each]
        if len(parts) == 2 and all(isinstance(part, dict) for part in parts):
            fields[name] = {**parts[0], **parts[1]}
    asserts = [
        each
        for source in ([record.fields] if own_alone else [default, record.fields])
        for each in _list(record, source.get("assert"), "assert")
    ]
    return Record({**fields, "assert": asserts}, record.number, record.file, record.line)


def _resolved(record: Record, templates: Mapping[str, Any]) -> Record:
    """A test whose assertions by `$ref` are those of the configuration's `assertionTemplates`."""
    asserts = [
        templates.get(str(told["$ref"]).removeprefix("#/assertionTemplates/"), told)
        if isinstance(told, dict) and "$ref" in told
        else told
        for told in record.fields["assert"]
    ]
    return Record({**record.fields, "assert": asserts}, record.number, record.file, record.line)


def _variables(record: Record, path: Path, notes: Notes) -> dict[str, Any]:
    """The variables of a test, those in files beside it read."""
    told = record.fields.get("vars") or {}
    if isinstance(told, str | list):
        merged: dict[str, Any] = {}
        for reference in _list(record, told, "vars"):
            for file in beside(path, str(reference)):
                merged.update(parse(file, None).around)
        told = merged
    if not isinstance(told, dict):
        raise record.error("is not a mapping", "vars")
    found = {}
    for name, value in told.items():
        if isinstance(value, str) and value.startswith("file://"):
            if value.partition(":")[2].partition(":")[0].lower().endswith(_CODE):
                notes.add(f"the variable {name!r} comes from code: no code is run, not imported", record)
                continue
            value = text_of(beside(path, value)[0]).strip()
        found[name] = value
    return found


def _combinations(variables: dict[str, Any], record: Record) -> list[dict[str, Any]]:
    """Each choice of one value from every variable that is a list, as promptfoo multiplies them."""
    options = record.fields.get("options")
    if isinstance(options, dict) and options.get("disableVarExpansion") is True:
        return [variables]
    choices = [value if isinstance(value, list) and value else [value] for value in variables.values()]
    count = 1
    for choice in choices:
        count *= len(choice)
    if count > MOST_TESTS:
        raise record.error(f"its lists multiply to {count} tests", "vars", "write the tests out")
    return [dict(zip(variables, values, strict=True)) for values in product(*choices)]


def _draft(record: Record, variables: dict[str, Any], notes: Notes) -> Draft | None:
    """What a test says; None, with a note, when it asks nothing that can be told."""
    name = _question(variables)
    if not name:
        listed = ", ".join(sorted(variables)[:6]) or "none"
        notes.add(f"no variable is the question (of: {listed}), left out: name one `question`", record)
        return None
    question = rendered(variables[name], variables)
    if "{{" in question or "{%" in question:
        notes.add("the question holds a template that is not rendered", record)
    others = {key: value for key, value in variables.items() if key != name}
    asked: dict[str, Any] = {"question": question} | ({"variables": others} if others else {})
    draft = Draft(record, asked, note=record.text("description"))
    apply(_list(record, record.fields.get("assert"), "assert"), draft, variables, notes)
    _metadata(draft, notes)
    for key in _NOT_HERE:
        if record.first(key)[0]:
            notes.add(f"`{key}` of a test is not imported", record)
    for key, value in record.fields.items():
        known = (*_NOT_HERE, "vars", "assert", "metadata", "description", "options")
        if key not in known and value not in (None, "", [], {}):
            notes.add(f"{key!r} has no place in an item, not imported", record)
    options = record.fields.get("options")
    if isinstance(options, dict) and set(options) - {"disableVarExpansion", "disableDefaultAsserts"}:
        notes.add("`options` of a test are not imported", record)
    return draft


def _question(variables: Mapping[str, Any]) -> str:
    texts = [name for name, value in variables.items() if isinstance(value, str) and value.strip()]
    lowered = {name.lower(): name for name in reversed(texts)}
    named = next((lowered[name] for name in QUESTION if name in lowered), "")
    return named or (texts[0] if len(texts) == len(variables) == 1 else "")


def _metadata(draft: Draft, notes: Notes) -> None:
    """A test's `id`, `tags` and `cluster` go where items have them; the rest is kept under `source`."""
    told = draft.record.fields.get("metadata") or {}
    if not isinstance(told, dict):
        raise draft.record.error("is not a mapping", "metadata")
    rest = dict(told)
    tags = rest.pop("tags", [])
    draft.tags = [str(tag) for tag in (tags if isinstance(tags, list) else [tags]) if tag not in (None, "")]
    draft.id = str(rest.pop("id", "") or "")
    draft.cluster = str(rest.pop("cluster", "") or "")
    if rest:
        draft.source["metadata"] = rest


def _list(record: Record, value: Any, name: str) -> Sequence[Any]:
    if value is None or value == "":
        return []
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        raise record.error("is not a list", name)
    return value
