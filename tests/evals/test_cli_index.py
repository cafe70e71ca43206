"""The `index` commands."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from evals import cli_index, document
from evals.retrieval import identity
from tests.evals.commands import call
from tests.evals.conftest import write_golden

WORDS = (
    "ferry",
    "bakery",
    "library",
    "harbour",
    "museum",
    "school",
    "garden",
    "station",
    "swimming pool",
    "cathedral",
)


def app() -> typer.Typer:
    """An app with the commands, as guardhouse has it."""
    found = typer.Typer()
    cli_index.register(found)
    found.command("other")(lambda: None)
    return found


def test_build_then_search(tmp_path: Path) -> None:
    """An index is built from a corpus and searched; --json is one object a line."""
    corpus = tmp_path / "docs.jsonl"
    corpus.write_text('{"id": "a", "text": "Bees dance."}\n{"id": "b", "text": "Ferries sail."}\n')
    run = CliRunner()
    built = run.invoke(app(), ["index", "build", str(corpus), str(tmp_path / "out"), "--json"])
    searched = run.invoke(app(), ["index", "search", str(tmp_path / "out"), "boats", "-k", "1", "--json"])
    plain = run.invoke(app(), ["index", "search", str(tmp_path / "out"), "boats"])

    assert (built.exit_code, json.loads(built.stdout)["n_docs"]) == (0, 2)
    assert json.loads(searched.stdout)["doc_id"] == "b"
    assert [line.split()[2] for line in plain.stdout.splitlines()] == ["b", "a"]


def test_bad_input_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    """No stack trace: `guardhouse: what: fix` on stderr."""
    run = CliRunner()
    missing = run.invoke(app(), ["index", "build", str(tmp_path / "no.jsonl"), str(tmp_path / "out")])
    unbuilt = run.invoke(app(), ["index", "search", str(tmp_path), "boats"])

    assert (missing.exit_code, unbuilt.exit_code) == (2, 2)
    assert missing.stderr.startswith("guardhouse: index build: ") and missing.stderr.count("\n") == 1
    assert "guardhouse index build" in unbuilt.stderr


DOCS = {f"d-{n}": f"The {word} number {n} opens at nine." for n, word in enumerate(WORDS)}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus, a golden set about it, and two indices: `good` and `poor`, which lacks most documents."""
    folder = tmp_path_factory.mktemp("index")
    items = [
        {
            "id": f"q-{n}",
            "input": {"question": f"When does the {word} open?"},
            "relevant": [{"doc_id": f"d-{n}"}],
        }
        for n, word in enumerate(WORDS)
    ]
    write_golden(folder / "golden", items)
    for name, kept in (("good", DOCS), ("poor", dict(list(DOCS.items())[:2]))):
        corpus = folder / f"{name}.jsonl"
        corpus.write_text("".join(json.dumps({"id": id, "text": text}) + "\n" for id, text in kept.items()))
        assert call("index", "build", corpus, folder / name).exit_code == 0
    return folder


def test_an_incremental_build_tells_what_it_took(place: Path, tmp_path: Path) -> None:
    """Documents by what became of them, chunks, and why nothing could be taken; --json has it all."""
    built = call("index", "build", place / "good.jsonl", tmp_path / "new", "--from", place / "poor")
    other = call(
        "index", "build", place / "good.jsonl", tmp_path / "ivf", "--from", place / "poor", "--chunk-tokens", 64,
        "--type", "ivf", "--json",
    )  # fmt: skip

    assert built.stdout.splitlines()[1:] == [
        "documents: 8 added, 0 removed, 0 changed",
        "chunks: 2 taken from the earlier index, 8 embedded",
    ]
    assert other.stderr == "guardhouse: built from nothing: another chunk_tokens 128 -> 64\n"
    told = json.loads(other.stdout)
    assert (told["reused"], told["exactness"], told["changed"]["added"]) == (
        0,
        1.0,
        [f"d-{n}" for n in range(2, 10)],
    )


@pytest.mark.parametrize(
    ("baseline", "candidate", "code", "verdict"), [("good", "poor", 1, "block"), ("poor", "good", 0, "pass")]
)
def test_compare_exits_as_the_gate_does(
    place: Path, baseline: str, candidate: str, code: int, verdict: str
) -> None:
    """Differences first; --json is one document."""
    golden = place / "golden"
    plain = call("index", "compare", place / baseline, place / candidate, "--golden", golden, "-k", 1)
    as_json = call("index", "compare", place / baseline, place / candidate, "--golden", golden, "--json")

    assert (plain.exit_code, as_json.exit_code) == (code, code), plain.output
    assert plain.stdout.startswith("differs: corpus: ")
    assert f"\n{verdict.upper()}  recall@1: " in plain.stdout or verdict == "pass"
    assert json.loads(as_json.stdout)["verdict"] == verdict


