"""What the commands share: policies by name, texts and lines that come in, what goes to the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from time import perf_counter
from typing import BinaryIO

from guardrails.policy import Policy, builtin, load

POLICY_HELP = "A policy file, or the name of a shipped policy: default, strict, agents."

_PATIENCE = 1.0
"""Seconds that work may take before a bar shows how far it is."""


class Stop(Exception):
    """End the command with one line on stderr and exit code 2."""


def policy_named(name: str) -> Policy:
    """The policy in a file, or the shipped one of that name: a bare word that is no file is a name."""
    bare = "/" not in name and not name.endswith((".yaml", ".yml"))
    if bare and not Path(name).is_file():
        return builtin(name)
    return load(name)


def opened(name: str) -> AbstractContextManager[BinaryIO]:
    """A file, or standard input for `-`. Raises Stop when it cannot be read."""
    try:
        if name != "-":
            return Path(name).open("rb")
    except OSError as error:
        raise Stop(f"cannot read {name}: {error.strerror}.") from None
    return nullcontext(sys.stdin.buffer)


def decoded(lines: Iterable[bytes], name: str) -> Iterator[str]:
    """The lines as text. Raises Stop naming the line that is not UTF-8."""
    for number, line in enumerate(lines, 1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise Stop(f"{name}:{number}: is not UTF-8. Save it as UTF-8.") from None


def given_text(text: str) -> str:
    """The text of an argument, or all of standard input for `-`. Raises Stop when it is not UTF-8."""
    try:
        if text == "-":
            return sys.stdin.buffer.read().decode("utf-8-sig")
        # Bytes of an argument that are not UTF-8 arrive as lone surrogates.
        text.encode("utf-8")
    except UnicodeError:
        raise Stop("the text is not UTF-8.") from None
    return text


def say(text: str) -> None:
    """Writes a line; what the terminal's encoding lacks, lone surrogates too, as an escape."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[], None]]:
    """Each call of what it gives is one step done: on a terminal a bar tells, once it takes more than a second."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task(escape(what), total=total)
    began = perf_counter()

    def step() -> None:
        bar.advance(task)
        if not bar.live.is_started and perf_counter() - began > _PATIENCE:
            bar.start()

    try:
        yield step
    finally:
        bar.stop()
