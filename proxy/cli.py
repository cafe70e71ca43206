"""Commands of the proxy: `guardhouse serve`, and those for operators."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def register(app: typer.Typer) -> None:
    """Add the proxy's commands."""
    from proxy import cli_admin, cli_data_key, cli_init, cli_keys, cli_prompts, cli_queues, cli_users

    cli_init.register(app)
    app.command("serve")(serve)
    cli_keys.register(app)
    cli_users.register(app)
    cli_admin.register(app)
    cli_data_key.register(app)
    cli_prompts.register(app)
    cli_queues.register(app)


def serve(
    config: Path | None = typer.Option(
        None, readable=False, help="Configuration file [default: guardhouse.yaml]."
    ),
    host: str | None = typer.Option(None, help="Address to listen on [default: 127.0.0.1]."),
    port: int | None = typer.Option(None, min=0, max=65535, help="Port; 0 takes a free one [default: 4000]."),
    workers: int | None = typer.Option(None, min=1, max=256, help="Server processes [default: 1]."),
    data_dir: Path | None = typer.Option(None, help="Folder for database, spool and key."),
    no_auth: bool = typer.Option(False, "--no-auth", help="Ask nobody for a key. Loopback addresses only."),
) -> None:
    """Run the proxy until it is told to stop."""
    from guardrails.errors import GuardrailsError
    from proxy.errors import ConfigError
    from proxy.server import run
    from proxy.settings import load_settings
    from proxy.spool import SpoolError
    from proxy.store.db import StoreError

    given = {"config": config, "host": host, "port": port, "workers": workers, "data_dir": data_dir}
    try:
        settings = load_settings().model_copy(update={k: v for k, v in given.items() if v is not None})
        if no_auth and settings.host not in LOOPBACK:
            _stop(f"--no-auth would open {settings.host} to everybody: listen on 127.0.0.1, or leave it out.")
        run(settings, keys=not no_auth, say=_say)
    except (ConfigError, GuardrailsError, StoreError, SpoolError) as error:
        _stop(str(error))


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _stop(line: str) -> None:
    _say(f"guardhouse: {line}")
    sys.exit(2)
