"""What can go wrong in evals.

EvalsError
├── GoldenError      a golden set is malformed, or is not what its manifest says; carries file, line and field
├── SuiteError       a suite file names something that does not exist or does not fit
├── ScorerError      there is no scorer of that name, or it does not take that option
├── RunError         a run document is unreadable, of another format, or cannot be written
├── ComparisonError  two runs are not about the same thing
├── TargetError      the target cannot be reached, or refuses the key
├── PublishError     a run could not be posted
├── FetchError       golden candidates could not be fetched from the proxy
├── JudgeError       a judge cannot be asked, is not fit to judge, or its calibration cannot be used
├── RetrievalError   a corpus or an index cannot be used
└── DemoError        a part of the demo did not do what it shows

Retryable is none of them: a target raises it for one call that may succeed when it is made again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evals.types import Output


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


class FetchError(EvalsError):
    """Golden candidates could not be fetched from the proxy."""


class JudgeError(EvalsError):
    """A judge cannot be asked, may not judge this, or a calibration cannot be used."""


class RetrievalError(EvalsError):
    """A corpus or an index cannot be used; the message says which file, what is wrong and what to do."""


class DemoError(EvalsError):
    """A part of the demo did not do what it shows."""


class Retryable(Exception):
    """One call to a target failed in a way that another try may mend.

    Args:
        reason: what went wrong, in a few words, e.g. `HTTP 429`; nothing of the request or the reply.
        wait_s: seconds that the provider asked to be left alone for; None when it said nothing.
        throttled: whether the provider said that it is asked too much.
        trace_id: the exchange at the proxy, where one was told.
    """

    of_a_burst = False
    """Whether it was throttled together with others, after the first of which fewer were asked already."""

    def __init__(
        self, reason: str, *, wait_s: float | None = None, throttled: bool = False, trace_id: str = ""
    ) -> None:
        self.reason, self.wait_s, self.throttled, self.trace_id = reason, wait_s, throttled, trace_id
        self.so_far: Output | None = None
        """What a scenario's earlier calls gave: they were answered, and cost what they cost."""
        super().__init__(reason)
