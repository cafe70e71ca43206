"""Reversible masking: a value becomes a pseudonym towards the model, and itself again on the way back."""

from __future__ import annotations

import copy
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from guardrails import redact, surrogates
from guardrails.keyed import keyed_hash
from guardrails.literals import SHORTEST, Literals
from guardrails.surrogates import Choices
from guardrails.tokens import DIGITS, Tokens, bare, spelt
from guardrails.types import Edit, Segment, Style

INSTRUCTION = (
    "Words in capitals that end in an underscore and ten hexadecimal digits stand for private values:"
    " treat each as an opaque name, never guess what it stands for, and repeat it exactly as it is written."
)
"""The one line told to the model when something was masked by a token."""

LOOKALIKE = "TOKEN"
"""Entity of a text that the caller wrote and that happens to look like one of this request's pseudonyms."""

_TRIES = 16
"""Surrogates that are tried for a value before it gets a token."""


@dataclass(frozen=True, slots=True)
class Restoration:
    """Put `value` in place of text[start:end]."""

    start: int
    end: int
    value: str = field(repr=False)


@dataclass(slots=True)
class Entry:
    """One value and its pseudonyms."""

    entity: str
    value: str = field(repr=False)
    token: str
    surrogate: str = field(default="", repr=False)
    """The stand-in; empty when it has none."""
    restorable: bool = False
    """Whether a reply may give the value back."""


class Vault:
    """The pseudonyms of one request. Nothing in it is ever stored in the clear.

    Args:
        key: secret that makes the pseudonyms unguessable.
        tenant: whose values they are; another tenant's equal value has another token.
        scope: within which equal values share a token, e.g. a conversation.
    """

    __slots__ = (
        *("_by_surrogate", "_by_token", "_by_value", "_key", "_literals", "_minted"),
        *(
            "_quoting",
            "_real",
            "_scope",
            "_tenant",
            "_tokens",
        ),
    )

    def __init__(self, key: bytes, tenant: str, scope: str) -> None:
        self._key, self._tenant, self._scope = key, tenant, scope
        self._by_value: dict[tuple[str, str], Entry] = {}
        self._by_token: dict[str, Entry] = {}
        self._by_surrogate: dict[str, Entry] = {}
        self._minted: dict[str, Entry] = {}
        self._real: set[str] = set()
        self._tokens, self._literals = Tokens(), Literals()
        self._quoting = False

    def __len__(self) -> int:
        """Number of values that have a pseudonym."""
        return len(self._by_value)

    def __repr__(self) -> str:
        return f"Vault({len(self)} values)"

    # --- values to pseudonyms

    def reserve(self, values: Iterable[str]) -> None:
        """Tells of values that stand in the request: no surrogate will be equal to one of them."""
        self._real.update(value.casefold() for value in values)

    def mint(self, entity: str, value: str, restorable: bool = True, style: Style = Style.TOKEN) -> str:
        """The pseudonym for a value, the same one for the same value each time.

        Args:
            entity: kind of value.
            value: the value exactly as it stood in the text.
            restorable: whether a reply may turn the pseudonym back into the value. Once granted it stays so.
            style: `ENTITY_` and 10 hex digits, or a stand-in where there is one for this entity.
        """
        entry = self._entry(spelt(entity), value)
        if restorable and not entry.restorable:
            entry.restorable = True
            self._tokens.add(entry.token)
        self._minted[entry.token] = entry
        if style is Style.SURROGATE and (made := self._surrogate(entry)):
            return made
        return entry.token

    @property
    def has_surrogates(self) -> bool:
        """Whether any of its values has a stand-in that looks like a value."""
        return bool(self._by_surrogate)

    def is_token(self, text: str) -> bool:
        """Whether a text is one of the vault's tokens: the model has to be told what they are."""
        return bare(text) in self._by_token

    def kept(self) -> list[Entry]:
        """The restorable entries that this request used, to be known again in a later one."""
        return [entry for entry in self._minted.values() if entry.restorable]

    def known(self) -> list[Entry]:
        """Every restorable entry, this request's own and those taken over."""
        return [entry for entry in self._by_value.values() if entry.restorable]

    def adopt(self, entries: Iterable[Entry]) -> None:
        """Takes over entries that an earlier request of the same tenant and scope kept."""
        for kept in entries:
            entry = self._by_value.get((kept.entity, kept.value))
            if entry is None and bare(kept.token) not in self._by_token:
                entry = self._known(Entry(kept.entity, kept.value, kept.token, restorable=True))
                self._tokens.add(entry.token)
            if entry is not None and kept.surrogate and kept.surrogate not in self._by_surrogate:
                self._stands_for(kept.surrogate, entry)

    def _entry(self, entity: str, value: str) -> Entry:
        entry = self._by_value.get((entity, value))
        attempt = count()
        while entry is None:
            token = f"{entity}_{self._digest(entity, value, str(next(attempt))).hex()[:DIGITS]}"
            if bare(token) not in self._by_token:
                entry = self._known(Entry(entity, value, token))
        return entry

    def _known(self, entry: Entry) -> Entry:
        self._by_token[bare(entry.token)] = self._by_value[entry.entity, entry.value] = entry
        return entry

    def _surrogate(self, entry: Entry) -> str:
        """The value's surrogate: the first that is nobody else's and no real value; empty when there is none."""
        if entry.surrogate and entry.surrogate.casefold() not in self._real:
            return entry.surrogate
        for attempt in range(_TRIES):
            own = Choices(self._digest(entry.entity, entry.value, f"surrogate {attempt}"))
            shared = Choices(self._digest("", "", f"surrogates {attempt}"))
            made = surrogates.surrogate(entry.entity, entry.value, own, shared)
            if made is None:
                break
            if len(made) < SHORTEST or json.dumps(made) != f'"{made}"':
                break  # too short to be known again, or written otherwise by a model that answers in JSON
            taken = self._by_surrogate.get(made, entry) is not entry or made.casefold() in self._real
            if not taken and made != entry.value:
                self._stands_for(made, entry)
                return made
        return ""

    def _stands_for(self, surrogate: str, entry: Entry) -> None:
        entry.surrogate = surrogate
        if surrogate not in self._by_surrogate:
            self._by_surrogate[surrogate] = entry
            self._literals.add(surrogate)

    def _digest(self, *parts: str) -> bytes:
        return _digest(self._key, self._tenant, self._scope, *parts)

    # --- pseudonyms to values

    def restores(self, text: str, start: int = 0) -> list[Restoration]:
        """Where this request's pseudonyms are in text[start:], left to right, and what is to stand there.

        For a surrogate whose value must not come back that is its token: a reader must not take it for true.
        Tokens are found however a model writes them (case, markdown, line ends), surrogates as words of their own.
        """
        found = [
            Restoration(begin, end, self._by_token[token].value)
            for begin, end, token in self._tokens.find(text, start)
        ]
        for begin, end, surrogate in self._literals.find(text, start):
            entry = self._by_surrogate[surrogate]
            found.append(Restoration(begin, end, entry.value if entry.restorable else entry.token))
        found.sort(key=lambda one: (one.start, -one.end))
        return list(self._apart(found))

    def hold(self, text: str, start: int = 0) -> int:
        """The first position at or after start from which the text could still become one of its pseudonyms.

        Like `restores`, it looks at two code points before start.
        """
        hold = self._tokens.hold(text, start)
        return min(hold, self._literals.hold(text, start)) if self._by_surrogate else hold

    def restore(self, text: str) -> str:
        """The text with its pseudonyms turned back. What was put in is not looked at again."""
        pieces: list[str] = []
        done = 0
        for found in self.restores(text):
            pieces += (text[done : found.start], found.value)
            done = found.end
        return "".join((*pieces, text[done:])) if pieces else text

    def in_json(self) -> Vault:
        """The same vault for text that is JSON as a whole: values are written as its strings need them."""
        twin = copy.copy(self)
        twin._quoting = True
        return twin

    def _apart(self, found: Sequence[Restoration]) -> Iterator[Restoration]:
        """Those that overlap none before them."""
        end = 0
        for one in found:
            if one.start >= end:
                end = one.end
                yield Restoration(one.start, end, _quoted(one.value)) if self._quoting else one


