"""The pages of policies: numbers, text, versions, and a text that is tried."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import MetaData
from starlette.testclient import TestClient

from guardrails.policy import parse
from proxy.key_terms import Terms
from proxy.roles import Role
from proxy.store import policy_texts
from proxy.store.keys import active_keys, create_key
from proxy.store.policy_texts import File
from proxy.store.reviews import NewReview, add_review
from tests.proxy.policies import policy
from tests.proxy.review import documents
from tests.proxy.review.site import HOSTILE, Site, hidden, seed, sign_in

LABEL = parse(policy()).label


def found(number: int, label: str = LABEL) -> dict[str, object]:
    """A trace in which the rule `mail` found something."""
    text = "to EMAIL_ADDRESS_1f20c4d8e9"
    return documents.masked(number, text, policy=label) | {
        "findings": [documents.finding("/messages/0/content", text, "EMAIL_ADDRESS_1f20c4d8e9", rule="mail")]
    }


def test_each_rule_has_its_numbers_with_their_n(pages: Site, client: TestClient) -> None:
    """Precision with its interval, or that too few were judged."""
    ids = seed(pages, *(found(number) for number in range(6)))
    few = client.get("/review/policies").text
    for place, id in enumerate(ids):
        add_review(
            pages.store, id, NewReview("false_positive" if place == 0 else "true_positive", "a", finding=0)
        )
    page, told = client.get("/review/policies").text, client.get("/review/policies.json").json()

    assert "not enough judged" in few and "n 0" in few
    assert "<b>83 %</b>" in page and "n 6" in page and "not enough sampled" in page
    [mail] = [rule for rule in told["policies"][0]["rules"] if rule["id"] == "mail"]
    assert mail["figures"]["judged"] == 6 and mail["figures"]["precision"]["n"] == 6
    assert "/review/policies/test#f0-L1" in page


def test_versions_are_listed_and_compared(pages: Site, client: TestClient) -> None:
    """Those that judged traffic; a text that was not kept cannot be compared."""
    old = "test@000000000001"
    seed(pages, found(1), found(2, old), found(3, "test@000000000002"))
    policy_texts.keep(pages.store, {old: [File("a.yaml", f"name: test\n# {HOSTILE[:20]}\n")]})
    page = client.get("/review/policies/test").text
    compared = client.get("/review/policies/test", params={"against": old}).text

    assert old in page and "Its text was not kept." in page
    assert "<del>name: test</del>" in compared and "<script" not in compared.split("<main")[1]
    assert client.get("/review/policies/test?against=test@000000000002").status_code == 404
    assert client.get("/review/policies/nope").status_code == 404
    told = client.get("/review/policies/test.json").json()
    assert [each["label"] for each in told["versions"]][:1] and told["files"][0]["text"] == policy()


@pytest.mark.parametrize(
    ("text", "stage", "status", "shown"),
    [
        ("to ada@b.com", "input", 200, "pseudonymize"),
        (HOSTILE.replace("\ud800", "") + " ada@b.com", "input", 200, "&lt;script&gt;"),
        ("kryptonite", "output", 200, "forbidden"),
        ("x" * 20_001, "input", 400, "20,000"),
        ("x", "nowhere", 400, "stage takes"),
    ],
)
def test_a_text_is_tried_and_nothing_kept(
    pages: Site, client: TestClient, text: str, stage: str, status: int, shown: str
) -> None:
    """Marked, whatever it is; the database is as before."""
    token = hidden(client.get("/review/policies/test").text, "token")
    before = rows(pages)
    page = client.post("/review/policies/test/try", data={"token": token, "text": text, "stage": stage})

    assert page.status_code == status and shown in page.text
    assert "<script>alert" not in page.text
    assert rows(pages) == before


def rows(pages: Site) -> dict[str, int]:
    """How many rows each table has."""
    meta = MetaData()
    meta.reflect(pages.store.engine)
    with pages.store.read() as connection:
        return {
            table.name: connection.exec_driver_sql(f'SELECT count(*) FROM "{table.name}"').scalar_one()
            for table in meta.sorted_tables
        }


def test_reviewers_see_numbers_and_no_text(pages: Site, stranger: TestClient) -> None:
    """The text of a policy takes policies.read."""
    secret = create_key(pages.store, "r", terms=Terms(role=Role.REVIEWER)).secret
    pages.keyring.replace(active_keys(pages.store))
    sign_in(stranger, secret)

    assert stranger.get("/review/policies").status_code == 200
    assert "/review/policies/test" not in stranger.get("/review/policies").text
    assert stranger.get("/review/policies/test").status_code == 403
    assert stranger.get("/review/policies/test/draft").status_code == 403
    assert json.dumps(stranger.get("/review/policies.json").json()).count("regex") == 0
