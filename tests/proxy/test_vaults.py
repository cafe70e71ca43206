"""Sessions: what an earlier request masked is known again, sealed, for a time, or not at all."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator

import pytest
import redis
from redis.asyncio import Redis

from guardrails.pseudonyms import Vault
from guardrails.types import Style
from proxy import vaults as module
from proxy.errors import BadRequest, ConfigError
from proxy.exchange import new_id
from proxy.redis_client import unreachable
from proxy.vaults import MemoryPages, Pages, RedisPages, Vaults, session_name, vaults

KEY = b"k" * 32
DEFAULT_REDIS = "redis://127.0.0.1:6379/9"
MAIL = "ada@example.com"


def redis_url() -> str:
    """The URL of a Redis for tests; skips where none answers, unless services are required."""
    url = os.environ.get("GUARDHOUSE_TEST_REDIS_URL", DEFAULT_REDIS)
    if reason := unreachable(url):
        if os.environ.get("GUARDHOUSE_REQUIRE_SERVICES") == "1":
            pytest.fail(f"Redis must be reachable: {reason}")
        pytest.skip("Redis is not reachable; set GUARDHOUSE_TEST_REDIS_URL")
    return url


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.services)])
async def pages(request: pytest.FixtureRequest) -> AsyncIterator[Pages]:
    """Each place where pages are kept."""
    made: Pages = MemoryPages() if request.param == "memory" else RedisPages(redis_url())
    yield made
    await made.aclose()


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        """Unix time in seconds."""
        return self.now


async def turn(known: Vaults, tenant: str, session: str, *values: str, style: Style = Style.TOKEN) -> Vault:
    """One request of a session that masks some values; the vault it ends with."""
    opened = await known.open(tenant, session, Vault(KEY, tenant, "chat"))
    for value in values:
        opened.vault.mint("EMAIL_ADDRESS", value, style=style)
    await known.keep(opened)
    return opened.vault


@pytest.mark.parametrize("style", Style)
async def test_a_later_request_knows_earlier_pseudonyms(pages: Pages, style: Style) -> None:
    """Within the tenant's session, and nowhere else."""
    known, session = Vaults(KEY, pages, 60), new_id()
    first = await turn(known, "t", session, MAIL, "bob@example.com", style=style)
    written = first.mint("EMAIL_ADDRESS", MAIL, style=style)

    assert (await turn(known, "t", session)).restore(f"to {written}!") == f"to {MAIL}!"
    assert (await turn(known, "t", session, "new@example.com")).restore(written) == MAIL
    assert (await turn(known, "u", session)).restore(written) == written
    assert (await turn(known, "t", new_id())).restore(written) == written


async def test_values_that_must_not_come_back_are_not_kept(pages: Pages) -> None:
    """A system prompt's value stays masked in later requests too."""
    known, session = Vaults(KEY, pages, 60), new_id()
    opened = await known.open("t", session, Vault(KEY, "t", "chat"))
    token = opened.vault.mint("EMAIL_ADDRESS", "boss@example.com", restorable=False)
    await known.keep(opened)

    assert (await turn(known, "t", session)).restore(token) == token


async def test_a_session_ends_when_it_is_not_used(pages: Pages) -> None:
    """Each request makes it last anew; what was said long ago lasts as long as the session does."""
    clock = Clock()
    if isinstance(pages, MemoryPages):
        pages._clock = clock
    known, session = Vaults(KEY, pages, 60, clock), new_id()
    token = (await turn(known, "t", session, MAIL)).mint("EMAIL_ADDRESS", MAIL)

    for _ in range(5):
        clock.now += 59
        assert (await turn(known, "t", session)).restore(token) == MAIL
    clock.now += 121
    assert (await turn(known, "t", session)).restore(token) == token


async def test_requests_at_once_lose_nothing(pages: Pages) -> None:
    """Two that read the same state both add to it."""
    known, session = Vaults(KEY, pages, 60), new_id()
    mails = [f"u{n}@example.com" for n in range(40)]

    for start in range(0, 40, 8):
        await asyncio.gather(*(turn(known, "t", session, mail) for mail in mails[start : start + 8]))

    last = await turn(known, "t", session)
    assert [
        mail for mail in mails if last.restore(Vault(KEY, "t", "chat").mint("EMAIL_ADDRESS", mail)) != mail
    ] == []


