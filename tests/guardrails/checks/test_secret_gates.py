"""A gate lets through what was drawn at random or typed as a password, and stops names, paths, digests and code."""

from __future__ import annotations

import base64
import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.checks.secret_gates import ENDS, GATES, ends, ends_value

ALNUM = string.ascii_letters + string.digits


def let_through(gate: str, alphabet: str, size: int, times: int = 4000) -> float:
    """The share of values drawn from an alphabet that a gate lets through."""
    chance = random.Random(f"{gate}{alphabet}{size}")
    test = GATES[gate]
    assert test is not None
    return sum(test("".join(chance.choice(alphabet) for _ in range(size))) for _ in range(times)) / times


@pytest.mark.parametrize(
    ("gate", "alphabet", "size", "least"),
    [
        ("token", ALNUM, 20, 0.999),
        ("random", ALNUM, 40, 0.998),
        ("random", ALNUM, 32, 0.993),
        ("random", ALNUM, 24, 0.97),
        ("random", ALNUM, 16, 0.90),
        ("random", "0123456789abcdef", 40, 0.99),
        ("random", "0123456789abcdef", 32, 0.97),
        ("random", string.ascii_uppercase + string.digits, 20, 0.97),
        ("random", ALNUM + "_-", 43, 0.99),
        ("quoted_password", ALNUM + "!@#%&*", 12, 0.85),
        ("url", ALNUM, 16, 0.999),
    ],
)
def test_a_gate_lets_random_values_through(gate: str, alphabet: str, size: int, least: float) -> None:
    """Nearly every value that a provider draws passes; what it loses is a value without a digit."""
    assert let_through(gate, alphabet, size) >= least


@pytest.mark.parametrize(
    "value",
    [
        "550e8400-e29b-41d4-a716-446655440000",
        "sha512-9oBHaEcrF9pCZkYl4E2hO7hrQW9yBsQ8D0bB2c3eKx7pWb0kJt2dYlM1cXnV4uRzqA",
        "user_authentication_token_provider",
        "MyTestDatabaseSecret-a1b2c3",
        "Ed25519PrivateKey",
        "settings.SECRET_KEY_V2_provider",
        "rust_openssl.hpke.Key2.from_bytes",
        "/etc/ssl/private/server2.key",
        "C:\\Users\\ada\\key1.pem",
        "config/keys/prod2.json",
        "my-awesome-application-name-42",
        "your-api-key-1234567890",
        "a1a1a1a1a1a1a1a1",
        "${API_KEY_2}",
        "process.env.API_KEY_2",
        "0000000000000000000000a1",
        "1234567890123456789a",
    ],
)
def test_a_name_a_path_or_a_placeholder_is_not_random(value: str) -> None:
    """What a reader would call by its kind was not drawn."""
    assert not GATES["random"](value)  # type: ignore[misc]
    assert not GATES["quoted_random"](value)  # type: ignore[misc]


@pytest.mark.parametrize(
    "value", ["GitHub!23", "hunter2!", "Summer2024", "p@55word!x", "c0rrect-horse", "Tr0ub4dor&3", "aB3dE6gH"]
)
def test_what_people_type_is_a_password(value: str) -> None:
    """Letters with digits or signs."""
    assert GATES["password"](value)  # type: ignore[misc]
    assert GATES["quoted_password"](value)  # type: ignore[misc]


@pytest.mark.parametrize(
    "value",
    [
        "required",
        "changeme123",
        "$DB_PASSWORD",
        "${DB_PASSWORD}",
        "{{password1}}",
        "%s",
        "self.password",
        "passwordInput1.value",
        "confirmPassword1",
        "password2",
        "newPassword2",
        "/home/ada/projects2",
        "10.0.0.1",
        "2024-11-05",
        "1.2.3-rc4",
        "!vault",
        "sha256:abcdef12",
        "aaaaaa1",
    ],
)
def test_a_word_a_variable_or_a_path_is_no_password(value: str) -> None:
    """Nor is a version, a date, a tag of YAML or a digest."""
    assert not GATES["password"](value)  # type: ignore[misc]


@pytest.mark.parametrize("value", ["3.18", "v1.2.3", "1.27-alpine", "password", "${P}", "<pass>", "example1"])
def test_a_version_or_a_template_is_no_password_of_a_url(value: str) -> None:
    """An image's tag stands where a password would."""
    assert not GATES["url"](value)  # type: ignore[misc]


@given(
    st.text(st.characters(codec="ascii", exclude_characters=":"), min_size=1, max_size=20),
    st.text(min_size=3, max_size=20),
)
def test_a_login_is_what_decodes_to_a_user_and_a_password(user: str, password: str) -> None:
    """Padding may be missing; what cannot be printed is not a login."""
    pair = f"{user}:{password}"
    encoded = base64.b64encode(pair.encode("utf-8", "ignore")).decode()

    if pair.isprintable() and not any(
        word in password.lower() for word in ("xxxx", "***", "...", "<", "${", "{{")
    ):
        assert GATES["basic"](encoded) == GATES["basic"](encoded.rstrip("="))  # type: ignore[misc]
    else:
        assert not GATES["basic"](encoded) or pair.isprintable()  # type: ignore[misc]


@pytest.mark.parametrize("value", ["dXNlcg==", "required", "dXNlcjo=", "not base64!", "OnBhc3N3b3Jk"])
def test_what_has_no_user_or_no_password_is_no_login(value: str) -> None:
    """Half a login tells nothing."""
    assert not GATES["basic"](value)  # type: ignore[misc]


def test_a_value_ends_where_a_word_does() -> None:
    """A token may not go on; what is called or looked up is code."""
    assert [ends(letter) for letter in ("", " ", '"', "-", "a", "1", "_", "(")] == [True] * 4 + [False] * 4
    assert [ends_value(letter) for letter in ("", ",", "(", "[")] == [True, True, False, False]
    assert set(ENDS) <= set(GATES)
