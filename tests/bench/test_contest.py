"""The parts of the speed benchmarks: chats that are new each time, a client that counts, ratios that are honest about nothing."""

from __future__ import annotations

import itertools
import json
import math
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from guardrails.types import Stage
from tests.bench import bench_peers, bench_proxy, chats
from tests.bench.bench_proxy import Plan
from tests.bench.contest import DIRECT, Contest, Sample, added, contest, ratio
from tests.bench.guards import guard, inspected
from tests.bench.load import Address, Load, Refused, late, load
from tests.bench.mock_provider import texts
from tests.bench.peers import PEERS


@pytest.fixture(scope="module")
def run() -> Iterator[Contest]:
    """The provider alone."""
    with contest() as made:
        yield made


@pytest.mark.parametrize(
    "chat", [chats.SMALL, chats.NEW_HISTORY, chats.LARGE, chats.OLD_HISTORY], ids=lambda chat: chat.name
)
def test_each_request_is_new_and_as_long_as_the_last(chat: chats.Chat) -> None:
    """Of a history seen before, one message is new."""
    one, other = (json.loads(body)["messages"] for body in itertools.islice(chat.bodies({}, 7), 2))
    new = [a["content"] != b["content"] for a, b in zip(one, other, strict=True)]

    assert len({len(body) for body in itertools.islice(chat.bodies({}, 2**32 - 2), 4)}) == 1
    assert all(new) if chat is not chats.OLD_HISTORY else new == [*[False] * 20, True]


def test_chats_have_the_sizes_they_are_named_for() -> None:
    """And the values that are planted are found, each."""
    new, large = next(chats.NEW_HISTORY.bodies({}, 1)), next(chats.LARGE.bodies({}, 1))
    messages = chats.NEW_HISTORY.request["messages"]

    assert 7_500 < len(new) < 9_500 and len(messages) == 20 and 60_000 < len(large) < 68_000
    assert sum(len(inspected(guard("default"), each["content"]).findings) for each in messages) == 9


@pytest.mark.parametrize("shape", chats.SHAPES)
def test_words_of_a_stream_have_their_space_where_it_is_said(shape: str) -> None:
    """100 of them, and nothing in them to find."""
    said = texts("behind" in shape)

    assert len(said) == 100 and all(each.strip() + " " == each or " " + each.strip() == each for each in said)
    assert said[0].endswith(" ") == ("behind" in shape)
    assert inspected(guard("default"), "".join(said), Stage.OUTPUT).findings == ()


def test_a_chunk_is_here_when_the_last_letter_of_its_word_is() -> None:
    """Words that wait for the space behind them come with the next chunk; what never comes has no delay."""
    sent, said = [1.0, 2.0, 3.0], [" one", " two", " three"]

    assert late([(4, 1.5), (8, 2.5), (14, 3.5)], sent, said) == [0.5, 0.5, 0.5]
    assert late([(1, 1.1), (5, 2.2), (9, 3.3), (14, 4.0)], sent, said) == [2.2 - 1.0, 3.3 - 2.0, 1.0]
    assert late([(7, 2.5)], [1.0, 2.0], ["one ", "two "]) == [1.5, 0.5]
    assert late([(4, 1.5)], sent, said) == [0.5]


def test_the_client_counts_what_the_provider_answers(run: Contest) -> None:
    """Whole answers, streams, and streams in time."""
    whole = run.turn(DIRECT, chats.SMALL, 2, 5, 20)
    fast = run.turn(DIRECT, chats.stream("space in front"), 2, 5, 4)
    slow = run.turn(DIRECT, chats.paced("space behind", short=True), 2, 5, 2)

    assert (whole.load.count, len(whole.load.waits), whole.load.first) == (20, 20, [])
    assert (fast.load.count, len(fast.load.first), fast.load.delays) == (4, 4, [])
    assert (slow.load.count, slow.load.sent, len(slow.load.delays), slow.load.whole) == (2, 40, 40, 0)
    assert min(slow.load.waits) >= 0.19 and min(slow.load.delays) > 0 and whole.cpu > 0
    assert json.loads(run.asked("/last"))["model"] == "bench-behind-short"


