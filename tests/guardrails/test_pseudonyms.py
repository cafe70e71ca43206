"""Tokens: minting, finding, holding and restoring."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails import pseudonyms, redact
from guardrails.pseudonyms import INSTRUCTION, Vault, restoring
from guardrails.types import Edit, Segment, Stage, Style


def vault(tenant: str = "t", scope: str = "s", key: bytes = b"key") -> Vault:
    """A fresh vault."""
    return Vault(key, tenant, scope)


def test_a_token_names_the_entity_and_is_stable() -> None:
    """Same key, tenant, scope, entity and value: same token, in every request; anything else: another."""
    token = vault().mint("EMAIL_ADDRESS", "ada@example.com")

    assert re.fullmatch(r"EMAIL_ADDRESS_[0-9a-f]{10}", token)
    assert vault().mint("EMAIL_ADDRESS", "ada@example.com") == token
    others = {
        vault().mint("EMAIL_ADDRESS", "Ada@example.com"),
        vault().mint("PERSON", "ada@example.com"),
        vault(tenant="u").mint("EMAIL_ADDRESS", "ada@example.com"),
        vault(scope="u").mint("EMAIL_ADDRESS", "ada@example.com"),
        vault(key=b"other").mint("EMAIL_ADDRESS", "ada@example.com"),
    }
    assert len({token, *others}) == 6


def test_tenant_and_scope_do_not_run_into_each_other() -> None:
    """Two lists of parts that join to the same text have different tokens."""
    assert vault("ab", "c").mint("X", "v") != vault("a", "bc").mint("X", "v")


def test_an_entity_of_any_name_makes_a_plain_token() -> None:
    """Names of users' own entities are reduced to capitals, digits and underscores."""
    assert re.fullmatch(r"CASE_NO__[0-9a-f]{10}", vault().mint("case-no.", "1"))


def test_restoring_is_exact() -> None:
    """Every value comes back as it was written, wherever the token stands."""
    safe = vault()
    first, second = safe.mint("EMAIL_ADDRESS", "Ada@Example.com"), safe.mint("PERSON", "Ada")

    assert safe.restore(f"{second}'s mail:{first}{second}, x{first}_") == (
        "Ada's mail:Ada@Example.comAda, xAda@Example.com_"
    )
    assert (
        safe.restore("EMAIL_ADDRESS_0123456789 EMAIL_ADDRESS_") == "EMAIL_ADDRESS_0123456789 EMAIL_ADDRESS_"
    )


def test_models_escapes_and_capitals_are_understood() -> None:
    """Markdown's backslashes and capital hex digits do not keep a value from coming back."""
    safe = vault()
    token = safe.mint("EMAIL_ADDRESS", "ada@example.com")
    head, digits = token[:14], token[14:]

    assert safe.restore(token.replace("_", "\\_") + "!") == "ada@example.com!"
    assert safe.restore(head + digits.upper()) == "ada@example.com"
    assert safe.restore(token.lower()) == "ada@example.com"


def test_restored_text_is_not_looked_at_again() -> None:
    """A value that is itself a token of this request comes back as it was written."""
    safe = vault()
    inner = safe.mint("EMAIL_ADDRESS", "ada@example.com")
    outer = safe.mint("TOKEN", inner)

    assert safe.restore(f"{outer} and {inner}") == f"{inner} and ada@example.com"


def test_a_value_of_the_system_prompt_does_not_come_back() -> None:
    """It is masked, and stays so in the reply, unless the user wrote the same value."""
    safe = vault()
    token = safe.mint("EMAIL_ADDRESS", "boss@example.com", restorable=False)

    assert safe.restore(token) == token
    assert safe.restores(token) == []
    assert safe.mint("EMAIL_ADDRESS", "boss@example.com", restorable=True) == token
    assert safe.mint("EMAIL_ADDRESS", "boss@example.com", restorable=False) == token
    assert safe.restore(token) == "boss@example.com"


