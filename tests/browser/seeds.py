"""What the pages show in a browser: a month of ordinary traffic with its reviews and runs, or attacks in every field."""

from __future__ import annotations

import random
import time
from typing import Any

from proxy.roles import Role
from proxy.store import accounts, bulk, candidates, claims, filling, queries, queues, reviews
from proxy.store.accounts import NewAccount
from proxy.store.groups import group_id
from proxy.store.queues import NewQueue
from proxy.store.reviews import NewReview
from proxy.store.views import save
from tests.acceptance.test_hostile_text import storable
from tests.proxy.review import documents
from tests.proxy.review.site import Site
from tests.proxy.review.test_routes import hostile_trace

SESSION = "5e" * 16
DAY_US = 24 * 3_600_000_000
ACTOR = "admin"
Names = dict[str, str]
"""What stands in the addresses of the screens, by the name that the screens have for it."""


def realistic(pages: Site) -> Names:
    """A morning's queue, the month before it, runs, reviews, queues and people."""
    ordinary = documents.ordinary()
    assert pages.store.write(past_days()) == []
    ordinary[1]["run_id"] = SESSION
    assert pages.store.write(ordinary) == []
    for run in month_of_runs(ordinary[1]["id"]):
        queries.save_run(pages.store, run)
    return _beside(pages, ordinary[1]["id"], "pii", "EMAIL_ADDRESS", "support-answers") | {
        "run": documents.run()["id"], "other": "0199a1b07c337e55a0aa",
    }  # fmt: skip


def hostile(pages: Site, payloads: tuple[str, ...]) -> list[Names]:
    """One trace, review, run, queue, view and group for each attack, which stands in every field that takes it."""
    found = []
    for place, text in enumerate(payloads):
        clean = storable(text)
        trace = hostile_trace(text) | {
            "id": f"{0xBAD0 + place:032x}",
            "started_us": time.time_ns() // 1000 - place,
        }
        assert pages.store.write([trace]) == []
        reviews.add_review(pages.store, trace["id"], NewReview("unsure", clean, clean))
        run = hostile_run(f"hostile-{place}", clean)
        queries.save_run(pages.store, run)
        names = _beside(pages, trace["id"], clean, clean, clean)
        # Only few jobs may be under way at once.
        bulk.cancel(pages.store, names["job"], None, ACTOR)
        found.append(names | {"run": run["id"], "other": run["id"]})
    return found


def _beside(pages: Site, trace: str, rule: str, entity: str, text: str) -> Names:
    """What people make beside traces, named `text` wherever they may choose the name."""
    store = pages.store
    name = text if text.isprintable() and len(text) <= 60 else f"queue {len(queues.queues(store, None))}"
    # The name of a queue takes no sign that an attack needs; the other names take them all.
    plain = text if text == "support-answers" else f"queue {len(queues.queues(store, None))}"
    queue = queues.add_queue(store, NewQueue(plain, "flagged:true", reviews=2, blind=True), "default", ACTOR)
    filling.fill_all(store)
    save(store, "default", name, "outcome:blocked", ACTOR)
    people = [f"person{len(accounts.accounts(store)) + place}" for place in range(2)]
    for person, called in zip(people, (name, f"{name} too"[:80]), strict=True):
        accounts.create(store, NewAccount(person, Role.REVIEWER, display=called))
        _reviewed(pages, queue["id"], f"user:{person}")
    job = bulk.start(
        store, bulk.Order("verdict", ACTOR, "default", None, traces=[trace], verdict="unsure")
    ).job.id
    labels = {"question": text, "answer": text, "note": text}
    meant = candidates.promote(store, trace, "support", labels, ACTOR)
    assert meant is not None
    return {
        "trace": trace, "group": group_id("default", rule, entity), "person": people[0], "job": job,
        "candidate": meant.id, "session": SESSION,
    }  # fmt: skip


def _reviewed(pages: Site, queue: str, who: str) -> None:
    """One reviews the first traces of a queue, every third otherwise than another; and holds one more."""
    for place in range(6):
        claim = claims.take_next(pages.store, queue, who, None)
        if claim is None:
            return
        verdict = "fail" if place % 3 == 0 and who.endswith("1") else "pass"
        trace = queries.get_trace(pages.store, claim.span_id)
        found = [NewReview("true_positive", who, finding=0)] if trace and trace["findings"] else []
        assert claims.submit(
            pages.store, claims.Hold(claim.item_id, who, claim.token), [NewReview(verdict, who), *found], None
        )
    claims.take_next(pages.store, queue, ACTOR, None)


def past_days(days: int = 30) -> list[dict[str, Any]]:
    """Traffic of the days before, the same each time: more by day than by night, a new policy in the middle."""
    chance, now = random.Random(8), time.time_ns() // 1000
    found = []
    for day in range(1, days):
        for each in range(chance.randint(14, 26)):
            place = 1000 + day * 40 + each
            started = now - day * DAY_US - chance.randint(0, DAY_US // 2)
            document = chance.choices(
                (
                    documents.trace(place),
                    documents.masked(place, "Write to EMAIL_ADDRESS_1f20c4d8e9 about the invoice", "EMAIL_ADDRESS_1f20c4d8e9"),
                    documents.masked(place, "Call PHONE_NUMBER_0a1b2c3d4e after six", "PHONE_NUMBER_0a1b2c3d4e"),
                    documents.blocked(place),
                ),
                (60, 22, 8, 10),
            )[0]  # fmt: skip
            policy = documents.POLICY if day < 12 else "default@71b2aa904c1d"
            cost = chance.randint(90_000, 900_000) if document["usage"] else None
            found.append(document | {"started_us": started, "policy": policy, "cost_nanousd": cost})
    return found


def month_of_runs(trace_id: str) -> list[dict[str, Any]]:
    """Runs of one suite, oldest first, the last of them blocked."""
    good, bad = documents.runs(trace_id)
    earlier = []
    for place in range(9):
        mean = 0.93 + 0.004 * (place % 5)
        summary = {name: dict(value) for name, value in good["summary"].items()}
        summary["groundedness"]["mean"] = mean - (0.09 if place == 4 else 0)
        gate: dict[str, Any] = {"verdict": "block" if place == 4 else "pass", "reason": "", "metrics": []}
        earlier.append(good | {"id": f"0199a0{place:02x}07c337e55a0aa", "summary": summary, "gate": gate})
    return [*earlier, good, bad]


def hostile_run(id: str, text: str) -> dict[str, Any]:
    """A run with the text in every field that a runner writes."""
    output = {"text": text, "error": text, "trace_id": text, "verdict": text, "tool_calls": [{"name": text, "arguments": text}]}  # fmt: skip
    item = {"id": text, "repeat": 0, "output": output, "scores": {text: {"status": "unscored", "value": None, "reason": text}}}  # fmt: skip
    metric = {"metric": text, "verdict": text, "reason": text}
    gate = {"verdict": text, "reason": text, "metrics": [metric]}
    return documents.run(id, suite=text, items=[item], summary={text: {"mean": 0.5, "n": 1}, "f1": {"mean": text, "n": 1}}, gate=gate)  # fmt: skip
