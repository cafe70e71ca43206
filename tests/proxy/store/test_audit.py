"""Acts of administrators are kept with what they did, or not at all."""

from __future__ import annotations

import logging
import multiprocessing
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from proxy.pack_check import check_pack
from proxy.store.audit import Act, acts, begin_chain, erase_details, note
from proxy.store.db import Store, open_store
from proxy.store.evidence import Period, write_pack
from proxy.store.seals import ledger_key as store_key
from proxy.store.seals import seal
from proxy.store.tables_governance import AUDIT_EVENT, AUDIT_HEAD
from proxy.store.verify import verify
from tests.proxy.store.aged import trace
from tests.proxy.store.databases import KEY
from tests.proxy.store.tampering import grown


def test_an_act_is_kept_as_it_was_told(store: Store) -> None:
    """Newest first, with who, what and to what."""
    for name in ("first", "second"):
        with store.begin() as connection:
            note(connection, Act("ada", "key.create", name, {"limits": {"rpm": 3}}))

    newest, oldest = acts(store)
    assert (newest["object"], oldest["object"]) == ("second", "first")
    assert (oldest["actor"], oldest["action"], oldest["detail"]) == (
        "ada",
        "key.create",
        {"limits": {"rpm": 3}},
    )
    assert [event["object"] for event in acts(store, 1)] == ["second"]


def test_an_act_that_failed_leaves_no_event(store: Store) -> None:
    """The event stands or falls with the act."""
    with pytest.raises(ZeroDivisionError), store.begin() as connection:
        note(connection, Act("ada", "key.create", "x", {}))
        raise ZeroDivisionError

    assert not acts(store)


def test_an_act_needs_a_transaction_of_the_store(store: Store) -> None:
    """On another connection it would have no place in the chain."""
    with store.engine.begin() as connection, pytest.raises(TypeError, match=r"Store\.begin"):
        note(connection, Act("ada", "key.create", "x", {}))


def test_several_acts_of_one_transaction_are_chained(store: Store) -> None:
    """Each has its place."""
    with store.begin() as connection:
        for name in "abc":
            note(connection, Act("ada", "key.create", name, {}))
    assert [(act["seq"], act["object"]) for act in acts(store)] == [(3, "c"), (2, "b"), (1, "a")]
    assert [act["seq"] for act in acts(store, 5, before=3)] == [2, 1]
    assert verify(store, None).sound


def test_whatever_is_told_can_be_kept(store: Store) -> None:
    """NUL and lone surrogates are replaced, in every text."""
    with store.begin() as connection:
        note(connection, Act("a\0\ud800", "b", "c\0", {"x": "\0"}))
    assert acts(store)[0]["actor"] == "a\ufffd?" and verify(store, None).sound


def test_events_of_older_versions_are_taken_in_once(store: Store) -> None:
    """In their order, when there is no chain yet; later such an event is evidence."""
    rows = [
        {
            "id": f"{n}" * 32,
            "at_us": 10 - n,
            "tenant": "t",
            "actor": "a",
            "action": "b",
            "object": "c",
            "detail": "{}",
        }
        for n in range(3)
    ]
    with store.begin() as connection:
        connection.execute(update(AUDIT_HEAD).values(seq=0, mac=""))
        connection.execute(AUDIT_EVENT.insert(), rows)
    for _ in range(2):
        with store.begin() as connection:
            begin_chain(connection)
    assert [act["action"] for act in acts(store)] == ["audit.adopt", "b", "b", "b"]
    assert [act["at_us"] for act in acts(store)][1:] == [10, 9, 8]
    report = verify(store, None)
    assert report.sound and report.counts["adopted_events"] == 3
    assert any("older version" in each for each in report.unchecked)
    with store.begin() as connection:
        connection.execute(AUDIT_EVENT.insert(), [{**rows[0], "id": "f" * 32}])
        begin_chain(connection)
    assert verify(store, None).evidence == [f"event {'f' * 32}: stands outside of the chain"]


@pytest.mark.parametrize("unsigned", [False, True], ids=["no head", "unsigned head"])
def test_a_log_that_was_wiped_is_not_begun_anew(store: Store, unsigned: bool) -> None:
    """Neither at a start nor by an act: what was put in its place is not signed, and the loss is told for ever."""
    store.write([trace(1)])
    [event, *_] = grown(store, 3).events
    bare = dict.fromkeys(("seq", "hash", "prev_hash", "commitment", "detail_mac"))
    with store.begin() as connection:
        connection.execute(delete(AUDIT_EVENT))
        connection.execute(
            update(AUDIT_HEAD).values(seq=0, hash="", mac="") if unsigned else delete(AUDIT_HEAD)
        )
        connection.execute(AUDIT_EVENT.insert(), [event | bare | {"object": "forged"}])
    open_store(store.engine.url.render_as_string(hide_password=False), KEY).close()
    assert not verify(store, None).sound
    grown(store, 1)
    found = verify(store, None).evidence
    assert any("was found broken then" in each for each in found)
    assert any("stands outside of the chain" in each for each in found)