def test_the_longer_entity_wins_when_one_ends_in_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """EMAIL_ADDRESS is not taken for ADDRESS, even if their digits were equal."""
    monkeypatch.setattr(pseudonyms, "_digest", lambda *_: bytes.fromhex("0123456789"))
    safe = vault()
    safe.mint("ADDRESS", "a street")
    safe.mint("EMAIL_ADDRESS", "a mail")

    assert safe.restore("EMAIL_ADDRESS_0123456789 ADDRESS_0123456789") == "a mail a street"


def test_two_values_never_share_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Should their hashes be equal, the second one gets another: nobody is given another person's value."""
    monkeypatch.setattr(pseudonyms, "_digest", lambda *parts: bytes.fromhex(f"{parts[-1]:0>10}"))
    safe = vault()

    first, second = safe.mint("X", "one"), safe.mint("X", "two")

    assert first != second
    assert safe.restore(f"{first} {second}") == "one two"
    assert safe.mint("X", "two") == second


def test_nothing_raw_is_in_a_repr() -> None:
    """Long-lived objects may be logged by accident."""
    safe = vault()
    token = safe.mint("EMAIL_ADDRESS", "ada@example.com")

    assert repr(safe) == "Vault(1 values)"
    assert "ada" not in repr(safe.restores(token))


def test_the_instruction_is_one_line_that_is_no_token() -> None:
    """It can stand in any prompt without being masked or restored itself."""
    assert "\n" not in INSTRUCTION
    assert not re.search(r"_[0-9a-f]{10}", INSTRUCTION)


PIECES = [
    "EMAIL_ADDRESS_",
    "EMAIL\\_ADDRESS\\_",
    "ADDRESS_",
    "E",
    "_",
    "\\",
    "0",
    "ab",
    " ",
    "é",
    "😀",
    "EMAIL_",
]


@given(st.lists(st.sampled_from([*PIECES, "T1", "T2", "T3", "t1"]), max_size=8), st.data())
def test_what_is_before_the_hold_is_decided(pieces: list[str], data: st.DataObject) -> None:
    """Whatever follows, tokens before the hold stay, and none reaches across it unless it was seen complete."""
    safe = vault()
    tokens = {
        "T1": safe.mint("EMAIL_ADDRESS", "ada@example.com"),
        "T2": safe.mint("ADDRESS", "a street"),
        "t1": safe.mint("EMAIL_ADDRESS", "ada@example.com").replace("_", "\\_"),
        "T3": safe.mint("E", "e"),
    }
    text = "".join(tokens.get(piece, piece) for piece in pieces)
    cut = data.draw(st.integers(0, len(text)))
    whole, part = safe.restores(text), safe.restores(text[:cut])

    hold = safe.hold(text[:cut])

    settled = [found for found in part if found.end <= hold]
    assert [found for found in whole if found.end <= hold] == settled
    crossing = [found for found in whole if found.start < hold < found.end]
    assert [found for found in part if found.start < hold < found.end] == crossing


def test_prose_is_not_held() -> None:
    """Only the beginning of one of this request's tokens waits."""
    safe = vault()
    token = safe.mint("EMAIL_ADDRESS", "ada@example.com")

    assert safe.hold("Hello, this is plain text") == 25
    assert safe.hold("write to EMAIL") == 9
    assert safe.hold("write to PERSON_") == 16
    assert safe.hold(f"write to {token[:-1]}") == 9
    assert safe.hold(f"write to {token[:14]}zz") == 25
    assert safe.hold(f"write to {token}") == 9 + len(token)
    assert Vault(b"", "", "").hold("EMAIL_ADDRESS_") == 14


def test_a_surrogate_is_stable_and_nobody_elses() -> None:
    """The same for the same value in every request of a tenant, another for any other value or tenant."""
    values = [f"user{n}@corp.example" for n in range(500)]

    def made(safe: Vault, order: list[str]) -> dict[str, str]:
        return {value: safe.mint("EMAIL_ADDRESS", value, style=Style.SURROGATE) for value in order}

    one = made(vault(), values)

    assert made(vault(), values[::-1]) == one
    assert len(set(one.values())) == 500
    assert not set(one.values()) & set(made(vault(tenant="u"), values).values())
    safe = vault()
    made(safe, values)
    assert safe.restore("; ".join(one.values())) == "; ".join(values)


