"""A claim's word pieces against those of the passages it may rest on: the features of groundedness, tier T1.

All are distances between vectors of the encoder as it ships: 0 when a claim repeats its context, larger the less of it
has a counterpart there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from guardrails.token_vectors import Tokens, unit

COMPARED = ("far", "strange", "stranger", "strangest")
"""Names of one claim's features, in order: distance to the nearest passage, or two neighbouring ones; mean distance of
its word pieces to their nearest counterparts; mean of what exceeds FAR; mean of the TOP largest."""

FAR = 0.3
"""Distance (one minus cosine) from which a word piece has no counterpart."""

TOP = 3


def compared(claim: Tokens, passages: Sequence[Tokens]) -> list[float]:
    """One claim's features, as named by COMPARED, 0 to 2 each; all 0 when either side has no word piece.

    `passages` stand in the order of the context.
    """
    if not claim.count or not any(passage.count for passage in passages):
        return [0.0] * len(COMPARED)
    context = np.concatenate([passage.vectors for passage in passages])
    sums = np.stack([passage.total for passage in passages])
    windows = unit(np.concatenate([sums, sums[1:] + sums[:-1]]))
    nearest = float((windows @ unit(claim.total)).max())
    apart = np.sort(1.0 - (claim.vectors @ context.T).max(1).astype(np.float64)).clip(0.0)
    return [
        max(0.0, 1.0 - nearest),
        float(apart.mean()),
        float((apart - FAR).clip(0.0).mean()),
        float(apart[-TOP:].mean()),
    ]