@pytest.mark.parametrize("value", ["x'00ff'", "'text'", "3.5", str(1 << 60)])
@pytest.mark.parametrize(
    ("table", "column"),
    [("audit_head", each) for each in ("seq", "at_us", "closed_us", "sealed_us", "hash")]
    + [("audit_event", each) for each in ("seq", "at_us", "detail", "hash", "actor")],
)
def test_values_of_another_kind_are_evidence_and_block_no_act(
    tmp_path: Path, table: str, column: str, value: str
) -> None:
    """SQLite takes anything in any column: keys can still be revoked, traces stored and a pack made."""
    store = open_store(f"sqlite:///{tmp_path / 'x'}", KEY)
    store.write([trace(1)])
    grown(store, 3)
    with store.begin() as connection:
        where = " WHERE seq = 3" if table == "audit_event" else ""
        connection.exec_driver_sql(f"UPDATE {table} SET {column} = {value}{where}")
    assert not verify(store, None).sound
    write_pack(store, tmp_path / "pack", Period(0, 1 << 60))
    assert check_pack(tmp_path / "pack", store_key(store))[0]
    store.write([trace(1)])
    seal(store)
    with store.begin() as connection:
        note(connection, Act("ada", "key.revoke", "x", {}))
    assert acts(store, 1)[0]["action"] == "key.revoke" or column == "seq"
    assert not verify(store, None).sound
    store.close()


@pytest.mark.parametrize("harm", ["head taken away", "head changed", "shortened", "event put behind"])
def test_a_broken_chain_is_gone_on_with_and_says_so_for_ever(
    store: Store, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    """No intruder keeps a key from being revoked, and none has the proxy sign what they left."""
    scene = grown(store, 4)
    harms = {
        "head taken away": [delete(AUDIT_HEAD)],
        "head changed": [update(AUDIT_HEAD).values(seq=3, hash=scene.events[2]["hash"])],
        "shortened": [delete(AUDIT_EVENT).where(AUDIT_EVENT.c.seq == 4)],
        "event put behind": [AUDIT_EVENT.insert().values({**scene.events[3], "id": "f" * 32, "seq": 5})],
    }[harm]
    with store.begin() as connection:
        for statement in harms:
            connection.execute(statement)
    with caplog.at_level(logging.ERROR), store.begin() as connection:
        note(connection, Act("ada", "key.revoke", "x", {}))
    assert [act["action"] for act in acts(store, 2)] == ["key.revoke", "audit.broken"]
    assert "guardhouse traces verify" in caplog.text
    grown(store, 2)
    assert any("was found broken then" in each for each in verify(store, None).evidence)


def test_details_that_prove_something_cannot_be_erased(store: Store) -> None:
    """Nor can those of events that are not there; then nothing is."""
    grown(store, 2)
    with store.begin() as connection:
        note(connection, Act("proxy", "retention.traces", "span", {"unsealed": {}}))
    for seqs, why in (([1, 3], "proves what went"), ([1, 9], "there is no event 9")):
        with pytest.raises(ValueError, match=why), store.begin() as connection:
            erase_details(connection, seqs, "ada", "because")
    assert acts(store)[-1]["detail"] is not None


def test_a_new_database_has_a_chain_without_events(store: Store) -> None:
    """So that one without a head is evidence from the first start on."""
    assert acts(store) == [] and verify(store, None).sound
    with store.begin() as connection:
        connection.execute(delete(AUDIT_HEAD))
    assert verify(store, None).evidence == ["the head of the chain is missing"]


def _noting(url: str, number: int) -> None:
    store = open_store(url, KEY)
    for each in range(25):
        with store.begin() as connection:
            note(connection, Act(f"process {number}", "test", str(each), {}))
    store.close()


@pytest.mark.long
def test_eight_processes_note_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """No place is taken twice, none is left out, and each process's acts are in its order."""
    # The processes import this module by its name.
    monkeypatch.syspath_prepend(Path(__file__).parents[3])
    url = store.engine.url.render_as_string(hide_password=False)
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_noting, args=(url, number)) for number in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    with store.read() as connection:
        seqs = connection.execute(select(AUDIT_EVENT.c.seq).order_by(AUDIT_EVENT.c.seq)).scalars().all()
    assert seqs == list(range(1, 201)) and verify(store, None).sound
    for number in range(8):
        mine = [int(act["object"]) for act in acts(store, 200) if act["actor"] == f"process {number}"]
        assert mine == list(range(24, -1, -1))