def test_an_answer_that_is_no_answer_ends_the_load() -> None:
    """An error, and a connection that closes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        said = [b"HTTP/1.1 503 Nope\r\ncontent-length: 0\r\n\r\n", b""]

        def serve() -> None:
            for each in said:
                connection, _ = server.accept()
                connection.recv(65536)
                connection.sendall(each)
                connection.close()

        threading.Thread(target=serve, daemon=True).start()
        for message in ("503 Nope", "ended"):
            with pytest.raises(Refused, match=message):
                load(Address(server.getsockname()[1]), chats.SMALL, 1, 5, 1)


def sample(waits: list[float], cpu: float) -> Sample:
    """A window of one second."""
    return Sample(Load(count=len(waits), elapsed=1.0, waits=waits), cpu)


def test_ratios_are_taken_round_by_round() -> None:
    """The median of three; what was not measured has no ratio, and misses its bar."""
    samples = {
        "a": [sample([0.3], 2.0), sample([0.5], 4.0), sample([0.9], 9.0)],
        "b": [sample([0.2], 1.0), sample([0.3], 1.0), sample([0.3], 3.0)],
        DIRECT: [sample([0.1], 1.0)] * 3,
    }
    cost = ratio(samples, "a", "b", lambda each: each.cost, "s")
    more = added(samples, "a", "b", lambda each: each.load.waits[0])

    assert (cost.value, cost.note) == (3.0, "2 to 4; 4 against 1 s")
    assert more.value == pytest.approx(2.0)
    assert math.isnan(ratio(samples, "c", "b", lambda each: each.cost, "s").value)
    assert bench_proxy.row("r", ratio({}, "c", "b", lambda each: each.cost, "s"), 1.5).met is False


def test_a_proxy_that_refuses_is_left_out_and_named(run: Contest) -> None:
    """The others are measured; the reason stands beside its name."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        run.addresses["deaf"] = Address(server.getsockname()[1])
    found = run.rounds(chats.SMALL, 1, 0.01, 2, ("deaf", DIRECT))

    assert list(found) == [DIRECT] and len(found[DIRECT]) == 2
    assert "deaf, small chat" in run.failed


@pytest.mark.parametrize("name", PEERS)
def test_each_peer_is_set_up_in_a_folder_of_its_own(name: str, tmp_path: Path) -> None:
    """What it is started with names its port and stays in its folder; what it is asked with is no secret of ours."""
    (tmp_path / name).mkdir()
    entry = PEERS[name].entry(tmp_path / name, "http://127.0.0.1:9")
    told = " ".join(entry.command(4567)) + "".join(
        path.read_text() for path in (tmp_path / name).rglob("*") if path.is_file()
    )

    assert entry.name == name and entry.folder == tmp_path / name
    assert "4567" in told
    assert "127.0.0.1:9" in told + json.dumps(dict(entry.headers))
    assert PEERS[name].program or not PEERS[name].installed(tmp_path)


def test_without_peers_nothing_is_measured_and_one_line_says_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is installed either."""
    monkeypatch.setattr("sys.argv", ["bench_peers.py", "--lab", str(tmp_path)])
    bench_peers.main()
    [line] = capsys.readouterr().out.splitlines()

    assert "--peers litellm" in line and list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_every_row_of_the_proxy_is_measured() -> None:
    """The smallest plan: no figure means anything, but each is there, and no planted value reaches the provider."""
    rows = bench_proxy.measured(Plan(0.05, 1, 2, 20, 20, short=True))

    assert [row.name for row in rows if row.value != row.value and not row.name.startswith("added")] == []
    assert [row.name for row in rows if row.must and not row.met] == []
    assert len(rows) == len({row.name for row in rows}) >= 20
