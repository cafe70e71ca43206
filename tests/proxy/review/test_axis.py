"""The time axis of a run."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.review.axis import LEAST, WIDTH, axis

SPANS = st.lists(
    st.tuples(st.integers(0, 10**10), st.integers(0, 10**9)).map(lambda each: (each[0], each[0] + each[1])),
    min_size=1,
    max_size=12,
)


@given(SPANS)
def test_bars_stand_in_order_within_the_axis(spans: list[tuple[int, int]]) -> None:
    """What began earlier stands no further to the right, and each bar can be seen."""
    scale = axis(spans)
    bars = [(start, *scale.bar((start, end))) for start, end in sorted(spans)]

    assert all(x >= 0 and x + width <= WIDTH + 0.2 and width >= LEAST for _, x, width in bars)
    places = [scale.place(start) for start, *_ in bars]
    assert places == sorted(places)


@given(SPANS)
def test_what_is_cut_and_what_is_shown_is_all_there_is(spans: list[tuple[int, int]]) -> None:
    """Pauses and the axis together are as long as the time from the first start to the last end."""
    scale = axis(spans)
    cut = sum(pause.to_us - pause.from_us for pause in scale.pauses)

    assert cut + scale.shown_us == max(end for _, end in spans) - min(start for start, _ in spans)


def test_a_long_pause_is_cut() -> None:
    """Two steps of a second, ten minutes apart, have half of the axis each."""
    second = 1_000_000
    scale = axis([(0, second), (600 * second, 601 * second)])

    assert [(pause.from_us, pause.to_us) for pause in scale.pauses] == [(second, 600 * second)]
    assert scale.bar((0, second))[1] > 0.48 * WIDTH
    assert axis([(0, second), (2 * second, 3 * second)]).pauses == ()
    assert axis([]).place(5) == 0.0
