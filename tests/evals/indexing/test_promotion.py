"""Promotions: recorded, kept, rolled back, and refused where something is not what it was."""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.errors import RetrievalError
from evals.indexing import promotion
from evals.indexing.manifest import manifest_sha256
from evals.indexing.pointer import identity, located
from evals.indexing.promotion import Grounds, Record, current, history, promote, rollback, stands_for
from evals.retrieval import open_index
from tests.evals.indexing.letters import Letters, make
from tests.evals.indexing.test_building import older

RECORD = Record("", "2026-01-01T00:00:00Z", "ann", "", "", note="because")


@pytest.fixture(scope="module", autouse=True)
def letters() -> Iterator[None]:
    """Indices are opened with the embedder that they were built with here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evals.retrieval.embedder_of", lambda _: Letters())
        yield


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Three indices, and a store to come."""
    for name in "abc":
        make({name: f"{name} bees", "z": "ferries"}, tmp_path / name)
    return tmp_path


def stands(place: Path, name: str = "live") -> str:
    """What the name stands for, as a search of it says."""
    hits = open_index(place / "store" / name, embedder=Letters()).search("bees a b c", 9)
    return "".join(sorted(hit.doc_id for hit in hits)).removesuffix("z")


def test_a_name_stands_for_what_was_promoted_last(place: Path) -> None:
    """A rollback goes back, and once more one further; each is a line of the history."""
    store = place / "store"
    assert current(store, "live") is None
    told = []
    for name in "abc":
        promote(place / name, store, "live", RECORD, Grounds("pass", "fine"))
        told.append(stands(place))
    for _ in "ab":
        rollback(store, "live", RECORD)
        told.append(stands(place))
    with pytest.raises(RetrievalError, match="nothing was promoted before"):
        rollback(store, "live", RECORD)
    records = history(store, "live")

    assert told == ["a", "b", "c", "b", "a"]
    assert [each.action for each in records] == ["promote"] * 3 + ["rollback"] * 2
    assert [each.index[0] for each in records] == list("abcba")
    assert [each.previous[:9] for each in records] == [
        manifest_sha256(place / name)[:9] if name else "" for name in ["", "a", "b", "c", "b"]
    ]
    assert records[0].by == "ann" and records[0].verdict == "pass"
    assert identity(store / "live") == f"live@{manifest_sha256(place / 'a')[:12]}"


def test_what_was_promoted_outlives_its_folder(place: Path) -> None:
    """A folder that is built anew in place changes no name, and can still be rolled back to."""
    store = place / "store"
    promote(place / "a", store, "live", RECORD)
    make({"x": "bees"}, place / "a", earlier=place / "a")
    assert stands(place) == "a"
    promote(place / "a", store, "live", RECORD)
    assert stands(place) == "x"
    rollback(store, "live", RECORD)
    assert stands(place) == "a"


def test_promoting_again_what_stands_says_nothing(place: Path) -> None:
    """And writes nothing."""
    promote(place / "a", place / "store", "live", RECORD)

    assert promote(place / "a", place / "store", "live", RECORD) is None
    assert len(history(place / "store", "live")) == 1


@pytest.mark.parametrize("name", ["vectors.faiss", "chunks.jsonl", "documents.jsonl", "manifest.json"])
def test_an_index_that_is_not_what_its_manifest_says_is_refused(place: Path, name: str) -> None:
    """Before it is promoted, when it is rolled back to, and when it is opened."""
    store = place / "store"
    promote(place / "a", store, "live", RECORD)
    promote(place / "b", store, "live", RECORD)
    broken = place / "c" / name
    broken.write_bytes(broken.read_bytes() + b" ")
    if name != "manifest.json":
        with pytest.raises(RetrievalError, match="not from one build"):
            promote(place / "c", store, "live", RECORD)
    for sha256 in (manifest_sha256(place / "a"), manifest_sha256(place / "b")):
        kept = store / "live" / sha256[:12] / name
        content = kept.read_bytes()
        kept.unlink()
        kept.write_bytes(content[:-1])
    with pytest.raises(RetrievalError):
        rollback(store, "live", RECORD)
    with pytest.raises(RetrievalError, match=r"Promote an index again|Build the index again"):
        open_index(store / "live", embedder=Letters())
    promote(place / "b", store, "other", RECORD)
    assert stands(place, "other") == "b"


def test_an_index_of_the_older_format_cannot_be_promoted(place: Path) -> None:
    """Its files could not be held against anything."""
    older(place / "a")
    with pytest.raises(RetrievalError, match="has no hashes of its files"):
        promote(place / "a", place / "store", "live", RECORD)


