"""Servers shared by the tests of a module."""

from tests.fixtures import _upstream, upstream  # noqa: F401
