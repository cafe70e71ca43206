"""A run for people and machines: one name for each text that is made of it. What a model wrote is always escaped."""

from __future__ import annotations

from evals.junit import render as junit
from evals.markdown import render as markdown
from evals.terminal import show as terminal

__all__ = ["junit", "markdown", "terminal"]