def restoring(
    segments: Iterable[Segment], edits: Iterable[Edit], vault: Vault, json_at: Collection[str] = ()
) -> list[Edit]:
    """The edits of a reply's texts as its reader gets them: with values in place of pseudonyms.

    A pseudonym that an edit touches goes with the edit; one that an edit puts in is turned back at once.

    Args:
        segments: the reply's texts, to which the edits belong.
        edits: what the verdict asks for.
        vault: the request's pseudonyms.
        json_at: pointers of texts that are JSON as a whole, where values are written as its strings need them.
    """
    by_place: dict[tuple[str, str], list[Edit]] = {}
    for edit in edits:
        by_place.setdefault((edit.pointer, edit.within), []).append(
            replace(edit, replacement=vault.restore(edit.replacement))
        )
    quoting, told = vault.in_json(), list[Edit]()
    for segment in segments:
        made = by_place.pop((segment.pointer, segment.within), [])
        found = (quoting if segment.pointer in json_at else vault).restores(segment.text)
        told += redact.beside(
            made, [Edit(segment.pointer, one.start, one.end, one.value, segment.within) for one in found]
        )
    return [*told, *(edit for rest in by_place.values() for edit in rest)]


def _quoted(value: str) -> str:
    """The value as it stands between the quotes of a JSON string."""
    return json.dumps(value, ensure_ascii=not value.isprintable())[1:-1]


def _digest(key: bytes, *parts: str) -> bytes:
    # Lengths go in as well, so that no two lists of parts make the same message.
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    message = b"".join(len(part).to_bytes(8, "big") + part for part in encoded)
    return keyed_hash(key, message, 32)
