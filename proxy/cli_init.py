"""The command `guardhouse init`: a configuration and a policy to start from."""

from __future__ import annotations

import shlex
import sys
from importlib import resources
from pathlib import Path
from typing import NoReturn

import typer

CONFIG = """\
# The configuration of the proxy. Every key: docs/reference/config.md.
# A value `os.environ/NAME` is read from the environment variable NAME: keys do not belong into this file.

model_list:
  # Answers from a script, needs no key and no network: try the guardrails with it, then take it out.
  - model_name: demo
    litellm_params: {model: fake/assistant}

  # OpenAI:
  # - model_name: gpt-4o-mini
  #   litellm_params: {model: openai/gpt-4o-mini, api_key: os.environ/OPENAI_API_KEY}

  # Anthropic, translated by litellm:
  # - model_name: claude
  #   litellm_params: {model: anthropic/claude-sonnet-4-5, api_key: os.environ/ANTHROPIC_API_KEY}

  # A local vLLM, and a local Ollama:
  # - model_name: llama
  #   litellm_params: {model: hosted_vllm/meta-llama/Llama-3.1-8B-Instruct, api_base: "http://127.0.0.1:8000/v1"}
  # - model_name: qwen
  #   litellm_params: {model: ollama/qwen2.5, api_base: "http://127.0.0.1:11434/v1"}

guardhouse:
  # What is looked for, and what is done about it; relative to this file. Or the name of a shipped one.
  policy: policy.yaml

  # The model for requests that name none.
  # default_model: demo

  # Database, spool and data key; relative to this file. Back up its file `key`.
  data_dir: data

  # SQLite in data_dir unless another one is named here.
  # database_url: os.environ/DATABASE_URL

  # Redis counts limits and keeps sessions for several processes together; without it each process is alone.
  # redis_url: os.environ/REDIS_URL

  # What teams may use together, and each key that has no limits of its own. Keys: `guardhouse keys create --help`.
  # teams: {search: {rpm: 600, tpm: 200000, max_parallel_requests: 32, budgets: {month: 500}}}
  # default_limits: {rpm: 60, budgets: {day: 5}}

  # Folder of versioned prompts that requests may name, and how versions share the traffic.
  # prompts: {dir: prompts, rollout: {support-answer: {"1": 90, "2": 10}}}

  # Longest request body in bytes; a longer one is answered with 413.
  # max_body_bytes: 10485760

  # `strict` writes a trace to disk before the last byte of its reply leaves, `group` within 20 ms.
  # spool: {mode: group}

  # How long what is stored stays, by clock; `guardhouse traces prune --dry-run` says what would go.
  # retention: {metadata: 90d, content: 30d, raw: 7d}

  # Whether the masked words of traces are indexed, so that texts can be searched. The index is not encrypted.
  # search: true

  # Where the end of the audit log is written down; elsewhere than in data_dir nobody can put both back.
  # audit: {anchor_file: audit-anchors.jsonl}

  # Where a policy keeps what was said before masking: seconds for which leave to read it lasts, and how many an hour.
  # reveal: {ttl_s: 900, per_hour: 30}

  # Folder with golden sets that the review pages show.
  # golden_dir: datasets/golden

  # The organisation's own identity provider, through which people sign in to the review pages.
  # oidc: {issuer: "https://id.example", client_id: guardhouse, public_url: "https://guardhouse.example"}

  # Seconds that a client may take to send its request, and for which it may take nothing of its reply.
  # clients: {send_s: 30, read_s: 60}

  # Seconds for which /readyz says no before a stop, and that requests under way then have to finish.
  # shutdown: {notice_s: 5, drain_s: 30}
"""


def register(app: typer.Typer) -> None:
    """Add the command to an app."""
    app.command("init")(init)


def init(
    directory: Path = typer.Argument(Path(), metavar="[DIR]", help="Folder to write to.", show_default="."),
    policy: str = typer.Option("default", help="The shipped policy to start from: default, strict, agents."),
) -> None:
    """Write guardhouse.yaml and policy.yaml, which work at once. Never overwrites a file."""
    from guardrails.policy import BUILT_IN

    if policy not in BUILT_IN:
        _stop(f"there is no shipped policy {policy!r}. Use one of: {', '.join(BUILT_IN)}.")
    shipped = resources.files("guardrails.policies").joinpath(f"{policy}.yaml").read_text(encoding="utf-8")
    files = {directory / "policy.yaml": shipped, directory / "guardhouse.yaml": CONFIG}
    for file in files:
        if file.exists() or file.is_symlink():
            _stop(f"{file} is there already and is not overwritten. Name another folder, or move it away.")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            with file.open("x", encoding="utf-8") as new:
                new.write(text)
    except OSError as error:
        _stop(f"cannot write to {directory}: {error.strerror}. Name a folder that this user can write.")
    config = shlex.quote(str(directory / "guardhouse.yaml"))
    typer.echo(f"wrote {', '.join(str(file) for file in files)}. Next:")
    typer.echo(f"  guardhouse doctor --config {config}")
    typer.echo(f"  guardhouse serve --config {config}")


def _stop(line: str) -> NoReturn:
    typer.echo(f"guardhouse: {line}", err=True)
    sys.exit(2)
