"""Accounts: the people who may sign in to the pages, what each is there for, and who changed that.

An account is never deleted, as judgements and acts name it. Whoever changes one says which state was looked at: a
change that came in between is told, not overwritten.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, and_, delete, or_, select, update
from sqlalchemy.exc import IntegrityError

from proxy.exchange import Principal
from proxy.roles import Permission, Role, may
from proxy.store.audit import CLI, Act, note
from proxy.store.db import Store
from proxy.store.tables import API_KEY
from proxy.store.tables_review import ACCOUNT, VISIT

PERSON = "user:"
"""How the id of a person begins, where others are ids of keys."""
MOST = 100
"""Accounts on one page."""
MOST_DISPLAYS = 500
"""Authors that are looked up at once."""
LONGEST = 128
"""Characters of a name, a display name and a tenant."""
_NAME = re.compile(r"(?!.*\.json$)[a-z0-9][a-z0-9._@+#-]{0,127}")
NAME_RULE = "1 to 128 of a-z, 0-9 and . _ @ + # -, begins with a letter or digit and does not end in .json"


class AccountError(ValueError):
    """Something that no account can be. `member` names what is wrong."""

    def __init__(self, member: str, message: str) -> None:
        super().__init__(message)
        self.member = member


class Taken(Exception):
    """There is an account with this name already."""


class LastWay(Exception):
    """Nobody could manage people and keys any more."""


@dataclass(frozen=True, slots=True)
class Account:
    """A person who may sign in."""

    name: str
    tenant: str
    display: str
    role: Role | None
    """None for a role that this version does not know: the person may do nothing."""
    password: str | None
    """Argon2 hash; None for who has none."""
    issuer: str | None
    subject: str | None
    created_us: int
    disabled_us: int | None
    signed_in_us: int | None
    revision: int

    def __repr__(self) -> str:
        return f"Account({self.name!r})"

    @property
    def author(self) -> str:
        """The id under which judgements and acts name the person."""
        return PERSON + self.name

    @property
    def state(self) -> str:
        """`active`, `disabled`, or `invited` for who has no way to sign in yet."""
        if self.disabled_us is not None:
            return "disabled"
        return "active" if self.password or self.issuer else "invited"

    def principal(self) -> Principal:
        """Who the person is to permissions: somebody with a role, in one tenant, who calls no models."""
        return Principal(self.author, self.tenant, name=self.display, models=frozenset(), role=self.role)

    def document(self) -> dict[str, Any]:
        """As it is told: nothing of the password but whether there is one."""
        return {
            "name": self.name,
            "display": self.display,
            "tenant": self.tenant,
            "role": self.role,
            "state": self.state,
            "password": self.password is not None,
            "issuer": self.issuer,
            "created_us": self.created_us,
            "disabled_us": self.disabled_us,
            "signed_in_us": self.signed_in_us,
            "revision": self.revision,
        }


class Changed(Exception):
    """Somebody else changed the account meanwhile; nothing was done."""

    def __init__(self, now: Account) -> None:
        super().__init__(now.name)
        self.now = now

    def told(self) -> str:
        """What it is now, in a sentence."""
        now = self.now
        return (
            f"Meanwhile somebody else changed this account: it is now {now.state}, called {now.display!r}, "
            f"with the role {now.role or 'unknown'}. Nothing was changed by you. Look at it, then send it again."
        )


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What an account begins with."""

    name: str
    role: Role
    tenant: str = "default"
    display: str = ""
    """Empty: the name."""
    password: str | None = None
    """Argon2 hash."""
    issuer: str | None = None
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What an account is to be from now on; None leaves a thing as it is."""

    role: Role | None = None
    display: str | None = None
    tenant: str | None = None
    disabled: bool | None = None
    password: str | None = None
    """Argon2 hash."""
    no_password: bool = False
    """Whether the password is taken away: the person may then come through an identity provider."""

    @property
    def action(self) -> str:
        """What the audit log calls it."""
        if self.password is not None or self.no_password:
            return "account.password"
        if self.disabled is not None:
            return "account.disable" if self.disabled else "account.enable"
        return "account.update"


def plain_name(given: str) -> str:
    """A name as it is kept: without spaces around it, in lower case."""
    return given.strip().lower()


def is_name(name: str) -> bool:
    """Whether an account may have this name."""
    return _NAME.fullmatch(name) is not None


def checked_text(member: str, value: str) -> str:
    """A display name or tenant as it is kept. Raises AccountError."""
    value = value.strip()
    if not (0 < len(value) <= LONGEST and value.isprintable()):
        raise AccountError(member, f"{member} takes 1 to {LONGEST} printable characters.")
    return value


def create(store: Store, new: NewAccount, actor: str = CLI) -> Account:
    """Let somebody in. Raises AccountError for what no account can be, or Taken."""
    if not is_name(new.name):
        raise AccountError("name", f"name takes {NAME_RULE}.")
    row = {
        "name": new.name,
        "tenant": checked_text("tenant", new.tenant),
        "display": checked_text("display", new.display or new.name),
        "role": new.role.value,
        "password": new.password,
        "issuer": new.issuer,
        "subject": new.subject,
        "created_us": time.time_ns() // 1000,
        "disabled_us": None,
        "signed_in_us": None,
        "revision": 1,
    }
    made = _account(row)
    detail = {"role": made.role, "password": new.password is not None, "issuer": new.issuer}
    try:
        with store.begin() as connection:
            connection.execute(ACCOUNT.insert(), [row])
            note(connection, Act(actor, "account.create", made.author, detail, made.tenant))
    except IntegrityError:
        raise Taken from None
    return made


@dataclass(frozen=True, slots=True)
class Under:
    """Who changes an account, and on what condition."""

    actor: str = CLI
    tenant: str | None = None
    """The tenant whose accounts may be changed; None: every one's."""
    revision: int | None = None
    """The state that was looked at; None takes any."""
    other_way: bool = False
    """Whether somebody can get in who needs no account: else the last one who manages people stays."""
    keep: str | None = None
    """The visit that does not end, whatever changes."""


