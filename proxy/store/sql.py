"""Conditions that SQLite and PostgreSQL write in different words, so that nobody else need know which one it is."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from proxy.store.filter_text import Pattern


def matches(column: ColumnElement[Any], pattern: Pattern) -> ColumnElement[bool]:
    """Whether a text is as a pattern says, letter by letter."""
    if len(pattern) == 1:
        return column == pattern[0]
    if not any(pattern):
        return column.is_not(None)
    return _Like(column, _text(_glob(pattern)), _text(_like(pattern)))


def lower(column: ColumnElement[Any]) -> ColumnElement[str]:
    """A text with its ASCII letters in lower case."""
    return _Lower(column)


def has_item(column: ColumnElement[Any], member: str, pattern: Pattern) -> ColumnElement[bool]:
    """Whether a JSON object has a list under a name, with a text as the pattern says."""
    told = _json(pattern)
    return _HasItem(column, _text(member), _text(_glob(told)), _text(_like(tuple(map(_safe, told)))))


def has_member(column: ColumnElement[Any], name: str, pattern: Pattern) -> ColumnElement[bool]:
    """Whether a JSON object has a text under a name, as the pattern says."""
    told = _json(pattern)
    like = _like(tuple(map(_safe, told)))
    safe_name = json.loads(_safe(json.dumps(name, ensure_ascii=False)))
    return _HasMember(column, _text(name), _text(safe_name), _text(_glob(told)), _text(like))


def gathered(column: ColumnElement[Any]) -> ColumnElement[str]:
    """The values of a column, each once, as the text of a JSON array: an aggregate."""
    return _Gathered(column)


def unindexed(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column by whose index SQLite shall not order; the same column to PostgreSQL, which knows better."""
    return _Unindexed(column)


class _Unindexed(FunctionElement[Any]):
    inherit_cache = True


@compiles(_Unindexed, "sqlite")
def _unindexed_sqlite(element: _Unindexed, compiler: Any, **named: Any) -> str:
    return f"+{compiler.process(element.clauses, **named)}"


@compiles(_Unindexed, "postgresql")
def _unindexed_postgresql(element: _Unindexed, compiler: Any, **named: Any) -> str:
    return str(compiler.process(element.clauses, **named))


class Condition(FunctionElement[bool]):
    """A condition in words of our own. As it is: compared with 1, as SQLAlchemy would, no index serves it."""

    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:
        """Itself: it is written so that it can stand anywhere."""
        return self


class _Like(Condition):
    inherit_cache = True


class _Lower(FunctionElement[str]):
    type = Text()
    inherit_cache = True


class _HasItem(Condition):
    inherit_cache = True


class _HasMember(Condition):
    inherit_cache = True


class _Gathered(FunctionElement[str]):
    type = Text()
    inherit_cache = True


@compiles(_Like, "sqlite")
def _like_sqlite(element: _Like, compiler: Any, **named: Any) -> str:
    column, glob, _ = (compiler.process(clause, **named) for clause in element.clauses)
    return f"({column} GLOB {glob})"


@compiles(_Like, "postgresql")
def _like_postgresql(element: _Like, compiler: Any, **named: Any) -> str:
    column, _, like = (compiler.process(clause, **named) for clause in element.clauses)
    return f"({column} LIKE {like} ESCAPE '!')"


@compiles(_Lower, "sqlite")
def _lower_sqlite(element: _Lower, compiler: Any, **named: Any) -> str:
    return f"lower({compiler.process(element.clauses, **named)})"


@compiles(_Lower, "postgresql")
def _lower_postgresql(element: _Lower, compiler: Any, **named: Any) -> str:
    return f'lower({compiler.process(element.clauses, **named)} COLLATE "C")'


@compiles(_HasItem, "sqlite")
def _item_sqlite(element: _HasItem, compiler: Any, **named: Any) -> str:
    column, member, glob, _ = (compiler.process(clause, **named) for clause in element.clauses)
    items = f"json_each({column}, '$.' || {member})"
    return f"EXISTS (SELECT 1 FROM {items} AS item WHERE json_quote(item.value) GLOB {glob})"  # noqa: S608 - clauses


@compiles(_HasItem, "postgresql")
def _item_postgresql(element: _HasItem, compiler: Any, **named: Any) -> str:
    column, member, _, like = (compiler.process(clause, **named) for clause in element.clauses)
    items = f"json_array_elements({_SAFE.format(column)} -> {member})"
    return f"EXISTS (SELECT 1 FROM {items} AS item WHERE CAST(item AS text) LIKE {like} ESCAPE '!')"  # noqa: S608


@compiles(_HasMember, "sqlite")
def _member_sqlite(element: _HasMember, compiler: Any, **named: Any) -> str:
    column, name, _, glob, _ = (compiler.process(clause, **named) for clause in element.clauses)
    found = f"FROM json_each({column}) AS item WHERE item.key = {name}"
    return f"EXISTS (SELECT 1 {found} AND json_quote(item.value) GLOB {glob})"


@compiles(_HasMember, "postgresql")
def _member_postgresql(element: _HasMember, compiler: Any, **named: Any) -> str:
    column, _, name, _, like = (compiler.process(clause, **named) for clause in element.clauses)
    return f"(CAST({_SAFE.format(column)} -> {name} AS text) LIKE {like} ESCAPE '!')"


@compiles(_Gathered, "sqlite")
def _gathered_sqlite(element: _Gathered, compiler: Any, **named: Any) -> str:
    return f"json_group_array(DISTINCT {compiler.process(element.clauses, **named)})"


@compiles(_Gathered, "postgresql")
def _gathered_postgresql(element: _Gathered, compiler: Any, **named: Any) -> str:
    return f"CAST(json_agg(DISTINCT {compiler.process(element.clauses, **named)}) AS text)"


_SAFE = "CAST(replace(replace({}, '\\\\', '\ue001'), '\\u', '\ue002') AS json)"
"""JSON as PostgreSQL reads it without fail: NUL and half surrogate pairs, which JSON can spell, are no text there."""


def _safe(told: str) -> str:
    """The same for a part of JSON that is looked for."""
    return told.replace("\\\\", "\ue001").replace("\\u", "\ue002")


def _glob(pattern: Pattern) -> str:
    """A pattern as SQLite's GLOB takes it, which tells upper from lower case and can use an index."""
    return "*".join("".join(f"[{c}]" if c in "*?[" else c for c in literal) for literal in pattern)


def _like(pattern: Pattern) -> str:
    """A pattern as LIKE takes it, with `!` before what would mean something there."""
    return "%".join("".join(f"!{c}" if c in "%_!" else c for c in literal) for literal in pattern)


def _json(pattern: Pattern) -> Pattern:
    """A pattern of texts as one of their JSON."""
    told = [json.dumps(literal, ensure_ascii=False)[1:-1] for literal in pattern]
    told[0] = '"' + told[0]
    told[-1] += '"'
    return tuple(told)


def _text(value: str) -> ColumnElement[str]:
    return bindparam(None, value, type_=Text(), unique=True)
