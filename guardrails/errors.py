"""What can go wrong in guardrails.

GuardrailsError
├── PolicyError        a policy file that cannot be enforced; carries file, line, what and what to do
├── CheckError         a check could not be built from its configuration
├── BadResult          a check answered with something that is not an answer
├── CheckRaised        a check raised in the process it runs in; carries the class of what it raised
├── WorkerDied         the process that a check runs in died, or died so often that it is left alone
├── Unavailable        something that a check needs of the world outside is not there
├── Exhausted          a check has used up what its rule allows it to use
├── ModelError         a model file is missing, unreadable or not the one its card names
└── OverBudget         a request's scanning took longer than its policy allows
"""

from __future__ import annotations


class GuardrailsError(Exception):
    """Something in guardrails could not be done."""


class PolicyError(GuardrailsError):
    """A policy cannot be enforced as written.

    Args:
        what: what is wrong, in one sentence.
        fix: what to do about it, in one sentence.
        file: the policy's path or name.
        line: 1-based line in the file, or None when no line applies.
    """

    def __init__(self, what: str, *, fix: str = "", file: str = "policy", line: int | None = None) -> None:
        self.what, self.fix, self.file, self.line = what, fix, file, line
        place = file if line is None else f"{file}:{line}"
        super().__init__(f"{place}: {what}" + (f" {fix}" if fix else ""))


class CheckError(GuardrailsError):
    """A check cannot be built: an unknown name, an option it does not have, or a value it refuses."""


class BadResult(GuardrailsError):
    """A check returned the wrong number of lists, or a span that is not inside the text it was given."""


class CheckRaised(GuardrailsError):
    """A check raised in the process it runs in.

    Args:
        reason: class of what it raised; what it said stays where it was raised.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class WorkerDied(GuardrailsError):
    """The process that a check runs in died before it answered, or died so often that it is left alone."""


class ModelError(GuardrailsError):
    """A model file is missing, unreadable, or has another hash than its card."""


class Unavailable(GuardrailsError):
    """Something that a check needs of the world outside, such as a counter, is not there."""


class Exhausted(GuardrailsError):
    """A check has used up what its rule allows it to use, such as calls of a model."""


class OverBudget(GuardrailsError):
    """The scanning of one request took longer than its policy allows."""
