"""Real clients do through the proxy what they do without it, and the provider never sees whose address it is.

`.ci/run` installs the pinned clients and says where: GUARDHOUSE_CLIENTS_PYTHON is an interpreter that has those for Python,
GUARDHOUSE_CLIENTS_NODE a folder with a `node_modules`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.clients import model
from tests.servers import ADMIN_KEY, Running, Upstream, make_app, served

HERE = Path(__file__).parent
SAID = "You said: I am ada@example.com"
SENT = "You said: sent to ada@example.com"
OPENAI_ERRORS = {
    "wrong_key": "AuthenticationError invalid_api_key",
    "unknown_model": "NotFoundError model_not_found",
    "blocked": "BadRequestError content_filter",
    "limited": "RateLimitError rate_limit_exceeded 7",
    "provider_down": "InternalServerError",
    "broken_stream": "APIError upstream_error",
}
"""What OpenAI's clients raise, and all that is built on them."""
PLAIN = {"chat": SAID, "stream": SAID, "tools": SENT, "structured": "ada@example.com"}
BOTH = {**PLAIN, "responses": SAID, "responses_streamed": SAID}
EXPECTED: dict[str, dict[str, Any]] = {
    "with_openai.py": {**BOTH, **OPENAI_ERRORS, "asynchronous": SAID, "tools_streamed": "ada@example.com"},
    "with_anthropic.py": {
        **PLAIN,
        "asynchronous": SAID,
        "tools_streamed": "ada@example.com",
        "models": ["gpt-4o-mini", "claude-sonnet-4-5"],
        "wrong_key": "AuthenticationError",
        "unknown_model": "NotFoundError",
        "blocked": "BadRequestError",
        "limited": "RateLimitError 7",
        "provider_down": "InternalServerError",
        "broken_stream": "APIStatusError",
    },
    "with_langchain.py": {
        **BOTH,
        **OPENAI_ERRORS,
        "asynchronous": SAID,
        "anthropic": SAID,
        "anthropic_streamed": SAID,
        "anthropic_tools": SENT,
    },
    "with_llama_index.py": {
        **PLAIN,
        **OPENAI_ERRORS,
        "asynchronous": SAID,
        "tools": "sent to ada@example.com",
        "openai_like": SAID,
        "openai_like_streamed": SAID,
    },
    "with_agents.py": {
        **PLAIN,
        **OPENAI_ERRORS,
        "tools_streamed": SENT,
        "completions": SAID,
        "completions_streamed": SAID,
        "completions_tools": SENT,
    },
    "with_openai_node.mjs": {**BOTH, **OPENAI_ERRORS, "tools_streamed": "ada@example.com"},
    "with_ai_sdk.mjs": {
        **BOTH,
        "tools_streamed": SENT,
        "responses_tools": SENT,
        "responses_tools_streamed": SENT,
        "openai_like": SAID,
        "openai_like_streamed": SAID,
        "wrong_key": "AI_APICallError 401 invalid_api_key",
        "unknown_model": "AI_APICallError 404 model_not_found",
        "blocked": "AI_APICallError 400 content_filter",
        "limited": "AI_APICallError 429 rate_limit_exceeded 7",
        "provider_down": "AI_APICallError 500",
        "broken_stream": "upstream_error",
    },
}


@pytest.fixture(scope="module")
def shipped(_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A proxy with the policy that ships, and one word more that blocks."""
    policy = yaml.safe_load((resources.files("guardrails.policies") / "default.yaml").read_text())
    word = {
        "id": "word",
        "check": "words",
        "with": {"deny": ["kryptonite"]},
        "stages": ["input"],
        "action": "block",
    }
    policy["rules"].append(word)
    base = f"http://127.0.0.1:{_upstream.port}"
    given = {
        "gpt-4o-mini": {"model": "openai/gpt-4o-mini", "api_base": f"{base}/v1", "api_key": "sk-upstream"},
        "claude-sonnet-4-5": {
            "model": "anthropic/claude-sonnet-4-5",
            "api_base": base,
            "api_key": "sk-upstream",
        },
    }
    models = [{"model_name": name, "litellm_params": params} for name, params in given.items()]
    with served(make_app(tmp_path_factory.mktemp("clients"), base, json.dumps(policy), models)) as running:
        yield running


def command(program: str) -> list[str]:
    """How a client's program is run; skips where its packages are not installed."""
    python, node = os.environ.get("GUARDHOUSE_CLIENTS_PYTHON"), os.environ.get("GUARDHOUSE_CLIENTS_NODE")
    if program.endswith(".py"):
        if python is None:
            pytest.skip(
                "GUARDHOUSE_CLIENTS_PYTHON names no interpreter with tests/clients/requirements.txt installed"
            )
        return [python, program]
    if node is None or shutil.which("node") is None:
        pytest.skip(
            "GUARDHOUSE_CLIENTS_NODE names no folder with tests/clients/package.json installed, or node is missing"
        )
    return ["node", str(Path(node) / program)]


@pytest.mark.parametrize("program", EXPECTED)
def test_a_client_works_as_it_does_without_the_proxy(
    shipped: Running, upstream: Upstream, program: str
) -> None:
    """Chat, streams, tools and their results, structured output, and each error as the class that an app catches."""
    run = command(program)
    if run[0] == "node":
        for file in HERE.glob("*.mjs"):
            shutil.copy(file, Path(run[1]).parent)
    model.plays(upstream)
    environment = {"PATH": os.environ["PATH"], "GUARDHOUSE_URL": shipped.url, "GUARDHOUSE_KEY": ADMIN_KEY}
    done = subprocess.run(run, cwd=HERE, env=environment, capture_output=True, text=True, timeout=100)

    assert done.stdout, done.stderr[-2000:]
    assert json.loads(done.stdout) == EXPECTED[program]
    assert b"ada@" not in b"".join(upstream.bodies)
    assert b"EMAIL_ADDRESS_" in b"".join(upstream.bodies)
