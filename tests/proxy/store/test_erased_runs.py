"""Runs without what an erased trace said: still runs, and what is left of them is right."""

from __future__ import annotations

import json
from typing import Any

from evals import document
from proxy.store import erased_runs, queries
from proxy.store.db import Store
from tests.evals.test_document import full

TRACE = "a" * 32


def _run(**case: Any) -> dict[str, Any]:
    """A whole run whose first item came as that trace."""
    run: dict[str, Any] = json.loads(document.text(full()))
    run["items"][0]["output"] |= {"trace_id": TRACE, "text": "ada said"}
    run["cases"] = [
        {
            "id": run["items"][-1]["id"],
            "sha256": "0",
            "question": "ada?",
            "expected": "ada",
            "tags": [],
            **case,
        }
    ]
    return run


def test_a_run_that_lost_items_is_still_a_run() -> None:
    """The evals read it; scores stay, texts and what quoted them are gone. A second time finds nothing."""
    run = _run(trace=TRACE)
    before = json.loads(json.dumps(run))

    number = erased_runs.erase(run, {TRACE}, "")

    assert number > 1
    assert "ada" not in json.dumps(run)
    assert run["items"][0]["erased"] is True
    assert [{n: s["value"] for n, s in item["scores"].items()} for item in run["items"]] == [
        {n: s["value"] for n, s in item["scores"].items()} for item in before["items"]
    ]
    assert document.parse(json.dumps(run).encode(), "run").id == before["id"]
    assert erased_runs.erase(run, {TRACE}, "") == 0


def test_a_judges_words_go_with_the_answer() -> None:
    """Its explanation and its unread reply may quote what was erased; the reason why there is no value goes too."""
    run = _run()
    score = {
        "status": "unscored",
        "value": None,
        "reason": "ada",
        "cause": "scorer",
        "reply": "ada said",
        "spans": [],
    }
    run["items"][0]["scores"] = {"answer_judged": score}

    erased_runs.erase(run, {TRACE}, "")

    assert run["items"][0]["scores"]["answer_judged"] == score | {"reason": "", "reply": ""}
    assert "ada said" not in json.dumps(run["items"][0])


def test_flips_of_an_erased_case_lose_both_texts() -> None:
    """What is kept of a comparison quotes the same answers; flips of other cases stay."""
    run = _run()
    flip = {
        "metric": "f1",
        "before": 1.0,
        "after": 0.0,
        "before_text": "ada before",
        "after_text": "ada said",
    }
    flips = [
        flip | {"id": run["items"][0]["id"]},
        flip | {"id": "other", "before_text": "x", "after_text": "y"},
    ]
    run["baseline"] |= {"flips": flips, "moved": [dict(flip) for flip in flips]}

    erased_runs.erase(run, {TRACE}, "")

    for name in ("flips", "moved"):
        first, other = run["baseline"][name]
        assert (first["before_text"], first["after_text"], first["before"]) == ("", "", 1.0)
        assert (other["before_text"], other["after_text"]) == ("x", "y")


def test_a_run_that_was_compared_with_an_erased_one_quotes_it_no_more(store: Store) -> None:
    """Its own answers to the same cases are of other traces, and stay."""
    first, second = _run(trace=TRACE), _run()
    second |= {"id": "later", "cases": []}
    for item in second["items"]:
        item["output"]["trace_id"] = "f" * 32
    name = next(item["id"] for item in first["items"] if item["output"]["trace_id"] == TRACE)
    flip = {
        "metric": "f1",
        "before": 1.0,
        "after": 0.0,
        "before_text": "ada before",
        "after_text": "said later",
    }
    second["baseline"] |= {"id": first["id"], "flips": [flip | {"id": name}, flip | {"id": "other"}]}
    queries.save_run(store, first)

    elsewhere = erased_runs.quoted(store, "default", {TRACE}, "")
    assert erased_runs.erase(second, {TRACE}, "", elsewhere) == 1
    assert erased_runs.erase(second, {TRACE}, "", elsewhere) == 0

    told = [(each["before_text"], each["after_text"]) for each in second["baseline"]["flips"]]
    assert told == [("", "said later"), ("ada before", "said later")]


def test_cases_made_from_a_person_are_theirs_too() -> None:
    """By the keyed hash, where the trace is not told; nobody is not everybody."""
    assert erased_runs.erase(_run(subject="b" * 32), (), "b" * 32) > 0
    assert erased_runs.erase(_run(subject=""), (), "") == 0


def test_the_list_of_runs_says_nothing_of_it_either(store: Store) -> None:
    """The head that lists read is kept with the document."""
    run = _run(trace=TRACE)
    queries.save_run(store, run)
    change, late = (erased_runs.changed(store, run["id"], {TRACE}, "") for _ in range(2))
    assert change is not None and late is not None
    with store.begin() as connection:
        # The second is of a run that is not what it was any more.
        assert [connection.execute(each.statement).rowcount for each in (change, late)] == [1, 0]
    erased_runs.erase(run, {TRACE}, "")

    assert "ada" not in json.dumps(queries.list_runs(store).items)
    assert queries.get_run(store, run["id"]) == run
    assert erased_runs.changed(store, run["id"], {TRACE}, "") is None
