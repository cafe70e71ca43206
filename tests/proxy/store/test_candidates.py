"""Golden candidates in the store: kept encrypted, changed, taken once, gone with their trace; on both databases."""

from __future__ import annotations

from sqlalchemy import select

from proxy.store import belongings
from proxy.store.candidates import candidate, candidates, edit, promote, take, withdraw
from proxy.store.db import Store
from proxy.store.reencryption import left, reencrypt
from proxy.store.rotation import retire
from proxy.store.tables_governance import AUDIT_EVENT, DATA_KEY
from proxy.store.tables_review import CANDIDATE
from tests.proxy.review.documents import trace

LABELS = {"answer": "A quiet word", "action": "", "entities": [], "tags": ["x"], "note": ""}


def promoted(store: Store, number: int = 1, dataset: str = "support") -> str:
    """A trace that is a candidate; the candidate's id."""
    document = trace(number)
    assert store.write([document]) == []
    found = promote(store, document["id"], dataset, LABELS, "user:ada")
    assert found is not None
    return found.id


def acts(store: Store) -> list[str]:
    """What the audit log names."""
    with store.read() as connection:
        told = select(AUDIT_EVENT.c.action).where(AUDIT_EVENT.c.action.like("golden.%"))
        return list(connection.execute(told.order_by(AUDIT_EVENT.c.seq)).scalars())


def test_a_candidate_is_kept_encrypted_and_told_again(store: Store) -> None:
    """Its labels stand nowhere in plain text; each act is noted."""
    id = promoted(store)
    found = candidate(store, id)
    with store.read() as connection:
        sealed = bytes(connection.execute(select(CANDIDATE.c.labels)).scalar_one())

    assert found is not None and found.labels == LABELS and found.state == "open"
    assert b"quiet" not in sealed
    assert candidate(store, id, "elsewhere") is None
    assert acts(store) == ["golden.promote"]


def test_the_same_trace_is_one_candidate_of_a_set(store: Store) -> None:
    """A second promotion changes it; for another set it is another."""
    id = promoted(store)
    there = candidate(store, id)
    assert there is not None
    again = promote(store, there.span_id, "support", {**LABELS, "answer": "B"}, "user:bob")
    other = promote(store, there.span_id, "safety", LABELS, "user:bob")

    assert again is not None and (again.id, again.labels) == (id, {**LABELS, "answer": "B"})
    assert other is not None and other.id != id
    assert promote(store, "0" * 32, "support", LABELS, "x") is None
    assert promote(store, there.span_id, "support", LABELS, "x", "elsewhere") is None


def test_it_is_taken_once_and_withdrawn_once(store: Store) -> None:
    """What is withdrawn is neither changed nor taken, and not listed."""
    id = promoted(store)

    assert [take(store, id, "k"), take(store, id, "k")] == [True, False]
    assert [withdraw(store, id, "k", "elsewhere"), withdraw(store, id, "k"), withdraw(store, id, "k")] == [
        False, True, False,
    ]  # fmt: skip
    assert edit(store, id, "support", LABELS, "k") is None
    assert candidates(store) == ([], None)
    assert acts(store) == ["golden.promote", "golden.take", "golden.withdraw"]


def test_lists_are_paged_newest_first(store: Store) -> None:
    """By set and tenant too."""
    ids = [promoted(store, number, "a" if number % 2 else "b") for number in range(5)]
    first, after = candidates(store, limit=2)
    rest, end = candidates(store, limit=3, before=after)

    assert [each.id for each in (*first, *rest)] == ids[::-1] and end is None
    assert len(candidates(store, dataset="a")[0]) == 2
    assert candidates(store, tenant="elsewhere")[0] == []


def test_a_candidate_goes_with_its_trace(store: Store) -> None:
    """An erasure deletes it; whoever asks what is held is given it."""
    id = promoted(store)
    there = candidate(store, id)
    assert there is not None
    with store.begin() as connection:
        belongings.delete(connection, belongings.belongings(connection, [there.span_id]))

    assert candidate(store, id) is None


def test_a_rotation_moves_it_and_a_deleted_key_ends_it(store: Store) -> None:
    """It moves to a key in use; without any key its labels are gone, and the row says so."""
    id = promoted(store)
    with store.begin() as connection:
        retire(connection)
    store.keys.forget()
    assert left(store) > 0
    list(reencrypt(store))
    moved = candidate(store, id)
    assert left(store) == 0 and moved is not None and moved.labels == LABELS
    with store.begin() as connection:
        connection.execute(DATA_KEY.delete().where(DATA_KEY.c.id.startswith("content.")))
    store.keys.forget()
    bare = candidate(store, id)

    assert bare is not None and bare.labels is None
