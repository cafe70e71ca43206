"""The shipped policy for agents over the wire: attacks stop, work goes on, whole and streamed alike."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from tests.acceptance.agents import answering, heard, policy, request
from tests.bench.agents import attacks, attacks_held_out, everyday, everyday_held_out
from tests.bench.agents.trace import Cast, Family
from tests.servers import Running, Upstream, make_app, served

MASK = re.compile(r"\[[A-Z][A-Z0-9_]+\]")
ATTACKS = [*attacks.FAMILIES, *attacks_held_out.FAMILIES]
WORK = [*everyday.FAMILIES, *everyday_held_out.FAMILIES]


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    """The provider."""
    provider = Upstream()
    yield provider
    provider.stop()


@pytest.fixture(scope="module")
def running(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A proxy with the policy `agents`."""
    base = f"http://127.0.0.1:{upstream.port}/v1"
    with served(make_app(tmp_path_factory.mktemp("agents"), base, policy())) as proxy:
        yield proxy


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("family", ATTACKS, ids=lambda family: family.__name__)
def test_an_attack_does_not_reach_the_agent(
    running: Running, upstream: Upstream, family: Family, streamed: bool
) -> None:
    """No call, and nothing of a link that would carry something; or only the mask of a credential to carry."""
    trace = family(Cast(f"wire {family.__name__}"))
    asked = request(trace, streamed)
    upstream.script = answering(trace, asked)
    text, given = heard(running, asked)
    assert given is None or MASK.search(json.dumps(given))
    assert trace.given is not None or "](http" not in text


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("family", WORK, ids=lambda family: family.__name__)
def test_ordinary_work_goes_on_with_the_values_it_was_given(
    running: Running, upstream: Upstream, family: Family, streamed: bool
) -> None:
    """The agent gets the call that the model meant, with values in place of tokens; credentials stay masked."""
    trace = family(Cast(f"wire {family.__name__}"))
    asked = request(trace, streamed)
    upstream.script = answering(trace, asked)
    text, given = heard(running, asked)
    if trace.given is None:
        assert text
    else:
        assert given is not None
        meant = ".+?".join(map(re.escape, MASK.split(json.dumps(given, ensure_ascii=False))))
        assert re.fullmatch(meant, json.dumps(trace.given, ensure_ascii=False), re.DOTALL)
