"""Rules for single arguments of a tool call: which values they mean, and whether those are as they must be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from math import isfinite
from typing import Any

import re2

from guardrails import hosts, regexes
from guardrails.checks.tool_json import ROOT, Place, same
from guardrails.checks.tool_keywords import kind_of
from guardrails.checks.tool_options import ArgumentRule
from guardrails.errors import CheckError
from guardrails.prefixes import RegexError, read

ANY_DEPTH = "**"

Test = Callable[[Any], bool]
"""Whether a text, number, true or false is as it must be."""

_KNOWN = 4096
"""Places of which it is remembered what the rules make of them."""
_SEVERAL = re.compile("[,;]")


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule for the arguments at some places."""

    steps: tuple[str, ...]
    tests: tuple[Test, ...]
    required: bool
    forbidden: bool


_States = frozenset[tuple[int, int]]
"""Rules by number, and how many steps of each the way to a value has taken."""


class ArgumentRules:
    """The argument rules of one tool.

    Args:
        rules: by JSON pointer, in which `*` stands for one step and `**` for any number, or by a name that is
            looked for at any depth.

    Raises CheckError naming the argument and the option that cannot be used.
    """

    def __init__(self, rules: Mapping[str, ArgumentRule]) -> None:
        self._rules = [_compiled(written, rule) for written, rule in rules.items()]

    def broken(self, value: Any) -> Iterator[Place]:
        """Where arguments, as `tool_json.read` gives them, break a rule; ROOT for a required one that is missing.

        A list or an object stands for all that is inside it.
        """
        walk = _Walk(self._rules)
        waiting: list[tuple[Place, Any, _Here]] = [(ROOT, value, walk.first)]
        given: set[int] = set()
        while waiting:
            place, each, here = waiting.pop()
            if here.ended and each is not None:
                given |= here.ended
            if here.forbidden:
                yield place
            if isinstance(each, dict):
                waiting += [((place, key), below, walk.below(here, key)) for key, below in each.items()]
            elif isinstance(each, list):
                waiting += [
                    ((place, key), below, walk.below(here, str(key))) for key, below in enumerate(each)
                ]
            elif here.tests and not all(test(each) for test in here.tests):
                yield place
        if any(rule.required and number not in given for number, rule in enumerate(self._rules)):
            yield ROOT


@dataclass(frozen=True, slots=True)
class _Here:
    """What the rules make of one place. The same for many places, so each is made once."""

    states: _States
    bearing: frozenset[int]
    """Rules that mean this place, or a list or an object around it."""
    ended: frozenset[int]
    """Rules that mean this very place."""
    forbidden: bool
    tests: tuple[Test, ...]


class _Walk:
    """Follows the rules from place to place, down one set of arguments."""

    def __init__(self, rules: Sequence[_Rule]) -> None:
        self._rules = rules
        steps = {step for rule in rules for step in rule.steps if step not in ("*", ANY_DEPTH)}
        self._named = None if any("*" in step for step in steps) else steps
        self._known: dict[tuple[_States, frozenset[int], str], _Here] = {}
        self.first = self._here(self._closed((number, 0) for number in range(len(rules))), frozenset())

    def below(self, here: _Here, key: str) -> _Here:
        """What the rules make of the member of that name, or the item at that index."""
        if not here.states and not here.ended:
            return here
        # A name that no rule has leads where any other such name leads.
        kind = key if self._named is None or key in self._named else ""
        known = self._known.get((here.states, here.bearing, kind))
        if known is None:
            known = self._here(self._after(here.states, key), here.bearing)
            if len(self._known) < _KNOWN:
                self._known[here.states, here.bearing, kind] = known
        return known

    def _here(self, states: _States, bearing: frozenset[int]) -> _Here:
        ended = frozenset(number for number, step in states if step == len(self._rules[number].steps))
        tests = tuple(test for number in sorted(bearing | ended) for test in self._rules[number].tests)
        forbidden = any(self._rules[number].forbidden for number in ended)
        return _Here(states, bearing | ended, ended, forbidden, tests)

    def _after(self, states: _States, key: str) -> _States:
        """The states one step further down."""
        taken: list[tuple[int, int]] = []
        for number, step in states:
            steps = self._rules[number].steps
            if step == len(steps):
                continue
            if steps[step] == ANY_DEPTH:
                taken.append((number, step))
            elif steps[step] == key or ("*" in steps[step] and fnmatchcase(key, steps[step])):
                taken.append((number, step + 1))
        return self._closed(taken) if taken else frozenset()

    def _closed(self, states: Iterable[tuple[int, int]]) -> _States:
        """The states with those that follow from `**` standing for no step at all."""
        closed = set(states)
        for number, step in list(closed):
            steps = self._rules[number].steps
            while step < len(steps) and steps[step] == ANY_DEPTH:
                step += 1
                closed.add((number, step))
        return frozenset(closed)


