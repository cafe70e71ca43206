"""The commands `guardhouse index build` and `guardhouse index search`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer


def register(app: typer.Typer) -> None:
    """Add the `index` commands to an app."""
    index = typer.Typer(no_args_is_help=True, help="Build and search retrieval indices.")
    index.command("build")(build)
    index.command("search")(search)
    app.add_typer(index, name="index")


def build(
    corpus: Annotated[Path, typer.Argument(help='JSONL, one {"id", "title"?, "text"} a line.')],
    out: Annotated[Path, typer.Argument(help="Folder to write the index to.")],
    embedder: Annotated[
        str | None,
        typer.Option(help="Name or path of a sentence-transformers model instead of the shipped one."),
    ] = None,
    chunk_tokens: Annotated[int, typer.Option(help="Largest chunk, in the embedder's tokens.")] = 128,
    overlap: Annotated[int, typer.Option(help="Most tokens two neighbouring chunks share.")] = 16,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
) -> None:
    """Split, embed and store a corpus."""
    from dataclasses import asdict

    from evals.errors import RetrievalError
    from evals.retrieval import build as build_index
    from guardrails.errors import ModelError

    progress = _progress if sys.stderr.isatty() else None
    try:
        manifest = build_index(
            corpus, out, embedder_name=embedder, chunk_tokens=chunk_tokens, overlap=overlap, progress=progress
        )
    except (RetrievalError, ModelError, OSError) as error:
        _refuse("index build", error)
    if as_json:
        typer.echo(json.dumps(asdict(manifest), sort_keys=True))
    else:
        typer.echo(f"{out}: {manifest.n_docs} documents, {manifest.n_chunks} chunks, {manifest.embedder}")


def search(
    directory: Annotated[Path, typer.Argument(help="Folder of an index.")],
    query: Annotated[str, typer.Argument(help="What to look for.")],
    k: Annotated[int, typer.Option("-k", help="How many documents.", min=1)] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print one hit a line as JSON.")] = False,
) -> None:
    """Print the documents closest to a query, best first."""
    from dataclasses import asdict

    from evals.errors import RetrievalError
    from evals.retrieval import open_index
    from guardrails.errors import ModelError

    try:
        hits = open_index(directory).search(query, k)
    except (RetrievalError, ModelError, OSError) as error:
        _refuse("index search", error)
    for hit in hits:
        if as_json:
            typer.echo(json.dumps(asdict(hit), ensure_ascii=False, sort_keys=True))
        else:
            place = f"{hit.doc_id} [{hit.start}:{hit.end}]"
            typer.echo(f"{hit.rank:>3}  {hit.score:.4f}  {place}  {' '.join(hit.text.split())[:100]}")


def _progress(done: int, total: int) -> None:
    if done == total or done % 25 == 0:
        sys.stderr.write(f"\r{done}/{total} chunks" + ("\n" if done == total else ""))
        sys.stderr.flush()


def _refuse(what: str, error: Exception) -> NoReturn:
    typer.echo(f"guardhouse: {what}: {error}", err=True)
    raise typer.Exit(2)
