"""RE2 reached directly: what a failed automaton says, and what is found where."""

from __future__ import annotations

import pytest
import re2

from guardrails import regexes
from guardrails.patterns import Pattern, PatternSet
from guardrails.regexes import Chooser, finder


def test_only_what_occurs_is_chosen() -> None:
    """The indices are those of the list given."""
    choose = Chooser(["cat", "dog", "c.t"])

    assert choose.compiled
    assert list(choose(b"a cat")) == [0, 2]
    assert list(choose(b"nothing")) == []


def test_a_failed_pass_chooses_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """RE2 reports no match at all when it runs out of memory: never taken for a clean text."""
    choose = Chooser(["cat", "dog"])
    monkeypatch.setattr(choose, "_match", lambda data: None)

    assert list(choose(b"a bird")) == [0, 1]


def test_a_set_that_cannot_be_compiled_chooses_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """The set is only a prefilter; without it the answer is the same."""

    def refuse(self: object) -> None:
        raise re2.error("no memory")

    monkeypatch.setattr(regexes.re2.Set, "Compile", refuse)

    assert not Chooser(["cat"]).compiled
    assert [span.start for span in PatternSet([Pattern("CAT", "cat")]).scan("a cat")] == [2]


@pytest.mark.parametrize(("groups", "places"), [(True, [(1, 4), (2, 3)]), (False, [(1, 4)])], ids=str)
def test_a_search_tells_places_in_bytes(groups: bool, places: list[tuple[int, int]]) -> None:
    """Of the match, and of its groups when they are wanted."""
    assert finder("a(b)c", groups)(b"-abc", 0) == places
    assert finder("a(b)c", groups)(b"-abc", 2)[0] == (-1, -1)


def test_a_regex_that_needs_more_memory_than_it_may_take_is_refused() -> None:
    """The limit holds for each regex on its own."""
    assert finder("a{1000}", memory=1 << 20)(b"a" * 1000, 0)[0] == (0, 1000)
    with pytest.raises(re2.error):
        finder(r"\p{L}{1000}" * 20, memory=1 << 20)
