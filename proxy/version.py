"""Which version of Guardhouse runs."""

from __future__ import annotations

from importlib import metadata


def version() -> str:
    """The version that is installed, or `0` where it runs from its sources."""
    try:
        return metadata.version("guardhouse")
    except metadata.PackageNotFoundError:
        return "0"
