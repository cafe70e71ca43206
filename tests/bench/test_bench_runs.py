"""The benchmarks' own generators and scorers: what is seeded wrong must be told, so that no figure passes in silence."""

from __future__ import annotations

import json
import re
from pathlib import Path
from random import Random

import pytest

from guardrails.policy import builtin, parse
from guardrails.types import Stage
from tests.bench import (
    bench_false_positives,
    bench_obfuscation,
    bench_policy,
    bench_splits,
    bench_stream,
    bench_turns,
    values,
)
from tests.bench.bench_obfuscation import Score
from tests.bench.bench_scan import recall
from tests.bench.guards import guard, inspected, released
from tests.bench.hostile import by_hand, fuzzed, super_linear
from tests.bench.ordinary import write
from tests.bench.report import Row, interleaved, number, share, table
from tests.bench.tally import Tally, shows
from tests.bench.texts import chunks, pieces, planted, prose, random_pieces
from tests.bench.transforms import TRANSFORMS
from tests.bench.values import Value


class Leaky:
    """A stream that lets everything go at once."""

    def __init__(self, rest: str = "") -> None:
        self._rest = rest

    def push(self, text: str) -> str:
        """The text itself."""
        return text

    def flush(self) -> str:
        """What a test asks for."""
        return self._rest


class Late:
    """A stream that keeps everything, and says something else at the end."""

    def __init__(self, rest: str) -> None:
        self._rest = rest

    def push(self, text: str) -> str:
        """Nothing."""
        return ""

    def flush(self) -> str:
        """What a test asks for."""
        return self._rest


@pytest.mark.parametrize(
    ("value", "bar", "least", "met"),
    [
        (1.0, 1, False, True),
        (1.1, 1, False, False),
        (0.9, 1, True, False),
        (1.0, 1, True, True),
        (5.0, None, False, None),
    ]
    + [(float("nan"), 1, least, False) for least in (True, False)],
)
def test_a_row_says_whether_its_bar_is_met(
    value: float, bar: float | None, least: bool, met: bool | None
) -> None:
    """Bars hold at equality, and nothing measured reaches no bar."""
    row = Row("r", value, "ms", bar, least)

    assert row.met is met
    assert ("missed" in table([row])) == (met is False)


def test_figures_are_short_and_whole_numbers_exact() -> None:
    """Three significant digits."""
    assert [number(each) for each in (0.12345, 12.345, 1234.5, 150.0, 1_000_000.0, float("nan"))] == [
        "0.123", "12.3", "1234", "150", "1,000,000", "none",
    ]  # fmt: skip
    assert share([3, 1, 2, 4], 0.5) == 3


def test_works_are_timed_in_turn_and_the_first_round_does_not_count() -> None:
    """A B, B A, A B, by a clock that is given."""
    order: list[str] = []
    ticks = iter(range(100))
    spent = interleaved(
        {"a": lambda each: order.append(f"a{each}"), "b": lambda each: order.append(f"b{each}")},
        2,
        lambda: float(next(ticks)),
    )

    assert order == ["a0", "b0", "b1", "a1", "a2", "b2"]
    assert spent == {"a": [1.0, 1.0], "b": [1.0, 1.0]}


@pytest.mark.parametrize("entity", values.PERSONAL)
def test_planted_personal_values_are_what_they_say(entity: str) -> None:
    """Presidio's own engine is not asked here: the shipped check agrees with the generator."""
    chance = Random(1)
    for _ in range(20):
        value = values.personal(chance, entity)
        text = f"So {value.lead}{value.text} it is"
        found = {
            (each.entity, text[each.start : each.end])
            for each in inspected(guard("everything"), text).findings
        }
        assert (entity, value.text) in found


@pytest.mark.parametrize(
    "place", range(len(values.SECRET)), ids=lambda place: f"{place}-{values.SECRET[place][0]}"
)
def test_planted_secrets_are_what_they_say(place: int) -> None:
    """Each is found under its name, whole."""
    value = values.secret(Random(place), place)
    text = f"{value.lead}{value.text}{values.after(value)}"
    found = {text[each.start : each.end] for each in inspected(guard("everything"), text).findings}

    assert value.text in found


def test_values_do_not_tell_themselves() -> None:
    """A failing test must not print a value as if it were somebody's."""
    assert "4111" not in repr(Value("CREDIT_CARD", "4111"))


def test_texts_are_the_same_for_the_same_seed_and_cut_without_loss() -> None:
    """Nothing depends on anything but the seed; pieces joined are the text."""
    texts = [planted(3, place) for place in range(60)]

    assert texts == [planted(3, place) for place in range(60)]
    assert {text.kind for text in texts} == {"prose", "markdown", "json", "code", "table", "scripts"}
    assert any(not text.planted for text in texts) and any(len(text.planted) > 1 for text in texts)
    for text in texts:
        for cut in (chunks(text.text, Random(1)), pieces(text.text, 4), random_pieces(text.text, Random(2))):
            assert "".join(cut) == text.text and all(cut)
        for cut in bench_splits.cuts(text.text, Random(3), 2, 5):
            assert "".join(cut) == text.text


