"""Golden sets in folders and in the history of git."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from evals.errors import GoldenError
from evals.golden_source import at_head, at_ref, snapshot
from tests.evals.conftest import item, write_golden

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def git(directory: Path, *arguments: str) -> None:
    """A git command in a folder, as somebody."""
    who = ("-c", "user.name=ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(directory), *who, *arguments], check=True, capture_output=True)


def commit(directory: Path, message: str = "A change.") -> None:
    """Commits all that is there."""
    git(directory, "add", "-A")
    git(directory, "commit", "-q", "-m", message)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a set under `sets/toy`, tagged `first`; item b was added later and not committed."""
    git(tmp_path, "init", "-q")
    toy = write_golden(tmp_path / "sets" / "toy", [item("a")])
    commit(tmp_path)
    git(tmp_path, "tag", "first")
    write_golden(toy, [item("a"), item("b")])
    return tmp_path


def ids(items: object) -> list[str]:
    """The ids of items."""
    return [one["id"] for one in items]  # type: ignore[attr-defined]


def test_a_set_is_read_from_a_folder_and_from_history(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths of git count from the top of the repository, or with `./` from here."""
    toy = repository / "sets" / "toy"
    head = at_head(toy)

    assert ids(snapshot(str(toy)).items) == ["a", "b"]
    assert ids(at_ref(toy, "first").items) == ["a"]
    assert head is not None and head.manifest is not None and head.manifest.n == 1
    monkeypatch.chdir(repository / "sets")
    assert ids(snapshot("first:sets/toy").items) == ids(snapshot("HEAD:./toy/").items) == ["a"]


def test_outside_of_git_there_is_no_last_commit(tmp_path: Path, repository: Path) -> None:
    """Nor is there of a set that was never committed."""
    assert at_head(write_golden(repository / "fresh", [item("a")])) is None
    assert at_head(tmp_path.parent / "nowhere") is None


@pytest.mark.parametrize(
    "where", ["none", "first:sets/other", "nobody:sets/toy", "first:", "--output=x:y", ":x"]
)
def test_a_set_that_is_not_there_is_told(
    repository: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that looks like an option reaches git."""
    monkeypatch.chdir(repository)

    with pytest.raises(GoldenError):
        snapshot(where)
    assert not (repository / "x").exists()


def test_what_is_malformed_in_history_is_named(repository: Path) -> None:
    """With the ref, the line and the field."""
    toy = repository / "sets" / "toy"
    (toy / "items.jsonl").write_text('{"id":"a","input":{}}\n')
    commit(repository)

    with pytest.raises(GoldenError, match=r"HEAD:\./items\.jsonl:1: input"):
        at_ref(toy, "HEAD")
    (toy / "items.jsonl").write_bytes(b"\xff")
    commit(repository)
    with pytest.raises(GoldenError, match="byte 0 is not UTF-8"):
        at_ref(toy, "HEAD")
