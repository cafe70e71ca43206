"""What goes wrong with accounts has one answer everywhere."""

from __future__ import annotations

import pytest

from proxy.auth import Keyring
from proxy.errors import Forbidden
from proxy.managing import FAULTS, has_other_way, role_named, tenant_for, told
from proxy.passwords import Busy, PasswordError
from proxy.roles import Role
from proxy.store.accounts import Account, AccountError, Changed, LastWay, Taken

ADA = Account("ada", "acme", "Ada", Role.AUDITOR, "hash", None, None, 1, None, None, 2)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (AccountError("name", "name takes less."), 400), (PasswordError("too short"), 400), (Taken(), 409),
        (Changed(ADA), 409), (LastWay(), 409), (Busy(), 503),
    ],
)  # fmt: skip
def test_each_fault_is_told(fault: Exception, status: int) -> None:
    """With a status that says whose turn it is, and no secret."""
    assert isinstance(fault, FAULTS)
    error = told(fault)
    assert error.status == status and error.message and "hash" not in error.message


def test_every_fault_has_an_answer() -> None:
    """None is left out of the table above."""
    assert {AccountError, PasswordError, Taken, Changed, LastWay, Busy} == set(FAULTS)


def test_roles_are_named() -> None:
    """Those that there are, and no others."""
    assert role_named("auditor") is Role.AUDITOR
    for name in ("", "Auditor", "root"):
        with pytest.raises(AccountError):
            role_named(name)


def test_a_tenant_is_ones_own() -> None:
    """Who manages one tenant names no other."""
    assert (tenant_for(None, None), tenant_for("shop", None), tenant_for(None, "acme")) == (
        "default",
        "shop",
        "acme",
    )
    assert tenant_for("acme", "acme") == "acme"
    with pytest.raises(Forbidden):
        tenant_for("shop", "acme")


def test_the_admin_key_is_another_way() -> None:
    """So is a proxy that asks nobody for a key."""
    assert (
        has_other_way(Keyring("key"))
        and has_other_way(Keyring(closed=False))
        and not has_other_way(Keyring())
    )
