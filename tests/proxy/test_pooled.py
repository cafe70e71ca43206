"""Several workers, one set of numbers: sums where counts are meant, and never less than was told before."""

from __future__ import annotations

from pathlib import Path

from proxy.pooled import Family, Pool
from proxy.telemetry import Metrics
from tests.proxy.exchanges import masked


def family(name: str, kind: str, value: float, **labels: str) -> Family:
    """A metric with one number."""
    return Family(name, kind, "", {(name, name, tuple(labels.items())): value})


def value(families: list[Family], name: str) -> float:
    """The only number of a metric."""
    [found] = [number for each in families for number in each.numbers.values() if each.name == name]
    return found


def test_counts_are_summed_and_states_are_the_worst(tmp_path: Path) -> None:
    """Counters and what is under way add up; of other gauges the largest counts."""
    one, two = Pool(tmp_path), Pool(tmp_path)
    two.share(
        [family("c", "counter", 5), family("guardhouse_streams_open", "gauge", 2), family("lag", "gauge", 3)]
    )
    told = one.together(
        [family("c", "counter", 1), family("guardhouse_streams_open", "gauge", 1), family("lag", "gauge", 1)]
    )

    assert (value(told, "c"), value(told, "guardhouse_streams_open"), value(told, "lag")) == (6, 3, 3)


def test_a_worker_goes_on_where_the_one_before_it_died(tmp_path: Path) -> None:
    """No counter falls; what was under way in the dead one is not."""
    dies = Pool(tmp_path)
    dies.share([family("c", "counter", 5), family("guardhouse_streams_open", "gauge", 2)])
    dies.close()

    next_one = Pool(tmp_path)
    told = next_one.together([family("c", "counter", 1), family("guardhouse_streams_open", "gauge", 0)])
    assert (value(told, "c"), value(told, "guardhouse_streams_open")) == (6, 0)

    next_one.share([family("c", "counter", 1)])
    next_one.close()
    assert value(Pool(tmp_path).together([family("c", "counter", 0)]), "c") == 6


def test_half_a_file_and_a_strange_one_are_passed_over(tmp_path: Path) -> None:
    """Numbers that cannot be read are none; the rest is told."""
    one = Pool(tmp_path)
    (tmp_path / "7.json").write_bytes(b'[["c","c",[')
    (tmp_path / "8.json").write_bytes(b'{"a": 1}')

    assert value(one.together([family("c", "counter", 1)]), "c") == 1


def test_whichever_worker_is_asked_tells_of_all(tmp_path: Path) -> None:
    """In the same format as one alone, with every metric; and the next one that is asked tells no less."""
    workers = [Metrics("1", "p@1") for _ in range(3)]
    for worker in workers:
        worker.join(tmp_path)
        worker.observe(masked())

    told = [worker.render()[0].decode() for worker in (*workers, *workers)]

    line = 'guardhouse_requests_total{outcome="masked",path="/v1/chat/completions"} '
    counts = [float(text.partition(line)[2].partition("\n")[0]) for text in told]
    assert counts == sorted(counts) and counts[-3:] == [3.0, 3.0, 3.0]
    alone = Metrics("1", "p@1").render()[0].decode()
    types = {text for text in alone.splitlines() if text.startswith("# TYPE") and "_created" not in text}
    assert types <= set(told[-1].splitlines())
