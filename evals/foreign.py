"""Somebody's own code in this process: found by name, and run so that whatever it does the eval goes on."""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
import inspect
import io
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from evals.errors import Retryable, TargetError
from evals.golden import canonical

SPEC = "spec"
"""A parameter of this name is given the TargetSpec: model, prompt, index and so on, as the eval was told them."""


class Failed(Exception):
    """Somebody's own code did not give a result; the text says how, and copies none of its own words."""


def load(call: str) -> Any:
    """What `module:name` names, with the working directory among the places where modules are looked for.

    Raises TargetError.
    """
    module_name, colon, name = call.partition(":")
    if not (colon and name and all(part.isidentifier() for part in f"{module_name}.{name}".split("."))):
        raise TargetError(f"{call!r} names no function", fix="write module:function")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        with printing_aside():
            found: Any = import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or module_name
        raise TargetError(
            f"there is no module {missing!r}"
            + ("" if missing == module_name else f", which {module_name} needs"),
            fix=f"run where it is, here is {here}, or install it",
        ) from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise TargetError(
            f"module {module_name!r} fails when it is imported ({told(error)})", fix="import it in a shell"
        ) from None
    for part in name.split("."):
        if not hasattr(found, part):
            raise TargetError(
                f"module {module_name!r} has no {name!r}", fix=f"correct {call}, or define it there"
            )
        found = getattr(found, part)
    return found


def opened(call: str, spec: Any = None) -> Any:
    """What `module:function` names; what it makes, where it takes nothing, or nothing but a `spec`.

    Raises TargetError.
    """
    found = load(call)
    if not callable(found) or not parameters(found) <= {SPEC}:
        return found
    try:
        with printing_aside():
            return found(spec) if parameters(found) else found()
    except (KeyboardInterrupt, TargetError):
        raise
    except BaseException as error:
        raise TargetError(f"{call} raised {told(error)}", fix="call it in a shell") from None


def settled(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """What somebody's plain function returns. Raises Failed for whatever it raises, leaving the process included."""
    try:
        with printing_aside():
            return function(*arguments, **named)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise Failed(f"raised {told(error)}") from None


def timely(seconds: float, function: Callable[..., Any], *arguments: Any) -> Any:
    """As `settled`, in a thread of its own and for so long at most. Raises Failed."""
    ended: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()

    def work() -> None:
        try:
            ended.put((function(*arguments), None))
        except BaseException as error:
            ended.put((None, error))

    with printing_aside():
        threading.Thread(target=work, daemon=True).start()
        try:
            result, error = ended.get(timeout=seconds)
        except queue.Empty:
            raise Failed(f"did not return within {seconds:g} s") from None
    if error is not None:
        raise Failed(f"raised {told(error)}")
    return result


async def guarded(function: Callable[..., Any], *arguments: Any) -> Any:
    """What somebody's function returns; a plain one runs in a thread of its own, so that the event loop lives on.

    Raises Failed for whatever it raises, leaving the interpreter included; lets Retryable and being cancelled through.
    """
    with printing_aside():
        try:
            plain = not inspect.iscoroutinefunction(function) and not inspect.iscoroutinefunction(
                getattr(function, "__call__", None)  # noqa: B004  (an object with an async __call__)
            )
            if plain:
                result, error = await _in_thread(function, *arguments)
                if isinstance(error, StopIteration):  # a coroutine cannot raise it
                    raise Failed(f"raised {told(error)}")
                if error is not None:
                    raise error
            else:
                result = function(*arguments)
            return await result if inspect.isawaitable(result) else result
        except (Retryable, Failed):
            raise
        except BaseException as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError | GeneratorExit) and task and task.cancelling():
                raise
            raise Failed(f"raised {told(error)}") from None


async def within(seconds: float | None, function: Callable[..., Any], *arguments: Any) -> Any:
    """As `guarded`, for so long at most where a time is given. Raises Retryable after that."""
    try:
        async with asyncio.timeout(seconds) as limit:
            return await guarded(function, *arguments)
    except TimeoutError:
        if seconds is None or not limit.expired():
            raise
        raise Retryable(f"no reply within {seconds:g} s") from None


async def _in_thread(function: Callable[..., Any], *arguments: Any) -> tuple[Any, BaseException | None]:
    """What a function returned or raised in a thread of its own.

    A thread that hangs holds up neither the others nor the end of the process, as one of a pool would.
    """
    loop, context = asyncio.get_running_loop(), contextvars.copy_context()
    done: asyncio.Future[Any] = loop.create_future()

    def settle(result: Any, error: BaseException | None) -> None:
        if not done.done():
            done.set_result((result, error))

    def work() -> None:
        ended: tuple[Any, BaseException | None]
        try:
            ended = context.run(function, *arguments), None
        except BaseException as error:
            ended = None, error
        with suppress(RuntimeError):  # the loop has ended meanwhile: nobody waits
            loop.call_soon_threadsafe(settle, *ended)

    threading.Thread(target=work, daemon=True).start()
    settled: tuple[Any, BaseException | None] = await done
    return settled


def parameters(function: Callable[..., Any]) -> set[str]:
    """Names of a function's parameters; of one that does not tell, some name that is none."""
    try:
        return set(inspect.signature(function).parameters)
    except (ValueError, TypeError):
        return {"?"}


def source_sha256(function: Any, call: str) -> str:
    """Hash of the texts of the modules that name and define it; of modules that have none, only their names."""
    names = {call.partition(":")[0], str(getattr(function, "__module__", ""))}
    texts = []
    for name in sorted(names):
        file = getattr(sys.modules.get(name), "__file__", None)
        path = Path(file) if file else None
        texts.append([name, hashlib.sha256(path.read_bytes()).hexdigest() if path and path.is_file() else ""])
    return hashlib.sha256(canonical(texts).encode()).hexdigest()


def told(error: BaseException) -> str:
    """An exception's kind, and the last place that it came through outside of this file."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}, {Path(error.filename or '').name}:{error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    places = [
        f", {Path(frame.filename).name}:{frame.lineno}" for frame in frames if "<frozen" not in frame.filename
    ]
    return type(error).__name__ + (places[-1] if places else "")


class _Aside(io.TextIOBase):
    """Stands in for standard output while somebody's code runs: a run's document may be printed there."""

    def __init__(self, kept: Any) -> None:
        self.kept, self.users = kept, 0

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


@contextmanager
def printing_aside() -> Iterator[None]:
    """What is printed inside goes to standard error. For one thread; its tasks may be inside at the same time."""
    if not isinstance(sys.stdout, _Aside):
        sys.stdout = _Aside(sys.stdout)
    aside = sys.stdout
    aside.users += 1
    try:
        yield
    finally:
        aside.users -= 1
        if not aside.users and sys.stdout is aside:
            sys.stdout = aside.kept
