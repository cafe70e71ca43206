"""What the routes share: deny by default, bodies with a limit, errors in OpenAI's envelope."""

from __future__ import annotations

import pytest

from proxy.api.traces import REVIEW_BYTES
from tests.proxy.api.conftest import Api

ROUTES = [
    ("GET", "/api/traces"),
    ("GET", "/api/traces/x"),
    ("POST", "/api/traces/x/reviews"),
    ("GET", "/api/runs"),
    ("GET", "/api/runs/x"),
    ("POST", "/api/runs"),
    ("GET", "/metrics"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_nobody_without_an_admin_key_sees_anything(api: Api, method: str, path: str) -> None:
    """No key and unknown keys get 401, keys that may only call models get 403; both in OpenAI's envelope."""
    for key, status in (("", 401), ("Bearer wrong", 401), (f"Bearer {api.plain_key}", 403)):
        answer = api.client.request(method, path, headers={"authorization": key})

        assert answer.status_code == status
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_a_key_made_for_admins_may_read(api: Api) -> None:
    """Reviewers need not know the admin key of the settings."""
    answer = api.client.get("/api/traces", headers={"authorization": f"Bearer {api.admin_key}"})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("body", "code"), [(b"{", "invalid_json"), (b"[]", "invalid_type"), (b"\xff", "invalid_json")]
)
def test_a_body_that_is_no_json_object_is_refused(api: Api, body: bytes, code: str) -> None:
    """Bad bytes are the caller's mistake, and said to be."""
    answer = api.client.post("/api/runs", content=body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_a_body_over_the_limit_is_not_read_to_its_end(api: Api) -> None:
    """413, however much more would come."""
    chunk = b" " * 1024

    answer = api.client.post(
        "/api/traces/x/reviews", content=(chunk for _ in range(REVIEW_BYTES // len(chunk) + 1))
    )

    assert answer.status_code == 413


def test_answers_are_not_for_browsers_to_guess_at(api: Api) -> None:
    """Traces hold hostile text: no sniffing, no caches."""
    answer = api.client.get("/api/traces")

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
