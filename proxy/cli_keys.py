"""Commands for operators: `guardhouse keys ...` and `guardhouse usage`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from proxy.cli_admin import CONFIG, DATA_DIR, JSON, fail, opened, plain, said
from proxy.roles import Role

if TYPE_CHECKING:
    from proxy.config import Config
    from proxy.key_terms import Terms

TEAM = typer.Option(None, help="Team of the configuration that it belongs to; both their limits hold.")
RPM = typer.Option(None, help="Requests within any 60 seconds.")
TPM = typer.Option(None, help="Tokens, in and out, within any 60 seconds.")
PARALLEL = typer.Option(None, "--max-parallel", help="Requests under way at a time.")
BUDGET = typer.Option(
    None, help="US dollars a period: 10/day, 50/week, 200/month or 1000/total. May be given again."
)
EXPIRES = typer.Option(None, help="When it ends: an age (30d, 12h), a date or an RFC 3339 time.")
MODEL = typer.Option(None, help="Alias that it may ask for [default: all]. May be given again.")
POLICY = typer.Option(None, help="Policy that judges its requests, whatever the scopes say.")
ROLE = typer.Option(
    None, help=f"What it is for: {', '.join(Role)}. It may then call only models that --model names."
)
TAG = typer.Option(None, help="name=value that its traces carry. May be given again.")
CLEARED: dict[str, dict[str, Any]] = {
    "team": {"team": None},
    "rpm": {"limits": {"rpm": None}},
    "tpm": {"limits": {"tpm": None}},
    "max-parallel": {"limits": {"max_parallel_requests": None}},
    "budgets": {"limits": {"budgets": None}},
    "expires": {"expires": None},
    "models": {"models": None},
    "policy": {"policy": None},
    "tags": {"tags": None},
    "role": {"role": None},
}
"""What `--clear` takes, as merge patches."""


def register(app: typer.Typer) -> None:
    """Add the `keys` commands and `usage`."""
    keys = typer.Typer(help="Make, list, change and revoke virtual keys.", no_args_is_help=True)
    keys.command("create")(create)
    keys.command("list")(list_)
    keys.command("update")(update)
    keys.command("revoke")(revoke)
    app.add_typer(keys, name="keys")
    app.command("usage")(usage)


def create(
    name: str | None = typer.Argument(None, help="Whose key it is, e.g. web-shop."),
    name_option: str | None = typer.Option(None, "--name", help="The same, as an option."),
    tenant: str = typer.Option("default", help="Tenant the key's traffic belongs to."),
    admin: bool = typer.Option(False, "--admin", help="May also read traces and review them."),
    team: str | None = TEAM,
    rpm: int | None = RPM,
    tpm: int | None = TPM,
    max_parallel: int | None = PARALLEL,
    budget: list[str] | None = BUDGET,
    expires: str | None = EXPIRES,
    model: list[str] | None = MODEL,
    policy: str | None = POLICY,
    tag: list[str] | None = TAG,
    role: str | None = ROLE,
    as_json: bool = JSON,
    data_dir: Path | None = DATA_DIR,
    config: Path | None = CONFIG,
) -> None:
    """Make a key and print it. It is shown this once."""
    from proxy.key_terms import FREE
    from proxy.store.keys import create_key

    named = name_option or name
    if not named or (name and name != named):
        fail("a key needs one name", "give it with --name")
    if not (named.isprintable() and tenant.isprintable() and tenant and max(len(named), len(tenant)) <= 128):
        fail("a name and a tenant take 1 to 128 printable characters")
    patch = _patch(team, rpm, tpm, max_parallel, budget, expires, model, policy, tag, role)
    terms = _checked(_configured(config, data_dir), patch, FREE)
    if admin and role:
        fail("an admin key takes no role", "leave out --admin or --role")
    with opened(config, data_dir, tell=True) as store:
        made = create_key(store, named, tenant, admin, terms)
    if as_json:
        said({"key": made.secret, **made.stored.document()})
    else:
        typer.echo(made.secret)
        typer.echo(f"id {made.stored.key_id}. This is the only time the key is shown.", err=True)


def update(
    key_id: str = typer.Argument(help="Id as `guardhouse keys list` shows it."),
    team: str | None = TEAM,
    rpm: int | None = RPM,
    tpm: int | None = TPM,
    max_parallel: int | None = PARALLEL,
    budget: list[str] | None = BUDGET,
    expires: str | None = EXPIRES,
    model: list[str] | None = MODEL,
    policy: str | None = POLICY,
    tag: list[str] | None = TAG,
    role: str | None = ROLE,
    clear: list[str] | None = typer.Option(
        None, help=f"Take away: {', '.join(CLEARED)}. May be given again."
    ),
    as_json: bool = JSON,
    data_dir: Path | None = DATA_DIR,
    config: Path | None = CONFIG,
) -> None:
    """Change what a key may do. What is not named stays, and so does the key itself."""
    from proxy.store.keys import update_key

    patch: dict[str, Any] = {}
    for name in clear or ():
        if name not in CLEARED:
            fail(f"--clear takes {', '.join(CLEARED)}, not {plain(name)!r}")
        patch = _both(patch, CLEARED[name])
    patch = _both(patch, _patch(team, rpm, tpm, max_parallel, budget, expires, model, policy, tag, role))
    if not patch:
        fail("nothing is to be changed", "name a limit or another option; see guardhouse keys update --help")
    change = partial(_checked, _configured(config, data_dir), patch)
    with opened(config, data_dir) as store:
        try:
            changed = update_key(store, key_id, change)
        except ValueError as error:
            fail(str(error))
    if changed is None:
        fail("there is no key with this id", "see guardhouse keys list")
    if as_json:
        said(changed.document())


def list_(as_json: bool = JSON, data_dir: Path | None = DATA_DIR, config: Path | None = CONFIG) -> None:
    """List the keys: never the keys themselves."""
    from proxy.store.keys import list_keys

    with opened(config, data_dir, tell=True) as store:
        rows = [key.document() for key in list_keys(store)]
    if as_json:
        said(rows)
    for row in () if as_json else rows:
        state = f"revoked {row['revoked']}" if row["revoked"] else row["state"]
        words = [
            state + (" admin" if row["admin"] and not row["revoked"] else ""),
            row["tenant"],
            row["name"],
        ]
        typer.echo("  ".join([row["key_id"], row["created"], *map(plain, words), *map(plain, _terms(row))]))


def revoke(
    key_id: str = typer.Argument(help="Id as `guardhouse keys list` shows it."),
    data_dir: Path | None = DATA_DIR,
    config: Path | None = CONFIG,
) -> None:
    """Make a key useless from now on."""
    from proxy.store.keys import revoke_key

    with opened(config, data_dir) as store:
        if not revoke_key(store, key_id):
            fail("there is no key with this id", "see guardhouse keys list")


def usage(
    by: str = typer.Option("key", help="key, team, model or day."),
    since: str | None = typer.Option(None, help="RFC 3339 time, or an age such as 7d."),
    as_json: bool = JSON,
    data_dir: Path | None = DATA_DIR,
    config: Path | None = CONFIG,
) -> None:
    """Sum requests, tokens and cost by key, team, model or day."""
    from proxy.store import spending
    from proxy.store.queries import QueryError, moment

    try:
        asked = spending.Asked(by, None if since is None else moment("since", since))
        with opened(config, data_dir) as store:
            rows = spending.usage(store, asked)
    except QueryError as error:
        fail(str(error))
    if as_json:
        said(rows)
        return
    typer.echo(f"{by:32}  {'requests':>10}  {'tokens in':>12}  {'tokens out':>12}  {'USD':>14}")
    for row in rows:
        label = row.get("name") or row[by] or "-"
        unknown = f"  and {row['cost_unknown']} of unknown cost" if row["cost_unknown"] else ""
        counts = f"{row['requests']:>10}  {row['tokens_in']:>12}  {row['tokens_out']:>12}"
        typer.echo(f"{plain(label):32.32}  {counts}  {row['cost_nanousd'] / 1e9:>14.6f}{unknown}")


def _patch(
    team: str | None,
    rpm: int | None,
    tpm: int | None,
    max_parallel: int | None,
    budget: list[str] | None,
    expires: str | None,
    model: list[str] | None,
    policy: str | None,
    tag: list[str] | None,
    role: str | None,
) -> dict[str, Any]:
    """What the options say, as a merge patch of a key's terms; exit code 2 for what cannot be meant."""
    limits = {"rpm": rpm, "tpm": tpm, "max_parallel_requests": max_parallel, "budgets": _budgets(budget)}
    given = {
        "team": team,
        "limits": {name: value for name, value in limits.items() if value is not None},
        "expires": expires,
        "models": model or None,
        "policy": policy,
        "tags": dict(map(_tag, tag)) if tag else None,
        "role": role,
    }
    return {name: value for name, value in given.items() if value not in (None, {})}


