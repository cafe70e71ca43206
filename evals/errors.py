"""What can go wrong in evals.

EvalsError
├── GoldenError      a golden set is malformed, or is not what its manifest says; carries file, line and field
├── SuiteError       a suite file names something that does not exist or does not fit
├── ScorerError      there is no scorer of that name, or it does not take that option
├── RunError         a run document is unreadable, of another format, or cannot be written
├── ComparisonError  two runs are not about the same thing
├── TargetError      the target cannot be reached, or refuses the key
├── PublishError     a run could not be posted
├── RetrievalError   a corpus or an index cannot be used
└── DemoError        a part of the demo did not do what it shows
"""

from __future__ import annotations


class EvalsError(Exception):
    """Something in evals could not be done.

    Args:
        what: what is wrong, in one sentence.
        fix: what to do about it, in one sentence.
    """

    def __init__(self, what: str, *, fix: str = "") -> None:
        self.what, self.fix = what, fix
        super().__init__(f"{what}: {fix}" if fix else what)


class GoldenError(EvalsError):
    """A golden set cannot be used as it stands.

    Args:
        what: what is wrong, in one sentence.
        fix: what to do about it, in one sentence.
        file: path of the file at fault.
        line: 1-based line in it, or None when no line applies.
        field: dotted name of the field at fault; empty when none applies.
    """

    def __init__(
        self, what: str, *, fix: str = "", file: str = "", line: int | None = None, field: str = ""
    ) -> None:
        self.file, self.line, self.field = file, line, field
        place = file if line is None else f"{file}:{line}"
        super().__init__(": ".join(part for part in (place, field, what) if part), fix=fix)


class SuiteError(EvalsError):
    """A suite cannot be run as written."""


class ScorerError(EvalsError):
    """A scorer cannot be built."""


class RunError(EvalsError):
    """A run document cannot be read or written."""


class ComparisonError(EvalsError):
    """Two runs cannot be compared."""


class TargetError(EvalsError):
    """The target cannot be asked at all."""


class PublishError(EvalsError):
    """A run could not be posted to the proxy."""


class RetrievalError(EvalsError):
    """A corpus or an index cannot be used; the message says which file, what is wrong and what to do."""


class DemoError(EvalsError):
    """A part of the demo did not do what it shows."""
