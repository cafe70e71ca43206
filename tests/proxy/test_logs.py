"""Logs: one line a record, and nothing in it that a caller or a model said."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from proxy.kept import record
from proxy.logs import OURS, access, guard_crashes, setup_logging
from proxy.prices import Prices
from proxy.settings import Settings
from tests.proxy.contexts import context_of
from tests.proxy.exchanges import SECRET, masked
from tests.proxy.test_pipeline import ask, chat
from tests.servers import Running, Upstream

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [A-Z]+ [\w.-]+: .*")


class Logs:
    """Logging as the product sets it up, into a text."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def setup(self, **settings: Any) -> None:
        """As these settings have it."""
        setup_logging(Settings(**{"log_level": "debug", **settings}), self.stream)

    @property
    def lines(self) -> list[str]:
        """What was logged."""
        return self.stream.getvalue().splitlines()


@pytest.fixture
def logs() -> Iterator[Logs]:
    """Plain lines; logging is put back afterwards."""
    root = logging.getLogger()
    names = [*OURS, "proxy.access"]
    handlers, level = root.handlers[:], root.level
    hooks = sys.excepthook, threading.excepthook
    made = Logs()
    made.setup()
    yield made
    root.handlers[:], root.level = handlers, level
    sys.excepthook, threading.excepthook = hooks
    for name in names:
        logging.getLogger(name).setLevel(logging.NOTSET)


def choke(text: str) -> None:
    """Fails with what it was given in its message."""
    raise ValueError(f"cannot parse {text!r}")


def test_logs_are_plain_lines_in_utc(logs: Logs) -> None:
    """Time, level, logger, message."""
    logging.getLogger("proxy.x").debug("hello %d", 1)

    [line] = logs.lines
    assert LINE.fullmatch(line) and line.endswith("DEBUG proxy.x: hello 1")


def test_json_lines_have_the_same_members(logs: Logs) -> None:
    """One object a line, whatever the message holds; fields stand beside the message."""
    logs.setup(log_format="json")
    logging.getLogger("proxy.x").warning("two\nlines", extra={"fields": {"id": "7", "n": 1}})

    [line] = [json.loads(line) for line in logs.lines]
    assert line.pop("time").endswith("Z")
    assert line == {"level": "warning", "logger": "proxy.x", "message": "two\\nlines", "id": "7", "n": 1}


def test_nobody_can_begin_a_line_of_his_own(logs: Logs) -> None:
    """Line ends and escape sequences in a message are written as escapes."""
    logging.getLogger("proxy.x").warning("a\r\n2026-01-01T00:00:00.000Z INFO proxy: forged \x1b[31m\u2028")

    [line] = logs.lines
    assert "\\r\\n" in line and "\x1b" not in line and "\u2028" not in line


def test_libraries_log_warnings_only(logs: Logs) -> None:
    """At lower levels some libraries log the text they work on."""
    logging.getLogger("presidio-analyzer").info("a text")

    assert logs.lines == []


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    "name", ["litellm", "LiteLLM", "httpx", "asyncio", "uvicorn.error", "sqlalchemy.pool"]
)
def test_what_libraries_say_is_not_repeated(logs: Logs, name: str, form: str) -> None:
    """Only where they said it, and of an exception its class and its places."""
    logs.setup(log_format=form)
    try:
        choke(SECRET)
    except ValueError:
        logging.getLogger(name).exception("request failed: %s", SECRET)
    if name != "uvicorn.error":
        logging.getLogger(name).error(f"request failed: {SECRET}")

    text = logs.stream.getvalue()
    assert SECRET not in text
    assert "builtins.ValueError" in text and "in choke" in text


def test_an_exception_is_told_without_its_message(logs: Logs) -> None:
    """Nor that of what led to it; its lines belong to the record."""
    try:
        try:
            choke(SECRET)
        except ValueError as error:
            raise RuntimeError(SECRET) from error
    except RuntimeError:
        logging.getLogger("proxy.x").exception("it failed")

    text = logs.stream.getvalue()
    assert SECRET not in text
    assert text.index("builtins.RuntimeError") < text.index("builtins.ValueError")
    assert all(LINE.fullmatch(line) or line.startswith("    ") for line in logs.lines)


async def test_a_task_that_nobody_awaits_is_told_without_its_message(logs: Logs) -> None:
    """asyncio logs the exception of such a task with all that it says."""
    loop = asyncio.get_running_loop()
    loop.call_exception_handler(
        {"message": "Task exception was never retrieved", "exception": ValueError(SECRET), "future": SECRET}
    )

    assert logs.lines and SECRET not in logs.stream.getvalue()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_is_told_without_its_message(
    logs: Logs, capfd: pytest.CaptureFixture[str]
) -> None:
    """Python would print the message and the text it quotes."""
    guard_crashes()
    dies = threading.Thread(target=choke, args=(SECRET,))
    dies.start()
    dies.join()
    sys.excepthook(ValueError, ValueError(SECRET), None)

    text = logs.stream.getvalue() + "".join(capfd.readouterr())
    assert SECRET not in text
    assert text.count("an exception was not caught") == 2


def test_an_exchange_leaves_one_line_when_that_is_asked_for(logs: Logs) -> None:
    """Who, what, how long and under which revisions: nothing of what was said."""
    exchange = masked(config="0123456789ab", trace_id="t")
    access(exchange)
    assert logs.lines == []

    logs.setup(log_format="json", access_log=True, log_level="error")
    access(exchange)
    [line] = [json.loads(line) for line in logs.lines]
    assert {key: line[key] for key in ("model", "outcome", "status", "duration_ms", "key_id", "config")} == {
        "model": "small", "outcome": "masked", "status": 200, "duration_ms": 1.5, "key_id": "key-1",
        "config": "0123456789ab",
    }  # fmt: skip
    assert line["id"] == exchange.id and line["policy"] == "default@0123456789ab"
    assert SECRET not in logs.stream.getvalue()


def test_each_recorded_exchange_leaves_its_line_once(logs: Logs) -> None:
    """However often it is handed over."""
    logs.setup(access_log=True)
    noted: Any = type("Noted", (), {"record": lambda *_: None, "observe": lambda *_: None})()
    nobody: Any = SimpleNamespace(deployment=lambda id: None)
    context = context_of(recorder=noted, metrics=noted, router=nobody, prices=Prices(()))
    exchange = masked(duration_us=None)
    record(context, exchange)
    record(context, exchange)

    assert len(logs.lines) == 1 and " outcome=masked " in logs.lines[0]


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_fault_of_our_own_does_not_log_what_was_asked(
    proxy: Running, upstream: Upstream, logs: Logs, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """An internal error whose message quotes the request: the log has its class and where it was, no more."""
    logs.setup(log_format=form, access_log=True)
    canary = "canary-7f3a in the prompt"

    def choked(dialect: Any, request: dict[str, Any]) -> None:
        choke(json.dumps(request))

    with monkeypatch.context() as patched:
        patched.setattr("proxy.dialects.chat_dialect.Chat.check", choked, raising=True)
        answer = ask(proxy, chat({"role": "user", "content": canary}, model="gpt-test"))

    proxy.recorder.forget()
    text = logs.stream.getvalue()
    assert answer.status == 500
    assert "canary" not in text and "canary" not in answer.body.decode()
    assert "builtins.ValueError" in text and "in choke" in text
