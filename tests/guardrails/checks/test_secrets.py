"""The secrets check reports credentials and leaves placeholders, names, ids and digests alone."""

from __future__ import annotations

import random
import string
from pathlib import Path

import pytest
import re2

from guardrails.check import Scanner, build
from guardrails.checks.secret_kinds.every import KINDS
from guardrails.checks.secrets import secrets
from guardrails.errors import CheckError
from guardrails.prefixes import read
from guardrails.types import Segment, Stage

BENIGN = (Path(__file__).parent / "benign.txt").read_text(encoding="utf-8").splitlines()
NEAR_MISSES = (Path(__file__).parent / "near_misses.txt").read_text(encoding="utf-8").splitlines()
EVERY = secrets()


def value(size: int = 40) -> str:
    """A value that looks random; the same in every run."""
    chance = random.Random(size)
    return "".join(chance.choice(string.ascii_letters + string.digits) for _ in range(size))


@pytest.mark.parametrize("text", BENIGN)
def test_ordinary_code_and_logs_are_left_alone(text: str) -> None:
    """Digests, UUIDs, identifiers, templates and versions are not secrets."""
    assert EVERY.scan(text) == []


def test_near_misses_are_left_alone() -> None:
    """Of over four hundred lines of digests, ids, locks, templates, code and prose none is taken for a secret."""
    assert len(NEAR_MISSES) >= 400
    assert [line for line in NEAR_MISSES if EVERY.scan(line)] == []


def test_near_misses_together_are_left_alone() -> None:
    """A line does not become a secret by what stands on the line before it."""
    text = "\n".join(NEAR_MISSES)

    assert [text[span.start : span.end] for span in EVERY.scan(text)] == []


@pytest.mark.parametrize(
    ("before", "secret", "after", "entity"),
    [
        ("export GITHUB_TOKEN=", "gh" + "p_" + "a1B2" * 9, "\n", "GITHUB_TOKEN"),
        ("a\\n", "gh" + "p_" + "a1B2" * 9, "\\n", "GITHUB_TOKEN"),
        ("my password is ", "hunter" + "22!", ", do not tell", "PASSWORD"),
        ("password: ", "GitHub" + "!23", "", "PASSWORD"),
        ('{"db_password": "', "c0rrect-" + "horse", '"}', "PASSWORD"),
        ("spring.datasource.password=", "S3cr3t" + "Pa55", "\n", "PASSWORD"),
        ("x-api-key: ", value(), "\n", "GENERIC_SECRET"),
        ('"clientSecret" : "', value(32), '"', "GENERIC_SECRET"),
        ("mongodb+srv://svc:", value(16), "@cluster0.example.net/db", "URL_PASSWORD"),
        ("https://ci:", value(20), "@git.example.com/r.git", "URL_PASSWORD"),
        ("authorization: basic ", value(24), "==", "AUTHORIZATION_HEADER"),
    ],
)
def test_only_the_secret_is_reported(before: str, secret: str, after: str, entity: str) -> None:
    """The keyword that gives a secret away stays readable."""
    text = before + secret + after

    found = EVERY.scan(text)

    assert found
    assert found[0].start == len(before)
    assert found[0].end - len(before) >= len(secret)
    assert found[0].entity == entity


@pytest.mark.parametrize(
    "text",
    [
        "api_key=sk_test_EXAMPLE_key_goes_here_1234",
        "AKIA" + "IOSFODNN7EXAMPLE",
        "token: ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "secret=" + "0" * 40,
        "api_key=550e8400-e29b-41d4-a716-446655440000",
        "client_secret: {{ vault.client_secret_value_1 }}",
        "password: changeme123",
        "password = 'example-password-1'",
        "https://user:${PASSWORD}@host/",
        "access_token=process.env.ACCESS_TOKEN_2",
        "secret_key = settings.SECRET_KEY_V2_provider",
    ],
)
def test_placeholders_are_left_alone(text: str) -> None:
    """What stands for a secret in documentation or a template is not one."""
    assert EVERY.scan(text) == []


def test_a_private_key_without_its_end_is_found() -> None:
    """A key that was cut off is still a key, and the prose after it is not part of it."""
    begin = "-----BEGIN OPENSSH " + "PRIVATE KEY-----\n"
    text = begin + value(64) + "\n" + value(40) + "\n\nWhat is wrong with it?"

    [found] = EVERY.scan(text)

    assert (found.entity, found.start) == ("PRIVATE_KEY", 0)
    assert text[found.end :] == "\n\nWhat is wrong with it?"


def test_a_private_key_with_escaped_line_ends_is_found() -> None:
    """A key inside a JSON string has its line ends written out."""
    begin, end = "-----BEGIN " + "PRIVATE KEY-----", "-----END " + "PRIVATE KEY-----"
    text = '{"private_key": "' + begin + "\\n" + value(64) + "\\n" + value(10) + "==\\n" + end + '\\n"}'

    found = [span for span in EVERY.scan(text) if span.entity == "PRIVATE_KEY"]

    assert (
        text[found[0].start : found[0].end]
        == text[text.index("-----BEGIN") : text.index("-----END") + len(end)]
    )


def test_kinds_can_be_chosen_and_left_out() -> None:
    """`kinds` is the whole list when given; `exclude` shortens it."""
    text = "gh" + "p_" + "a1B2" * 9

    assert secrets(kinds=["JWT"]).scan(text) == []
    assert secrets(exclude=["GITHUB_TOKEN"]).scan(text) == []
    assert secrets(kinds=["GITHUB_TOKEN"]).scan(text)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"kinds": ["NOPE"]}, "NOPE"),
        ({"exclude": ["NOPE"]}, "NOPE"),
        ({"kinds": []}, "no kind is left"),
        ({"kind": ["JWT"]}, "kind"),
    ],
)
def test_an_option_that_does_not_fit_is_refused(options: dict[str, list[str]], says: str) -> None:
    """The refusal names what is wrong."""
    with pytest.raises(CheckError, match=says):
        build("secrets", options)


def test_one_automaton_holds_every_kind() -> None:
    """A text without secrets is passed over once; triggers that RE2 could not hold would each be searched for."""
    options = re2.Options()
    options.max_mem = 64 << 20
    options.log_errors = False
    together = re2.Set.SearchSet(options)
    for kind in KINDS:
        together.Add(read(kind.trigger).scan.encode())

    together.Compile()

    assert together.Match(b"DB_PASSWORD=hunter22x")
    assert not together.Match(b"nothing to see here")


@pytest.mark.parametrize(
    "piece",
    ["password ", "sk-", "AKIA", "a1B2", "eyJ", "--password ", "://a:", "token: ", "-u a:", "<password>"],
)
def test_repeated_beginnings_are_no_secret(piece: str) -> None:
    """A text made of beginnings is searched in linear time; the suite's time limit is the guard."""
    assert EVERY.scan(piece * (100_000 // len(piece))) == []


async def test_it_is_a_scanner_and_reports_by_segment() -> None:
    """It can run in a stream, and called as a check it answers for each segment in order."""
    check = build("secrets", {})
    assert isinstance(check, Scanner)
    texts = ["nothing", "gh" + "p_" + "a1B2" * 9]

    found = await check([Segment(text, "/x", Stage.INPUT) for text in texts])

    assert [len(spans) for spans in found] == [0, 1]
