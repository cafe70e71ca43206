"""`GET /api/charts`: for administrators, and clear about what it takes."""

from __future__ import annotations

import pytest

from proxy.document import document
from tests.proxy.api.conftest import Api
from tests.proxy.exchanges import masked


def test_a_chart_is_read_from_what_was_stored(api: Api) -> None:
    """By what was asked for."""
    api.store.write([document(masked()), document(masked(model="large"))])

    told = api.client.get("/api/charts", params={"metric": "requests", "by": "model", "since": "2h"}).json()

    assert told["step"] == "hour"
    assert {each["name"]: each["total"] for each in told["series"]} == {"small": 1, "large": 1}


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"metric": "x"}, "metric"), ({"by": "rule"}, "by"), ({"since": "yesterday"}, "since"), ({"until": "x"}, "until"),
        ({"step": "minute"}, "step"), ({"shadow": "maybe"}, "shadow"), ({"colour": "red"}, "colour"),
        ({"metric": "findings", "team": "x"}, "team"),
    ],
)  # fmt: skip
def test_what_is_not_taken_is_named(api: Api, query: dict[str, str], param: str) -> None:
    """In the envelope of every error."""
    answer = api.client.get("/api/charts", params=query)

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_only_administrators_read_charts(api: Api) -> None:
    """What others ask and cost is nobody else's business."""
    answers = [
        api.client.get("/api/charts", headers={"authorization": f"Bearer {key}"})
        for key in (api.plain_key, "x")
    ]

    assert [answer.status_code for answer in answers] == [403, 401]
