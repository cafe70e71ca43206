"""What each role may do is what the documentation says."""

from __future__ import annotations

import re
from typing import Any

import pytest

from proxy.auth import Keyring
from proxy.errors import Forbidden
from proxy.exchange import Principal
from proxy.permits import check_calls
from proxy.roles import ADMIN_KEY, MAY, Permission, Role, may, permissions
from tests.architecture.source import ROOT


def documented() -> dict[str, frozenset[str]]:
    """Permissions by the columns of the table in docs/reference/roles.md."""
    text = (ROOT / "docs" / "reference" / "roles.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip(" `") for cell in line.split("|")[1:-1]]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    head = next(row for row in rows if row[0] == "permission")
    body = [row for row in rows if len(row) == len(head) and re.fullmatch(r"[a-z]+\.[a-z]+", row[0])]
    assert [row[0] for row in body] == list(Permission)
    return {
        name: frozenset(row[0] for row in body if row[place] == "yes")
        for place, name in enumerate(head)
        if place and name != "for"
    }


def test_the_table_is_the_documented_one() -> None:
    """Each role, and the admin key."""
    assert documented() == {**{str(role): MAY[role] for role in Role}, "--admin": ADMIN_KEY}


def test_without_a_role_there_is_nothing_and_a_role_counts_alone() -> None:
    """Whatever else the key is."""
    assert permissions(Principal("k")) == frozenset()
    assert permissions(Principal("k", admin=True)) == ADMIN_KEY
    assert permissions(Principal("k", admin=True, role=Role.VIEWER)) == MAY[Role.VIEWER]
    assert [role for role in Role if may(Principal("k", role=role), Permission.TRACES_REVEAL)] == [
        "privileged"
    ]


def row(**more: Any) -> dict[str, Any]:
    """A stored key."""
    return {
        "key_id": "k",
        "tenant": "default",
        "name": "n",
        "hash": "h",
        "admin": False,
        "revoked_us": None,
        **more,
    }


@pytest.mark.parametrize(
    ("stored", "calls"),
    [({}, True), ({"role": "viewer"}, False), ({"role": "editor", "models": '["small"]'}, True)],
)
def test_a_key_with_a_role_calls_only_what_is_named(stored: dict[str, Any], calls: bool) -> None:
    """Who looks at traffic has no part in it by accident."""
    keyring = Keyring()
    keyring.replace([row(**stored)])
    [who] = keyring.principals()

    if calls:
        check_calls(who)
        assert who.models in (None, frozenset({"small"}))
    else:
        with pytest.raises(Forbidden, match="role viewer and may not call"):
            check_calls(who)


def test_a_role_that_nobody_knows_is_no_role() -> None:
    """The key is refused, and so does not fall back to what it could do without."""
    keyring = Keyring()
    keyring.replace([row(role="superuser", admin=True)])
    assert keyring.principals() == []
