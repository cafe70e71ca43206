"""Vendors: LiteLLM's model prefixes."""

import pytest

from proxy.vendors import OPENAI_WIRE, base_url, split


@pytest.mark.parametrize(
    ("model", "custom", "expected"),
    [
        ("openai/gpt-4o", None, ("openai", "gpt-4o")),
        ("gpt-4o-mini", None, ("openai", "gpt-4o-mini")),
        ("groq/meta-llama/llama-3", None, ("groq", "meta-llama/llama-3")),
        ("fake/echo", None, ("fake", "echo")),
        ("anthropic/claude-3", None, ("anthropic", "anthropic/claude-3")),
        ("claude-3", None, ("anthropic", "claude-3")),
        ("claude", None, ("", "claude")),
        ("my-model", "openai", ("openai", "my-model")),
        ("openai/my-model", "openai", ("openai", "my-model")),
        ("org/model", "hosted_vllm", ("hosted_vllm", "org/model")),
    ],
)
def test_splits_a_model_string(model: str, custom: str | None, expected: tuple[str, str]) -> None:
    """As LiteLLM reads it: prefix, explicit provider, or a well-known name."""
    assert split(model, custom) == expected


@pytest.mark.parametrize(
    ("vendor", "base", "expected"),
    [
        ("openai", None, "https://api.openai.com/v1"),
        ("openai", "http://x/v1/", "http://x/v1"),
        ("ollama", "http://x:11434", "http://x:11434/v1"),
        ("ollama_chat", "http://x:11434/v1", "http://x:11434/v1"),
        ("hosted_vllm", None, ""),
    ],
)
def test_knows_the_base_url(vendor: str, base: str | None, expected: str) -> None:
    """Configured, completed, the vendor's own, or none."""
    assert base_url(vendor, base) == expected


def test_every_known_base_is_https_or_local() -> None:
    """A key never goes over plain HTTP by default."""
    bases = [vendor.base for vendor in OPENAI_WIRE.values() if vendor.base]
    assert all(
        base.startswith(("https://", "http://127.0.0.1:")) and not base.endswith("/") for base in bases
    )
