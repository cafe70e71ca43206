"""The fitted weights of the injection check: read, verified, and applied to windows of text."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guardrails.checks.injection_features import BITS, Windows
from guardrails.errors import ModelError

SHIPPED = Path(__file__).resolve().parent.parent / "models" / "injection"
"""Folder of the model that comes with the product; written by guardrails/models/fit_injection.py."""

FORMAT = "guardhouse.injection/2"

OVERRIDE = "override"
"""The head that knows texts which turn a model against its instructions."""

REQUEST = "request"
"""The head that knows what people ask of an assistant, which has no place inside a document."""

REQUEST_IN_MAIL = "request in mail"
"""The same head in mails, whose own writers ask for things too: they have a threshold of their own."""

CANDIDATE = -2.5
"""Logit of the request head from which a sentence may be looked at a second time, with the encoder."""

Logits = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Threshold:
    """Where a head's logit becomes a finding, for one kind of text."""

    base: float
    """Logit that one of a hundred clean texts of a single sentence reaches."""
    growth: float
    """What is added per natural logarithm of the number of sentences: more windows, more chances."""
    slope: float
    """Steepness of the score around the threshold."""

    def scores(self, logits: Logits, pieces: int) -> Logits:
        """Scores between 0 and 1 of a text's windows; 0.5 is one clean text in a hundred."""
        margin = logits - self.base - self.growth * math.log(max(1, pieces))
        scores: Logits = 0.5 * (1.0 + np.tanh(0.5 * self.slope * margin))
        return scores


class Model:
    """Linear weights over hashed features, one table of 8-bit numbers a head. Immutable.

    Raises ModelError when a file is missing, is not the one its card names, or was fitted for other features.
    """

    def __init__(self, directory: Path = SHIPPED) -> None:
        card = _card(directory / "card.json")
        content = _read(directory / "weights.bin")
        found = hashlib.sha256(content).hexdigest()
        if found != card["sha256"]:
            raise ModelError(
                f"{directory / 'weights.bin'}: SHA-256 is {found}, its card names {card['sha256']}. "
                "The file was changed or cut short: reinstall the package, or fit it again."
            )
        tables = np.frombuffer(content, dtype=np.int8).reshape(len(card["heads"]), 1 << BITS)
        self.version: str = found[:12]
        self._heads = {
            head["name"]: (table, float(head["scale"]), float(head["intercept"]))
            for head, table in zip(card["heads"], tables, strict=True)
        }
        second = card["encoder"]
        self.encoder: str = second["sha256"]
        self._intercept = float(second["intercept"])
        self._second = np.array(second["weights"], dtype=np.float64)
        self._thresholds = {name: Threshold(**values) for name, values in card["thresholds"].items()}

    def logits(self, head: str, windows: Windows) -> Logits:
        """The head's logit for each window: the mean weight of its features, times the root of their number."""
        table, scale, intercept = self._heads[head]
        total = np.zeros(len(windows.starts))
        for family in windows.families:
            sums = np.concatenate(([0], np.cumsum(table[family.hashes], dtype=np.int64)))
            total += family.weight * (sums[family.last] - sums[family.first])
        logits: Logits = total * scale / np.sqrt(np.maximum(windows.sizes, 1)) + intercept
        return logits

    def second(self, features: NDArray[np.float64]) -> Logits:
        """The request head's logits after the second look, one for each row of features."""
        logits: Logits = self._intercept + features @ self._second
        return logits

    def threshold(self, name: str) -> Threshold:
        """The threshold of that name, as in the card."""
        return self._thresholds[name]


def _card(path: Path) -> dict[str, Any]:
    try:
        card: dict[str, Any] = json.loads(_read(path))
    except ValueError as error:
        raise ModelError(f"{path}: the model card is no JSON. Reinstall the package.") from error
    if card.get("format") != FORMAT or card.get("bits") != BITS:
        raise ModelError(
            f"{path}: fitted for other features than this version's. Run fit_injection.py again."
        )
    return card


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: the model file cannot be read. Reinstall the package.") from error
