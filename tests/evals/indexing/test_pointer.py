"""Pointers: a name that stands for an index."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.errors import RetrievalError
from evals.indexing.manifest import manifest_sha256
from evals.indexing.pointer import Pointer, aside, dumped, identity, located, read_pointer
from tests.evals.indexing.letters import make


def test_a_pointer_is_followed(tmp_path: Path) -> None:
    """Its identity is that of the index under the name."""
    (tmp_path / "name").mkdir()
    make({"a": "Bees."}, tmp_path / "name" / "kept")
    (tmp_path / "name" / "docs.jsonl").unlink()
    sha256 = manifest_sha256(tmp_path / "name" / "kept")
    (tmp_path / "name" / "current.json").write_text(dumped(Pointer("kept", sha256, "")))

    assert located(tmp_path / "name") == tmp_path / "name" / "kept"
    assert identity(tmp_path / "name") == f"name@{sha256[:12]}"
    assert identity(tmp_path / "name" / "kept") == f"kept@{sha256[:12]}"
    (tmp_path / "name" / "kept" / "manifest.json").write_text("{}")
    with pytest.raises(
        RetrievalError, match=rf"promoted was {sha256[:12]}, but .* has the manifest 44136fa355b3"
    ):
        located(tmp_path / "name")
    (tmp_path / "name" / "kept" / "manifest.json").unlink()
    with pytest.raises(RetrievalError, match="is gone"):
        located(tmp_path / "name")


def test_a_folder_stands_for_itself(tmp_path: Path) -> None:
    """Also one that is not there; what was being replaced is found aside."""
    assert located(tmp_path / "none") == tmp_path / "none"
    make({"a": "Bees."}, tmp_path / "index")
    (tmp_path / "index").rename(aside(tmp_path / "index"))
    assert located(tmp_path / "index") == aside(tmp_path / "index")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"index": "a"}',
        '{"index": "../a", "manifest_sha256": "", "record": ""}',
        '{"index": "a", "manifest_sha256": 1, "record": ""}',
        '{"index": "a", "manifest_sha256": "", "record": "", "format": "x"}',
    ],
)
def test_what_is_no_pointer_is_refused(tmp_path: Path, text: str) -> None:
    """Nothing outside of the name's own folder is followed."""
    (tmp_path / "current.json").write_text(text)

    with pytest.raises(RetrievalError, match="Promote an index again"):
        read_pointer(tmp_path)


@pytest.mark.parametrize("place", [".", "..", "/", "index/.."])
def test_a_place_without_a_name_is_a_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """It stands for itself."""
    (tmp_path / "work" / "index").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")

    assert located(Path(place)) == Path(place)
    assert aside(Path(place)).name.startswith(".") or place == "/"