@pytest.mark.parametrize("change", ["edit", "drop first", "drop last", "swap", "garbage"])
def test_a_history_that_was_changed_is_refused(place: Path, change: str) -> None:
    """Nothing is promoted upon it."""
    store = place / "store"
    for name in "abc":
        promote(place / name, store, "live", RECORD)
    path = store / "live" / "history.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    changed = {
        "edit": [lines[0].replace("ann", "eve"), *lines[1:]],
        "drop first": lines[1:],
        "drop last": lines[:-1],
        "swap": [lines[1], lines[0], lines[2]],
        "garbage": [*lines, "{}\n"],
    }[change]
    path.write_text("".join(changed))

    for work in (lambda: history(store, "live"), lambda: promote(place / "a", store, "live", RECORD)):
        with pytest.raises(RetrievalError, match="Restore it from a copy"):
            work()


@pytest.mark.parametrize("at", ["_point", "_line torn"])
def test_a_promotion_that_is_cut_off_leaves_a_name_that_stands(
    place: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """For the old index until the next promotion, which takes its line away."""
    store = place / "store"
    promote(place / "a", store, "live", RECORD)
    if at == "_point":
        with monkeypatch.context() as patch:
            patch.setattr(promotion, "_point", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                promote(place / "b", store, "live", RECORD)
    else:
        with (store / "live" / "history.jsonl").open("a") as file:
            file.write('{"action": "promote", "by')
    assert stands(place) == "a"
    promote(place / "c", store, "live", RECORD)

    assert stands(place) == "c"
    assert len(history(store, "live")) == 2


def test_many_who_promote_at_once_take_turns(place: Path) -> None:
    """Each is in the history, which holds."""
    names = list("abc") * 3
    threads = [
        threading.Thread(target=promote, args=(place / name, place / "store", "live", RECORD))
        for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    records = history(place / "store", "live")

    assert stands(place) == records[-1].index[0]
    assert {each.index[0] for each in records} == set("abc")


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "a" * 65, "a\n"])
def test_what_cannot_be_a_name_is_refused(place: Path, name: str) -> None:
    """It is a folder's."""
    with pytest.raises(RetrievalError, match="cannot be a name"):
        promote(place / "a", place / "store", name, RECORD)
    with pytest.raises(RetrievalError, match="nothing was promoted there"):
        history(place / "store", "none")


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from("abc<"), max_size=12))
def test_any_order_of_promotions_and_rollbacks_is_a_stack(steps: list[str]) -> None:
    """A promotion adds what is not on top, a rollback takes the top away."""
    with tempfile.TemporaryDirectory() as name:
        place, stack = Path(name), [""]
        for each in set(steps) - {"<"}:
            make({each: f"{each} bees", "z": "ferries"}, place / each)
        for step in steps:
            if step != "<":
                promoted = promote(place / step, place / "store", "live", RECORD)
                assert (promoted is None) == (stack[-1] == step)
                stack += [step] if promoted else []
            elif len(stack) < 3:
                with pytest.raises(RetrievalError):
                    rollback(place / "store", "live", RECORD)
            else:
                rollback(place / "store", "live", RECORD)
                stack.pop()
            if stack[-1]:
                assert stands(place) == stack[-1]
        for line in (
            (place / "store" / "live" / "history.jsonl").read_text().splitlines() if stack[-1] else ()
        ):
            assert json.loads(line)["at"] == RECORD.at
        if stack[-1]:
            assert located(place / "store" / "live").parent == place / "store" / "live"


@pytest.mark.parametrize("harm", ["gone", "file gone", "damaged"])
def test_promoting_again_what_stands_mends_it(place: Path, harm: str) -> None:
    """Nothing is written into the history; the files are there again."""
    store = place / "store"
    promote(place / "a", store, "live", RECORD)
    kept = located(store / "live")
    if harm == "gone":
        shutil.rmtree(kept)
    elif harm == "file gone":
        (kept / "vectors.faiss").unlink()
    else:
        (kept / "chunks.jsonl").write_text("")
    with pytest.raises(RetrievalError):
        current(store, "live")

    assert promote(place / "a", store, "live", RECORD) is None
    assert (stands(place), len(history(store, "live"))) == ("a", 1)


def test_what_is_kept_shares_nothing_with_the_folder_it_came_from(place: Path) -> None:
    """Neither by a hard link nor by a symbolic one: what becomes of that folder's files changes nothing."""
    store, linked = place / "store", place / "linked"
    linked.mkdir()
    for file in (place / "b").iterdir():
        (linked / file.name).symlink_to(file)
    promote(place / "a", store, "live", RECORD)
    promote(linked, store, "live", RECORD)
    for name in "ab":
        for file in (place / name).iterdir():
            with file.open("a") as opened:
                opened.write(" ")

    assert stands(place) == "b"
    rollback(store, "live", RECORD)
    assert stands(place) == "a"


def test_an_index_that_cannot_be_opened_is_not_promoted(place: Path) -> None:
    """Its files are those of its manifest, which names an embedder that there is not."""
    path = place / "c" / "manifest.json"
    path.write_text(path.read_text().replace(Letters.sha256, "1" * 64))

    with pytest.raises(RetrievalError, match="Their vectors cannot be compared"):
        promote(place / "c", place / "store", "live", RECORD)
    assert not (place / "store").exists()


