"""Logs: one line a record, as text or JSON, never with what callers or models said.

Messages of our own are written not to hold any. What libraries say may hold anything, so only where they said it is
told; and of an exception only its class and the places it passed, as its message may quote what it choked on.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

import orjson

if TYPE_CHECKING:
    from proxy.exchange import Exchange
    from proxy.settings import Settings

OURS = ("guardhouse", "guardrails", "proxy", "evals")
"""Loggers that the log level is for. Libraries log warnings only: below that, some log what they process."""
PLAIN = ("uvicorn.error",)
"""Libraries' loggers whose messages are fixed texts."""
FRAMES = 30
"""Places of an exception that are told: the last ones."""
_FIELDS = "fields"

_access = logging.getLogger("proxy.access")
_log = logging.getLogger("proxy.crash")


class _Line(logging.Formatter):
    """`TIME LEVEL LOGGER: MESSAGE key=value`, then the places of an exception."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as lines."""
        said = f"{_time(record)} {record.levelname} {record.name}: {message(record)}"
        for key, value in fields(record).items():
            said += f" {key}={value if isinstance(value, int | float) else _quoted(value)}"
        return "\n    ".join([said, *_told(record)])


class _Json(logging.Formatter):
    """One JSON object a line: `time`, `level`, `logger`, `message`, the fields, and `exception` where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": message(record),
            **fields(record),
        }
        if told := _told(record):
            line["exception"] = told
        return orjson.dumps(line, default=str).decode()


def setup_logging(settings: Settings, stream: TextIO | None = None) -> None:
    """Log to stderr as the settings say. Replaces what was set up before."""
    output = logging.StreamHandler(stream or sys.stderr)
    output.setFormatter(_Json() if settings.log_format == "json" else _Line())
    root = logging.getLogger()
    root.handlers[:] = [output]
    root.setLevel(logging.WARNING)
    for name in OURS:
        logging.getLogger(name).setLevel(settings.log_level.upper())
    _access.setLevel(logging.INFO if settings.access_log else logging.CRITICAL)


def guard_crashes() -> None:
    """Have exceptions that nobody catches logged like any other: Python itself would print their messages."""
    sys.excepthook = _crashed
    threading.excepthook = lambda crash: _crashed(crash.exc_type, crash.exc_value, crash.exc_traceback)


def access(exchange: Exchange) -> None:
    """One line about a finished exchange, if access lines are on. Nothing of what was said, no header and no key."""
    if not _access.isEnabledFor(logging.INFO):
        return
    known = {
        "id": exchange.id,
        "trace_id": exchange.trace_id,
        "path": exchange.path,
        "model": exchange.model,
        "outcome": exchange.outcome,
        "status": exchange.http_status,
        "duration_ms": round((exchange.duration_us or 0) / 1000, 3),
        "key_id": exchange.principal.key_id if exchange.principal else "",
        "policy": exchange.policy,
        "config": exchange.config or "",
    }
    if exchange.shadow_of is not None:
        known["shadow_of"] = exchange.shadow_of
    _access.info("exchange", extra={_FIELDS: known})


def message(record: logging.LogRecord) -> str:
    """What a record says, as far as it may be told, on one line."""
    if record.name.split(".")[0] in OURS:
        said = record.getMessage()
    elif record.name in PLAIN and isinstance(record.msg, str):
        said = record.msg.strip()
    else:
        said = f"something happened at {record.filename}:{record.lineno} (libraries' messages are not logged)"
    return "".join(each if each.isprintable() else _escaped(each) for each in said)


def fields(record: logging.LogRecord) -> Mapping[str, Any]:
    """What a record carries beside its message."""
    found: Mapping[str, Any] = getattr(record, _FIELDS, {})
    return found


def places(error: BaseException) -> list[str]:
    """The class of an exception and where it passed, then the same of what led to it. No message and no value."""
    told: list[str] = []
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        told.append(f"{type(cause).__module__}.{type(cause).__qualname__}")
        frames = traceback.extract_tb(cause.__traceback__)[-FRAMES:]
        told += [f"at {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return told


def _told(record: logging.LogRecord) -> list[str]:
    return places(record.exc_info[1]) if record.exc_info and record.exc_info[1] is not None else []


def _crashed(kind: type[BaseException], error: BaseException | None, passed: TracebackType | None) -> None:
    if error is None or issubclass(kind, SystemExit | KeyboardInterrupt):
        return
    _log.critical("an exception was not caught", exc_info=(kind, error, passed))


def _time(record: logging.LogRecord) -> str:
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z"


def _quoted(value: object) -> str:
    text = str(value)
    return text if text and text.isprintable() and not set(' "=') & set(text) else orjson.dumps(text).decode()


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
