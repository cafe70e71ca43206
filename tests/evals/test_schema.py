"""The published schema of run documents: current, true to what is written, and open to what comes later."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from evals.document import dump
from evals.schema import schema
from tests.evals.test_document import full

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = ROOT / "docs" / "reference" / "run.schema.json"
DOCUMENTS = [
    *sorted((Path(__file__).parent / "documents").glob("*.json")),
    ROOT / "datasets/baselines/support.json",
]


def test_the_printed_copy_is_up_to_date() -> None:
    """`python -m evals.schema > docs/reference/run.schema.json` after a change."""
    assert json.loads(PUBLISHED.read_text("utf-8")) == schema()


def test_it_is_a_schema_that_tells_what_members_mean() -> None:
    """Valid by its own dialect, with the words that stand below the fields."""
    Draft202012Validator.check_schema(schema())

    assert schema()["$defs"]["GateMetric"]["properties"]["p"]["description"] == "One-sided p of no loss."
    assert "class" in schema()["$defs"]["ScoreSpan"]["properties"]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_documents_of_every_age_fit(path: Path) -> None:
    """What was written before still has the shape."""
    Draft202012Validator(schema()).validate(json.loads(path.read_text("utf-8")))


def test_what_is_written_fits_and_what_is_not_a_run_does_not() -> None:
    """A run with one of everything; members of later releases are let be, wrong ones are not."""
    document = json.loads(json.dumps(dump(full())))
    validator = Draft202012Validator(schema())

    validator.validate(document | {"later": 1})
    assert not validator.is_valid(document | {"format": "guardhouse.run/2"})
    assert not validator.is_valid(document | {"repeats": "three"})
    assert not validator.is_valid({name: value for name, value in document.items() if name != "items"})
