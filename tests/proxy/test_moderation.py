"""Moderation by the policy itself: judged, told, recorded, and nothing sent anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.proxy.policies import FORBIDDEN, INPUTS, policy
from tests.proxy.test_pipeline import ask
from tests.servers import Running, Upstream, make_app, raw, served

PATH = "/v1/moderations"
MAIL = "ada@example.com"


def judge(proxy: Running, **request: Any) -> Any:
    """The answer to a moderation."""
    return ask(proxy, request, path=PATH)


@pytest.mark.parametrize("model", [{}, {"model": "omni-moderation-latest"}, {"model": f"{FORBIDDEN} {MAIL}"}])
def test_the_policy_judges_when_nobody_else_is_named(
    proxy: Running, upstream: Upstream, model: dict[str, str]
) -> None:
    """No model, or one that is not served: its name is not kept, it could hold anything."""
    answer = judge(proxy, input=[f"some {FORBIDDEN}", "fine", f"mail {MAIL}"], **model)

    told = json.loads(answer.body)
    assert answer.status == 200
    assert [result["flagged"] for result in told["results"]] == [True, False, True]
    assert told["results"][0]["categories"]["guardhouse/forbidden"] is True
    assert told["results"][2]["category_scores"]["guardhouse/mail"] == 1.0
    assert told["model"] == "guardhouse/" + answer.headers["x-guardhouse-policy"]
    assert upstream.bodies == []
    kept = proxy.recorder.last()
    assert kept["request"] == {"input": ["some [DENIED_WORD]", "fine", "mail [EMAIL]"]}
    assert kept["response"] == told
    assert (kept["outcome"], kept["model"], kept["upstream_called"]) == ("flagged", "", False)
    assert (kept["action"], kept["http_status"], kept["dialect"]) == ("block", 200, "moderations")
    assert [(f["pointer"], f["masked_start"]) for f in kept["findings"]] == [("/input/0", 5), ("/input/2", 5)]


def test_what_was_retrieved_is_kept_as_it_may_be(proxy: Running, upstream: Upstream) -> None:
    """Masked like the input; it belongs to no input's result."""
    hits = [{"doc_id": "d", "text": f"by {MAIL}"}]

    answer = judge(proxy, input="fine", guardhouse={"retrieval": hits})

    assert not json.loads(answer.body)["results"][0]["flagged"]
    assert [hit["text"] for hit in proxy.recorder.last()["retrieval"]] == ["by [EMAIL]"]


def test_a_model_that_is_served_is_asked(proxy: Running, upstream: Upstream) -> None:
    """Guarded on the way out, and relayed byte for byte."""
    reply = b'{"id":"modr-9", "model":"omni", "results":[{"flagged":false,"categories":{"hate":false}}]}'
    upstream.script = raw(reply)

    answer = judge(proxy, model="gpt-test", input=f"I am {MAIL}")

    assert answer.body == reply
    [sent] = upstream.requests
    assert sent["input"].startswith("I am EMAIL_")
    assert proxy.recorder.last()["model"] == "gpt-test"


def test_a_blocked_input_is_not_sent_to_a_provider(proxy: Running, upstream: Upstream) -> None:
    """What must not leave does not leave, not even to be judged."""
    answer = judge(proxy, model="gpt-test", input=FORBIDDEN)

    assert (answer.status, answer.error["code"]) == (400, "content_filter")
    assert upstream.bodies == []


def test_images_are_judged_as_the_policy_says(proxy: Running, upstream: Upstream) -> None:
    """`unscannable` is a category of its own; nothing of the image is kept."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "QUJD" * 30}}

    answer = judge(proxy, input=[{"type": "text", "text": "look"}, image])

    [result] = json.loads(answer.body)["results"]
    assert result["category_applied_input_types"]["guardhouse/unscannable"] == ["image"]
    kept = proxy.recorder.last()
    assert kept["request"]["input"][1] == {"type": "image_url", "omitted": True}


@pytest.mark.parametrize(("on_error", "status"), [("block", 503), ("allow", 200)])
def test_a_rule_that_must_not_be_skipped_is_never_a_pass(
    tmp_path: Path, upstream: Upstream, on_error: str, status: int
) -> None:
    """With `on_error: block` there is no judgement at all; then nothing of the text is kept either."""
    asking = {
        "id": "asks",
        "check": "judge",
        "with": {"model": "gpt-test", "question": "Is this an insult?"},
        "stages": INPUTS,
        "action": "flag",
        "on_error": on_error,
    }
    upstream.script = raw(b"oops", 500)
    app = make_app(tmp_path, f"http://127.0.0.1:{upstream.port}/v1", policy([asking]))
    with served(app) as running:
        answer = judge(running, input=MAIL, guardhouse={"retrieval": [{"doc_id": "d", "text": MAIL}]})

        assert answer.status == status
        if status == 503:
            assert answer.error["code"] == "guardrail_unavailable"
        else:
            [result] = json.loads(answer.body)["results"]
            assert not result["flagged"]
        kept = running.recorder.last()
        assert kept["failures"][0]["rule"] == "asks"
        assert (kept["request"], kept["retrieval"]) == (None, [])
        assert MAIL not in json.dumps(kept)


@pytest.mark.parametrize(
    ("request_", "code"),
    [({}, "missing_required_parameter"), ({"input": []}, "empty_array"), ({"input": [5]}, "invalid_type")],
)
def test_bad_requests_are_told(
    proxy: Running, upstream: Upstream, request_: dict[str, Any], code: str
) -> None:
    """As everywhere."""
    assert judge(proxy, **request_).error["code"] == code
