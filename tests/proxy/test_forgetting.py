"""What a running proxy forgets after an erasure."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from guardrails.pseudonyms import Vault
from proxy.cache import Replies
from proxy.forgetting import forget_erased
from proxy.providers.base import Reply
from proxy.store.db import open_store
from proxy.store.erasures import Asked, Who, meant, request
from proxy.vaults import MemoryPages, Vaults
from tests.proxy.store.databases import KEY
from tests.proxy.store.persons import person


def test_pseudonyms_and_replies_go_once(tmp_path: Path) -> None:
    """Those of the erased sessions, and every reply that is kept; others' pseudonyms stay. A store that is away: later."""
    store = open_store(f"sqlite:///{tmp_path / 't.sqlite3'}", KEY)
    pages, replies = MemoryPages(), Replies(60)
    vaults = Vaults(store.key, pages, 60)
    context: Any = SimpleNamespace(store=store, vaults=vaults, replies=replies)
    person(store, "ada")
    person(store, "bob")

    async def walk() -> None:
        for name in ("ada", "bob"):
            vault = Vault(store.key, "default", "chat")
            session = await vaults.open("default", f"session of {name}", vault)
            vault.mint("EMAIL_ADDRESS", f"{name}@example.com")
            await vaults.keep(session)
        replies.put(b"k", Reply(200, {}, b"{}"))
        assert await forget_erased(context, 0) == 0
        assert (len(pages), replies.get(b"k") is None) == (2, False)

        request(store, meant(store, Who("user", ("ada",))), Asked("cli", "why"))
        last = await forget_erased(context, 0)

        assert last > 0
        assert (len(pages), replies.get(b"k")) == (1, None)
        assert await forget_erased(context, last) == last
        store.close()
        (tmp_path / "t.sqlite3").write_bytes(b"not a database" * 100)
        assert await forget_erased(context, last) == last

    asyncio.run(walk())
