"""A golden set's files change as one, whatever is cut off or full."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evals.errors import GoldenError
from evals.golden import load
from evals.golden_files import ORDER, cut_off, mend, write
from evals.releasing import Wish, release
from tests.evals.conftest import item, write_golden

NEW = {"items.jsonl": "new items", "manifest.json": "new manifest", "CHANGELOG.md": "new log"}


def dies(directory: Path, steps: int) -> int:
    """Writes the new files in a process that is gone after so many steps; how that process ended."""
    child = os.fork()
    if not child:
        left = iter(range(steps))

        def dying(does: Callable[..., Any]) -> Callable[..., Any]:
            def either(*given: Any) -> Any:
                if next(left, None) is None:
                    os._exit(9)
                return does(*given)

            return either

        os.fsync, Path.replace = dying(os.fsync), dying(Path.replace)  # type: ignore[method-assign]
        write(directory, NEW)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def told_when_full(directory: Path, contents: dict[str, str]) -> str:
    """What writing files says in a process that may write no more than 1,000 bytes into one."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            write(directory, contents)
        except GoldenError as error:
            os.write(writing, str(error).encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as said:
        return said.read()


def texts(directory: Path) -> dict[str, str]:
    """The files of a folder."""
    return {path.name: path.read_text() for path in directory.iterdir()}


def test_files_are_written_and_nothing_else_is_left(tmp_path: Path) -> None:
    """Over older ones, and where there were none."""
    write(tmp_path, dict.fromkeys(ORDER, "old"))
    write(tmp_path, NEW)

    assert texts(tmp_path) == NEW and not cut_off(tmp_path)


@pytest.mark.parametrize("steps", range(9))
def test_a_kill_at_any_step_leaves_the_old_set_or_the_new(tmp_path: Path, steps: int) -> None:
    """Three files and the folder are made durable, then three take their places: mending ends it either way."""
    old = dict.fromkeys(ORDER, "old")
    write(tmp_path, old)

    assert dies(tmp_path, steps) == (9 if steps < 8 else 0)
    assert cut_off(tmp_path) is (steps < 7)
    told = mend(tmp_path)
    assert texts(tmp_path) == (old if steps < 5 else NEW)
    assert told == ("discarded" if steps < 5 else "finished" if steps < 7 else "")
    assert mend(tmp_path) == ""


@pytest.mark.parametrize("steps", [5, 6])
def test_a_set_cut_off_in_between_is_told_and_released(tmp_path: Path, steps: int) -> None:
    """Items and manifest of two versions are refused, with what ends it; `release` does."""
    before, after = tmp_path / "before", tmp_path / "after"
    for directory, names in ((before, "a"), (after, "ab")):
        release(write_golden(directory, [item(name) for name in names]), Wish(licence="CC0-1.0"))
    for at, name in enumerate(ORDER):
        (after / name).rename(before / (name if at < steps - 4 else name + ".new"))

    if steps == 5:
        with pytest.raises(GoldenError, match="cut off; `guardhouse golden release` ends it"):
            load(before)
    done = release(before, Wish())

    assert (done.mended, done.written) == ("finished", False)
    assert [case.id for case in load(before).cases] == ["a", "b"] and not cut_off(before)


@pytest.mark.parametrize("name", ORDER)
def test_a_file_that_does_not_fit_changes_nothing(tmp_path: Path, name: str) -> None:
    """Whichever of them it is: one clear error, and no remains."""
    old = dict.fromkeys(ORDER, "old")
    write(tmp_path, old)

    told = told_when_full(tmp_path, NEW | {name: "long " * 1000})

    assert "cannot be written (File too large); it is as it was: make room" in told
    assert texts(tmp_path) == old
