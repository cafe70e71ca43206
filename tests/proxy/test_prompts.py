"""Which version a request gets: by name, by weight, the same for a session everywhere."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.config_prompts import PromptSource, Share
from proxy.errors import BadRequest, ConfigError
from proxy.prompts import NO_PROMPTS, Prompts, in_order, load_prompts, point, read_folder
from tests.proxy.templates import folder, prompts, saying

SESSIONS = [f"default/session-{number}" for number in range(4_000)]


def chosen(found: Prompts, sessions: list[str] = SESSIONS) -> list[str]:
    """The version that each session gets."""
    return [found.choose("p", None, session).use.version for session in sessions]


def test_a_version_that_is_named_is_given(tmp_path: Path) -> None:
    """Whatever the weights are; without any the newest one is given."""
    found = prompts(tmp_path, {})

    assert found.choose("p", "1", "s").use.version == "1"
    assert set(chosen(found)) == {"3"}
    assert found.weights("p") == {"3": 1.0}


@pytest.mark.parametrize(("name", "version", "param"), [("q", None, "name"), ("p", "hunter2", "version")])
def test_what_is_not_there_is_not_found(tmp_path: Path, name: str, version: str | None, param: str) -> None:
    """What the caller wrote is not repeated."""
    with pytest.raises(BadRequest) as error:
        prompts(tmp_path, {}).choose(name, version, None)

    assert (error.value.code, error.value.param) == ("prompt_not_found", f"guardhouse.prompt.{param}")
    assert "hunter2" not in error.value.message


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Prompts:
    """A prompt with three versions."""
    return prompts(tmp_path_factory.mktemp("prompts"), {})


WEIGHTS = st.lists(st.integers(0, 100), min_size=3, max_size=3).filter(sum)


def weighted(read: Prompts, weights: list[int]) -> Prompts:
    """The same with weights."""
    return Prompts({"p": read.versions("p")}, {"p": dict(zip("123", weights, strict=True))})


@settings(deadline=None, max_examples=40)
@given(WEIGHTS)
def test_weights_are_respected(read: Prompts, weights: list[int]) -> None:
    """Over many sessions each version gets its share, within what chance allows; one without weight gets none."""
    given = chosen(weighted(read, weights))

    for version, weight in zip("123", weights, strict=True):
        share = weight / sum(weights)
        assert abs(given.count(version) / len(given) - share) < 0.04
        assert weight or version not in given


@settings(deadline=None, max_examples=40)
@given(WEIGHTS, st.text(min_size=1))
def test_a_session_keeps_its_version(read: Prompts, weights: list[int], session: str) -> None:
    """Asked again, and asked of another process."""
    one, two = weighted(read, weights), weighted(read, weights)

    assert {each.choose("p", None, session).use.version for each in (one, two, one)} == {
        one.choose("p", None, session).use.version
    }


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 100), st.integers(0, 100))
def test_only_as_many_sessions_move_as_the_weights_say(read: Prompts, before: int, after: int) -> None:
    """From 90/10 to 80/20 every tenth moves, all of them to the new version, and back the same ones."""
    was, now = (
        chosen(weighted(read, [0, 100 - before, before])),
        chosen(weighted(read, [0, 100 - after, after])),
    )
    moved = [(old, new) for old, new in zip(was, now, strict=True) if old != new]

    assert len(set(moved)) <= 1
    assert abs(len(moved) / len(was) - abs(after - before) / 100) < 0.03
    assert moved == [] or moved[0] == (("2", "3") if after > before else ("3", "2"))


def test_sessions_of_two_prompts_are_apart(read: Prompts) -> None:
    """Who gets the new version of one prompt is not who gets that of the other."""
    first = [point("a", session) < 0.5 for session in SESSIONS]
    second = [point("b", session) < 0.5 for session in SESSIONS]
    same = sum(one == other for one, other in zip(first, second, strict=True))

    assert 0.45 < same / len(SESSIONS) < 0.55


def test_without_a_session_each_request_is_drawn(tmp_path: Path) -> None:
    """By the same weights."""
    found = prompts(tmp_path, {"2": 90, "3": 10}, seed=7)
    given = [found.choose("p", None, None).use.version for _ in range(2_000)]

    assert 0.86 < given.count("2") / 2_000 < 0.94
    assert "1" not in given


def test_versions_are_ordered_as_people_count() -> None:
    """Numbers as numbers; what comes before a release comes before it."""
    right = ["0.9", "1", "1.2", "1.10-beta", "1.10", "1.10.1", "2-rc1", "2-rc2", "2", "10"]
    mixed = random.Random(3).sample(right, len(right))

    assert sorted(mixed, key=in_order) == right


def test_a_folder_is_read_whole(tmp_path: Path) -> None:
    """Other files are left alone; the files are those to be watched."""
    folder(tmp_path, a__10=saying("x"), a__9=saying("y"), b_c__1=saying("z"))
    (tmp_path / "README.md").write_text("#")
    (tmp_path / "a" / ".9.yaml").write_text("[")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "v1.txt").write_text("x")

    found = load_prompts(PromptSource(tmp_path))

    assert [(each["name"], [v["version"] for v in each["versions"]]) for each in found.listed()] == [
        ("a", ["9", "10"]),
        ("b-c", ["1"]),
    ]
    folders = [tmp_path, tmp_path / "a", tmp_path / "b-c"]
    assert sorted(found.files) == sorted(map(str, [*folders, *tmp_path.glob("*/[0-9]*.yaml")]))
    assert load_prompts(PromptSource()) is NO_PROMPTS


@pytest.mark.parametrize("name", ["1.yaml", "p/1.yml"])
def test_a_file_in_a_wrong_place_is_told(tmp_path: Path, name: str) -> None:
    """It would else be silently without effect."""
    (tmp_path / "p").mkdir()
    (tmp_path / name).write_text("prompt: x")

    with pytest.raises(ConfigError, match=r"NAME/VERSION\.yaml"):
        read_folder(tmp_path)


@pytest.mark.parametrize(("name", "version", "told"), [("p", "9", "1, 2, 3"), ("q", "1", "p")])
def test_a_rollout_of_what_is_not_there_is_told(tmp_path: Path, name: str, version: str, told: str) -> None:
    """With the line of the configuration, and what there is."""
    prompts(tmp_path, {})
    source = PromptSource(tmp_path, {name: {version: Share(1, 7)}}, "g.yaml")

    with pytest.raises(ConfigError, match=told) as error:
        load_prompts(source)

    assert (error.value.file, error.value.line) == ("g.yaml", 7)
