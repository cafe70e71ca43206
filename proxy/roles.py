"""Who may do what besides calling models: the roles of keys, and the permissions that each has. Deny by default.

`docs/reference/roles.md` has the same tables for people; a test holds both, and every route, together.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.exchange import Principal


class Permission(StrEnum):
    """One thing that a management route, a page or a command is for."""

    TRACES_READ = "traces.read"
    """See traces and sessions, as stored: after masking."""
    REVIEWS_WRITE = "reviews.write"
    """Judge traces."""
    REVIEWS_ADJUDICATE = "reviews.adjudicate"
    """Decide where reviewers disagree."""
    QUEUES_WRITE = "queues.write"
    """Say which traces are to be reviewed, by how many."""
    TRACES_REVEAL = "traces.reveal"
    """Read what was said before masking, where a policy keeps it."""
    TRACES_EXPORT = "traces.export"
    """Take stored traces out in bulk."""
    RECORDS_GOVERN = "records.govern"
    """Erase, hold, and say for how long things are kept."""
    POLICIES_READ = "policies.read"
    """See the configuration, policies and prompts in force."""
    POLICIES_WRITE = "policies.write"
    """Put another configuration or policy in force."""
    AUDIT_READ = "audit.read"
    """See who did what, the reveals, and evidence."""
    KEYS_WRITE = "keys.write"
    """See, make, change and revoke keys."""
    USERS_WRITE = "users.write"
    """See, let in, change and shut out the people who sign in."""
    USAGE_READ = "usage.read"
    """See what was used, what it cost, and metrics."""
    RUNS_READ = "runs.read"
    """See eval runs."""
    RUNS_WRITE = "runs.write"
    """Publish eval runs."""


class Role(StrEnum):
    """What the holder of a key is there for."""

    VIEWER = "viewer"
    REVIEWER = "reviewer"
    PRIVILEGED = "privileged"
    EDITOR = "editor"
    AUDITOR = "auditor"
    ADMIN = "admin"


_P = Permission
_SEES = frozenset({_P.TRACES_READ, _P.RUNS_READ})
MAY: Mapping[Role, frozenset[Permission]] = {
    Role.VIEWER: _SEES,
    Role.REVIEWER: _SEES | {_P.REVIEWS_WRITE},
    Role.PRIVILEGED: _SEES
    | {_P.REVIEWS_WRITE, _P.REVIEWS_ADJUDICATE, _P.QUEUES_WRITE, _P.TRACES_REVEAL, _P.TRACES_EXPORT},
    Role.EDITOR: _SEES | {_P.POLICIES_READ, _P.POLICIES_WRITE, _P.QUEUES_WRITE, _P.USAGE_READ, _P.RUNS_WRITE},
    Role.AUDITOR: frozenset({_P.AUDIT_READ, _P.POLICIES_READ, _P.USAGE_READ, _P.RUNS_READ}),
    Role.ADMIN: frozenset(
        {
            _P.KEYS_WRITE,
            _P.USERS_WRITE,
            _P.RECORDS_GOVERN,
            _P.POLICIES_READ,
            _P.POLICIES_WRITE,
            _P.USAGE_READ,
        }
    ),
}
"""What each role may do; whatever does not stand here it may not."""
ADMIN_KEY = frozenset(_P) - {_P.TRACES_REVEAL}
"""What the admin key and keys made with `--admin` may do: everything but reveal."""


def permissions(who: Principal) -> frozenset[Permission]:
    """All that a key may do besides calling. A role counts alone, whatever else the key is."""
    if who.role is not None:
        return MAY[who.role]
    return ADMIN_KEY if who.admin else frozenset()


def tenant_of(who: Principal) -> str | None:
    """The only tenant whose records a key may see; None: every one's, for the admin key and admin keys."""
    return None if who.admin and who.role is None else who.tenant


def may(who: Principal, permission: Permission) -> bool:
    """Whether a key may do something."""
    return permission in permissions(who)
