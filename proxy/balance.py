"""Balance: which of several deployments takes a request, by their weights."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from random import Random

from proxy.config_deployments import Deployment

_BITS = 52
"""As many as leave a float room between 0 and 1."""


def pick(group: Sequence[Deployment], chance: Random, sticky: str | None = None) -> Deployment:
    """One of a group: each with the share that its weight has of all, or of those alike where all weigh nothing.

    Args:
        group: at least one deployment.
        chance: decides where nothing else does.
        sticky: a name whose requests stay together: equal names get the same deployment as long as it is in the
            group, in every process, and when it leaves, only its own names move.
    """
    if len(group) == 1:
        return group[0]
    weights = [item.weight for item in group]
    if sum(weights) <= 0:
        weights = [1.0] * len(group)
    if sticky is None:
        return chance.choices(group, weights)[0]
    return max(zip(group, weights, strict=True), key=lambda one: _score(one[0].id, one[1], sticky))[0]


def _score(id: str, weight: float, sticky: str) -> float:
    """How strongly a deployment claims a name (weighted rendezvous hashing): the highest claim wins."""
    digest = hashlib.blake2b(f"{id}\0{sticky}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    share = ((int.from_bytes(digest) >> (64 - _BITS)) + 0.5) / 2**_BITS
    return -weight / math.log(share)
