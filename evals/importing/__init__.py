"""Golden items from the files of other tools: promptfoo, DeepEval, Ragas, and plain tables."""

from evals.importing.reading import FORMATS, Imported, read

__all__ = ["FORMATS", "Imported", "read"]
