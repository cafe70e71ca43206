"""`/api/sessions`: a run can be read by administrators, and found by the name of its session."""

from __future__ import annotations

import pytest

from proxy.document import document
from proxy.identity import session_hash
from tests.proxy.api.conftest import Api
from tests.proxy.exchanges import masked

RUN = "a" * 32


def test_a_run_is_read_and_found_by_name(api: Api) -> None:
    """The name is hashed as the proxy hashed it: nobody stores it."""
    session = session_hash(api.store.key, "default", "chat 7")
    steps = [
        masked(started_us=1000 + n, run_id=RUN, run_source="header", session_id=session) for n in range(3)
    ]
    api.store.write([document(one) for one in (*steps, masked())])

    found = api.client.get(f"/api/sessions/{RUN}", params={"limit": 2}).json()
    rest = api.client.get(f"/api/sessions/{RUN}", params={"after": found["next"]}).json()

    assert [step["id"] for step in found["data"] + rest["data"]] == [step.id for step in steps]
    assert (found["run_source"], found["n_exchanges"], found["orphans"]) == ("header", 3, 0)

    def listed(**query: str) -> int:
        return len(api.client.get("/api/traces", params=query).json()["data"])

    assert listed(session=" chat 7") == listed(run=RUN) == 3
    assert listed(session="chat 8") == listed(session="chat 7", tenant="other") == listed(run="b" * 32) == 0
    assert listed(trace_id=steps[0].id) == 1


@pytest.mark.parametrize("run", ["b" * 32, "x", "%00", "A" * 32])
def test_a_run_that_is_not_there_is_404(api: Api, run: str) -> None:
    """In the one envelope for errors, whatever stands in the path."""
    answer = api.client.get(f"/api/sessions/{run}")

    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "invalid_request_error")


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "x"}, {"after": "x"}, {"colour": "red"}])
def test_a_query_that_does_not_fit_names_the_parameter(api: Api, query: dict[str, str]) -> None:
    """As for traces."""
    answer = api.client.get(f"/api/sessions/{RUN}", params=query)

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, next(iter(query)))


def test_only_administrators_read_runs(api: Api) -> None:
    """A virtual key of an app does not."""
    for key, status in ((api.plain_key, 403), (api.admin_key, 404), ("gh-wrong", 401)):
        headers = {"authorization": f"Bearer {key}"}
        assert api.client.get(f"/api/sessions/{RUN}", headers=headers).status_code == status
