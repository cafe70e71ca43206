"""Servers shared by the tests of a module."""

from tests.contract.claude import _claude, claude  # noqa: F401
from tests.fixtures import _proxy, _upstream, proxy, upstream  # noqa: F401