def test_a_name_is_promoted_run_and_rolled_back(place: Path, tmp_path: Path) -> None:
    """A worse index is refused unless it is forced; a run under the name tells the manifest behind it."""
    store, golden = tmp_path / "store", place / "golden"
    common = ["--as", "live", "--store", store, "--golden", golden, "--by", "ann", "-k", 1]
    first = call("index", "promote", place / "good", *common)
    again = call("index", "promote", place / "good", *common)
    refused = call("index", "promote", place / "poor", *common)
    held = call("index", "history", "live", "--store", store)
    forced = call("index", "promote", place / "poor", *common, "--force", "--note", "a\x1b[2Jtest")
    search = call("index", "search", store / "live", "station", "-k", 9, "--json")
    ran = call(
        "eval", "run", "--golden", golden, "--candidate", f"index:{store / 'live'}", "--baseline",
        f"index:{place / 'good'}", "--out", tmp_path / "run", "--gate", "recall@1",
    )  # fmt: skip
    back = call("index", "rollback", "live", "--store", store, "--by", "bob", "--json")
    shown = call("index", "history", "live", "--store", store)
    told = [
        json.loads(line)
        for line in call("index", "history", "live", "--store", store, "--json").stdout.splitlines()
    ]

    assert [each.exit_code for each in (first, again, refused, forced, back, shown)] == [0, 0, 1, 0, 0, 0], (
        refused.output
    )
    assert "stands for it already" in again.stdout
    assert "not promoted: block: recall@1" in refused.stderr and held.stdout.count("\n") == 1
    assert len(search.stdout.splitlines()) == 2
    assert [(each["action"], each["by"], each["forced"]) for each in told] == [
        ("promote", "ann", False),
        ("promote", "ann", True),
        ("rollback", "bob", False),
    ]
    assert told[1]["metrics"]["recall@1"]["delta"] < -0.5
    assert told[1]["golden"]["name"] == "toy"
    assert "\x1b" not in shown.stdout
    sha256 = hashlib.sha256((place / "poor" / "manifest.json").read_bytes()).hexdigest()
    run = document.load(tmp_path / "run" / "run.json")
    assert (ran.exit_code, run.target.index) == (1, f"live@{sha256[:12]}")
    assert identity(store / "live") == f"live@{told[0]['manifest_sha256'][:12]}"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["build", "CORPUS", "out", "--type", "pq"], "there is no FAISS type 'pq'"),
        (["build", "CORPUS", "out", "--from", "nowhere"], "no readable manifest"),
        (["compare", "good", "nowhere", "--golden", "golden"], "no readable manifest"),
        (["compare", "good", "poor", "--golden", "nowhere"], "cannot be read"),
        (["promote", "good", "--as", "../x"], "cannot be a name"),
        (["promote", "nowhere", "--as", "x"], "no readable manifest"),
        (["rollback", "x"], "nothing was promoted"),
        (["search", ".", "q"], "no readable manifest"),
        (["search", "/", "q"], "no readable manifest"),
        (["promote", ".", "--as", "x"], "no readable manifest"),
        (["compare", ".", ".", "--golden", "golden"], "no readable manifest"),
        (["build", "CORPUS", "/"], "holds other files"),
        (["build", "nowhere", "out"], "there is no such file"),
        (["history", "x"], "nothing was promoted"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    place: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str
) -> None:
    """With exit code 2 and the command's name."""
    monkeypatch.chdir(place)
    done = call("index", *[str(place / "good.jsonl") if each == "CORPUS" else each for each in arguments])

    assert (done.exit_code, done.stderr.count("\n")) == (2, 1), done.output
    assert done.stderr.startswith(f"guardhouse: index {arguments[0]}: ")
    assert says in done.stderr


def test_a_broken_name_is_mended_and_forced_past(place: Path, tmp_path: Path) -> None:
    """With the same index again, or with another one and --force; else the golden set cannot decide."""
    store, golden = tmp_path / "store", place / "golden"
    common = ["--as", "live", "--store", store, "--golden", golden, "-k", 1]
    call("index", "promote", place / "good", *common)
    (kept,) = [each for each in (store / "live").iterdir() if each.is_dir()]
    (kept / "chunks.jsonl").unlink()
    mended = call("index", "promote", place / "good", *common)
    assert (mended.exit_code, (kept / "chunks.jsonl").is_file()) == (0, True), mended.output
    (kept / "chunks.jsonl").unlink()
    refused = call("index", "promote", place / "poor", *common)
    forced = call("index", "promote", place / "poor", *common, "--force")

    assert (refused.exit_code, forced.exit_code) == (2, 0), forced.output
