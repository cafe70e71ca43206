"""Which exchange a retrieval fed: by the app's tree and clock where they are known, else by what fits."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from proxy.store.joining import Asked, Sent, fed, pairs
from tests.cost import metered

S = 1_000_000


def sent(span: str, parent: str | None, kind: str, start: float, end: float) -> Sent:
    """A span of the app, its times in seconds."""
    return Sent(span, span, parent, kind, int(start * S), int(end * S), hits=kind == "retrieval")


def asked(id: str, start: float, end: float, **more: str) -> Asked:
    """An exchange, its times in seconds on the proxy's clock."""
    return Asked(id, int(start * S), int(end * S), **more)


LOOP = [
    sent("root", None, "agent", 0, 10),
    sent("r1", "root", "retrieval", 1, 2),
    sent("l1", "root", "llm", 3, 4),
    sent("t2", "root", "tool", 5, 6),
    sent("l2", "root", "llm", 7, 8),
]
LOOP_FED = {"r1": "x1", "t2": "x2"}
PARALLEL = [
    sent("root", None, "chain", 0, 10),
    sent("sub1", "root", "chain", 0, 5),
    sent("r1", "sub1", "retrieval", 0.1, 1.0),
    sent("l1", "sub1", "llm", 1.1, 3),
    sent("sub2", "root", "chain", 0, 5),
    sent("r2", "sub2", "retrieval", 0.1, 0.8),
    sent("l2", "sub2", "llm", 1.3, 3),
    sent("l3", "root", "llm", 6, 9),
]


@pytest.mark.parametrize("skew", [0, 5, -5, 3600])
@pytest.mark.parametrize("tie", ["parent", "same"])
def test_each_step_of_an_agent_is_fed_by_the_one_before(tie: str, skew: float) -> None:
    """With the app's LLM spans as anchors the two clocks do not matter."""
    exchanges = [
        asked("x1", 3.1 + skew, 3.9 + skew, **{tie: "l1"}),
        asked("x2", 7.1 + skew, 7.9 + skew, **{tie: "l2"}),
    ]

    assert fed(LOOP, exchanges) == LOOP_FED


@pytest.mark.parametrize("skew", [0, 5, -5])
def test_without_llm_spans_the_clocks_are_put_right(skew: float) -> None:
    """Every exchange lies within the app's root span, and the last thing retrieved came before the last of them."""
    spans = [one for one in LOOP if one.kind != "llm"]
    exchanges = [asked("x1", 2.5 + skew, 4.5 + skew), asked("x2", 6.2 + skew, 9.8 + skew)]

    assert fed(spans, exchanges) == LOOP_FED


@pytest.mark.parametrize("parent", ["root", "http"])
def test_what_stands_beside_an_exchange_says_nothing_of_its_time(parent: str) -> None:
    """A step that ended before the exchange moves no clock, whether the root is still open or the HTTP span is elsewhere."""
    spans = [
        sent("step", "root", "chain", 0, 1.2),
        sent("r", "step", "retrieval", 0.1, 1),
        sent("apart", "root", "other", 0, 0.5),
    ]

    assert fed(spans, [asked("x", 1.5, 3, parent=parent)]) == {"r": "x"}
    root = sent("root", None, "chain", 0, 4)
    assert fed([*spans, root], [asked("x", 1.5, 3, parent=parent)]) == {"r": "x"}


@pytest.mark.parametrize("skew", [0, -5])
def test_a_retriever_alone_feeds_what_came_after(skew: float) -> None:
    """With no other span at all, an exchange that seems to be before it is the one that it fed."""
    assert fed([sent("r", None, "retrieval", 1, 2)], [asked("x", 2.1 + skew, 3 + skew)]) == {"r": "x"}


def test_what_came_last_fed_nothing() -> None:
    """A tool that ran after the last exchange is not put before it, where the clocks agree."""
    spans = [sent("root", None, "agent", 0, 10), sent("t", "root", "tool", 8, 9)]

    assert fed(spans, [asked("x", 1, 2)]) == {}
    assert fed(
        [sent("r1", None, "retrieval", 0, 1), sent("r2", None, "retrieval", 5, 6)], [asked("x", 2, 3)]
    ) == {"r1": "x"}


