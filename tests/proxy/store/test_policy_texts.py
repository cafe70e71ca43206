"""Texts of policies: each once, encrypted, written anew when nobody can read it any more; on both databases."""

from __future__ import annotations

from sqlalchemy import func, select

from proxy.store.db import Store
from proxy.store.policy_texts import File, keep, readable
from proxy.store.tables_governance import DATA_KEY
from proxy.store.tables_review import POLICY_TEXT

FILES = [File("a.yaml", "name: quiet\n"), File("b.yaml", "")]


def test_a_text_is_kept_once_and_told_again(store: Store) -> None:
    """The first one of a label stays; none of it stands there in plain."""
    keep(store, {"p@1": FILES})
    keep(store, {"p@1": [File("a.yaml", "other")], "p@2": FILES[:1]})
    with store.read() as connection:
        count = connection.execute(select(func.count()).select_from(POLICY_TEXT)).scalar_one()
        sealed = b"".join(map(bytes, connection.execute(select(POLICY_TEXT.c.files)).scalars()))

    assert count == 2 and b"quiet" not in sealed
    assert readable(store, ["p@1", "p@2", "p@3"]) == {"p@1": FILES, "p@2": FILES[:1]}


def test_one_whose_key_is_gone_is_left_out_and_kept_anew(store: Store) -> None:
    """As long as it is in force."""
    keep(store, {"p@1": FILES})
    with store.begin() as connection:
        connection.execute(DATA_KEY.delete().where(DATA_KEY.c.id.startswith("content.")))
    store.keys.forget()

    assert readable(store, ["p@1"]) == {}
    keep(store, {"p@1": FILES})
    assert readable(store, ["p@1"]) == {"p@1": FILES}
