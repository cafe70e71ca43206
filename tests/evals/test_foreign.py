"""Somebody's own code: found or told why not, and contained whatever it does."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from evals.errors import Retryable, TargetError
from evals.foreign import Failed, guarded, load, opened, printing_aside, source_sha256, timely


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Writes a module into the working directory, and gives its name; nothing of it stays behind."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    known = set(sys.modules)

    def write(text: str, name: str = "own_pipeline") -> str:
        sys.modules.pop(name, None)
        (tmp_path / f"{name}.py").write_text(text)
        return name

    yield write
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def test_a_module_of_the_working_directory_is_found(
    module: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Also what is inside of something; what it prints when it is imported is kept apart."""
    name = module("print('hello')\n\n\nclass A:\n    def f(self): return 5\n")

    assert load(f"{name}:A.f")(None) == 5
    assert tuple(capsys.readouterr()) == ("", "hello\n")


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("own_pipeline", "names no function: write module:function"),
        ("own_pipeline:", "names no function"),
        (":f", "names no function"),
        ("./own_pipeline.py:f", "names no function"),
        ("own_pipeline:f()", "names no function"),
        ("nowhere_to_be_found:f", "there is no module 'nowhere_to_be_found': run where it is"),
        ("own_pipeline.inner:f", "there is no module 'own_pipeline.inner'"),
        ("own_pipeline:g", "module 'own_pipeline' has no 'g'"),
    ],
)
def test_what_is_not_there_is_told(module: Callable[..., str], call: str, says: str) -> None:
    """Which part of the name is wrong."""
    module("def f(question): return ''")

    with pytest.raises(TargetError, match=says):
        load(call)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1 / 0", r"\(ZeroDivisionError, own_pipeline.py:1\)"),
        ("import sys\nsys.exit('secret')", r"\(SystemExit, own_pipeline.py:2\)"),
        ("def f(:\n", r"\(SyntaxError, own_pipeline.py:1\)"),
        ("import lacking_library", "no module 'lacking_library', which own_pipeline needs"),
    ],
)
def test_a_module_that_cannot_be_imported_is_told(module: Callable[..., str], text: str, says: str) -> None:
    """With the place, and without its own words."""
    with pytest.raises(TargetError, match=says) as raised:
        load(f"{module(text)}:f")
    assert "secret" not in str(raised.value)


def test_what_takes_nothing_makes_the_target(module: Callable[..., str]) -> None:
    """A function or a class without parameters is called once; one with a parameter is left as it is."""
    name = module(
        "def make(): return 5\n\n\nclass Made: pass\n\n\ndef f(question): pass\n\n\n"
        "def broken(): raise ValueError('secret')\n"
    )

    assert opened(f"{name}:make") == 5
    assert type(opened(f"{name}:Made")).__name__ == "Made"
    assert opened(f"{name}:f").__name__ == "f"
    with pytest.raises(TargetError, match=r"broken raised ValueError, own_pipeline\.py:10") as raised:
        opened(f"{name}:broken")
    assert "secret" not in str(raised.value)


async def test_a_plain_function_leaves_the_loop_alone() -> None:
    """It waits for something that only the loop can do."""
    loop, told = asyncio.get_running_loop(), threading.Event()

    def waits(word: str) -> str:
        loop.call_soon_threadsafe(told.set)
        assert told.wait(10)
        return word

    assert await guarded(waits, "done") == "done"


class Speaker:
    """Answers asynchronously though it is no function."""

    async def __call__(self, word: str) -> str:
        """The word."""
        return word

    def later(self, word: str) -> Any:
        """Gives something to wait for."""
        return self(word)


@pytest.mark.parametrize("function", [Speaker(), Speaker().later])
async def test_whatever_can_be_waited_for_is(function: Callable[[str], Any]) -> None:
    """An object with an async call, and a plain function that gives a coroutine."""
    assert await guarded(function, "done") == "done"


@pytest.mark.parametrize(
    "error",
    [
        ValueError("secret"),
        SystemExit(0),
        KeyboardInterrupt(),
        asyncio.CancelledError(),
        StopIteration(1),
        GeneratorExit(),
        MemoryError(),
        BaseException("secret"),
    ],
)
@pytest.mark.parametrize("plain", [True, False])
async def test_whatever_is_raised_is_a_failure(error: BaseException, plain: bool) -> None:
    """Even what would end the process; its kind and place are told, never its words."""

    def function() -> None:
        raise error

    async def coroutine() -> None:
        raise error

    # Python itself gives a coroutine's StopIteration another name.
    place = r"" if isinstance(error, StopIteration) and not plain else r", test_foreign\.py:\d+"
    with pytest.raises(Failed, match=rf"^raised \w+{place}$"):
        await guarded(function if plain else coroutine)


async def test_what_may_be_tried_again_is_let_through() -> None:
    """A function that knows of throttling can say so."""

    def busy() -> None:
        raise Retryable("busy", wait_s=1.0, throttled=True)

    with pytest.raises(Retryable, match="busy"):
        await guarded(busy)


@pytest.mark.parametrize("plain", [True, False])
async def test_a_function_that_hangs_can_be_given_up(plain: bool) -> None:
    """Whoever waits is free; the thread that is left behind ends with the process."""
    never = threading.Event()

    async def coroutine() -> None:
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(guarded(never.wait if plain else coroutine), 0.02)
    if plain:
        assert any(thread.daemon for thread in threading.enumerate())
    never.set()


def test_a_plain_function_has_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    """What it returns, what it raises, or that it takes too long; what it prints is kept apart."""
    never = threading.Event()

    def leaves() -> None:
        print("noise")
        raise SystemExit(3)

    assert timely(30, max, 1, 2) == 2
    with pytest.raises(Failed, match=r"raised SystemExit, test_foreign\.py:\d+"):
        timely(30, leaves)
    with pytest.raises(Failed, match=r"did not return within 0\.02 s"):
        timely(0.02, never.wait)
    never.set()
    assert capsys.readouterr().out == ""


async def test_prints_go_aside_while_they_overlap(capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output is for results; the first that leaves does not open it to those still inside."""
    before, inside, leave = sys.stdout, asyncio.Event(), asyncio.Event()

    async def long() -> None:
        inside.set()
        await leave.wait()
        print("long")

    waiting = asyncio.ensure_future(guarded(long))
    await inside.wait()
    await guarded(lambda: print("short"))
    leave.set()
    await waiting
    print("ours")

    told = capsys.readouterr()
    assert (told.out, told.err) == ("ours\n", "short\nlong\n")
    assert sys.stdout is before


def test_output_comes_back_after_an_error() -> None:
    """Whatever happens inside."""
    before = sys.stdout
    with pytest.raises(ValueError, match="x"), printing_aside():
        raise ValueError("x")
    assert sys.stdout is before


def test_another_text_is_another_source(module: Callable[..., str]) -> None:
    """The module that names it and the one that defines it; built-in ones count by their names."""

    def source(text: str, inner: str) -> str:
        module(inner, "own_inner")
        call = f"{module(text)}:f"
        return source_sha256(load(call), call)

    outer = "from own_inner import f"
    texts = [source(outer, "def f(q): return 1"), source(outer, "def f(q): return 2")]
    texts.append(source(outer + "  # changed", "def f(q): return 2"))

    assert len(set(texts)) == 3
    assert source_sha256(len, "builtins:len") != source_sha256(ord, "math:sin")
