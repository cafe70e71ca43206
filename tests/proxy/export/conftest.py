"""Fixtures of the exports' tests."""

from tests.proxy.store.conftest import store  # noqa: F401
