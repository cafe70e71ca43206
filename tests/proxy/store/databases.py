"""The databases that the store's tests run on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from proxy.exchange import new_id
from proxy.store.db import Store, open_store

KEY = b"k" * 32
DEFAULT_POSTGRES = "postgresql+psycopg://root@127.0.0.1:5432/test"
BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.services)]


def opened(kind: str, folder: Path) -> Iterator[Store]:
    """A store of that kind, empty, and gone afterwards."""
    if kind == "sqlite":
        store = open_store(f"sqlite:///{folder / 'traces.sqlite3'}", KEY)
        yield store
        store.close()
        return
    url = make_url(os.environ.get("GUARDHOUSE_TEST_POSTGRES_URL", DEFAULT_POSTGRES))
    schema = f"guardhouse_{new_id()}"
    admin = create_engine(url, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 3})
    try:
        with admin.connect() as connection:
            connection.execute(text(f"CREATE SCHEMA {schema}"))
    except SQLAlchemyError as error:
        admin.dispose()
        if os.environ.get("GUARDHOUSE_REQUIRE_SERVICES") == "1":
            pytest.fail(f"PostgreSQL must be reachable: {type(error).__name__}")
        pytest.skip("PostgreSQL is not reachable; set GUARDHOUSE_TEST_POSTGRES_URL")
    own = url.update_query_dict({"options": f"-csearch_path={schema}"})
    store = open_store(own.render_as_string(hide_password=False), KEY)
    yield store
    store.close()
    with admin.connect() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    admin.dispose()
