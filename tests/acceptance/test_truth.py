"""The record equals what the caller received and what the provider was sent, in every cell of the table."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.acceptance.truth import (
    POLICIES,
    Cell,
    Judged,
    differences,
    exchanged,
    read,
    recorded,
    world,
)
from tests.acceptance.truth_places import CUTS, RESPONSES, SPOKEN, TEXT, VALUE, Cut, Spoken
from tests.acceptance.truth_wire import strings
from tests.proxy.test_pipeline import ask
from tests.servers import Running, Upstream, raw


@pytest.fixture(scope="module")
def provider() -> Iterator[Upstream]:
    """The provider."""
    made = Upstream()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def proxy(provider: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The proxy in front of it."""
    with world(tmp_path_factory.mktemp("truth"), provider) as running:
        yield running


def cells(spoken: Spoken, streams: bool) -> Iterator[Cell]:
    """Every cell of a route: whole, or streamed in each way."""
    ways = CUTS.items() if streams else {"whole": None}.items()
    for how, cut in ways:
        for policy in POLICIES:
            yield from (Cell(policy, spoken, place, "request", cut, how) for place in spoken.asked)
            yield from (Cell(policy, spoken, place, "reply", cut, how) for place in spoken.answered)


def wrong(proxy: Running, provider: Upstream, table: Iterator[Cell]) -> list[str]:
    """Every difference between the record and the wire in some cells."""
    seen = [exchanged(proxy, provider, cell) for cell in table]
    traces = recorded(proxy, [each.got.id for each in seen])
    assert len(traces) == len(seen) > 0
    for each in seen:
        each.document = traces[each.got.id]
    return [told for each in seen for told in differences(each)]


@pytest.mark.parametrize("spoken", SPOKEN, ids=lambda spoken: spoken.name)
def test_whole_exchanges_are_recorded_as_they_were(
    proxy: Running, provider: Upstream, spoken: Spoken
) -> None:
    """Every policy, every place."""
    assert wrong(proxy, provider, cells(spoken, streams=False)) == []


@pytest.mark.long
@pytest.mark.parametrize("spoken", [each for each in SPOKEN if each.answered], ids=lambda spoken: spoken.name)
def test_streamed_exchanges_are_recorded_as_they_were(
    proxy: Running, provider: Upstream, spoken: Spoken
) -> None:
    """Every policy, every place, every way to cut the stream."""
    assert wrong(proxy, provider, cells(spoken, streams=True)) == []


@pytest.mark.parametrize("cut", [None, *CUTS.values()], ids=["whole", *CUTS])
def test_stored_objects_are_recorded_as_they_were_read(
    proxy: Running, provider: Upstream, cut: Cut | None
) -> None:
    """A response that is read again is judged again, and its row says what its reader got."""
    seen = []
    for policy in POLICIES:
        for place in RESPONSES.answered:
            provider.reset()
            provider.script = RESPONSES.answer(RESPONSES.nothing, None)
            made = {"model": f"gpt-{policy.name}", **RESPONSES.harmless}
            assert ask(proxy, made, path=RESPONSES.path).status == 200
            provider.reset()
            provider.script = RESPONSES.answer(place.body, cut)
            query = "?stream=true" if cut else ""
            told = ask(proxy, method="GET", path=f"{RESPONSES.path}/resp_1{query}")
            seen.append((policy, place, len(provider.headers), read("responses", told)))
    traces = recorded(proxy, [got.id for *_, got in seen])
    wrong = []
    for policy, place, calls, got in seen:
        row = traces[got.id]
        missing = VALUE not in "\n".join(got.lanes.values())
        tokens = policy.action == "pseudonymize" and policy.mode == "enforce" and policy.looks_at(place)
        kinds = ("flagged", "passed") if policy.action in ("allow", "pseudonymize") else ("flagged",)
        outcomes = ("blocked",) if got.refused else ("masked",) if missing or tokens else kinds
        acts = policy.mode == "enforce" and policy.action in ("pseudonymize", "redact", "block")
        kept = VALUE in "".join(strings([row["response"], row["tool_calls"]]))
        facts = (row["http_status"], row["attempts"], row["object_id"], row["path"])
        if (
            row["outcome"] not in outcomes
            or facts != (got.status, calls, "resp_1", "/v1/responses/{response_id}")
            or (kept and acts and policy.looks_at(place))
            or (missing and policy.action not in ("redact", "block"))
        ):
            wrong.append((policy.name, place.name, row["outcome"], outcomes, facts, kept))
    assert wrong == []


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
def test_moderations_are_recorded_as_they_were_told(
    proxy: Running, provider: Upstream, policy: Judged
) -> None:
    """Asked of a provider, the text is sent as the policy lets it; what the caller was told is in the row."""
    provider.reset()
    provider.script = raw(b'{"id": "modr-1", "model": "gpt-real", "results": [{"flagged": false}]}')
    told = ask(proxy, {"model": f"gpt-{policy.name}", "input": TEXT}, path="/v1/moderations")
    got = read("moderations", told)
    row = recorded(proxy, [got.id])[got.id]
    sent = "".join(strings(provider.requests))

    masked = bool(provider.bodies) and VALUE not in sent
    acts = policy.mode == "enforce" and policy.action in ("pseudonymize", "redact")
    quiet = "passed" if policy.action == "allow" else "flagged"
    assert masked == acts
    assert row["outcome"] == ("blocked" if not provider.bodies else "masked" if masked else quiet)
    assert (row["http_status"], row["attempts"]) == (got.status, len(provider.bodies))
    assert VALUE not in "".join(strings([row["request"]])) or not acts
