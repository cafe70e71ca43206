"""Commands for prompt templates: `guardhouse prompts ...`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from proxy.cli_admin import inert

if TYPE_CHECKING:
    from proxy.prompt_file import PromptVersion
    from proxy.prompts import Prompts

PROMPT = typer.Argument(metavar="NAME[@VERSION]", help="The prompt; without a version the newest one.")
DIR = typer.Option(None, "--dir", help="Folder with the prompts; else as configured.")
CONFIG = typer.Option(None, "--config", help="Configuration file [default: guardhouse.yaml].")
JSON = typer.Option(False, "--json", help="Print JSON.")


def register(app: typer.Typer) -> None:
    """Add the `prompts` commands."""
    prompts = typer.Typer(help="Look at prompt templates, render and check them.", no_args_is_help=True)
    for name, command in (("list", list_), ("show", show), ("render", render), ("check", check)):
        prompts.command(name)(command)
    app.add_typer(prompts, name="prompts")


def list_(as_json: bool = JSON, folder: Path | None = DIR, config: Path | None = CONFIG) -> None:
    """List the prompts: versions, hashes, and the share of requests that each version gets."""
    with told():
        found = opened(folder, config).listed()
    if as_json:
        typer.echo(_json(found))
    for prompt in () if as_json else found:
        for version in prompt["versions"]:
            share = prompt["rollout"].get(version["version"], 0)
            head = f"{prompt['name']}@{version['version']}"
            typer.echo(f"{head:32}  {version['hash'][:12]}  {share:7.2%}  {inert(version['description'])}")


def show(
    prompt: str = PROMPT, as_json: bool = JSON, folder: Path | None = DIR, config: Path | None = CONFIG
) -> None:
    """Print a prompt as its file has it."""
    with told():
        version = chosen(opened(folder, config), prompt)
        text = Path(version.file).read_text(encoding="utf-8")
    if not as_json:
        typer.echo(_for_people(text.rstrip("\n")))
        return
    known = {
        name: {"required": each.required, "type": each.type, "max_length": each.max_length}
        | ({} if each.required else {"default": each.default})
        for name, each in version.variables.items()
    }
    about = {"description": version.description, "variables": known, "model": version.model}
    typer.echo(_json({**_named(version), **about, "defaults": dict(version.defaults), "file": version.file}))


def render(
    prompt: str = PROMPT,
    var: list[str] = typer.Option([], "--var", metavar="NAME=TEXT", help="A variable that is a text."),
    var_json: list[str] = typer.Option([], "--var-json", metavar="NAME=JSON", help="One of any other type."),
    as_json: bool = JSON,
    folder: Path | None = DIR,
    config: Path | None = CONFIG,
) -> None:
    """Print the messages that a prompt becomes with some variables."""
    from proxy.prompt_file import rendered
    from proxy.prompt_request import MOST_RENDERED
    from proxy.prompt_variables import filled

    with told():
        version = chosen(opened(folder, config), prompt)
        given = dict(map(_text, var)) | dict(map(_value, var_json))
        made = rendered(version, filled(version.variables, given), MOST_RENDERED)
    if as_json:
        typer.echo(_json({**_named(version), "messages": made.messages, "prompt": made.text}))
        return
    for message in made.messages:
        content = message["content"]
        texts = [content] if isinstance(content, str) else [part["text"] for part in content]
        typer.echo(_for_people("\n".join([f"--- {message['role']}", *texts])))
    if made.text is not None:
        typer.echo(_for_people(made.text))


def check(folder: Path | None = DIR, config: Path | None = CONFIG) -> None:
    """Check that every prompt can be used. Exits 2 with file and line for the first that cannot."""
    with told():
        found = opened(folder, config).listed()
    versions = sum(len(prompt["versions"]) for prompt in found)
    typer.echo(f"{versions} versions of {len(found)} prompts can be used")


@contextmanager
def told() -> Iterator[None]:
    """Turns what the user can mend into one line on stderr and exit code 2."""
    from proxy.errors import ConfigError, ProxyError
    from proxy.prompt_template import Unrenderable

    try:
        yield
    except ProxyError as error:
        _stop(error.message)
    except (ConfigError, Unrenderable) as error:
        _stop(str(error))


def opened(folder: Path | None, config: Path | None) -> Prompts:
    """The prompts in a folder, else those of the configuration. Raises ConfigError."""
    from proxy.config import load_config
    from proxy.errors import ConfigError
    from proxy.prompts import Prompts, load_prompts, read_folder
    from proxy.settings import load_settings

    if folder is not None:
        if not folder.is_dir():
            raise ConfigError(
                f"there is no folder {folder}.", fix="Name the one that holds NAME/VERSION.yaml."
            )
        return Prompts(read_folder(folder), {}, folder)
    settings = load_settings()
    source = load_config(config or settings.config, settings).prompts
    if source.folder is None:
        raise ConfigError("no prompts are configured.", fix="Set guardhouse.prompts.dir, or name a --dir.")
    return load_prompts(source)


def chosen(prompts: Prompts, asked: str) -> PromptVersion:
    """The version that NAME[@VERSION] names. Raises BadRequest."""
    name, _, version = asked.partition("@")
    return prompts.choose(name, version or [*prompts.versions(name)][-1], None)


def _named(version: PromptVersion) -> dict[str, Any]:
    return {"name": version.use.name, "version": version.use.version, "hash": version.use.hash}


def _text(given: str) -> tuple[str, Any]:
    name, equals, value = given.partition("=")
    if not equals:
        _stop("--var takes NAME=TEXT.")
    return name, value


def _value(given: str) -> tuple[str, Any]:
    name, equals, value = given.partition("=")
    try:
        return name, json.loads(value if equals else "")
    except (ValueError, RecursionError):
        _stop("--var-json takes NAME=JSON, e.g. items=[1,2].")


def _json(value: Any) -> str:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return text if inert(text) == text else json.dumps(value, indent=2)


def _for_people(text: str) -> str:
    """A text as it is, but for what a terminal would obey where one reads it."""
    return inert(text) if sys.stdout.isatty() else text


def _stop(line: str) -> NoReturn:
    typer.echo(inert(f"guardhouse: {line}"), err=True)
    sys.exit(2)