def test_a_last_line_without_its_end_is_whole(place: Path) -> None:
    """As an editor may leave it: nothing is taken away, neither by reading nor by the next promotion."""
    store = place / "store"
    for name in "ab":
        promote(place / name, store, "live", RECORD)
    path = store / "live" / "history.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert len(history(store, "live")) == 2
    rollback(store, "live", RECORD)

    assert path.read_bytes().startswith(whole)
    assert [each.action for each in history(store, "live")] == ["promote", "promote", "rollback"]


@pytest.mark.parametrize("left", ["", "torn", "empty"])
def test_a_pointer_without_its_history_is_refused(place: Path, left: str) -> None:
    """By everyone who would write or tell one; nothing is taken away before it is refused."""
    store = place / "store"
    promote(place / "a", store, "live", RECORD)
    path = store / "live" / "history.jsonl"
    text = {"": None, "torn": path.read_text()[:40], "empty": ""}[left]
    path.unlink()
    if text is not None:
        path.write_text(text)

    for work in (
        lambda: promote(place / "b", store, "live", RECORD),
        lambda: rollback(store, "live", RECORD),
        lambda: history(store, "live"),
    ):
        with pytest.raises(RetrievalError, match="Restore it from a copy"):
            work()
    assert (path.read_text() if path.exists() else None) == text


@pytest.mark.parametrize("before", ["", "a"])
@pytest.mark.parametrize("how", ["fails", "killed"])
def test_a_promotion_whose_pointer_never_came_never_was(
    place: Path, monkeypatch: pytest.MonkeyPatch, before: str, how: str
) -> None:
    """Nobody sees it in the history, and no rollback goes to it."""
    store = place / "store"
    for name in before:
        promote(place / name, store, "live", RECORD)
    error = RetrievalError("full") if how == "fails" else KeyboardInterrupt()
    with monkeypatch.context() as patch:
        patch.setattr(promotion, "_point", lambda *_: (_ for _ in ()).throw(error))
        with pytest.raises(type(error)):
            promote(place / "b", store, "live", RECORD)
    if before:
        assert [each.index[0] for each in history(store, "live")] == ["a"]
    else:
        with pytest.raises(RetrievalError, match="nothing was promoted there"):
            history(store, "live")
    assert stands_for(store, "live") == (manifest_sha256(place / "a") if before else "")
    promote(place / "c", store, "live", RECORD)

    assert [each.index[0] for each in history(store, "live")] == [*before, "c"]
    if before:
        rollback(store, "live", RECORD)
        assert stands(place) == "a"


def test_a_pointer_that_cannot_be_read_is_made_anew(place: Path) -> None:
    """From the history, as its message says: promote again."""
    store = place / "store"
    for name in "ab":
        promote(place / name, store, "live", RECORD)
    (store / "live" / "current.json").write_text("{")

    assert promote(place / "b", store, "live", RECORD) is None
    assert stands(place) == "b"


def test_a_reader_amid_promotions_sees_a_history_that_holds(place: Path) -> None:
    """However often it looks."""
    store = place / "store"
    promote(place / "c", store, "live", RECORD)

    def work() -> None:
        for _ in range(10):
            for name in "ab":
                promote(place / name, store, "live", RECORD)

    thread = threading.Thread(target=work)
    thread.start()
    seen = [0]
    while thread.is_alive():
        seen.append(len(history(store, "live")))
    thread.join()
    assert seen == sorted(seen)
    assert len(history(store, "live")) == 21


@pytest.mark.parametrize("mover", ["promote", "rollback"])
def test_grounds_of_another_baseline_are_refused(place: Path, mover: str) -> None:
    """Somebody else promoted between the comparison and the promotion."""
    store = place / "store"
    for name in "ab":
        promote(place / name, store, "live", RECORD)
    compared = stands_for(store, "live")
    if mover == "promote":
        promote(place / "c", store, "live", RECORD)
    else:
        rollback(store, "live", RECORD)
    make({"x": "bees"}, place / "new")

    with pytest.raises(RetrievalError, match="stands for another index by now"):
        promote(place / "new", store, "live", RECORD, Grounds("pass", against=compared))
    told = promote(place / "new", store, "live", RECORD, Grounds("pass", against=stands_for(store, "live")))
    assert told is not None and told.verdict == "pass"


def test_a_rollback_of_nothing_leaves_nothing(place: Path) -> None:
    """No folder of a name that was mistyped."""
    promote(place / "a", place / "store", "live", RECORD)
    for work in (rollback, lambda store, name, _: history(store, name)):
        with pytest.raises(RetrievalError, match="nothing was promoted there"):
            work(place / "store", "typo", RECORD)

    assert [each.name for each in (place / "store").iterdir()] == ["live"]
