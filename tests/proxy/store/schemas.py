"""Schemas of PostgreSQL for tests, emptied after use and used again: to make one takes ten times as long."""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from proxy.exchange import new_id
from proxy.store.db import _engine as engine_of
from proxy.store.db import migrate

DEFAULT_POSTGRES = "postgresql+psycopg://root@127.0.0.1:5432/test"
_PARTS = text(
    "SELECT c.relname, c.relkind, pg_get_expr(c.relpartbound, c.oid), c.reloptions,"
    " (SELECT array_agg(a.attname || ' ' || a.atttypid || a.attnotnull || a.atthasdef ORDER BY a.attnum)"
    "  FROM pg_attribute a WHERE a.attrelid = c.oid),"
    " (SELECT array_agg(k.conname ORDER BY k.conname) FROM pg_constraint k WHERE k.conrelid = c.oid),"
    " (SELECT array_agg(t.tgname ORDER BY t.tgname) FROM pg_trigger t WHERE t.tgrelid = c.oid)"
    " FROM pg_class c WHERE c.relnamespace = CAST(:name AS regnamespace) ORDER BY c.relname"
)
"""Tables, indexes, columns, defaults and constraints: what a test may have changed for the next one."""


@dataclass(frozen=True)
class Made:
    """A schema as it was made."""

    name: str
    parts: Any
    rows: dict[str, str]
    """The rows that it begins with, in JSON by table."""


@dataclass(frozen=True)
class Schemas:
    """The schemas of one process."""

    admin: Engine
    url: URL
    free: list[Made] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    @contextmanager
    def lent(self) -> Iterator[str]:
        """The URL of a schema of this version without traces. One that is changed is not used again."""
        made = self.free.pop() if self.free else self._make()
        yield self._url(made.name)
        with self.admin.connect() as connection:
            connection.execute(text("SET lock_timeout = '5s'"))
            if _parts(connection, made.name) == made.parts:
                _begin_anew(connection, made)
                self.free.append(made)
            else:
                self._drop(made.name)

    def close(self) -> None:
        """Leave nothing behind."""
        for name in [*self.names]:
            self._drop(name)
        self.admin.dispose()

    def _make(self) -> Made:
        name = f"guardhouse_{new_id()}"
        self.names.add(name)
        with self.admin.connect() as connection:
            connection.execute(text(f"CREATE SCHEMA {name}"))
        engine = engine_of(self._url(name))
        migrate(engine)
        engine.dispose()
        with self.admin.connect() as connection:
            parts = _parts(connection, name)
            rows = {
                table: connection.execute(text(f"SELECT json_agg(t)::text FROM {name}.{table} t")).scalar()
                for table in _tables(parts)
            }
        return Made(name, parts, {table: found for table, found in rows.items() if found})

    def _drop(self, name: str) -> None:
        self.names.discard(name)
        with self.admin.connect() as connection:
            connection.execute(text(f"DROP SCHEMA {name} CASCADE"))

    def _url(self, name: str) -> str:
        own = self.url.update_query_dict({"options": f"-csearch_path={name}"})
        return own.render_as_string(hide_password=False)


def _parts(connection: Connection, name: str) -> Any:
    return connection.execute(_PARTS, {"name": name}).all()


def _tables(parts: Any) -> list[str]:
    return [name for name, kind, *_ in parts if kind == "r"]


def _begin_anew(connection: Connection, made: Made) -> None:
    """Take every row but those it begins with, and begin every sequence anew."""
    statements = [f"DELETE FROM {made.name}.{table}" for table in _tables(made.parts)]
    statements += [
        f"ALTER SEQUENCE {made.name}.{name} RESTART" for name, kind, *_ in made.parts if kind == "S"
    ]
    connection.execute(text(";".join(statements)))
    for table, rows in made.rows.items():
        connection.execute(
            text(
                f"INSERT INTO {made.name}.{table}"
                f" SELECT * FROM json_populate_recordset(NULL::{made.name}.{table}, CAST(:rows AS json))"
            ),
            {"rows": rows},
        )


@cache
def schemas() -> Schemas:
    """The schemas of this process, gone when it ends; the test is skipped where there is no PostgreSQL."""
    url = make_url(os.environ.get("GUARDHOUSE_TEST_POSTGRES_URL", DEFAULT_POSTGRES))
    admin = create_engine(url, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 3})
    try:
        admin.connect().close()
    except SQLAlchemyError as error:
        admin.dispose()
        if os.environ.get("GUARDHOUSE_REQUIRE_SERVICES") == "1":
            pytest.fail(f"PostgreSQL must be reachable: {type(error).__name__}")
        pytest.skip("PostgreSQL is not reachable; set GUARDHOUSE_TEST_POSTGRES_URL")
    made = Schemas(admin, url)
    atexit.register(made.close)
    return made
