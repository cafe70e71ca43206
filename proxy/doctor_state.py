"""What `guardhouse doctor` finds out of a proxy's state: its disk, keys and clocks, and its way to providers."""

from __future__ import annotations

import shutil
import socket
import ssl
import stat
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from proxy.readiness import ROOM_BYTES

if TYPE_CHECKING:
    from proxy.config import Config
    from proxy.config_deployments import Deployment
    from proxy.limits import Limits
    from proxy.store.db import Store

Told = tuple[Literal["ok", "warn", "error"], str, str]
"""Level, subject and text of a finding."""

SKEW_SECONDS = 2.0
"""Difference between two clocks from which on limits and times in traces are off."""
SOON_SECONDS = 14 * 86_400
"""How long before its end a key is said to expire."""
BACKLOG_BYTES = 64 << 20
"""Size of the spool from which on it is said to wait."""
CONNECT_SECONDS = 5.0
"""How long a provider may take to be connected to."""


def folder(data_dir: Path) -> Iterator[Told]:
    """Who may read the data folder, how full its disk is, and what waits in the spool."""
    existing = next(each for each in (data_dir, *data_dir.absolute().parents) if each.exists())
    try:
        free = shutil.disk_usage(existing).free
    except OSError as error:
        yield "error", "disk", f"{existing} cannot be read: {error.strerror}."
        return
    room = f"{free >> 20} MiB are free at {existing}"
    if free < ROOM_BYTES:
        yield "warn", "disk", f"{room}: traces will be lost when it is full. Make room, or move data_dir."
    else:
        yield "ok", "disk", room
    if existing != data_dir:
        return
    for path in (data_dir, data_dir / "key", data_dir / "key.new"):
        if path.exists() and (mode := stat.S_IMODE(path.stat().st_mode)) & 0o077:
            text = f"{path} is open to other users (mode {mode:o}). Run: chmod go-rwx {path}"
            yield "warn", "permissions", text
    waiting = sum(_size(file) for file in (data_dir / "spool").rglob("*"))
    if waiting > BACKLOG_BYTES:
        text = f"{waiting >> 20} MiB of traces wait for the database. Is it reachable, and fast enough?"
        yield "warn", "spool", text


def _size(file: Path) -> int:
    try:
        found = file.stat()
    except OSError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def stored(store: Store) -> Iterator[Told]:
    """The database's clock, keys that soon stop working, and what is not encrypted as it should be."""
    from proxy.store.keys import expiring
    from proxy.store.reencryption import left

    if number := left(store):
        text = f"{number} stored pieces are not encrypted, or under a retired key. Run: guardhouse data-key reencrypt"
        yield "warn", "encryption", text

    now = time.time()
    clock = store.clock()
    if clock is not None and abs(skew := clock - now) > SKEW_SECONDS:
        text = f"the database's clock differs from this machine's by {skew:+.1f} s. Use NTP on both."
        yield "warn", "clock", text
    for key_id, name, ends_us in expiring(store, int(now * 1e6), int((now + SOON_SECONDS) * 1e6)):
        day = datetime.fromtimestamp(ends_us / 1e6, UTC).date().isoformat()
        yield "warn", "keys", f"the key {key_id} ({name}) expires on {day}. Make another in time."


def priced(config: Config, store: Store | None) -> Iterator[Told]:
    """Deployments that keys with a budget are refused, since nobody says what they cost."""
    from proxy.prices import Prices, table_version

    prices = Prices(config.deployments)
    unpriced = [each.id for each in config.deployments if prices.of(each) is None]
    if not unpriced:
        yield "ok", "prices", "every deployment has a price"
        return
    text = f"{', '.join(unpriced)}: no price is known, so keys with a budget are refused them"
    if not table_version():
        text += "; the price table of the package litellm is missing or cannot be read"
    fix = "Add model_info.input_cost_per_token and output_cost_per_token"
    if any(limits.budgets for limits in (config.default_limits, *config.teams.values(), *_of_keys(store))):
        yield "warn", "prices", f"{text}. {fix}."
    else:
        yield "ok", "prices", f"{text}; nobody has one"


