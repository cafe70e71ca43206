"""What a virtual key may do and for how long: all that can be changed about it without changing its secret."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from guardrails.policy import BUILT_IN
from proxy.limits import UNLIMITED, Limits, conflict, parse_limits
from proxy.roles import Role

if TYPE_CHECKING:
    from proxy.config import Config

MEMBERS = ("team", "models", "policy", "tags", "limits", "expires", "role")
"""Members of the document of terms."""
MOST_TAGS = 32
MOST_MODELS = 256
_LONGEST = 128
_END_US = 253_402_300_800_000_000
"""The year 10000."""
_AGE = re.compile(r"(\d{1,6})([mhdw])", re.ASCII)
_UNIT = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_EXPIRES = "expires takes an age such as 30d or 12h, a date such as 2030-12-31, or an RFC 3339 time with zone"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a key may do. By default everything, forever."""

    team: str | None = None
    models: tuple[str, ...] | None = None
    """Aliases it may ask for; None: all."""
    policy: str | None = None
    """Name of the policy that judges its requests; None: as the configuration says."""
    tags: tuple[tuple[str, str], ...] = ()
    limits: Limits = UNLIMITED
    expires_us: int | None = None
    """Microseconds since 1970 UTC from which on it is refused."""
    role: Role | None = None
    """What it may do besides calling; with one, it may call only the models that are named."""

    def document(self) -> dict[str, Any]:
        """As it is told and given: `{"team", "models", "policy", "tags", "limits", "expires", "role"}`."""
        return {
            "team": self.team,
            "models": None if self.models is None else list(self.models),
            "policy": self.policy,
            "tags": dict(self.tags),
            "limits": self.limits.document(),
            "expires": None if self.expires_us is None else told_time(self.expires_us),
            "role": self.role,
        }

    def row(self) -> dict[str, Any]:
        """As it is stored: the columns of `api_key`."""
        return {
            "team": self.team,
            "models": None if self.models is None else orjson.dumps(self.models).decode(),
            "policy": self.policy,
            "tags": orjson.dumps(dict(self.tags)).decode() if self.tags else None,
            "limits": orjson.dumps(self.limits.document()).decode() if self.limits else None,
            "expires_us": self.expires_us,
            "role": self.role,
        }


class TermError(ValueError):
    """Terms that cannot be meant.

    Args:
        member: the one of `MEMBERS` that is wrong.
        message: what is wrong with it, and what it takes.
    """

    def __init__(self, member: str, message: str) -> None:
        super().__init__(message)
        self.member = member


FREE = Terms()
"""Everything, forever: what keys of older versions may do."""


def stored_terms(row: Mapping[str, Any]) -> Terms:
    """The terms of a stored row; columns that are missing or NULL say nothing. Raises ValueError."""
    given = {name: row.get(name) for name in ("team", "policy", "role")}
    for name in ("models", "tags", "limits"):
        text = row.get(name)
        given[name] = None if text is None else orjson.loads(text)
    expires = row.get("expires_us")
    if expires is not None and not 0 <= expires < _END_US:
        raise ValueError("expires_us is no time.")
    return _terms(given, expires)


def parse_terms(given: Mapping[str, Any], was: Terms = FREE) -> Terms:
    """The terms `was` with the members of a JSON merge patch (RFC 7396): null takes away, objects are merged.

    Raises ValueError, for the value of a member TermError, saying what cannot be meant, and what it takes.
    """
    for name in given:
        if name not in MEMBERS:
            raise ValueError(f"{str(name)[:64]!r} is unknown. Known: {', '.join(MEMBERS)}.")
    document = merged({name: value for name, value in was.document().items() if name != "expires"}, given)
    said = document.pop("expires", None)
    with _about("expires"):
        expires = was.expires_us if "expires" not in given else None if said is None else expiry(said)
    return _terms(document, expires)


