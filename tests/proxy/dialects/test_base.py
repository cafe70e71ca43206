"""Every dialect that is served has all that the pipeline asks of one."""

from __future__ import annotations

import inspect

import pytest

from proxy.dialects.base import Dialect
from proxy.dialects.served import ROUTES, dialect_of

DIALECTS = [dialect for path in ROUTES if (dialect := dialect_of(path)) is not None]


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_a_dialect_has_every_method_with_the_same_parameters(dialect: Dialect) -> None:
    """Also those that no type checker sees."""
    for name, asked in inspect.getmembers(Dialect, inspect.isfunction):
        if name.startswith("_"):
            continue
        given = inspect.signature(getattr(dialect, name))
        assert list(given.parameters) == list(inspect.signature(asked).parameters)[1:], name
    assert isinstance(dialect.done, bytes)
