"""Commands for auditors: `guardhouse traces verify` and `guardhouse traces evidence`."""

from __future__ import annotations

import os
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from proxy.cli_admin import CONFIG, DATA_DIR, JSON, fail, located, opened, said

if TYPE_CHECKING:
    from proxy.store.db import Store

_KEY_FILE = typer.Option(
    None,
    "--key-file",
    help="File with the verification key, for --pack [default: of the database's root key].",
)


def register(traces: typer.Typer) -> None:
    """Add the commands to the group `traces`."""
    traces.command("verify")(verify)
    traces.command("evidence")(evidence)


def verify(
    anchors: Path | None = typer.Option(None, help="File of anchors [default: as configured]."),
    pack: Path | None = typer.Option(None, help="Check an evidence pack instead: its folder or zip."),
    key_file: Path | None = _KEY_FILE,
    events_only: bool = typer.Option(False, "--events-only", help="Leave the seals of traces out."),
    as_json: bool = JSON,
    data_dir: Path | None = DATA_DIR,
    config: Path | None = CONFIG,
) -> None:
    """Check the audit log and the sealed traces. Exits 0: nothing found, 1: evidence of tampering, 2: not checked."""
    if key_file is not None and pack is None:
        fail("--key-file is for --pack", "leave it out, or name a pack")
    if pack is not None:
        found = _verified_pack(pack, key_file)
    else:
        found = _verified(config, data_dir, anchors, traces=not events_only)
    if as_json:
        said(found)
    else:
        _tell(found)
    if not found["sound"]:
        raise typer.Exit(1)


def evidence(
    since: str = typer.Option(..., help="Start: RFC 3339 time, or an age such as 30d."),
    until: str | None = typer.Option(None, help="End: RFC 3339 time, or an age [default: now]."),
    output: Path = typer.Option(..., "--output", "-o", help="Folder or .zip to make."),
    anchors: Path | None = typer.Option(None, help="File of anchors [default: as configured]."),
    key_out: Path | None = typer.Option(
        None, "--key-out", help="Also write the verification key to this file."
    ),
    data_dir: Path | None = DATA_DIR,
    config: Path | None = CONFIG,
) -> None:
    """Write what shows, for a period, what was enforced, by whom it was changed, and that the log of it is whole."""
    from proxy.settings import load_settings
    from proxy.store.evidence import Period, write_pack
    from proxy.store.queries import QueryError, moment

    try:
        end = time.time_ns() // 1000 if until is None else moment("until", until)
        period = Period(moment("since", since), end)
    except QueryError as error:
        fail(str(error))
    if period.since_us >= period.until_us:
        fail("the period ends before it begins", "give --since an earlier time than --until")
    if key_out is not None and key_out.exists():
        fail(f"{key_out} is there already", "name a file that is not")
    told = _Line()
    with opened(config, data_dir) as store:
        file = anchors or located(config, data_dir, load_settings())[3]
        if anchors is not None and not anchors.is_file():
            fail(f"there is no file {anchors}", "name the file of anchors, or leave --anchors out")
        try:
            manifest = write_pack(store, output, period, file, lambda what, done: told.say(f"{what} {done}"))
            if key_out is not None:
                _write_key(key_out, store)
        except FileExistsError as error:
            fail(f"{error.filename} is there already", "name a folder or file that is not")
        except OSError as error:
            fail(
                f"{error.filename} cannot be written ({error.strerror})",
                "name a place that this user can write",
            )
        finally:
            told.end()
    events = manifest["chain"]["last_seq"] - manifest["chain"]["first_seq"] + 1
    typer.echo(
        f"{output}: {len(manifest['files'])} files, {events} audit events. Its README.md says how to check it."
    )


def _verified(
    config: Path | None, data_dir: Path | None, anchors: Path | None, *, traces: bool
) -> dict[str, Any]:
    from proxy.config_audit import FILE
    from proxy.errors import ConfigError
    from proxy.settings import load_settings
    from proxy.store.db import AWAY, StoreError, read_store, url_of
    from proxy.store.keyfile import load_key
    from proxy.store.verify import verify as check

    told = _Line()
    try:
        settings = load_settings()
        folder, url, _, usual = located(config, data_dir, settings)
        if settings.data_key is None and not (folder / "key").is_file():
            fail(
                f"there is no file {folder / 'key'}", "name the proxy's data_dir, or set GUARDHOUSE_DATA_KEY"
            )
        # A file that was configured must be there; the usual one is not before the first act.
        file = anchors or (usual if usual.exists() or usual != folder / FILE else None)
        with closing(read_store(url_of(folder, url), load_key(folder, settings.data_key))) as store:
            report = check(
                store, file, lambda what, done, total: told.say(f"{what} {done} of {total}"), traces=traces
            )
    except (ConfigError, StoreError) as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename} cannot be read ({error.strerror})", "name the file of anchors")
    except AWAY as error:
        fail(
            f"the database cannot be read ({type(error).__name__})", "restore what is missing, and try again"
        )
    finally:
        told.end()
    return report.document() | {"anchors": None if file is None else str(file)}


def _verified_pack(pack: Path, key_file: Path | None) -> dict[str, Any]:
    import zipfile

    from proxy.pack_check import check_pack

    told = _Line()
    try:
        key = None if key_file is None else bytes.fromhex(key_file.read_text().strip())
        if pack.is_dir():
            found = check_pack(pack, key, lambda done: told.say(f"events {done}"))
        else:
            with zipfile.ZipFile(pack) as archive:
                found = check_pack(zipfile.Path(archive), key, lambda done: told.say(f"events {done}"))
    except (OSError, ValueError, LookupError, TypeError, zipfile.BadZipFile) as error:
        fail(
            f"{pack} could not be checked ({type(error).__name__})",
            "name a pack's folder or zip, and a key file",
        )
    finally:
        told.end()
    evidence, unchecked, counts = found
    return {"sound": not evidence, "evidence": evidence, "unchecked": unchecked, **counts}


def _tell(found: dict[str, Any]) -> None:
    """A report for people."""
    for each in found["evidence"]:
        typer.echo(f"EVIDENCE  {each}")
    if found.get("further_evidence"):
        typer.echo(f"EVIDENCE  and {found['further_evidence']} more")
    for each in found["unchecked"]:
        typer.echo(f"unchecked {each}")
    erased = f", {found['erased_details']} with erased details" if found.get("erased_details") else ""
    traces = f", {found['sealed_traces']} sealed traces" if "sealed_traces" in found else ""
    result = "nothing found" if found["sound"] else "evidence of tampering"
    typer.echo(f"{found['events']} events{erased}{traces}: {result}")


def _write_key(path: Path, store: Store) -> None:
    """The verification key, readable by its owner alone. Raises OSError."""
    from proxy.store.seals import ledger_key

    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(ledger_key(store).hex() + "\n")


class _Line:
    """One line on a terminal that is written over; nothing elsewhere."""

    def __init__(self) -> None:
        self._shown = False

    def say(self, text: str) -> None:
        """Show this instead of what was shown."""
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()
            self._shown = True

    def end(self) -> None:
        """Take it away."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            self._shown = False
