"""Errors: the envelope, the statuses, and the page that lists them."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from proxy import errors
from proxy.errors import Code, ConfigError, ProxyError, openai_body, plain_name, plain_param, plain_path

CLASSES = [
    (errors.BadRequest, 400, "invalid_request_error", "invalid_value"),
    (errors.RequestTimeout, 408, "invalid_request_error", "request_timeout"),
    (errors.PayloadTooLarge, 413, "invalid_request_error", "request_too_large"),
    (errors.Unauthorized, 401, "invalid_request_error", "invalid_api_key"),
    (errors.Forbidden, 403, "invalid_request_error", "insufficient_permissions"),
    (errors.NotFound, 404, "invalid_request_error", "not_found"),
    (errors.Conflict, 409, "invalid_request_error", "conflict"),
    (errors.Gone, 410, "invalid_request_error", "gone"),
    (errors.MethodNotAllowed, 405, "invalid_request_error", "method_not_allowed"),
    (errors.RateLimited, 429, "requests", "rate_limit_exceeded"),
    (errors.Blocked, 400, "invalid_request_error", "content_filter"),
    (errors.UpstreamError, 502, "server_error", "upstream_error"),
    (errors.Redirected, 502, "server_error", "upstream_error"),
    (errors.UpstreamTimeout, 504, "server_error", "upstream_timeout"),
    (errors.Unavailable, 503, "server_error", "unavailable"),
]


@pytest.mark.parametrize(("kind", "status", "family", "code"), CLASSES)
def test_each_error_has_its_status_type_and_code(
    kind: type[ProxyError], status: int, family: str, code: str
) -> None:
    """The rendered envelope holds exactly OpenAI's four fields."""
    error = kind("wrong", param="messages")
    assert error.status == status
    assert orjson.loads(openai_body(error)) == {
        "error": {"message": "wrong", "type": family, "param": "messages", "code": code}
    }


def test_a_caller_may_name_its_own_code_and_status() -> None:
    """What is given wins over what the class has."""
    error = errors.NotFound(
        "no", code=Code.MODEL_NOT_FOUND, status=410, type="x", headers={"retry-after": "1"}
    )
    assert (error.status, error.code, error.type, error.headers) == (
        410,
        "model_not_found",
        "x",
        {"retry-after": "1"},
    )


def test_the_table_above_covers_every_error() -> None:
    """A new error class must be added to the table."""

    def below(kind: type[ProxyError]) -> set[type[ProxyError]]:
        return {kind} | {item for child in kind.__subclasses__() for item in below(child)}

    ours = {kind for kind in below(ProxyError) if kind.__module__ == "proxy.errors"}
    assert ours - {ProxyError} == {row[0] for row in CLASSES}


def test_every_code_is_documented() -> None:
    """docs/reference/errors.md has a row for each code."""
    page = (Path(__file__).parents[2] / "docs/reference/errors.md").read_text()
    assert [code for code in Code if f"| `{code}` |" not in page] == []


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ConfigError("bad.", fix="Mend it.", file="a.yaml", line=3), "a.yaml:3: bad. Mend it."),
        (ConfigError("bad.", file="a.yaml"), "a.yaml: bad."),
        (ConfigError("bad."), "bad."),
    ],
)
def test_a_config_error_says_where_what_and_how(error: ConfigError, text: str) -> None:
    """Place first, then what is wrong, then what to do."""
    assert str(error) == text


@pytest.mark.parametrize(
    ("given", "name", "param"),
    [
        ("limit", "'limit'", "limit"),
        ("ada@example.com", "'...'", None),
        ("sk-Ab1", "'...'", None),
        (7, "'...'", None),
    ],
)
def test_only_plain_words_of_a_caller_are_repeated(given: Any, name: str, param: str | None) -> None:
    """Anything else could be a secret."""
    assert (plain_name(given), plain_param(given)) == (name, param)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("/v1/files", "/v1/files"),
        ("/v1/threads/thread_1/runs", "/v1/threads/..."),
        ("/ada@example.com", "/..."),
        ("", ""),
    ],
)
def test_a_path_is_repeated_up_to_what_could_be_anything(given: str, told: str) -> None:
    """Steps that are plain words."""
    assert plain_path(given) == told
