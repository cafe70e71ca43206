"""Run documents as earlier releases wrote them: each is read, compared and shown by this one.

`tests/evals/documents` holds one of every age, named in their order. They are never changed; when the types of a run
gain a field, one more is frozen.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals import html, report
from evals.document import dump, load, parse
from evals.errors import RunError
from evals.gate import judge
from evals.run import FORMAT, GateVerdict, Ledger
from tests.evals.test_report import read, shown

FOLDER = Path(__file__).parent / "documents"
DOCUMENTS = sorted(FOLDER.glob("*.json"))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_it_is_read_as_it_was_meant(path: Path) -> None:
    """Every number and text; what it could not tell yet has its default."""
    run = load(path)
    written = json.loads(path.read_text("utf-8"))

    assert run.format == FORMAT
    assert run.id == f"run-{path.stem}"
    assert [item.id for item in run.items] == [item["id"] for item in written["items"]]
    assert run.summary["f1"].mean == written["summary"]["f1"]["mean"]
    assert run.items[0].output.attempts == 1
    again = json.loads(json.dumps(dump(run)))
    assert (again["target"].pop("temperature"), again["target"].pop("variant")) == (None, "")
    assert {name: again[name] for name in ("golden", "prompt", "target", "summary", "repeats")} == {
        name: written[name] for name in ("golden", "prompt", "target", "summary", "repeats")
    }
    assert (run.ledger == Ledger()) == ("ledger" not in written)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
@pytest.mark.parametrize("other", DOCUMENTS, ids=lambda path: path.stem)
def test_it_is_a_baseline_for_any_other(path: Path, other: Path) -> None:
    """And is compared with one: the same cases, no difference."""
    judged = judge(load(path), load(other))

    assert judged.baseline
    assert judged.baseline.compared == 12
    assert judged.baseline.flips == ()
    assert judged.gate.verdict in GateVerdict


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_it_is_shown(path: Path) -> None:
    """In every form, with its flips."""
    run = load(path)

    assert "Cases that changed sides (4)" in " ".join(read(html.render(run)).text.split())
    assert "c6" in shown(run)
    assert "### 4 cases lost" in report.markdown(run)
    assert 'name="c6"' in report.junit(run)


def test_members_of_a_later_release_are_ignored() -> None:
    """At every level; what is known is read as ever."""
    document = json.loads(DOCUMENTS[-1].read_text("utf-8"))
    known = parse(json.dumps(document).encode(), "x")
    for part in (
        document,
        document["golden"],
        document["items"][0],
        document["items"][0]["output"],
        document["gate"],
    ):
        part["later"] = {"of": ["any", "shape"]}

    assert parse(json.dumps(document).encode(), "x") == known


def test_a_later_format_is_refused() -> None:
    """Its number says that a reader of this one would misread it."""
    document = json.loads(DOCUMENTS[-1].read_text("utf-8")) | {"format": "guardhouse.run/2"}

    with pytest.raises(RunError, match=r"not a guardhouse.run/1 document \(format: 'guardhouse.run/2'\)"):
        parse(json.dumps(document).encode(), "x")
