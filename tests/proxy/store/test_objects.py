"""Which objects a key made, as the record has it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from proxy.document import document
from proxy.exchange import Principal
from proxy.store.db import Store, StoreError, open_store
from proxy.store.objects import Made, Maker, made, makers
from tests.proxy.exchanges import masked
from tests.proxy.store.databases import KEY

PATH = "/v1/chat/completions"
ADA = Maker("default", "ada", PATH)


def test_a_key_finds_what_it_made(store: Store) -> None:
    """On the route where it was made, in its tenant, by that key; of two with one id the newer."""
    for number, who in enumerate(("ada", "ada", "bob")):
        made_by = masked(principal=Principal(who), object_id=f"x_{number}", deployment=f"openai/{number}")
        store.write([document(made_by)])
    newer = masked(principal=Principal("ada"), object_id="x_1", deployment="openai/new", started_us=1 << 60)
    later = masked(
        principal=Principal("ada"), object_id="x_0", path=f"{PATH}/{{completion_id}}", deployment="no"
    )
    store.write([document(newer), document(later), document(masked(principal=Principal("ada")))])

    ids = ["x_0", "x_1", "x_2", "x_3"]
    assert made(store, ADA, ids) == {"x_0": Made("openai/0", "small"), "x_1": Made("openai/new", "small")}
    assert made(store, ADA._replace(key_id="bob"), ids) == {"x_2": Made("openai/2", "small")}
    assert made(store, ADA._replace(tenant="other"), ids) == {}
    assert made(store, ADA._replace(path="/v1/responses"), ids) == {}


def test_who_made_an_object_is_known(store: Store) -> None:
    """Every key that did, on that route alone."""
    for who in ("ada", "bob"):
        store.write([document(masked(principal=Principal(who), object_id="x"))])

    assert makers(store, PATH, "x") == {ADA, ADA._replace(key_id="bob")}
    assert makers(store, "/v1/responses", "x") == makers(store, PATH, "y") == set()


def test_a_lookup_reads_an_index(store: Store) -> None:
    """However many traces there are."""
    if store.engine.dialect.name != "sqlite":
        return
    query = "SELECT deployment FROM span WHERE object_id IN ('a', 'b') AND key_id = 'k'"
    with store.read() as connection:
        plan = str(connection.execute(text(f"EXPLAIN QUERY PLAN {query}")).fetchall())

    assert "span_object" in plan


def test_a_database_that_is_away_is_told_without_its_words(tmp_path: Path) -> None:
    """What asked decides what to do."""
    store = open_store(f"sqlite:///{tmp_path / 'x.sqlite3'}", KEY)
    with store.begin() as connection:
        connection.execute(text("ALTER TABLE span RENAME TO gone"))

    with pytest.raises(StoreError, match="does not answer"):
        made(store, ADA, ["x_1"])
    store.close()


def test_a_trace_of_an_older_version_names_no_object(store: Store) -> None:
    """One that waited in the spool while the program was renewed is stored."""
    old = document(masked())
    del old["object_id"]

    assert store.write([old]) == []


def test_a_database_of_the_version_before_is_brought_up_to_date(tmp_path: Path) -> None:
    """Its traces stay, and name no object."""
    from alembic import command
    from alembic.config import Config

    from proxy.store.migrations import versions
    from proxy.store.queries import list_spans

    url = f"sqlite:///{tmp_path / 'x.sqlite3'}"
    store = open_store(url, KEY)
    store.write([document(masked(object_id="x_1", principal=Principal("ada")))])
    config = Config()
    config.set_main_option("script_location", str(Path(versions.__file__).parent.parent))
    with store.engine.execution_options(writes=True).begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "v0001")
    store.close()

    again = open_store(url, KEY)

    assert [span["object_id"] for span in list_spans(again).items] == [None]
    assert made(again, ADA, ["x_1"]) == {}
    again.close()
