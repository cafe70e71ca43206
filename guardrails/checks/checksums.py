"""Check digits: what makes an identifier more than a row of digits.

Presidio's recognisers decide where they have an entity. Here are the rules it does not have.
Functions that take `digits` want ASCII digits and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def luhn(digits: str) -> bool:
    """Whether a digit string ends in its Luhn check digit; one digit repeated does not count."""
    if digits == digits[:1] * len(digits):
        return False
    plain = sum(map(int, digits[-1::-2]))
    return (plain + sum(_DOUBLED[int(digit)] for digit in digits[-2::-2])) % 10 == 0


def weighted(digits: str, weights: Sequence[int]) -> int:
    """Sum of the digits times their weights, in order."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def mod_11_10(digits: str) -> bool:
    """Whether a digit string ends in its check digit of ISO 7064 MOD 11,10."""
    product = 10
    for digit in digits[:-1]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(digits[-1])


def mod_11_2(digits: str) -> str:
    """Check character (0 to 9 or X) of ISO 7064 MOD 11-2."""
    remainder = 0
    for digit in digits:
        remainder = (remainder + int(digit)) * 2 % 11
    return "0123456789X"[(12 - remainder) % 11]


def mrz(text: str) -> int:
    """Check digit of a field of a machine-readable travel document (ICAO 9303): weights 7, 3, 1."""
    return sum(_mrz_value(sign) * (7, 3, 1)[place % 3] for place, sign in enumerate(text)) % 10


def _mrz_value(sign: str) -> int:
    """What a sign of a machine-readable zone counts."""
    return 0 if sign == "<" else _ALPHABET.index(sign)


def keccak_256(data: bytes) -> bytes:
    """Keccak-256 as Ethereum uses it: SHA-3 before its padding was changed, so not in `hashlib`."""
    rate = 136
    padded = bytearray(data) + b"\x01" + bytes(-(len(data) + 1) % rate)
    padded[-1] |= 0x80
    state = [0] * 25
    for begin in range(0, len(padded), rate):
        for lane in range(rate // 8):
            at = begin + lane * 8
            state[lane] ^= int.from_bytes(padded[at : at + 8], "little")
        _permute(state)
    return b"".join(lane.to_bytes(8, "little") for lane in state[:4])


def _permute(state: list[int]) -> None:
    """The permutation Keccak-f[1600]."""
    register = 1
    for _ in range(24):
        parity = [state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20] for x in range(5)]
        for x in range(5):
            mixed = parity[x - 1] ^ _rotated(parity[(x + 1) % 5], 1)
            for y in range(0, 25, 5):
                state[x + y] ^= mixed
        x, y, lane = 1, 0, state[1]
        for step in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            lane, state[x + 5 * y] = state[x + 5 * y], _rotated(lane, (step + 1) * (step + 2) // 2 % 64)
        for y in range(0, 25, 5):
            row = state[y : y + 5]
            for x in range(5):
                state[y + x] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5])
        for place in range(7):
            if register & 1:
                state[0] ^= 1 << ((1 << place) - 1)
            register = (register << 1) ^ (0x171 if register & 0x80 else 0)


def _rotated(lane: int, by: int) -> int:
    """A 64-bit lane rotated to the left."""
    return ((lane << by) | (lane >> (64 - by))) & 0xFFFFFFFFFFFFFFFF if by else lane