async def test_a_session_has_bounds(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages are joined again and again, and the values used longest ago are forgotten first."""
    monkeypatch.setattr(module, "MAX_ENTRIES", 30)
    known, session = Vaults(KEY, pages, 60), new_id()
    for n in range(60):
        await turn(known, "t", session, f"u{n}@example.com", "often@example.com")

    last = await known.open("t", session, Vault(KEY, "t", "chat"))

    assert len(last.pages) <= 17
    assert len(last.vault) <= 31 + 17
    assert (
        last.vault.restore(Vault(KEY, "t", "chat").mint("EMAIL_ADDRESS", "often@example.com"))
        == "often@example.com"
    )
    first = Vault(KEY, "t", "chat").mint("EMAIL_ADDRESS", "u0@example.com")
    assert last.vault.restore(first) == first


async def test_the_sessions_in_memory_are_bounded() -> None:
    """Those used longest ago are forgotten first."""
    pages = MemoryPages(most=3)
    known = Vaults(KEY, pages, 60)
    tokens = [(await turn(known, "t", str(n), MAIL)).mint("EMAIL_ADDRESS", MAIL) for n in range(4)]

    assert len(pages) == 3
    assert (await turn(known, "t", "3")).restore(tokens[3]) == MAIL
    assert (await turn(known, "t", "0")).restore(tokens[0]) == tokens[0]


@pytest.mark.services
async def test_nothing_raw_is_in_redis() -> None:
    """Not the values, not the tokens, not the names of tenant and session; and every key has an end."""
    client = Redis.from_url(redis_url())
    others = {name async for name in client.scan_iter("guardhouse:vault:*")}
    known, session = Vaults(KEY, RedisPages(redis_url()), 60), f"session-{new_id()}"
    token = (await turn(known, "tenant-one", session, MAIL, style=Style.SURROGATE)).mint(
        "EMAIL_ADDRESS", MAIL
    )

    kept = b""
    async for name in client.scan_iter("guardhouse:vault:*"):
        if name in others:
            continue
        assert 0 < await client.ttl(name) <= 60
        for field, page in (await client.hgetall(name)).items():  # type: ignore[misc]
            kept += name + field + page
    await client.aclose()
    await known.aclose()

    assert kept
    for word in (MAIL, "ada", token, token[-10:], session, "tenant-one", "EMAIL"):
        assert word.encode() not in kept


async def test_what_cannot_be_read_stays_masked(pages: Pages, caplog: pytest.LogCaptureFixture) -> None:
    """A changed page, or one sealed with another key, is no page: it is logged without content."""
    session = new_id()
    token = (await turn(Vaults(KEY, pages, 60), "t", session, MAIL)).mint("EMAIL_ADDRESS", MAIL)
    opened = await Vaults(KEY, pages, 60).open("t", session, Vault(KEY, "t", "chat"))
    [(name, sealed)] = (await pages.load(opened.id)).items()
    await pages.save(opened.id, {name: sealed[:-1] + bytes([sealed[-1] ^ 1])}, (), 60)

    with caplog.at_level(logging.WARNING):
        later = await Vaults(KEY, pages, 60).open("t", session, Vault(KEY, "t", "chat"))

    assert later.lost
    assert later.vault.restore(token) == token
    assert "pseudonyms of earlier requests cannot be read (Unsealable)" in caplog.text
    assert "ada" not in caplog.text and token not in caplog.text and session not in caplog.text


async def test_without_redis_the_request_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    """Its own values come back; earlier ones stay tokens; the log says why, twice, without content."""
    known = vaults(KEY, "redis://user:secret@127.0.0.1:1/0", 60)

    vault = await turn(known, "t", "s", MAIL)
    await known.aclose()

    assert vault.restore(vault.mint("EMAIL_ADDRESS", MAIL)) == MAIL
    assert "cannot be read (ConnectionError)" in caplog.text
    assert "cannot be kept for later requests (ConnectionError)" in caplog.text
    assert "ada" not in caplog.text and "secret" not in caplog.text


@pytest.mark.parametrize("name", ["", "a b", "ä", "a" * 129, "a/b", "a\n"])
def test_the_name_of_a_session_is_checked(name: str) -> None:
    """1 to 128 letters, digits, dots, underscores, colons, hyphens."""
    with pytest.raises(BadRequest, match="x-guardhouse-session must have 1 to 128"):
        session_name(name)


def test_a_session_may_be_left_out() -> None:
    """Then there is none."""
    assert session_name(None) is None
    assert session_name("user-1:chat.7_x") == "user-1:chat.7_x"


def test_a_url_that_is_none_is_refused() -> None:
    """At the start, naming the key, never the URL."""
    with pytest.raises(ConfigError, match="redis_url is no URL of a Redis"):
        vaults(KEY, "http://secret@x", 60)
    assert unreachable("redis://127.0.0.1:1") == redis.ConnectionError.__name__


@pytest.mark.parametrize("style", Style)
async def test_all_that_a_vault_knows_is_passed_on(pages: Pages, style: Style) -> None:
    """What was taken over and what is new, for another session: what must not come back is left out."""
    known, first, second = Vaults(KEY, pages, 60), new_id(), new_id()
    await turn(known, "t", first, MAIL, style=style)
    vault = Vault(KEY, "t", "chat")
    await known.open("t", first, vault)
    fresh = vault.mint("EMAIL_ADDRESS", "bob@example.com", style=style)
    hidden = vault.mint("EMAIL_ADDRESS", "boss@example.com", restorable=False, style=style)
    written = vault.mint("EMAIL_ADDRESS", MAIL, style=style)

    await known.pass_on("t", second, vault)

    later = await turn(known, "t", second)
    assert later.restore(f"{written} {fresh} {hidden}") == f"{MAIL} bob@example.com {hidden}"
    assert (await turn(known, "t", new_id())).restore(written) == written
    assert (await turn(known, "u", second)).restore(written) == written


async def test_nothing_is_passed_on_where_nothing_may_come_back() -> None:
    """No page is written."""
    pages = MemoryPages()
    vault = Vault(KEY, "t", "chat")
    vault.mint("EMAIL_ADDRESS", MAIL, restorable=False)

    await Vaults(KEY, pages, 60).pass_on("t", "s", vault)

    assert len(pages) == 0
