"""The commands `guardhouse index build`, `search`, `compare`, `promote`, `rollback` and `history`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from evals.indexing.building import Built
    from evals.indexing.comparing import Compared
    from evals.indexing.promotion import Grounds, Record

Store = Annotated[Path, typer.Option(help="Folder of the promoted names.")]
Golden = Annotated[Path, typer.Option(help="Folder of the golden set whose questions are asked.")]
K = Annotated[int | None, typer.Option("-k", min=1, help="Hits per question; default: the suite's.")]
By = Annotated[str, typer.Option(help="Who says so; default: the user of this system.")]
Note = Annotated[str, typer.Option(help="A sentence for the history.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the `index` commands to an app."""
    index = typer.Typer(no_args_is_help=True, help="Build, compare, promote and search retrieval indices.")
    for command in (build, search, compare, promote, rollback, history):
        index.command(command.__name__)(command)
    app.add_typer(index, name="index")


def build(
    corpus: Annotated[
        Path,
        typer.Argument(help='JSONL, one {"id", "title"?, "text"} a line, or a folder of .md and .txt files.'),
    ],
    out: Annotated[Path, typer.Argument(help="Folder to write the index to.")],
    kind: Annotated[
        str, typer.Option("--type", help="flat (exact), hnsw or ivf (approximate, for large corpora).")
    ] = "flat",
    earlier: Annotated[
        Path | None,
        typer.Option(
            "--from", help="Earlier index, from which documents that did not change are taken; may be OUT."
        ),
    ] = None,
    embedder: Annotated[
        str | None,
        typer.Option(help="Name or path of a sentence-transformers model instead of the shipped one."),
    ] = None,
    chunk_tokens: Annotated[int, typer.Option(help="Largest chunk, in the embedder's tokens.")] = 128,
    overlap: Annotated[int, typer.Option(help="Most tokens two neighbouring chunks share.")] = 16,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
) -> None:
    """Split, embed and store a corpus; of an earlier index, take what did not change."""
    from evals.errors import RetrievalError
    from evals.indexing.building import Recipe
    from evals.indexing.building import build as build_index
    from guardrails.embedding import load
    from guardrails.errors import ModelError

    progress = _progress if sys.stderr.isatty() else None
    recipe = Recipe(chunk_tokens, overlap, kind)
    try:
        built = build_index(
            corpus, out, recipe, embedder=lambda: load(embedder), earlier=earlier, progress=progress
        )
    except (RetrievalError, ModelError, OSError) as error:
        _refuse("index build", error)
    _tell_built(built, out, as_json)


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
    from guardrails.cli_show import shown
    from guardrails.errors import ModelError

    try:
        hits = open_index(directory).search(query, k)
    except (RetrievalError, ModelError, OSError) as error:
        _refuse("index search", error)
    for hit in hits:
        if as_json:
            typer.echo(json.dumps(asdict(hit), sort_keys=True))
        else:
            place = f"{hit.doc_id} [{hit.start}:{hit.end}]"
            typer.echo(
                f"{hit.rank:>3}  {hit.score:.4f}  {shown(place)}  {shown(' '.join(hit.text.split())[:100])}"
            )


def compare(
    baseline: Annotated[Path, typer.Argument(help="Index that is used now: a folder, or STORE/NAME.")],
    candidate: Annotated[Path, typer.Argument(help="Index that may take its place.")],
    golden: Golden,
    k: K = None,
    as_json: AsJson = False,
) -> None:
    """Ask two indices a golden set's questions. Exits 0 pass, 1 block, 2 invalid, 3 inconclusive."""
    with _told("index compare"):
        from evals.indexing import comparing

        compared = comparing.compare(candidate, baseline, golden, k)
        _tell_compared(compared, as_json)
    raise typer.Exit(compared.run.gate.verdict.exit_code)


def promote(
    directory: Annotated[Path, typer.Argument(help="Folder of an index.")],
    name: Annotated[str, typer.Option("--as", help="Name that it is to be known by.")],
    store: Store = Path("indices"),
    golden: Annotated[
        Path | None, typer.Option(help="Golden set to compare it on with what the name stands for.")
    ] = None,
    k: K = None,
    by: By = "",
    note: Note = "",
    force: Annotated[bool, typer.Option(help="Promote an index that is blocked or invalid.")] = False,
    as_json: AsJson = False,
) -> None:
    """Have a name stand for an index from now on. Exits 0, or 1 and 2 where it is blocked or invalid."""
    with _told("index promote"):
        from evals.indexing import comparing, promotion
        from evals.indexing.manifest import manifest_sha256
        from evals.indexing.pointer import located

        stands, grounds = promotion.stands_for(store, name), None
        if golden is not None and stands != manifest_sha256(located(directory)):
            compared = comparing.compare(directory, _baseline(store, name, force), golden, k)
            if not as_json:
                _tell_compared(compared, as_json)
            grounds = _grounds(compared, force, stands)
        record = promotion.promote(directory, store, name, _record(by, note), grounds)
        if as_json:
            typer.echo(json.dumps(_plain(record) if record else {"action": "none"}, sort_keys=True))
        elif record is None:
            typer.echo(f"{store / name} stands for it already")
        else:
            _tell_stands(store / name, record)