def test_prose_has_nothing_to_find_and_comes_in_pieces_of_four_to_six() -> None:
    """Clean text is clean, and its pieces are as long as a model's."""
    text = prose(Random(1), 20_000)
    cut = chunks(text, Random(1))

    assert len(text) == 20_000
    assert inspected(guard("everything"), text).findings == ()
    assert 4 <= len(text) / len(cut) <= 6


def test_a_leak_is_counted() -> None:
    """Early characters of a value are a leak even if the stream ends as it should not; a late difference is none."""
    text, taken = "card 4111 1111 1111 1111 ok", ["4111 1111 1111 1111"]
    expected = "card [CREDIT_CARD] ok"
    leaky, early, wrong, right = Tally(), Tally(), Tally(), Tally()
    leaky.play(Leaky(), [text], expected, taken, "t")
    early.play(Leaky(), ["card 4111"], expected, taken, "t")
    wrong.play(Late("card [CREDIT_CARD]"), pieces(text, 3), expected, taken, "t")
    right.play(Late(expected), pieces(text, 3), expected, taken, "t")

    assert (leaky.leaks, leaky.different) == (1, 1)
    assert (early.leaks, early.different) == (1, 1)
    assert (wrong.leaks, wrong.different) == (0, 1)
    assert (right.leaks, right.different, right.plays) == (0, 0, 1)
    assert "4111" not in "".join(leaky.first)


def test_three_characters_of_a_value_are_no_leak_and_four_are() -> None:
    """What the expected text shows as well does not count."""
    assert not shows("card 411", "card [CREDIT_CARD]", ["4111 2"])
    assert shows("card 4111", "card [CREDIT_CARD]", ["4111 2"])
    assert not shows("see 4111", "see 4111 and [CREDIT_CARD]", ["4111 2"])


def test_what_is_released_of_a_whole_text_stops_at_a_block() -> None:
    """Edited up to the first block, and the values that were taken out are named."""
    value = values.secret(Random(1), 0)
    text = f"mail ada@example.com then {value.text} and more"

    assert released(text, inspected(guard("strict"), text, Stage.OUTPUT)) == (
        "mail [EMAIL_ADDRESS] then ", ["ada@example.com", value.text],
    )  # fmt: skip


def test_the_split_bench_finds_nothing_wrong_with_the_shipped_guards() -> None:
    """A few texts, every policy."""
    for name in bench_splits.POLICIES:
        tally, taken = bench_splits.tallied(guard(name), [planted(5, place) for place in range(8)], 2, 20)
        assert (tally.leaks, tally.different) == (0, 0), tally.first
        assert tally.plays > 100 and taken > 0


@pytest.mark.parametrize("name", ["digits", "percent escapes", "base64"])
def test_hostile_families_give_texts_of_the_size_asked_for(name: str) -> None:
    """Also the mixed ones, from their seed."""
    assert len(by_hand()[name](1000)) == 1000
    assert [family(500) for family in fuzzed(5, 1).values()] == [
        family(500) for family in fuzzed(5, 1).values()
    ]
    assert all(len(family(500)) == 500 for family in fuzzed(20, 1).values())


def test_a_super_linear_scanner_is_flagged_and_a_linear_one_is_not() -> None:
    """By costs that are counted and not timed: quadratic, a little more than linear, linear, and free."""
    families = {"a": lambda size: "a" * size}
    costs = {
        "quadratic": lambda text: len(text) ** 2,
        "power 1.3": lambda text: len(text) ** 1.3,
        "linear": lambda text: 3 * len(text) + 200,
        "free": lambda text: 0,
    }

    flagged = {name: bool(super_linear(cost, families, 256)[0]) for name, cost in costs.items()}

    assert flagged == {"quadratic": True, "power 1.3": True, "linear": False, "free": False}
    assert super_linear(costs["linear"], families, 256)[1]["a"] == (3 * 2048 + 200) / 2


