"""Numbers and times as the pages write them; what is not known is said, never made up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from proxy.eval_scores import number

NOTHING = "–"
"""Stands where there is no value."""


def count(value: Any) -> str:
    """A whole number with thousands apart."""
    found = number(value)
    return NOTHING if found is None else f"{found:,.0f}"


def decimal(value: Any, digits: int = 3, *, signed: bool = False) -> str:
    """A number with a fixed count of decimals; `signed` shows a plus too."""
    found = number(value)
    if found is None:
        return NOTHING
    found = round(found, digits) or 0.0  # no minus before a zero
    text = f"{found:+.{digits}f}" if signed and found else f"{found:.{digits}f}"
    return text.replace("-", "−")


def measure(value: Any, unit: str = "", digits: int = 3, *, signed: bool = False) -> str:
    """A number with its unit: milliseconds are whole, what has no unit has decimals."""
    if number(value) is None or not unit:
        return decimal(value, digits, signed=signed)
    return f"{decimal(value, 0, signed=signed)} {unit}"


def duration(microseconds: Any) -> str:
    """A time span in the unit that reads best: `840 µs`, `12 ms`, `1.42 s`, `2 min 5 s`."""
    value = number(microseconds)
    if value is None or value < 0:
        return NOTHING
    if value < 1_000:
        return f"{value:.0f} µs"
    if value < 999_500:
        return f"{value / 1_000:.0f} ms" if value >= 9_950 else f"{value / 1_000:.1f} ms"
    seconds = value / 1_000_000
    if seconds < 59.995:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes:,} min {rest} s"


def moment(microseconds: Any) -> datetime | None:
    """The UTC time of microseconds since the epoch; None for what is none."""
    value = number(microseconds)
    if value is None:
        return None
    try:
        return datetime.fromtimestamp(value / 1_000_000, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def short_time(microseconds: Any) -> str:
    """`1 Oct 14:32:08`, UTC."""
    when = moment(microseconds)
    return NOTHING if when is None else f"{when.day} {when:%b %H:%M:%S}"


def short_hour(microseconds: Any) -> str:
    """`1 Oct 14:00`, UTC: for what is known to the hour."""
    when = moment(microseconds)
    return NOTHING if when is None else f"{when.day} {when:%b %H}:00"


def long_time(microseconds: Any) -> str:
    """`2026-10-01 14:32:08 UTC`."""
    when = moment(microseconds)
    return NOTHING if when is None else f"{when:%Y-%m-%d %H:%M:%S} UTC"


def machine_time(microseconds: Any) -> str:
    """RFC 3339, for a `datetime` attribute; empty when there is no time."""
    when = moment(microseconds)
    return "" if when is None else when.isoformat(timespec="milliseconds")


def tokens(usage: Any) -> str:
    """`212 in · 48 out`, or that the provider did not say."""
    given = usage if isinstance(usage, dict) else {}
    pairs = (("in", ("prompt_tokens", "input_tokens")), ("out", ("completion_tokens", "output_tokens")))
    parts = []
    for word, names in pairs:
        known = [n for name in names if (n := number(given.get(name))) is not None]
        parts += [f"{count(known[0])} {word}"] if known else []
    return " · ".join(parts) or "not reported"


def cost(nano: Any) -> str:
    """`$0.001725` of billionths of a US dollar, or that nobody knows."""
    known = number(nano)
    if known is None:
        return "not known"
    whole, rest = divmod(int(known), 1_000_000_000)
    return f"${whole:,}.{f'{rest:09}'.rstrip('0'):0<2}"


def shorten(text: str, most: int) -> str:
    """The text, cut at `most` characters with an ellipsis."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