def change(store: Store, name: str, wanted: Change, under: Under | None = None) -> Account | None:
    """Change an account; None when there is none of this name that may be changed.

    A new password, a disabled account: each ends every visit of it but the one that is to be kept.
    Raises Changed, LastWay or AccountError; then nothing was done.
    """
    under = under or Under()
    with store.begin() as connection:
        if not under.other_way:
            # Two who shut out each other at once: the second waits here, and sees what the first has done.
            _lock_managers(connection)
        was = _locked(connection, name, under.tenant)
        if was is None:
            return None
        if under.revision is not None and under.revision != was.revision:
            raise Changed(was)
        values = _values(wanted, was)
        if not values:
            return was
        connection.execute(
            update(ACCOUNT).where(ACCOUNT.c.name == name).values(**values, revision=was.revision + 1)
        )
        if {"password", "disabled_us"} & values.keys():
            others = (
                VISIT.c.account == name
                if under.keep is None
                else and_(VISIT.c.account == name, VISIT.c.id != under.keep)
            )
            connection.execute(delete(VISIT).where(others))
        if not under.other_way and _manages(was) and not _another_way(connection):
            raise LastWay
        now = _account({**_row(was), **values, "revision": was.revision + 1})
        told: dict[str, Any] = {
            part: values[part] for part in ("role", "display", "tenant") if part in values
        }
        told |= {"password": values["password"] is not None} if "password" in values else {}
        note(connection, Act(under.actor, wanted.action, now.author, told, now.tenant))
    return now


def find(store: Store, name: str, tenant: str | None = None) -> Account | None:
    """The account of this name, in a tenant (None: in any); None when there is none."""
    if not is_name(name):
        return None
    query = select(ACCOUNT).where(ACCOUNT.c.name == name, *_of(tenant))
    with store.read() as connection:
        row = connection.execute(query).mappings().first()
    return None if row is None else _account(row)


def find_subject(store: Store, issuer: str, subject: str) -> Account | None:
    """The account of a person as an OpenID provider knows them; None when there is none."""
    query = select(ACCOUNT).where(ACCOUNT.c.issuer == issuer, ACCOUNT.c.subject == subject)
    with store.read() as connection:
        row = connection.execute(query).mappings().first()
    return None if row is None else _account(row)


def link(store: Store, account: Account, issuer: str, subject: str) -> Account | None:
    """Let an invited person be the one whom an OpenID provider knows; None when the account is invited no more."""
    invited = and_(
        ACCOUNT.c.name == account.name,
        ACCOUNT.c.password.is_(None),
        ACCOUNT.c.issuer.is_(None),
        ACCOUNT.c.disabled_us.is_(None),
    )
    values = {"issuer": issuer, "subject": subject, "revision": ACCOUNT.c.revision + 1}
    with store.begin() as connection:
        if not connection.execute(update(ACCOUNT).where(invited).values(**values)).rowcount:
            return None
        note(
            connection,
            Act(account.author, "account.link", account.author, {"issuer": issuer}, account.tenant),
        )
    return find(store, account.name)


def rehash(store: Store, account: Account, password: str) -> Account | None:
    """Keep the same password at another price, which ends no visit; None when it was changed meanwhile."""
    same = and_(ACCOUNT.c.name == account.name, ACCOUNT.c.password == account.password)
    with store.begin() as connection:
        if not connection.execute(update(ACCOUNT).where(same).values(password=password)).rowcount:
            return None
    return replace(account, password=password)


