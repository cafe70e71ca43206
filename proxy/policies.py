"""The policies of one configuration: which one judges whom."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from guardrails import policy as policies
from guardrails.engine import Guard, load_guard
from guardrails.errors import PolicyError
from guardrails.policy import Policy
from proxy.config_policies import PolicySource, Scope
from proxy.errors import Code, Unavailable
from proxy.outside import Models, RedisCounter, require_models

if TYPE_CHECKING:
    from guardrails.conversation import Outside
    from proxy.config import Config
    from proxy.exchange import Principal
    from proxy.routing import Router

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _InForce:
    """The guards of one load; replaced as a whole."""

    guard: Guard
    scoped: tuple[tuple[Scope, Guard], ...]
    named: Mapping[str, Guard]
    files: tuple[str, ...]

    def guards(self) -> Iterator[Guard]:
        yield self.guard
        for _, guard in self.scoped:
            yield guard
        yield from self.named.values()


class Placed(NamedTuple):
    """A policy in force."""

    guard: Guard
    source: PolicySource
    whom: str
    """Whom it judges, in words."""


class Policies:
    """The guards of one configuration.

    Args:
        config: names the policies. Raises PolicyError when one of them cannot be enforced.
        key: secret under which findings are fingerprinted.
        outside: what checks may use of the world.
        known: guards at work already, by the revision of their policy: kept with what they remember.
    """

    def __init__(
        self, config: Config, key: bytes, outside: Outside, known: Mapping[str, Guard] = MappingProxyType({})
    ) -> None:
        self._config, self._key, self._outside = config, key, outside
        self._shipped: dict[str, Guard] = {}
        """Guards of built-in policies that keys name; loaded when the first such key is known."""
        self._unusable: set[str] = set()
        self._shipping = threading.Lock()
        self._now = self._load(dict(known))

    @property
    def files(self) -> tuple[str, ...]:
        """Every file that was read for them."""
        return self._now.files

    @property
    def guard(self) -> Guard:
        """The guard for whoever has no policy of their own."""
        return self._now.guard

    @property
    def label(self) -> str:
        """`name@revision` of the policy for whoever has none of their own."""
        return self._now.guard.policy.label

    def labels(self) -> list[str]:
        """`name@revision` of every policy in force, the default first."""
        return list(dict.fromkeys(guard.policy.label for guard in self._guards()))

    def hashes(self) -> dict[str, str]:
        """The SHA-256 of what every policy in force means, by `name@revision`."""
        return {guard.policy.label: guard.policy.digest for guard in self._guards()}

    def placed(self) -> list[Placed]:
        """Every policy in force with where it is read from and whom it judges, the default first."""
        now, config = self._now, self._config
        found = [Placed(now.guard, config.policy, "everybody who has none of their own")]
        found += [Placed(guard, scope.policy, _whom(scope)) for scope, guard in now.scoped]
        found += [
            Placed(now.named[name], source, f"keys that name it {name}")
            for name, source in config.policies.items()
        ]
        found += [
            Placed(guard, PolicySource("builtin", name), f"keys that name it {name}")
            for name, guard in self._shipped.items()
        ]
        return found

    def rules(self) -> list[str]:
        """Ids of all rules in force, each once."""
        found = (rule.id for guard in self._guards() for rule in guard.policy.rules)
        return list(dict.fromkeys(found))

    def guard_for(self, who: Principal, model: str, route: str) -> Guard:
        """The guard that judges an exchange: of the key's own policy, else of the first scope that covers it, else
        the default.

        Raises Unavailable when the key names a policy that is not in force: no other one may stand in for it.
        """
        if who.policy is not None:
            own = self._now.named.get(who.policy) or self._shipped.get(who.policy)
            if own is None:
                why = f"The policy {who.policy!r} of this key is not in force here. Ask the operator of this proxy."
                raise Unavailable(why, code=Code.GUARDRAIL_UNAVAILABLE)
            return own
        names = (who.key_id, who.name) if who.name else (who.key_id,)
        for scope, guard in self._now.scoped:
            if scope.covers(names, model, route):
                return guard
        return self._now.guard

    def use(self, names: Iterable[str]) -> None:
        """Load the built-in policies among the names that keys give. Blocks.

        One that cannot be enforced here is logged, and keys that name it are refused.
        """
        with self._shipping:
            self._ship(names, self._known())

    def _ship(self, names: Iterable[str], known: Mapping[str, Guard]) -> None:
        for name in {*names} & {*policies.BUILT_IN}:
            if name in self._now.named or name in self._shipped or name in self._unusable:
                continue
            try:
                self._shipped[name] = self._guard(policies.builtin(name), known)
            except PolicyError as error:
                self._unusable.add(name)
                _log.error("keys with the policy %s are refused, as it cannot be enforced: %s", name, error)

    def renewed(self, config: Config) -> Policies:
        """The policies of another configuration; a guard whose policy means the same is kept.

        Raises PolicyError when one of them cannot be enforced.
        """
        known = self._known()
        new = Policies(config, self._key, self._outside, known)
        new._ship([*self._shipped, *self._unusable], known | new._known())
        return new

    def dropped(self, after: Policies) -> list[Guard]:
        """The guards of these policies that others do not have any more."""
        kept = {id(guard) for guard in after._guards()}
        return [guard for guard in self._guards() if id(guard) not in kept]

    def ask(self, router: Router) -> None:
        """From now on the models that checks ask are those of another router."""
        if isinstance(self._outside.models, Models):
            self._outside.models.router = router

    async def aclose(self) -> None:
        """Ends what the checks run in."""
        for guard in self._guards():
            await guard.aclose()
        if isinstance(self._outside.counter, RedisCounter):
            await self._outside.counter.aclose()

    def _load(self, known: dict[str, Guard]) -> _InForce:
        """All policies read anew; a guard whose policy means the same is kept, with what it remembers."""
        files: list[str] = []

        def guard(source: PolicySource) -> Guard:
            policy = load_policy(source)
            files.extend(policy.files)
            known[policy.revision] = self._guard(policy, known)
            return known[policy.revision]

        default = guard(self._config.policy)
        scoped = tuple((scope, guard(scope.policy)) for scope in self._config.scopes)
        named = {name: guard(source) for name, source in self._config.policies.items()}
        return _InForce(default, scoped, named, tuple(dict.fromkeys(files)))

    def _guard(self, policy: Policy, known: Mapping[str, Guard]) -> Guard:
        """A guard for the policy: one that is known by its revision, or a new one. Raises PolicyError."""
        require_models(policy, [each.model_name for each in self._config.deployments])
        return known.get(policy.revision) or load_guard(policy, self._key, self._outside)

    def _guards(self) -> list[Guard]:
        """Every guard in force, each once, the default first."""
        return list({id(guard): guard for guard in (*self._now.guards(), *self._shipped.values())}.values())

    def _known(self) -> dict[str, Guard]:
        return {guard.policy.revision: guard for guard in self._guards()}


def _whom(scope: Scope) -> str:
    """A scope in words."""
    parts = (("keys", scope.keys), ("models", scope.models), ("routes", scope.routes))
    return ", ".join(f"{name} {' '.join(patterns)}" for name, patterns in parts if patterns)


def load_policy(source: PolicySource) -> Policy:
    """The policy that a configuration names. Raises PolicyError."""
    if source.kind == "builtin":
        return policies.builtin(source.value)
    if source.kind == "inline":
        return policies.parse(source.value, file=source.file)
    return policies.load(source.value)
