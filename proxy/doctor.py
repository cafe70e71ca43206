"""What `guardhouse doctor` looks at: what is installed, configured, writable and reachable. Changes nothing
but the schema of a database that is there already. Contacts nobody beyond this machine unless told to."""

from __future__ import annotations

import errno
import http.client
import json
import os
import socket
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from guardrails.errors import GuardrailsError
from proxy.errors import ConfigError

if TYPE_CHECKING:
    from proxy.config import Config
    from proxy.settings import Settings
    from proxy.store.db import Store

Level = Literal["ok", "warn", "error"]
OLDEST_PYTHON = (3, 11)
_HERE = ("", "localhost", "127.0.0.1", "::1")
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared with, never listened on


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. Holds no key and no password."""

    level: Level
    """`error`: `guardhouse serve` would not start or not keep its promises; `warn`: something has no effect."""
    subject: str
    text: str
    """What was found, and what to do about it."""


def examine(config: Path | None = None, *, reach: bool = False, **given: object) -> list[Finding]:
    """Everything that was found, in the order of looking; a fault in one part does not keep it from the others.

    Args:
        config: the configuration file; None takes the one that the settings name.
        reach: whether to connect to the providers that are configured.
        given: settings that win over the environment, by name; None leaves them as they are.
    """
    from proxy import doctor_state
    from proxy.settings import load_settings

    found = [_python()]
    try:
        chosen = {name: value for name, value in given.items() if value is not None}
        settings = load_settings().model_copy(update=chosen)
    except ConfigError as error:
        return [*found, Finding("error", "settings", str(error)), *_installed()]
    loaded, told = _configuration(config or settings.config, settings)
    found += told
    found += [Finding("warn", "admin key", note) for note in settings.notes()]
    if loaded is not None:
        found += [_policy(loaded), _models(loaded)]
    folder = loaded.data_dir if loaded else settings.data_dir or Path("data")
    store, told_of_it = _database(folder, loaded, settings)
    found += [_data_dir(folder), *told_of(doctor_state.folder(folder)), told_of_it]
    found += told_of(doctor_state.stored(store)) if store else ()
    found += told_of(doctor_state.priced(loaded, store)) if loaded else ()
    if store is not None:
        store.close()
    found.append(_port(settings.host, settings.port))
    if loaded is not None:
        found += told_of(doctor_state.shared(loaded, settings.workers))
        found += told_of(doctor_state.signing_in(loaded, reach=reach))
        found += told_of(doctor_state.reached(loaded.deployments)) if reach else ()
    return [*found, *_installed()]


def _python() -> Finding:
    running = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] < OLDEST_PYTHON:
        return Finding("error", "python", f"{running} is too old. Use 3.11 or newer.")
    return Finding("ok", "python", running)


def _configuration(path: Path, settings: Settings) -> tuple[Config | None, list[Finding]]:
    """The configuration if it can be used, and what is to be said about it."""
    from proxy.config import load_config

    if not path.exists():
        text = f"there is no file {path}. Write one with `guardhouse init`, or name yours with --config."
        return None, [Finding("error", "config", text)]
    try:
        loaded = load_config(path, settings)
    except ConfigError as error:
        return None, [Finding("error", "config", str(error))]
    names = {deployment.model_name for deployment in loaded.deployments}
    found = [Finding("ok", "config", f"{path}: {len(names)} models, {len(loaded.deployments)} deployments")]
    found += [Finding("warn", "config", note) for note in loaded.notes]
    if loaded.redis_url is not None:
        found.append(_redis(loaded.redis_url))
    elif loaded.teams or loaded.default_limits:
        text = "without redis_url each process counts the limits of keys and teams for itself. Set it for several."
        found.append(Finding("warn", "limits", text))
    return loaded, found


def _redis(url: str) -> Finding:
    from proxy.redis_client import unreachable

    if reason := unreachable(url):
        text = (
            f"Redis cannot be reached ({reason}): sessions will not know earlier pseudonyms. Check redis_url."
        )
        return Finding("error", "redis", text)
    return Finding("ok", "redis", "answers; the pseudonyms of sessions are kept there, sealed")


def _policy(config: Config) -> Finding:
    from guardrails.engine import load_guard
    from proxy.policies import load_policy

    try:
        guard = load_guard(load_policy(config.policy), b"doctor")
    except GuardrailsError as error:
        return Finding("error", "policy", str(error))
    return Finding("ok", "policy", f"{guard.policy.label}: {len(guard.policy.rules)} rules can be enforced")


def _models(config: Config) -> Finding:
    """Keys were resolved when the configuration was read; only litellm may still look for one by itself."""
    unsure = [each.id for each in config.deployments if each.provider == "litellm" and not each.api_key]
    if unsure:
        text = f"{', '.join(unsure)}: no api_key is configured; litellm will look for the vendor's variables"
        return Finding("warn", "keys", text + ". Add api_key: os.environ/NAME to be sure.")
    return Finding("ok", "keys", "every deployment that needs a key has one (none was tried)")


def _data_dir(folder: Path) -> Finding:
    existing = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if not existing.is_dir():
        return Finding("error", "data", f"{existing} is not a folder. Choose another data_dir.")
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        return Finding("error", "data", f"{existing} cannot be written: {error.strerror}. Change its owner.")
    if existing != folder:
        return Finding("ok", "data", f"{folder} will be made at the first start")
    return _data_key(folder)


def _data_key(folder: Path) -> Finding:
    from proxy.store.keyfile import LENGTH

    key = folder / "key"
    try:
        size = key.stat().st_size if key.exists() else None
        readable = size is None or os.access(key, os.R_OK)
    except OSError:
        size, readable = None, False
    if not readable:
        return Finding("error", "data", f"{key} cannot be read. Make it readable for this user.")
    if size not in (None, LENGTH):
        return Finding("error", "data", f"{key} has {size} bytes instead of {LENGTH}. Restore a backup.")
    return Finding(
        "ok", "data", f"{folder} is writable" + ("" if size else "; its key is made at first start")
    )


def told_of(found: Iterable[tuple[Level, str, str]]) -> list[Finding]:
    """Findings from their parts."""
    return [Finding(*each) for each in found]


def _database(folder: Path, config: Config | None, settings: Settings) -> tuple[Store | None, Finding]:
    """Whether the store opens and takes the schema, and the open one. A file that is not there is not made."""
    from proxy.store.db import StoreError, reach, url_of
    from proxy.store.rotation import open_rooted

    given = config.database_url if config else None
    if given is None and settings.database_url is not None:
        given = settings.database_url.get_secret_value()
    url = url_of(folder, given)
    kind = url.partition(":")[0].partition("+")[0]
    if kind == "sqlite" and not Path(url.partition("///")[2]).exists():
        return None, Finding("ok", "database", "the SQLite file will be made at the first start")
    if kind != "sqlite" and (away := _host(url)) not in _HERE:
        return None, Finding(
            "warn", "database", f"{kind} on {away} was not contacted: it is not this machine"
        )
    keyed = settings.data_key is not None or (folder / "key").exists()
    if kind == "sqlite" and not keyed:
        return None, Finding("error", "database", f"its key {folder / 'key'} is missing. Restore a backup.")
    try:
        if not keyed:
            reach(url)
            return None, Finding("ok", "database", f"{kind} answers; its key is made at the first start")
        store = open_rooted(url, folder, settings.data_key)
    except (StoreError, ConfigError) as error:
        return None, Finding("error", "database", str(error))
    return store, Finding("ok", "database", f"{kind} answers, its schema is up to date")


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _port(host: str, port: int) -> Finding:
    """Whether the address can be listened on, or one of ours listens there already."""
    place = f"{host}:{port}"
    try:
        [(family, _, _, _, address), *_] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            if (policy := _ours("127.0.0.1" if host in _EVERYWHERE else host, port)) is not None:
                return Finding("ok", "port", f"a Guardhouse listens on {place} already, with policy {policy}")
            return Finding("error", "port", f"{place} is taken by another program. Choose another port.")
        return Finding("error", "port", f"cannot listen on {place}: {error.strerror}. Choose another.")
    return Finding("ok", "port", f"{place} is free")


def _ours(host: str, port: int) -> str | None:
    """The policy of the proxy that listens there; None when it is no proxy of ours."""
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        told = json.loads(connection.getresponse().read(65_536))
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return str(told["policy"]) if isinstance(told, dict) and {"policy", "reasons"} <= told.keys() else None


def _installed() -> Iterator[Finding]:
    """The optional parts: a language model for names, the shipped encoder, other encoders."""
    yield _tagger()
    models = sorted(entry.name for entry in metadata.entry_points(group="spacy_models"))
    if models:
        yield Finding(
            "ok", "spaCy", f"models {', '.join(models)}: a rule uses one that it names in `spacy_model`"
        )
    else:
        yield Finding(
            "ok", "spaCy", "no model is installed; only rules that name one in `spacy_model` need it"
        )
    yield _encoder()
    has = find_spec("sentence_transformers") is not None
    text = "is installed" if has else "is not installed; only other embedding models than the shipped need it"
    yield Finding("ok", "sentence-transformers", text)


def _tagger() -> Finding:
    from guardrails.checks import names

    try:
        names.tagger(names.ENTITIES)
    except GuardrailsError as error:
        return Finding("error", "names", str(error))
    return Finding("ok", "names", f"a rule can find {', '.join(names.ENTITIES)} with the tagger that ships")


def _encoder() -> Finding:
    from guardrails import embedding

    try:
        loaded = embedding.load()
    except GuardrailsError as error:
        return Finding("error", "encoder", str(error))
    return Finding("ok", "encoder", f"{loaded.name}, sha256 {loaded.sha256[:12]}, as its card says")