@pytest.mark.parametrize("tie", ["parent", "same"])
def test_parallel_questions_keep_their_hits(tie: str) -> None:
    """The exchange of the same sub-question, though another one began earlier; none feeds the final one."""
    exchanges = [
        asked("x1", 1.2, 2.9, **{tie: "l1"}), asked("x2", 1.4, 2.9, **{tie: "l2"}), asked("x3", 6.1, 8, **{tie: "l3"})
    ]  # fmt: skip

    assert fed(PARALLEL, exchanges) == {"r1": "x1", "r2": "x2"}


def test_the_order_of_arrival_says_nothing() -> None:
    """Spans and exchanges in any order give the same."""
    exchanges = [asked("x1", 3.1, 3.9, parent="l1"), asked("x2", 7.1, 7.9, parent="l2")]

    for spans in permutations(LOOP):
        assert fed(spans, exchanges[::-1]) == LOOP_FED


def test_an_http_span_below_the_llm_span_is_no_obstacle() -> None:
    """`traceparent` names the HTTP client's span, or one that was never sent: the LLM span above it, or the tree."""
    http = sent("http", "l1", "other", 3.05, 3.95)

    assert fed([*LOOP, http], [asked("x1", 99, 100, parent="http")])["r1"] == "x1"
    assert fed(LOOP, [asked("x1", 3.1, 3.9, parent="unsent"), asked("x2", 7, 8, parent="unsent")]) == LOOP_FED


def test_a_retriever_inside_a_retriever_is_not_told_twice() -> None:
    """What the outer one gave is what was used, once it has hits; else the inner one's stand."""
    outer, inner = sent("o", None, "retrieval", 0, 3), sent("i", "o", "retrieval", 1, 2)

    assert fed([outer, inner], [asked("x", 4, 5)]) == {"o": "x"}
    assert fed([replace(outer, hits=0), inner], [asked("x", 4, 5)]) == {"o": "x", "i": "x"}


def test_a_posted_retrieval_has_our_own_clock() -> None:
    """Its times are not shifted with the app's."""
    posted = replace(sent("api", None, "retrieval", 8, 8), ours=True)
    exchanges = [asked("x1", 8.1, 8.9, parent="l1"), asked("x2", 12.1, 12.9, parent="l2")]

    assert fed([*LOOP, posted], exchanges)["api"] == "x1"


def test_rings_of_parents_end() -> None:
    """Spans that name each other as parents are hostile or broken, and harmless."""
    spans = [sent("a", "b", "retrieval", 0, 1), sent("b", "a", "chain", 0, 9)]

    assert fed(spans, [asked("x", 2, 3)]) == {"a": "x"}


def test_a_trace_that_is_one_long_chain_costs_little() -> None:
    """Thousands of spans, each below the one before, and hundreds of exchanges: told in well under a second."""
    spans = [
        sent(str(number), str(number - 1) if number else None, "tool", number, number + 0.5)
        for number in range(5_000)
    ]
    exchanges = [
        asked(f"x{number:04}", number, number + 0.1, parent=str(number)) for number in range(0, 5_000, 5)
    ]
    with metered() as spent:
        found = fed(spans, exchanges)
    assert spent.seconds < 2
    assert (found["1"], found["4990"]) == ("x0005", "x4995")
    assert "4999" not in found


def test_equal_questions_are_told_apart_in_their_order() -> None:
    """As many calls as exchanges: one by one, whatever the clocks say; else the nearest, each once."""
    assert pairs({"l1": 0, "l2": 10}, {"x1": 15, "x2": 25}) == {"x1": "l1", "x2": "l2"}
    assert pairs({"l1": 10}, {"x1": 0, "x2": 11}) == {"x2": "l1"}
    assert pairs({"l1": 0, "l2": 10, "l3": 20}, {"x1": 9}) == {"x1": "l2"}
    assert pairs({}, {"x": 1}) == {}