def _compiled(written: str, rule: ArgumentRule) -> _Rule:
    if not rule.model_fields_set:
        raise CheckError(f"argument {written!r} has no rule. Give it one, or take it out.")
    tests = tuple(_tests(written, rule))
    if not all(each is None or isfinite(each) for each in (rule.min, rule.max)):
        raise CheckError(f"argument {written!r}: a bound is no number. Write digits, or leave it out.")
    for low, high in ((rule.min, rule.max), (rule.min_length, rule.max_length)):
        if low is not None and high is not None and not low <= high:
            raise CheckError(f"argument {written!r}: no value is from {low} to {high}. Correct the bounds.")
    if rule.forbidden and (tests or rule.required):
        raise CheckError(f"argument {written!r} is forbidden: it can have no other rule.")
    if not written or (written.startswith("/") and "//" in f"{written}/"):
        raise CheckError(
            f"argument {written!r} is no name and no JSON pointer. Write `url` or `/items/*/url`."
        )
    parts = written[1:].split("/") if written.startswith("/") else (ANY_DEPTH, written)
    steps = tuple(part.replace("~1", "/").replace("~0", "~") for part in parts)
    return _Rule(steps, tests, rule.required, rule.forbidden)


def _tests(written: str, rule: ArgumentRule) -> Iterator[Test]:
    """What a rule asks of each value. Nothing but `enum` asks anything of null."""
    if rule.enum is not None:
        yield _is_one_of(rule.enum)
    if rule.regex is not None:
        whole = _search(written, "regex", rule.regex, whole=True)
        yield lambda value: value is None or whole(_text(value))
    if rule.not_regex is not None:
        inside = _search(written, "not_regex", rule.not_regex, whole=False)
        yield lambda value: value is None or not inside(_text(value))
    if rule.domains is not None:
        yield _leads_to(_patterns(written, "domains", rule.domains), wanted=True)
    if rule.not_domains is not None:
        yield _leads_to(_patterns(written, "not_domains", rule.not_domains), wanted=False)
    if rule.min is not None or rule.max is not None:
        yield _is_between(rule.min, rule.max)
    if rule.min_length is not None or rule.max_length is not None:
        least, most = rule.min_length or 0, rule.max_length
        yield (
            lambda value: (
                value is None or (least <= len(_text(value)) and (most is None or len(_text(value)) <= most))
            )
        )


def _is_one_of(values: list[Any]) -> Test:
    return lambda value: any(same(value, each) for each in values)


def _is_between(least: float | None, most: float | None) -> Test:
    def test(value: Any) -> bool:
        if value is None:
            return True
        if kind_of(value) != "number":
            return False
        return (least is None or value >= least) and (most is None or value <= most)

    return test


def _leads_to(patterns: frozenset[str], wanted: bool) -> Test:
    """Whether every host that a text leads to is (`wanted`) or is not one of some. A text without one never is."""

    def test(value: Any) -> bool:
        if value is None:
            return True
        found = _hosts(value) if isinstance(value, str) else [None]
        return all(host is not None and hosts.matches(host, patterns) is wanted for host in found)

    return test


def _hosts(text: str) -> list[str | None]:
    """The host of a text, or those of several e-mail addresses in it."""
    host = hosts.host_of(text)
    if host is None and "@" in text:
        return [hosts.host_of(part) if "@" in part else None for part in _SEVERAL.split(text)]
    return [host]


def _patterns(written: str, option: str, names: list[str]) -> frozenset[str]:
    made = set()
    for name in names:
        try:
            made.add(hosts.pattern(name))
        except ValueError:
            raise CheckError(
                f"argument {written!r}, {option}: {name!r} is no host. Write `example.com` or `*.example.com`."
            ) from None
    return frozenset(made)


def _search(written: str, option: str, regex: str, whole: bool) -> Callable[[str], bool]:
    try:
        find = regexes.finder(read(regex).scan, groups=False, whole=whole)
    except (RegexError, re2.error) as error:
        raise CheckError(f"argument {written!r}, {option}: cannot be used: {error}") from None
    return lambda text: find(text.encode("utf-8", "surrogatepass"), 0)[0] != (-1, -1)


def _text(value: str | float | Decimal) -> str:
    """A value as text: numbers, true and false as JSON writes them."""
    return str(value).lower() if isinstance(value, bool) else str(value)