def accounts(
    store: Store,
    tenant: str | None = None,
    *,
    role: str | None = None,
    state: str | None = None,
    after: str = "",
    limit: int = MOST,
) -> list[Account]:
    """The accounts of a tenant (None: of all) by name, those after `after`."""
    query = select(ACCOUNT).where(ACCOUNT.c.name > after, *_of(tenant)).order_by(ACCOUNT.c.name).limit(limit)
    if role is not None:
        query = query.where(ACCOUNT.c.role == role)
    if state is not None:
        way = or_(ACCOUNT.c.password.is_not(None), ACCOUNT.c.issuer.is_not(None))
        shut = ACCOUNT.c.disabled_us.is_not(None)
        query = query.where(shut if state == "disabled" else and_(~shut, way if state == "active" else ~way))
    with store.read() as connection:
        return [_account(row) for row in connection.execute(query).mappings()]


def any_accounts(store: Store) -> bool:
    """Whether there is anybody with an account."""
    with store.read() as connection:
        return connection.execute(select(ACCOUNT.c.name).limit(1)).first() is not None


def displays(store: Store, authors: Collection[str]) -> Mapping[str, str]:
    """What people are called, by `user:NAME`. Keys, and names that nobody has, are not in it; nor are the last of
    more than MOST_DISPLAYS."""
    names = sorted({author.removeprefix(PERSON) for author in authors if author.startswith(PERSON)})
    names = [name for name in names if is_name(name)][:MOST_DISPLAYS]
    if not names:
        return {}
    query = select(ACCOUNT.c.name, ACCOUNT.c.display).where(ACCOUNT.c.name.in_(names))
    with store.read() as connection:
        return {PERSON + row.name: row.display for row in connection.execute(query)}


def _of(tenant: str | None) -> list[Any]:
    return [] if tenant is None else [ACCOUNT.c.tenant == tenant]


def _values(wanted: Change, was: Account) -> dict[str, Any]:
    """The columns that change. Raises AccountError."""
    values: dict[str, Any] = {}
    if wanted.role is not None and wanted.role != was.role:
        values["role"] = wanted.role.value
    for part in ("display", "tenant"):
        text = getattr(wanted, part)
        if text is not None and (text := checked_text(part, text)) != getattr(was, part):
            values[part] = text
    if wanted.disabled is not None and wanted.disabled != (was.disabled_us is not None):
        values["disabled_us"] = time.time_ns() // 1000 if wanted.disabled else None
    if wanted.password is not None or (wanted.no_password and was.password is not None):
        values["password"] = wanted.password
    return values


def _manages(account: Account) -> bool:
    return account.state == "active" and may(account.principal(), Permission.USERS_WRITE)


def _lock_managers(connection: Connection) -> None:
    managers = select(ACCOUNT.c.name).where(ACCOUNT.c.role == Role.ADMIN.value).order_by(ACCOUNT.c.name)
    connection.execute(managers.with_for_update()).all()


def _another_way(connection: Connection) -> bool:
    """Whether somebody can still let people in: an account, or a key that may."""
    way = or_(ACCOUNT.c.password.is_not(None), ACCOUNT.c.issuer.is_not(None))
    person = select(ACCOUNT.c.name).where(
        ACCOUNT.c.role == Role.ADMIN.value, ACCOUNT.c.disabled_us.is_(None), way
    )
    key = select(API_KEY.c.id).where(
        API_KEY.c.revoked_us.is_(None),
        or_(API_KEY.c.expires_us.is_(None), API_KEY.c.expires_us > time.time_ns() // 1000),
        or_(API_KEY.c.admin, API_KEY.c.role == Role.ADMIN.value),
    )
    return any(connection.execute(each.limit(1)).first() is not None for each in (person, key))


def _locked(connection: Connection, name: str, tenant: str | None) -> Account | None:
    """An account that nobody else changes until the transaction ends."""
    if not is_name(name):
        return None
    query = select(ACCOUNT).where(ACCOUNT.c.name == name, *_of(tenant)).with_for_update()
    row = connection.execute(query).mappings().first()
    return None if row is None else _account(row)


_COLUMNS = tuple(column.name for column in ACCOUNT.columns)


def _account(row: Mapping[Any, Any]) -> Account:
    known = row["role"] in tuple(Role)
    return Account(**{**{name: row[name] for name in _COLUMNS}, "role": Role(row["role"]) if known else None})


def _row(account: Account) -> dict[str, Any]:
    return {name: getattr(account, name) for name in _COLUMNS}
