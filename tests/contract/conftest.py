"""Servers shared by the tests of a module."""

from tests.fixtures import _proxy, _upstream, proxy, upstream  # noqa: F401