def _budgets(given: list[str] | None) -> dict[str, float] | None:
    budgets: dict[str, float] = {}
    for text in given or ():
        amount, slash, period = text.partition("/")
        try:
            budgets[period] = float(amount)
        except ValueError:
            slash = ""
        if not slash:
            fail(f"--budget takes US dollars a period, such as 10/day, not {plain(text)!r}")
    return budgets or None


def _tag(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        fail(f"--tag takes name=value, such as env=prod, not {plain(text)!r}")
    return name, value


def _both(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Two merge patches as one: nulls stay, as they are for the document."""
    both = {**first, **second}
    for name in first.keys() & second.keys():
        if isinstance(first[name], dict) and isinstance(second[name], dict):
            both[name] = _both(first[name], second[name])
    return both


def _checked(config: Config | None, patch: dict[str, Any], was: Terms) -> Terms:
    """The terms with a patch applied. A clear line and exit code 2 for what cannot be meant."""
    from proxy.key_terms import check_terms, parse_terms

    try:
        terms = parse_terms(patch, was)
        check_terms(config, terms, patch)
    except ValueError as error:
        fail(str(error))
    return terms


def _configured(config: Path | None, data_dir: Path | None) -> Config | None:
    """The configuration that says which teams, models and policies there are; None where there is no file."""
    from proxy.config import load_config
    from proxy.errors import ConfigError
    from proxy.settings import load_settings

    try:
        settings = load_settings()
        path = config or settings.config
        if config is None and (data_dir is not None or not path.exists()):
            return None
        return load_config(path, settings)
    except ConfigError as error:
        fail(str(error))


def _terms(row: dict[str, Any]) -> list[str]:
    """What a key may do, in words, as far as it is bounded."""
    limits = dict(row["limits"])
    budgets = limits.pop("budgets", {})
    words = [f"team={row['team']}"] if row["team"] else []
    words += [f"{name}={value}" for name, value in limits.items()]
    words += [f"{amount:g}USD/{period}" for period, amount in budgets.items()]
    words += [f"models={','.join(row['models'])}"] if row["models"] else []
    words += [f"policy={row['policy']}"] if row["policy"] else []
    words += [f"role={row['role']}"] if row["role"] else []
    words += [f"expires={row['expires']}"] if row["expires"] else []
    return words
