"""The scripted provider's embeddings: unit vectors from words, so that texts that share words are near."""

from __future__ import annotations

import base64
import math
import re
from array import array
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

DIMENSIONS = 256
"""Length of a vector when the request names none."""
MAX_DIMENSIONS = 4096

_WORD = re.compile(r"\w+")


def embeddings(payload: Mapping[str, Any], model: str) -> dict[str, Any]:
    """The answer to a request, as OpenAI writes it: floats, or base64 of 32-bit floats when that is asked for."""
    texts = _inputs(payload.get("input"))
    asked = payload.get("dimensions")
    size = asked if isinstance(asked, int) and 1 <= asked <= MAX_DIMENSIONS else DIMENSIONS
    packed = payload.get("encoding_format") == "base64"
    vectors = [vector(text, size) for text in texts]
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": base64.b64encode(each.tobytes()).decode() if packed else each.tolist(),
        }
        for index, each in enumerate(vectors)
    ]
    count = sum(len(text.split()) for text in texts)
    usage = {"prompt_tokens": count, "total_tokens": count}
    return {"object": "list", "data": data, "model": model, "usage": usage}


def vector(text: str, size: int) -> array[float]:
    """A vector of length 1: each word, in lower case, adds or takes 1 at a place that its hash chooses."""
    sums = [0.0] * size
    for word in _WORD.findall(text.lower()) or [""]:
        digest = int.from_bytes(blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest())
        sums[(digest >> 1) % size] += 1.0 if digest & 1 else -1.0
    length = math.hypot(*sums)
    if not length:
        sums[0], length = 1.0, 1.0  # words that cancelled each other out
    return array("f", [value / length for value in sums])


def _inputs(value: Any) -> list[str]:
    """The texts of a request, one at least; token numbers are read as words."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list) or not value:
        return [""]
    if isinstance(value[0], int):
        return [_spelled(value)]
    return [item if isinstance(item, str) else _spelled(item) for item in value]


def _spelled(tokens: Any) -> str:
    return " ".join(map(str, tokens)) if isinstance(tokens, list) else ""
