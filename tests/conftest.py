"""The command line is run the same way by every test, and no test is held to a time."""

from hypothesis import settings

from tests.command import run  # noqa: F401

settings.register_profile("guardhouse", deadline=None)
settings.load_profile("guardhouse")