def _of_keys(store: Store | None) -> Iterator[Limits]:
    """The limits of each key in use."""
    from proxy.store.keys import list_keys

    for key in list_keys(store) if store else ():
        if key.state == "active" and key.terms is not None:
            yield key.terms.limits


def shared(config: Config, workers: int) -> Iterator[Told]:
    """What several processes need to have in common."""
    from proxy import redis_client

    if config.redis_url is None:
        if workers > 1:
            text = f"{workers} workers without redis_url: each knows only its own pseudonyms of sessions and counts."
            yield "warn", "redis", text + " Set redis_url."
        return
    clock = redis_client.clock(config.redis_url)
    if clock is not None and abs(skew := clock - time.time()) > SKEW_SECONDS:
        yield "warn", "clock", f"Redis' clock differs from this machine's by {skew:+.1f} s. Use NTP on both."


def reached(deployments: Iterable[Deployment]) -> Iterator[Told]:
    """Whether each provider can be connected to. Nothing is sent but what TLS needs."""
    seen: dict[tuple[str, int, bool], list[str]] = {}
    for deployment in deployments:
        if not deployment.api_base:
            if deployment.provider != "fake":
                yield "warn", "reach", f"{deployment.id}: its address is known to litellm alone; not tried"
            continue
        try:
            at = urlsplit(deployment.api_base)
            secure = at.scheme == "https"
            place = at.hostname or "", at.port or (443 if secure else 80), secure
        except ValueError:
            yield "error", "reach", f"{deployment.id}: its api_base is no URL."
            continue
        seen.setdefault(place, []).append(deployment.id)
    for (host, port, secure), ids in seen.items():
        named = f"{host}:{port} ({', '.join(ids)})"
        trouble = _connected(host, port, secure)
        if trouble is None:
            yield "ok", "reach", f"{named} answers"
        else:
            yield "error", "reach", f"{named}: {trouble}. Check api_base, name service, proxy and firewall."


def _connected(host: str, port: int, secure: bool) -> str | None:
    """Why a place cannot be connected to; None when it can."""
    try:
        with socket.create_connection((host, port), timeout=CONNECT_SECONDS) as connection:
            if secure:
                ssl.create_default_context().wrap_socket(connection, server_hostname=host).close()
    except socket.gaierror:
        return "there is no such name"
    except ssl.SSLError as error:
        return f"TLS fails ({error.reason or type(error).__name__})"
    except TimeoutError:
        return f"no answer within {CONNECT_SECONDS:.0f} s"
    except (OSError, UnicodeError) as error:
        return str(getattr(error, "strerror", None) or type(error).__name__).lower()
    return None


def signing_in(config: Config, *, reach: bool) -> Iterator[Told]:
    """Whether people can come in through the identity provider; it is asked what it says of itself with `reach`."""
    if (oidc := config.oidc) is None:
        return
    if not oidc.roles and oidc.default_role is None:
        text = "neither roles nor default_role is set: only people who were invited come in. Set one of them."
        yield "warn", "sign-in", text
    if urlsplit(oidc.public_url).hostname in ("localhost", "127.0.0.1", "::1"):
        yield (
            "warn",
            "sign-in",
            "public_url is this machine: people elsewhere are not led back. Name the public host.",
        )
    registered = f"register {oidc.redirect_uri} as redirect URI at the provider"
    if not reach:
        yield "ok", "sign-in", f"{oidc.label} is configured, and was not asked; {registered}"
        return
    from proxy.review.oidc_client import Provider, ProviderAway

    try:
        Provider(oidc).begin()
    except ProviderAway as error:
        yield (
            "error",
            "sign-in",
            f"the identity provider cannot be used: {error}. Check guardhouse.oidc.issuer.",
        )
    else:
        yield "ok", "sign-in", f"the identity provider answers; {registered}"