def test_recall_counts_a_value_only_when_it_is_covered_under_its_name() -> None:
    """A scanner that finds everything under one name, and one that finds half of each value."""
    found, there = recall(lambda text: [(0, len(text), "US_SSN")], 2)

    assert (found["US_SSN"], found.total(), there.total()) == (2, 2, 2 * len(values.PERSONAL))
    assert recall(lambda text: [(0, len(text) // 4, "US_SSN")], 2)[0].total() == 0


def test_a_wrong_span_is_not_exact_and_a_missed_value_is_not_found() -> None:
    """Covering too much, too little, the whole, or nothing."""
    value, around = Value("US_SSN", "123-45-6789"), ("it is ", " now")
    start, end = 6, 6 + len("MTIz")
    plain = (6, 17, "US_SSN")

    def score(*spans: tuple[int, int, str]) -> tuple[int, int, int]:
        counted = Score()
        counted.add(lambda text: [plain] if value.text in text else spans, value, "MTIz", around)
        return counted.plain, counted.found, counted.exact

    assert score((start, end, "US_SSN")) == (1, 1, 1)
    assert score((start - 1, end, "US_SSN")) == (1, 1, 0)
    assert score((start, end - 1, "US_SSN")) == (1, 1, 0)
    assert score((start, end - 1, "A"), (end - 1, end, "B")) == (1, 1, 0)
    assert score((0, start, "US_SSN")) == (1, 0, 0)
    assert score() == (1, 0, 0)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms_change_a_value_and_keep_it_apart_from_what_stands_around(name: str) -> None:
    """No transform begins or ends with something that belongs to the text around."""
    written = TRANSFORMS[name]("ada.okafor@kestrel.dev", Random(1))

    assert written != "ada.okafor@kestrel.dev"
    assert written == written.strip()
    assert written == TRANSFORMS[name]("ada.okafor@kestrel.dev", Random(1))


def test_the_obfuscation_bench_asks_what_is_found_in_plain() -> None:
    """Values in every embedding."""
    find = bench_obfuscation.of_guard(guard("everything"))

    assert bench_obfuscation.scored(find, "leet", 1).plain == 4 * len(bench_obfuscation.WORDS)
    assert (
        bench_obfuscation.scored(lambda text: [(0, len(text), "X")], "hex", 1).exact
        < bench_obfuscation.scored(lambda text: [(0, len(text), "X")], "hex", 1).found
    )


def test_held_text_is_what_came_and_has_not_left() -> None:
    """A value of 19 characters waits; after it is taken out nothing is left to wait for."""
    cut = ["Card ", "4111 1111 ", "1111 1111", " is charged. And so it goes on."]
    held = bench_stream.held(guard("everything"), cut)

    assert held[1] >= 10 and held[2] >= 19
    assert held[3] < 19


def test_chats_grow_and_their_edits_are_seen() -> None:
    """200 turns are 400 messages and the system's; nothing is stale."""
    assert len(bench_turns.conversation(1, 200)) == 2 * bench_turns.TURNS
    assert bench_turns.missed_edits() == 0


def test_the_corpus_is_what_its_generators_write() -> None:
    """Files are never edited by hand; they are big and mixed enough to mean something."""
    for name, make in write.FILES.items():
        assert (write.FOLDER / f"{name}.jsonl").read_text(encoding="utf-8") == write.as_lines(make())
    coding, daily = write.coding(), write.daily()
    assert len({prompt["text"] for prompt in coding}) == len(coding) >= 600
    assert len({prompt["text"] for prompt in daily}) == len(daily) >= 300
    assert len({prompt["kind"] for prompt in coding}) >= 50
    assert sum(file.stat().st_size for file in write.FOLDER.iterdir()) < 1_500_000


def test_a_false_positive_is_told_by_place_and_entity_and_never_by_its_text() -> None:
    """A seeded address in a corpus of two."""
    texts = ["nothing here", "mail ada@example.com"]
    [hit] = bench_false_positives.hits(guard("default"), texts, "c.jsonl")

    assert str(hit) == "c.jsonl:2 pii EMAIL_ADDRESS"


def test_the_page_of_figures_names_benchmarks_that_exist() -> None:
    """docs/reference/benchmarks.md has each command of these, and none that is not there."""
    page = (write.ROOT / "docs" / "reference" / "benchmarks.md").read_text(encoding="utf-8")
    named = set(re.findall(r"bench_\w+\.py", page))
    ours = ("scan", "stream", "turns", "splits", "false_positives", "obfuscation")

    assert named <= {bench.name for bench in Path(__file__).parent.glob("bench_*.py")}
    assert {f"bench_{name}.py" for name in ours} <= named


def test_the_corpus_is_packaged() -> None:
    """It ships with the policies."""
    listed = (write.ROOT / "pyproject.toml").read_text(encoding="utf-8")

    assert "ordinary/*.jsonl" in listed
    for file in write.FOLDER.glob("*.jsonl"):
        lines = file.read_text(encoding="utf-8").splitlines()
        assert all(set(json.loads(line)) == {"text", "kind"} for line in lines)


def test_the_policy_that_is_timed_is_one_with_all_kinds_of_tests() -> None:
    """Calls, conversations and texts of every stage, the same each time."""
    text = bench_policy.policy(60, 6)
    tests = parse(text, "bench.yaml").tests

    assert text == bench_policy.policy(60, 6)
    assert len(tests) == 60 + len(builtin("default").tests)
    assert any(test.sample.call for test in tests)
    assert any(test.sample.before.texts for test in tests)
    assert {test.stage for test in tests} >= {Stage.OUTPUT, Stage.INPUT, Stage.TOOL_RESULT, Stage.RETRIEVAL}


@pytest.mark.parametrize("path", sorted(Path(__file__).parent.glob("bench_*.py")), ids=lambda path: path.stem)
def test_a_benchmark_finds_the_tests_when_it_is_run_as_a_file(path: Path) -> None:
    """`python tests/bench/...` has the bench's folder on its path, not the repository's: it adds that first."""
    text = path.read_text(encoding="utf-8")
    imports = re.search(r"^from tests\.", text, re.M)
    if imports is not None:
        assert 0 <= text.find("sys.path.insert(0, ") < imports.start()