def rollback(
    name: Annotated[str, typer.Argument(help="A promoted name.")],
    store: Store = Path("indices"),
    by: By = "",
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """Have a name stand for what it stood for before; once more goes back one further."""
    with _told("index rollback"):
        from evals.indexing import promotion

        record = promotion.rollback(store, name, _record(by, note))
        if as_json:
            typer.echo(json.dumps(_plain(record), sort_keys=True))
        else:
            _tell_stands(store / name, record)


def history(
    name: Annotated[str, typer.Argument(help="A promoted name.")],
    store: Store = Path("indices"),
    as_json: AsJson = False,
) -> None:
    """List what was promoted and rolled back under a name, oldest first."""
    with _told("index history"):
        from evals.indexing import promotion
        from guardrails.cli_show import shown

        for each in promotion.history(store, name):
            if as_json:
                typer.echo(json.dumps(_plain(each), sort_keys=True))
                continue
            why = (
                f"  {each.verdict}{', forced' if each.forced else ''}: {each.reason}" if each.verdict else ""
            )
            told = f"{each.at}  {each.action:8}  {each.index}  by {each.by}{why}"
            typer.echo(shown(f"{told}  ({each.note})" if each.note else told))


def _baseline(store: Path, name: str, force: bool) -> Path | None:
    """What is compared with: nothing where the name stands for nothing, or, with force, for what is damaged."""
    from evals.errors import RetrievalError
    from evals.indexing import promotion

    try:
        return store / name if promotion.current(store, name) else None
    except RetrievalError:
        if not force:
            raise
        return None


def _grounds(compared: Compared, force: bool, against: str) -> Grounds:
    """What the comparison says. Ends the command where it forbids a promotion that is not forced."""
    from evals.indexing.comparing import figures
    from evals.indexing.promotion import Grounds
    from guardrails.cli_show import shown

    run = compared.run
    forbids = run.gate.verdict.exit_code in (1, 2)
    if forbids and not force:
        what = f"not promoted: {run.gate.verdict.value}: {run.gate.reason}: pass --force if you mean it"
        typer.echo(f"guardhouse: index promote: {shown(what)}", err=True)
        raise typer.Exit(run.gate.verdict.exit_code)
    golden = {"name": run.golden.name, "version": run.golden.version, "sha256": run.golden.content_sha256}
    return Grounds(run.gate.verdict.value, run.gate.reason, golden, figures(run), forbids, against)


def _record(by: str, note: str) -> Record:
    """What is known of a promotion before it is made."""
    import getpass

    from evals.indexing.promotion import Record, now

    if not by:
        try:
            by = getpass.getuser()
        except (KeyError, OSError, ImportError):
            by = "unknown"
    return Record("", now(), by, "", "", note=note)


def _plain(record: Record) -> dict[str, object]:
    from dataclasses import asdict

    return asdict(record)


def _tell_stands(name: Path, record: Record) -> None:
    from guardrails.cli_show import shown

    before = f" (before: {record.previous[:12]})" if record.previous else ""
    forced = ", forced" if record.forced else ""
    typer.echo(shown(f"{name} stands for {record.index}{before}{forced}"))


def _tell_compared(compared: Compared, as_json: bool) -> None:
    from evals.indexing import comparing
    from guardrails.cli_show import shown

    if as_json:
        typer.echo(json.dumps(comparing.document(compared)))
        return
    for line in comparing.lines(compared):
        typer.echo(shown(line))


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Turns what cannot be done into one line on stderr and exit code 2."""
    from evals.errors import EvalsError
    from guardrails.errors import GuardrailsError

    try:
        yield
    except (EvalsError, GuardrailsError, OSError) as error:
        _refuse(what, error)


def _tell_built(built: Built, out: Path, as_json: bool) -> None:
    from dataclasses import asdict

    from evals.indexing.building import NEIGHBOURS
    from guardrails.cli_show import shown

    manifest, gone = built.manifest, built.manifest.changed
    if built.why_full:
        typer.echo(f"guardhouse: built from nothing: {shown(built.why_full)}", err=True)
    if as_json:
        how = {"embedded": built.embedded, "reused": built.reused, "why_full": built.why_full}
        typer.echo(json.dumps({**asdict(manifest), **how, "exactness": built.exactness}, sort_keys=True))
        return
    typer.echo(f"{out}: {manifest.n_docs} documents, {manifest.n_chunks} chunks, {manifest.embedder}")
    if gone is not None:
        told = [(len(gone.added), "added"), (len(gone.removed), "removed"), (len(gone.changed), "changed")]
        typer.echo("documents: " + ", ".join(f"{number} {what}" for number, what in told))
    if manifest.parent:
        typer.echo(f"chunks: {built.reused} taken from the earlier index, {built.embedded} embedded")
    if built.exactness is not None:
        typer.echo(
            f"{manifest.faiss_type} is approximate: it finds {built.exactness:.1%} of the {NEIGHBOURS} chunks "
            "closest to its own chunks"
        )


def _progress(done: int, total: int) -> None:
    if done == total or done % 25 == 0:
        sys.stderr.write(f"\r{done}/{total} chunks" + ("\n" if done == total else ""))
        sys.stderr.flush()


def _refuse(what: str, error: Exception) -> NoReturn:
    from guardrails.cli_show import shown

    typer.echo(f"guardhouse: {what}: {shown(str(error))}", err=True)
    raise typer.Exit(2)
