"""Why a database fails: what is wrong and what to do, and nothing of what the driver quotes."""

from __future__ import annotations

import sqlite3
from typing import Any

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from proxy.store.failures import EXAMPLES, why
from proxy.store.postgresql import Silent


def _sqlite(name: str) -> sqlite3.Error:
    error = sqlite3.OperationalError("secret")
    error.sqlite_errorname = name
    return error


def _postgresql(sqlstate: str) -> psycopg.Error:
    kind: Any = psycopg.errors.lookup(sqlstate)
    return kind("secret")  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (_sqlite("SQLITE_FULL"), "disk is full"),
        (_sqlite("SQLITE_IOERR_WRITE"), "disk fails"),
        (_sqlite("SQLITE_BUSY_SNAPSHOT"), "locked"),
        (_postgresql("53100"), "disk is full"),
        (_postgresql("55P03"), "locked"),
        (_postgresql("28P01"), "user or the password"),
        (_postgresql("3D000"), "no database of that name"),
        (psycopg.OperationalError("connection to secret failed"), "cannot be reached"),
        (psycopg.OperationalError('FATAL: password authentication failed for "secret"'), "the password"),
        (Silent("secret"), "cannot be reached"),
    ],
)
def test_what_is_known_is_told(error: Exception, says: str) -> None:
    """Whether the driver raises it or SQLAlchemy does around it."""
    for raised in (error, OperationalError("SELECT secret", None, error)):
        reason, fix = why(raised)
        assert says in reason and fix
        assert "secret" not in reason + fix


def test_what_is_not_known_is_told_by_its_name() -> None:
    """No message of a driver is passed on."""
    assert why(OperationalError("secret", None, Exception("secret"))) == ("OperationalError", EXAMPLES)
