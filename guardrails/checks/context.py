"""What stands beside a number: where one may begin and end, and the words to its left that say what it is."""

from __future__ import annotations

import re
from collections.abc import Callable

REACH = 64
"""Code points to the left of a candidate that its decision may depend on."""

_JOINTS = str.maketrans("", "", " _-.'’/\t\n\"")
_LONG = 7
"""Letters from which a word is known also inside a longer one: `taxpayer` in `taxpayerIdNumber`."""
_JOINT = "[ _.'’/-]{0,2}"
_HUMP = re.compile(r"([a-z])([A-Z])")

Beside = Callable[[str], bool]


def starts(before: str) -> bool:
    """Whether a number may begin after this text: not in the middle of a word, a number or an id."""
    return not before or not (before[-1].isalnum() or _is_joined(before))


def ends(following: str) -> bool:
    """Whether a number may end before this character."""
    return not (following.isalnum() or following in ("_", "%", "$", "€", "£"))


def _is_joined(before: str) -> bool:
    """Whether the sign that ends this text joins what follows to a word or number."""
    sign, previous = before[-1], before[-2:-1]
    if sign == "#":
        return previous == "#" or (previous.isalnum() and before[-5:-1].lower() in ("issue", "/pull"))
    return sign in "_$€£" or (sign in ".,-/%" and previous.isalnum())


def says(*words: str) -> Beside:
    """Whether a text holds one of the words, in any case. Write them in lower case.

    A space in a word stands for any joint: `tax id` is also in `taxId` and `tax_id`. Short words stand alone.
    """
    flat = {word: word.translate(_JOINTS) for word in words}
    long = tuple(bare for bare in flat.values() if len(bare) >= _LONG)
    short = tuple(bare for bare in flat.values() if len(bare) < _LONG)
    spelt = (_JOINT.join(map(re.escape, word.split())) for word, bare in flat.items() if len(bare) < _LONG)
    alone = re.compile(rf"(?<![^\W\d_])(?:{'|'.join(spelt)})(?![^\W\d_])")

    def told(text: str) -> bool:
        bare = text.lower().translate(_JOINTS)
        if any(word in bare for word in long):
            return True
        if not any(word in bare for word in short):
            return False
        return alone.search(_HUMP.sub(r"\1 \2", text).lower()) is not None

    return told


def near(*words: str) -> Beside:
    """Whether a number may begin after a text that holds one of the words (as in `says`)."""
    told = says(*words)
    return lambda before: starts(before) and told(before)
