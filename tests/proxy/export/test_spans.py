"""A stored trace as a span is told as the exchange itself was, while it passed."""

from __future__ import annotations

from typing import Any

import pytest

from guardrails.types import Action, Verdict
from proxy.config_schema import Otlp
from proxy.document import document
from proxy.errors import ProxyError
from proxy.exchange import PromptUse
from proxy.export.spans import seen, told
from proxy.telemetry_otlp import attributes, events
from tests.proxy.exchanges import SECRET, finding, masked

COLLECTOR = Otlp(endpoint="http://collector")


@pytest.mark.parametrize(
    "exchange",
    [
        masked(),
        masked(trace_id="a" * 32, parent_span="b" * 16, session_id="s", run_id="r", answered_model="x", response_id="y"),
        masked(failure=ProxyError("no"), http_status=500, principal=None, safe_response=None),
        masked(cancelled=True, usage=None),
        masked(prompt=PromptUse("p", "1", "h")),
        masked(input=Verdict(Action.ALLOW, Action.ALLOW), output=Verdict(Action.BLOCK, Action.BLOCK, (finding(1, 2),))),
    ],
)  # fmt: skip
def test_what_is_told_of_a_stored_trace_is_what_was_told_of_the_exchange(exchange: Any) -> None:
    """The same attributes and events, from one mapping."""
    trace = document(exchange)

    found = told(trace, False)
    found.pop("gen_ai.provider.name", None)

    assert found == attributes(exchange, COLLECTOR)
    assert events(seen(trace)) == events(exchange)


def test_texts_go_along_only_when_asked_for_and_never_raw() -> None:
    """By reference otherwise."""
    trace = document(masked())

    assert not {"input.value", "output.value"} & set(told(trace, False))
    assert "[EMAIL_ADDRESS]" in told(trace, True)["input.value"]
    assert SECRET not in str(told(trace, True))
    assert told({**trace, "deployment": "openai/x"}, False)["gen_ai.provider.name"] == "openai"
