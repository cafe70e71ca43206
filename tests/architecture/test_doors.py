"""Each heavy dependency comes in through one door, and opens it only when it is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.architecture.source import ROOT, sources

DOORS = {
    "presidio_analyzer": ("guardrails/checks/pii.py",),
    "spacy": ("guardrails/checks/pii.py",),
    "onnxruntime": ("guardrails/onnx.py",),
    "tokenizers": ("guardrails/onnx.py",),
    "sentence_transformers": ("guardrails/embedding.py",),
    "litellm": ("proxy/providers/litellm.py",),
    "sqlmodel": ("proxy/store/",),
    "sqlalchemy": ("proxy/store/",),
    "alembic": ("proxy/store/",),
    "fastapi": ("proxy/app.py", "proxy/api/", "proxy/review/"),
    "starlette": ("proxy/app.py", "proxy/api/", "proxy/review/"),
    "httptools": ("proxy/providers/http.py", "evals/wire.py"),
    "prometheus_client": ("proxy/telemetry.py", "proxy/metrics_"),
    "llama_index": ("evals/retrieval.py", "evals/rag.py"),
    "faiss": ("evals/retrieval.py",),
    "faker": ("guardrails/surrogates.py",),
    "phonenumbers": ("guardrails/checks/phones.py", "guardrails/phone_ranges.py"),
    "cryptography": ("guardrails/vault_seal.py", "proxy/store/data_keys.py", "proxy/store/spool_seal.py"),
    "argon2": ("proxy/passwords.py",),
    "authlib": ("proxy/review/oidc_client.py",),
    "ray": ("evals/ray_executor.py",),
    "joserfc": ("proxy/review/oidc_client.py",),
    "redis": ("proxy/redis_client.py",),
    "opentelemetry.sdk": ("proxy/telemetry_otlp.py",),
    "opentelemetry.exporter": ("proxy/telemetry_otlp.py",),
    "opentelemetry.trace": ("proxy/telemetry_otlp.py",),
    "requests": ("proxy/telemetry_otlp.py",),
    "opentelemetry.proto": ("proxy/otlp/protobuf.py",),
    "google.protobuf": ("proxy/otlp/protobuf.py",),
    "pyarrow": ("proxy/export/parquet.py",),
    "openai": ("evals/chat.py", "evals/judge.py", "evals/demo.py"),
}
SCRIPTS = ("guardrails/models/",)
"""Scripts that rebuild model files: run by hand, never imported by the product."""

HEAVY = (
    "torch",
    "litellm",
    "llama_index",
    "presidio_analyzer",
    "onnxruntime",
    "fastapi",
    "sqlmodel",
    "openai",
    "scipy",
    "faiss",
    "faker",
    "phonenumbers",
    "cryptography",
    "redis",
    "opentelemetry",
    "google.protobuf",
    "pyarrow",
    "requests",
    "ray",
)


@pytest.mark.parametrize("package", DOORS)
def test_a_heavy_dependency_has_one_door(package: str) -> None:
    """Only the files named here may import it."""
    users = {
        source.name
        for source in sources()
        for i in source.imports
        if i.module == package or i.module.startswith(package + ".")
        if not source.name.startswith((*DOORS[package], *SCRIPTS))
    }

    assert users == set()


def test_only_the_settings_read_the_environment() -> None:
    """One file knows the environment, so one page can document it. Ray takes what it is told from nowhere else."""
    readers = {
        s.name for s in sources() if "os.environ" in s.text.replace("os.environ/", "") or "getenv(" in s.text
    }

    assert (
        readers
        - {"proxy/settings.py", "evals/ray_executor.py"}
        - {s.name for s in sources() if s.name.startswith(SCRIPTS)}
        == set()
    )


@pytest.mark.parametrize(
    "module", ["guardhouse", "guardrails.engine", "evals.gate", "evals.cli", "proxy.cli"]
)
def test_importing_a_door_step_loads_nothing_heavy(module: str) -> None:
    """The command answers quickly because heavy libraries wait until they are used."""
    code = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)

    assert done.stdout.strip() == "[]"
