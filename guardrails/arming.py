"""Rules joined to the checks they run. A policy that could not be enforced is refused here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from guardrails import surrogates
from guardrails.check import (
    BUILT_IN,
    Check,
    ConversationCheck,
    Scanner,
    build,
    configured,
    factory,
    runs_in_process,
)
from guardrails.errors import BadResult, GuardrailsError, PolicyError
from guardrails.isolation import Isolated, isolate
from guardrails.policy import Hold, Policy, Rule
from guardrails.redact import fingerprint
from guardrails.types import Action, CheckFailure, Finding, Mode, Segment, Span, Stage, Style

_FACTORY_ERRORS = (ImportError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError)
"""What a factory written elsewhere may raise when it is given options or files it cannot use."""

_SCANNER = " It is a scanner: marked with `guardrails.check.in_process` it runs in streams, unisolated."


@dataclass(frozen=True, slots=True)
class ArmedRule:
    """A rule and its check, ready to run."""

    rule: Rule
    check: Check
    scanner: Scanner | None
    """The check, if it can work on a stream piece by piece."""

    async def aclose(self) -> None:
        """Ends the process that its check runs in, if it has one."""
        if isinstance(self.check, Isolated):
            await self.check.aclose()

    @property
    def acts(self) -> bool:
        """Whether its findings change or stop text."""
        return acts(self.rule.mode, self.rule.action)

    @property
    def knows(self) -> bool:
        """Whether its check is told the conversation."""
        return isinstance(self.check, ConversationCheck)

    @property
    def streams(self) -> bool:
        """Whether its check follows a stream with a scanner made for the conversation."""
        return isinstance(self.check, ConversationCheck) and self.check.streams

    @property
    def only_flags(self) -> bool:
        """Whether neither what its check finds nor its failure can change or stop anything."""
        return not self.acts and self.failed("", "").action is Action.ALLOW

    @property
    def needs_whole(self) -> bool:
        """Whether no part of a streamed reply may leave before this rule has seen all of it."""
        return self.acts and self.rule.hold is Hold.FULL and Stage.OUTPUT in self.rule.stages

    def finding(self, segment: Segment, span: Span, value: str, key: bytes) -> Finding:
        """The finding that a span amounts to. `value` is the text there; only its hash is kept."""
        return Finding(
            rule=self.rule.id,
            check=self.rule.check,
            entity=span.entity,
            stage=segment.stage,
            pointer=segment.pointer,
            start=span.start,
            end=span.end,
            score=span.score,
            action=self.rule.action,
            mode=self.rule.mode,
            fingerprint=fingerprint(key, span.entity, value),
            within=segment.within,
            style=self.rule.style,
        )

    def findings(self, segment: Segment, spans: Iterable[Span], key: bytes) -> list[Finding]:
        """The findings that spans in a segment's text amount to: those at or above the rule's threshold."""
        return [
            self.finding(segment, span, segment.text[span.start : span.end], key)
            for span in spans
            if span.score >= self.rule.threshold
        ]

    def failed(self, kind: str, reason: str) -> CheckFailure:
        """The failure of its check, with what `on_error` makes of it: in shadow mode always `allow`."""
        action = self.rule.on_error if self.rule.mode is Mode.ENFORCE else Action.ALLOW
        return CheckFailure(self.rule.id, self.rule.check, kind, reason, action)

    def over_budget(self, action: Action) -> CheckFailure:
        """Failure to look at a text before the request's budget was spent; `action` is the policy's choice."""
        acted = action if self.rule.mode is Mode.ENFORCE else Action.ALLOW
        return CheckFailure(self.rule.id, self.rule.check, "over_budget", "OverBudget", acted)

    def overflowed(self) -> CheckFailure:
        """Failure to decide within the limit on held text. Undecided text never leaves: who acts blocks."""
        action = Action.BLOCK if self.acts else Action.ALLOW
        return CheckFailure(self.rule.id, self.rule.check, "hold_overflow", "HoldOverflow", action)


def acts(mode: Mode, action: Action) -> bool:
    """Whether a finding of that mode and action changes or stops text."""
    return mode is Mode.ENFORCE and action.rank >= Action.PSEUDONYMIZE.rank


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Findings of one text in the one order that does not depend on when they were found."""
    return sorted(findings, key=lambda found: (found.start, found.end, found.rule, found.entity))


def sound(spans: Any, length: int, start: int = 0) -> list[Span]:
    """Spans that a check returned for text of a length, ordered. Raises BadResult if one is not inside it."""
    if not isinstance(spans, Sequence):
        raise BadResult
    for span in spans:
        if not isinstance(span, Span) or not isinstance(span.entity, str):
            raise BadResult
        if (
            type(span.start) is not int
            or type(span.end) is not int
            or not start <= span.start < span.end <= length
        ):
            raise BadResult
        if not isinstance(span.score, int | float):
            raise BadResult
    return sorted(spans, key=lambda span: (span.start, span.end))


def arm(policy: Policy) -> tuple[ArmedRule, ...]:
    """Each rule with its check built. Raises PolicyError for a rule that cannot be enforced."""
    if any(rule.style is Style.SURROGATE for rule in policy.rules):
        surrogates.prepare()
    return tuple(_armed(rule, policy.file) for rule in policy.rules)


def _armed(rule: Rule, file: str) -> ArmedRule:
    def refused(what: str, fix: str, key: str) -> PolicyError:
        place = rule.places.get(key, (file, rule.line))
        return PolicyError(f"rule {rule.id!r}: {what}", fix=fix, file=place[0], line=place[1])

    try:
        check = _check(rule.check, dict(rule.options), rule.timeout_ms / 1000)
    except (GuardrailsError, *_FACTORY_ERRORS) as error:
        reason = str(error) if isinstance(error, GuardrailsError) else f"{type(error).__name__}: {error}"
        raise refused(
            f"its check cannot be built. {reason}",
            "Correct its `with:` options, or what the check needs.",
            "with" if "with" in rule.places else "check",
        ) from None
    armed = ArmedRule(rule, check, check if isinstance(check, Scanner) else None)
    follows = armed.scanner is not None or armed.streams
    if Stage.OUTPUT in rule.stages and armed.acts and not follows and not armed.needs_whole:
        raise refused(
            f"check {rule.check!r} has to see a whole reply, so action {rule.action} at stage output"
            " would come after the text has left in a stream.",
            "Add `hold: full` to keep replies back until they are checked, or use `action: flag`"
            " or `mode: shadow`." + (_SCANNER if isinstance(check, Isolated) and check.could_stream else ""),
            "action",
        )
    return armed


def _check(name: str, options: dict[str, Any], limit: float) -> Check:
    """The check, in this process if it is known to end on every text, else in one of its own."""
    if name in BUILT_IN and runs_in_process(factory(name), configured(name, factory(name), options)):
        return build(name, options)
    return isolate(name, options, limit) or build(name, options)
