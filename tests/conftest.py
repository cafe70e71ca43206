"""The command line is run the same way by every test."""

from tests.command import run  # noqa: F401
