"""What people wrote beside traces is found by value or by name, told, and erased; everybody else's stays."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from sqlalchemy import select

from proxy.store import bulk, comments, erasing, filling, groups, queues, views
from proxy.store.bulk import Order
from proxy.store.comments import About
from proxy.store.db import Store
from proxy.store.erasures import Asked, Who, count, meant, request
from proxy.store.queues import NewQueue
from proxy.store.schema import METADATA
from proxy.store.subject_data import records
from proxy.store.written import NOTHING
from tests.proxy.store.reviewing import traces

VALUE = 'Zoë "Zed" Zuckerweis'
WRITTEN = {"comment", "saved_view", "bulk_job", "review_queue"}
WHY = Asked("cli", "they asked for it")


def _rows(store: Store) -> bytes:
    """Every row of every table in which people write."""
    with store.read() as connection:
        tables = [METADATA.tables[name] for name in (*WRITTEN, "review_item")]
        found = [[dict(row) for row in connection.execute(select(table)).mappings()] for table in tables]
    return orjson.dumps(found)


def _one(store: Store, table: str, id: str) -> dict[str, Any]:
    with store.read() as connection:
        own = METADATA.tables[table]
        return dict(connection.execute(select(own).where(own.c.id == id)).mappings().one())


def _write(store: Store, words: str, tenant: str = "default") -> dict[str, str]:
    """Write some words wherever one can; the ids of what they are in."""
    spans = traces(store, 2, tenant=tenant)
    group = groups.group_id(tenant, "pii", f"KIND {tenant} {len(words)}")
    quoted = words.replace('"', '\\"')
    with store.begin() as connection:
        row = {"id": group, "tenant": tenant, "rule": "pii", "entity": f"KIND {len(words)}", "state": "new",
               "owner": None, "until_us": None, "until_count": None, "escalating": False, "changed_us": 0,
               "findings": 0, "actor": "ann"}  # fmt: skip
        connection.execute(METADATA.tables["finding_group"].insert(), [row])
    comment = comments.add_comment(store, About(group_id=group), "ann", f"seen at {words}", tenant)
    assert comment is not None
    view = views.save(store, tenant, words, f'text:"{quoted}"', "ann")
    queue = queues.add_queue(
        store, NewQueue(words.split()[-1], f'text:"{quoted}"', 1.0, 1, False), tenant, "ann"
    )
    with store.begin() as connection:
        assert filling.add_items(connection, queue["id"], spans) == 2
        items = METADATA.tables["review_item"]
        connection.execute(
            items.update().where(items.c.queue_id == queue["id"]).values(filter=queue["filter"])
        )
    order = Order("verdict", "ann", tenant, tenant, traces=spans, verdict="pass", note=f"as {words} said")
    job = bulk.start(store, order).job
    return {"comment": comment["id"], "saved_view": view.id, "review_queue": queue["id"], "bulk_job": job.id}


def test_a_value_goes_from_all_that_people_wrote(store: Store) -> None:
    """In capitals or not, quoted or not; it is told before, nothing of another's or another tenant's goes."""
    ids, others = _write(store, VALUE), _write(store, "somebody else")
    theirs = _write(store, VALUE, "bank")
    for own in (others, theirs):
        assert VALUE not in own.values()
    which = meant(store, Who("value", (VALUE.upper(),)))
    told = [row for row in records(store, which, "cli") if row["kind"] in WRITTEN]
    assert {row["kind"]: row["id"] for row in told} == ids
    assert count(store, which)["written"] == 5

    receipt = erasing.erase(store, request(store, which, WHY))

    assert receipt["rows"] == {
        "comment": 1,
        "saved_view": 1,
        "bulk_job": 1,
        "review_queue": 1,
        "review_item": 2,
    }
    assert meant(store, Who("value", (VALUE,))).written == ()
    bank = meant(store, Who("value", (VALUE,), "bank"))
    assert len(bank.written) == 5 and len(meant(store, Who("value", ("somebody",))).written) == 5
    assert erasing.erase(store, request(store, bank, WHY))["rows"]["comment"] == 1
    assert "Zuckerweis" not in _rows(store).decode()
    job, queue = _one(store, "bulk_job", ids["bulk_job"]), _one(store, "review_queue", ids["review_queue"])
    assert (job["state"], job["worker"]) == ("cancelled", None)
    assert queue["closed_us"] and queue["filter"] == NOTHING
    assert _one(store, "bulk_job", others["bulk_job"])["state"] == "running"


def test_filters_that_name_a_person_go_with_the_person(store: Store) -> None:
    """The very name, and no other that begins with it."""
    ada = views.save(store, "default", "one", "subject:ada flagged:true", "ann")
    other = views.save(store, "default", "two", "subject:adam", "ann")
    run = views.save(store, "default", "three", "session:ada", "ann")

    for kind, gone in (("user", ada), ("session", run)):
        which = meant(store, Who(kind, ("ada",)))  # type: ignore[arg-type]
        assert [row["id"] for row in records(store, which, "cli") if row["kind"] == "saved_view"] == [gone.id]
        assert erasing.erase(store, request(store, which, WHY))["rows"] == {"saved_view": 1}
    assert [view.id for view in views.views(store, "default")] == [other.id]


@pytest.mark.parametrize("words", ["", "  "])
def test_nothing_is_meant_by_no_words(store: Store, words: str) -> None:
    """Else everything would go."""
    _write(store, "anything")
    assert meant(store, Who("value", (words,))).written == ()
