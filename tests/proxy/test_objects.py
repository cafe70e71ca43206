"""Who made which object: memory first, then the record, and never anybody else's."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from guardrails.pseudonyms import Vault
from proxy.errors import Unavailable
from proxy.exchange import Exchange, Principal
from proxy.objects import MADE_BY, OBJECT_ID, Objects, followed, note, session_of
from proxy.store.db import StoreError
from proxy.store.objects import Made, Maker
from proxy.vaults import MemoryPages, Vaults
from tests.proxy.exchanges import masked

ADA, BOB = Maker("default", "ada", "/v1/responses"), Maker("default", "bob", "/v1/responses")
HERE = Made("openai/a", "gpt")


class Record:
    """A record that remembers what it was asked."""

    def __init__(self, rows: dict[tuple[Maker, str], Made] | None = None) -> None:
        self.rows, self.asked = rows or {}, list[list[str]]()
        self.threads: set[int] = set()

    def __call__(self, maker: Maker, ids: Sequence[str]) -> Mapping[str, Made]:
        self.asked.append(list(ids))
        self.threads.add(threading.get_ident())
        return {id: self.rows[maker, id] for id in ids if (maker, id) in self.rows}


def nobody(path: str, id: str) -> set[Maker]:
    """A record in which nobody made anything."""
    return set()


async def test_the_record_is_asked_only_for_what_memory_does_not_know() -> None:
    """In a thread, once for each object; what it knows is remembered."""
    record = Record({(ADA, "b"): HERE})
    objects = Objects(record, nobody)
    objects.remember(ADA, "a", HERE)

    found = [await objects.made(ADA, ["a", "b"]) for _ in range(2)]

    assert found == [{"a": HERE, "b": HERE}] * 2
    assert record.asked == [["b"]]
    assert threading.get_ident() not in record.threads


async def test_nobody_finds_what_another_key_made() -> None:
    """Neither in memory nor in the record; nor on another route, nor for another tenant."""
    objects = Objects(Record({(ADA, "b"): HERE}), nobody)
    objects.remember(ADA, "a", HERE)

    for maker in (BOB, ADA._replace(tenant="other"), ADA._replace(path="/v1/chat/completions")):
        assert await objects.made(maker, ["a", "b"]) == {}


async def test_a_word_that_is_no_id_is_not_looked_up() -> None:
    """The record is not asked for it."""
    record = Record()

    assert await Objects(record, nobody).made(ADA, ["../x", "", "a b", "x" * 129, "é"]) == {}
    assert record.asked == []


async def test_memory_is_bounded() -> None:
    """Those asked for longest ago are forgotten first, and are then asked of the record."""
    record = Record()
    objects = Objects(record, nobody, most=2)
    for id in ("a", "b"):
        objects.remember(ADA, id, HERE)
    await objects.made(ADA, ["a"])
    objects.remember(ADA, "c", HERE)

    assert [*await objects.made(ADA, ["a", "b", "c"])] == ["a", "c"]
    assert record.asked == [["b"]]
    assert len(objects) == 2


async def test_what_another_key_made_is_anothers() -> None:
    """By memory or by the record; not what the key made too, and not what nobody made here."""
    record = {"theirs": {BOB}, "both": {ADA, BOB}}
    objects = Objects(Record(), lambda path, id: record.get(id, set()))
    objects.remember(BOB, "new", HERE)
    objects.remember(ADA, "mine", HERE)

    told = {id: await objects.is_anothers(ADA, id) for id in ("theirs", "both", "new", "mine", "unknown")}

    assert told == {"theirs": True, "both": False, "new": True, "mine": False, "unknown": False}


async def test_a_record_that_does_not_answer_is_told_as_such() -> None:
    """503, never 'not found': and what memory knows is found all the same."""

    def away(maker: Maker, ids: Sequence[str]) -> Mapping[str, Made]:
        raise StoreError("away")

    objects = Objects(away, nobody)
    objects.remember(ADA, "a", HERE)

    assert await objects.made(ADA, ["a"]) == {"a": HERE}
    with pytest.raises(Unavailable):
        await objects.made(ADA, ["b"])


def running(defaults: dict[str, Any] | None = None) -> Any:
    """As much of a running proxy as taking note needs."""
    deployment = SimpleNamespace(defaults=defaults or {})
    router = SimpleNamespace(deployment=lambda id: deployment if id == "openai/a" else None)
    return SimpleNamespace(
        objects=Objects(Record(), nobody), router=router, vaults=Vaults(b"k" * 32, MemoryPages(), 60)
    )


def exchange(path: str, store: bool | None = None, **more: Any) -> Exchange:
    """An exchange that was answered."""
    asked = {} if store is None else {"store": store}
    made = {"principal": Principal("ada"), "deployment": "openai/a", "request": asked, "path": path, **more}
    return masked(**made)


@pytest.mark.parametrize(
    ("path", "store", "defaults", "kept"),
    [
        ("/v1/responses", None, {}, True),
        ("/v1/responses", False, {"store": True}, False),
        ("/v1/responses", None, {"store": False}, False),
        ("/v1/chat/completions", None, {}, False),
        ("/v1/chat/completions", True, {}, True),
        ("/v1/chat/completions", None, {"store": True}, True),
        ("/v1/embeddings", True, {}, False),
        ("/v1/responses/{response_id}", None, {}, False),
    ],
)
async def test_a_reply_is_an_object_where_it_is_kept(
    path: str, store: bool | None, defaults: dict[str, Any], kept: bool
) -> None:
    """As the request says, else the fields of the deployment, else the route."""
    context, asked = running(defaults), exchange(path, store)

    await note(context, asked, {"id": "x_1"})

    assert (asked.object_id == "x_1", len(context.objects) == 1) == (kept, kept)


@pytest.mark.parametrize("reply", [None, {}, {"id": None}, {"id": 3}, {"id": "a b"}, {"id": "../x"}])
async def test_a_reply_without_an_id_is_none(reply: Any) -> None:
    """Nor is one whose id could mean something in a URL."""
    context, asked = running(), exchange("/v1/responses")

    await note(context, asked, reply)

    assert (asked.object_id, len(context.objects)) == (None, 0)


async def test_an_answer_from_the_cache_is_nobodys_object() -> None:
    """It was made for another request."""
    context, asked = running(), exchange("/v1/responses", deployment="")

    await note(context, asked, {"id": "x_1"})

    assert asked.object_id is None


async def test_pseudonyms_are_kept_for_the_object_and_its_key() -> None:
    """And for nobody else: not under the bare id, not for another key, not for another tenant."""
    context = running()
    vault = Vault(b"k" * 32, "default", "chat")
    token = vault.mint("EMAIL", "ada@example.com")
    await note(context, exchange("/v1/responses", vault=vault), {"id": "x_1"})

    found = {}
    for tenant, session in (
        ("default", session_of(Principal("ada"), "x_1")),
        ("default", session_of(Principal("bob"), "x_1")),
        ("other", session_of(Principal("ada"), "x_1")),
        ("default", "x_1"),
    ):
        later = Vault(b"k" * 32, tenant, "chat")
        await context.vaults.open(tenant, session, later)
        found[tenant, session] = later.restore(token)

    assert [*found.values()] == ["ada@example.com", token, token, token]


def test_a_session_of_an_object_is_no_name_that_a_caller_can_give() -> None:
    """So nobody opens one with the header."""
    from proxy.vaults import session_name

    with pytest.raises(Exception, match="x-guardhouse-session"):
        session_name(session_of(Principal("ada"), "x_1"))


def test_a_request_follows_what_it_names() -> None:
    """An id; anything else is followed by nobody."""
    asked = exchange("/v1/responses")
    told = []
    for value in ("resp_1", "../x", 3, None):
        asked.request = {"previous_response_id": value}
        told.append(followed(asked))

    assert told == ["ada/resp_1", None, None, None]


def test_ids_are_safe_in_a_url() -> None:
    """Every character that passes is itself in every place of a URL."""
    from urllib.parse import quote

    passing = [chr(code) for code in range(0x300) if OBJECT_ID.fullmatch(chr(code))]

    assert quote("".join(passing), safe="") == "".join(passing)
    assert MADE_BY.keys() == {"/v1/responses", "/v1/chat/completions"}
    assert not OBJECT_ID.fullmatch("a\n")


async def test_a_record_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller is told to try again later."""
    monkeypatch.setattr("proxy.objects.ASK_SECONDS", 0.05)
    go_on = threading.Event()

    def hangs(maker: Maker, ids: Sequence[str]) -> Mapping[str, Made]:
        assert go_on.wait(60)
        return {}

    objects = Objects(hangs, nobody)
    with pytest.raises(Unavailable, match="cannot be looked up"):
        await objects.made(ADA, ["resp_1"])
    go_on.set()