def test_when_stand_ins_run_out_there_are_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two values never share one; after some tries the value gets a token, and both come back."""
    monkeypatch.setattr("guardrails.surrogates.surrogate", lambda *_: "Same Name")
    safe = vault()
    first, second = (safe.mint("PERSON", value, style=Style.SURROGATE) for value in ("Ada Byron", "Bob Ross"))

    assert (first, safe.is_token(first)) == ("Same Name", False)
    assert safe.is_token(second)
    assert safe.restore(f"{first} and {second}") == "Ada Byron and Bob Ross"


@pytest.mark.parametrize("made", ["Ann", 'Ann "Bo" O', "Zoë Müller", "ada@example.com"])
def test_what_could_not_be_found_again_is_no_stand_in(monkeypatch: pytest.MonkeyPatch, made: str) -> None:
    """Too short, written otherwise inside JSON, or the value itself."""
    monkeypatch.setattr("guardrails.surrogates.surrogate", lambda *_: made)
    safe = vault()

    assert safe.is_token(safe.mint("EMAIL_ADDRESS", "ada@example.com", style=Style.SURROGATE))


def test_reserved_values_are_passed_over() -> None:
    """Also one that was chosen before it was known that somebody has it; then both are still restored."""
    safe = vault()
    before = safe.mint("PERSON", "Ada Byron", style=Style.SURROGATE)
    safe.reserve([before.upper()])
    after = safe.mint("PERSON", "Ada Byron", style=Style.SURROGATE)

    assert before != after
    assert safe.restore(f"{before}, {after}") == "Ada Byron, Ada Byron"


def test_kept_entries_are_known_again() -> None:
    """What was restorable, with both of its pseudonyms; a vault that knew the value already keeps its own."""
    first, later = vault(), vault()
    written = [
        first.mint("PERSON", "Ada Byron", style=Style.SURROGATE),
        first.mint("PERSON", "Ada Byron"),
        first.mint("CASE", "77"),
    ]
    hidden = first.mint("CASE", "boss", restorable=False)

    later.mint("CASE", "77")
    later.adopt(first.kept())

    assert [later.restore(each) for each in written] == ["Ada Byron", "Ada Byron", "77"]
    assert later.restore(hidden) == hidden
    assert [entry.value for entry in later.kept()] == ["77"]
    assert "Ada" not in repr(first.kept())


def test_values_are_quoted_in_json() -> None:
    """In text that is JSON as a whole a value keeps the text JSON; all else is the same vault."""
    safe = vault()
    twin = safe.in_json()
    token = safe.mint("PERSON", 'Ann "Bo" O\\x\n')

    assert json.loads(twin.restore(f'{{"to": "{token}"}}')) == {"to": 'Ann "Bo" O\\x\n'}
    assert safe.restore(token) == 'Ann "Bo" O\\x\n'
    assert twin.hold(f"x {token[:9]}") == safe.hold(f"x {token[:9]}") == 2


def test_edits_and_values_in_one_go() -> None:
    """A pseudonym that an edit touches goes with it; what the edits put in for the record is turned back."""
    safe = vault()
    token, other = safe.mint("PERSON", "Ada"), safe.mint("EMAIL_ADDRESS", "ada@example.com")
    text = f"{token} and {token}, 4111 x"
    segments = [Segment(text, "/a", Stage.OUTPUT), Segment(f'"{token}"', "/b", Stage.OUTPUT)]
    at = text.index(", ")
    edits = [Edit("/a", at - 1, at + 6, "[CARD]"), Edit("/a", at + 7, at + 8, other)]

    told = restoring(segments, edits, safe, {"/b"})

    assert (
        redact.apply(text, [edit for edit in told if edit.pointer == "/a"])
        == f"Ada and {token[:-1]}[CARD] ada@example.com"
    )
    assert [edit.replacement for edit in told if edit.pointer == "/b"] == ["Ada"]