def merged(document: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """The document with an RFC 7396 merge patch applied; neither of them is changed."""
    result = dict(document)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            below = result.get(name)
            result[name] = merged(below if isinstance(below, Mapping) else {}, value)
        else:
            result[name] = value
    return result


def check_terms(config: Config | None, terms: Terms, named: Collection[str] = MEMBERS) -> None:
    """Raises ValueError, in one line, when the configuration has no such team, model or policy, or limits conflict.

    Only members that are `named` are looked at: what a key has already may have left the configuration since.
    """
    team = terms.team if "team" in named or "limits" in named else None
    models = (terms.models or ()) if "models" in named else ()
    policy = terms.policy if "policy" in named else None
    if config is None:
        if team or models or policy:
            raise ValueError("teams, models and policies stand in the configuration: name its file.")
        return
    if team is not None:
        with _about("team"):
            _is_known("team", team, config.teams)
        if (words := conflict(terms.limits, config.teams[team])) is not None:
            raise TermError("limits", f"{words} (team {team!r}). Give the key less, or the team more.")
    with _about("models"):
        known = {deployment.model_name for deployment in config.deployments}
        for model in models:
            _is_known("model", model, known)
    with _about("policy"):
        if policy is not None:
            _is_known("policy", policy, {*config.policies, *BUILT_IN})


def expiry(given: Any) -> int:
    """Microseconds since 1970 of an age from now, of the end of a day in UTC, or of a time. Raises ValueError."""
    if not isinstance(given, str):
        raise ValueError(f"{_EXPIRES}.")
    now = datetime.now(UTC)
    if age := _AGE.fullmatch(given):
        try:
            when = now + timedelta(**{_UNIT[age[2]]: int(age[1])})
        except OverflowError:
            raise ValueError("expires is too far away.") from None
    else:
        when = _moment(given)
    if when <= now:
        raise ValueError(f"expires is not in the future. {_EXPIRES}.")
    return int(when.timestamp() * 1_000_000)


def told_time(microseconds: int) -> str:
    """A time as it is told: `2030-12-31T00:00:00Z`."""
    return datetime.fromtimestamp(microseconds // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def expired(expires_us: int | None) -> bool:
    """Whether that time has come, by the system's clock; None never does."""
    return expires_us is not None and time.time() * 1_000_000 >= expires_us


def _moment(text: str) -> datetime:
    try:
        if len(text) == len("2030-12-31"):
            # The key is good on the whole of that day.
            day = date.fromisoformat(text) + timedelta(days=1)
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        # A plus sign in a URL that was not escaped arrives as a space.
        when = datetime.fromisoformat(text.replace(" ", "+"))
        if when.tzinfo is not None:
            return when.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"{_EXPIRES}.") from None


@contextmanager
def _about(member: str) -> Iterator[None]:
    """What cannot be meant inside is so of that member."""
    try:
        yield
    except ValueError as error:
        raise TermError(member, str(error)) from None


def _terms(given: Mapping[str, Any], expires_us: int | None) -> Terms:
    """Terms from the members of their document but for `expires`. Raises TermError."""
    with _about("team"):
        team = _name("team", given.get("team"))
    with _about("models"):
        models = _models(given.get("models"))
    with _about("policy"):
        policy = _name("policy", given.get("policy"))
    with _about("tags"):
        tags = _tags(given.get("tags"))
    with _about("limits"):
        limits = _limits(given.get("limits"))
    with _about("role"):
        role = _role(given.get("role"))
    return Terms(team, models, policy, tags, limits, expires_us, role)


def _limits(value: Any) -> Limits:
    if value is not None and not isinstance(value, Mapping):
        raise ValueError('limits takes an object such as {"rpm": 60, "budgets": {"day": 5}}.')
    return parse_limits(value or {})


def _name(member: str, value: Any) -> str | None:
    if value is None:
        return None
    if _is_plain(value):
        return str(value)
    raise ValueError(f"{member} takes a name of 1 to {_LONGEST} printable characters.")


def _models(value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    if isinstance(value, list) and 0 < len(value) <= MOST_MODELS and all(map(_is_plain, value)):
        return tuple(dict.fromkeys(value))
    raise ValueError(f"models takes a list of 1 to {MOST_MODELS} models; leave it out for all.")


def _tags(value: Any) -> tuple[tuple[str, str], ...]:
    if value is None:
        return ()
    if isinstance(value, Mapping) and len(value) <= MOST_TAGS:
        pairs = tuple((str(name), text) for name, text in value.items())
        if all(_is_plain(name) and _is_plain(text) for name, text in pairs):
            return pairs
    raise ValueError(f"tags takes up to {MOST_TAGS} names with a text of 1 to {_LONGEST} characters each.")


def _role(value: Any) -> Role | None:
    if value is None:
        return None
    if isinstance(value, str) and value in tuple(Role):
        return Role(value)
    raise ValueError(f"role takes one of {', '.join(Role)}.")


def _is_plain(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST and value.isprintable()


def _is_known(what: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        listed = ", ".join(sorted(known)) or "none is configured"
        raise ValueError(f"there is no {what} {name!r}. Known: {listed}.")
