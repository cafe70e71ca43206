"""Which vendors speak OpenAI's wire themselves, and where: LiteLLM's prefixes and their base URLs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Vendor:
    """A vendor, or a server one runs oneself, that answers OpenAI's own requests."""

    base: str
    """Base URL including the version; empty when the configuration must name one."""
    key_variable: str = ""
    """Environment variable that holds its key by convention; empty when it needs none."""
    version_path: str = ""
    """Path to add to an `api_base` that lacks it, because LiteLLM's own driver wants the bare host."""


OPENAI_WIRE = {
    "openai": Vendor("https://api.openai.com/v1", "OPENAI_API_KEY"),
    "azure": Vendor("", "AZURE_API_KEY"),
    "cerebras": Vendor("https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
    "deepinfra": Vendor("https://api.deepinfra.com/v1/openai", "DEEPINFRA_API_KEY"),
    "deepseek": Vendor("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    "fireworks_ai": Vendor("https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY"),
    "groq": Vendor("https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    "hosted_vllm": Vendor(""),
    "litellm_proxy": Vendor(""),
    "llamafile": Vendor("http://127.0.0.1:8080/v1"),
    "lm_studio": Vendor("http://127.0.0.1:1234/v1"),
    "mistral": Vendor("https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    "nvidia_nim": Vendor("https://integrate.api.nvidia.com/v1", "NVIDIA_NIM_API_KEY"),
    "ollama": Vendor("http://127.0.0.1:11434/v1", version_path="/v1"),
    "ollama_chat": Vendor("http://127.0.0.1:11434/v1", version_path="/v1"),
    "openai_like": Vendor(""),
    "openrouter": Vendor("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "perplexity": Vendor("https://api.perplexity.ai", "PERPLEXITYAI_API_KEY"),
    "sambanova": Vendor("https://api.sambanova.ai/v1", "SAMBANOVA_API_KEY"),
    "together_ai": Vendor("https://api.together.xyz/v1", "TOGETHERAI_API_KEY"),
    "xai": Vendor("https://api.x.ai/v1", "XAI_API_KEY"),
}
"""LiteLLM's prefix of a model name to its vendor. What is not here (nor `fake/`) goes through litellm."""

NOT_IN_BODY = frozenset(
    {
        "additional_drop_params",
        "allowed_openai_params",
        "aws_access_key_id",
        "aws_region_name",
        "aws_secret_access_key",
        "azure_ad_token",
        "base_model",
        "budget_duration",
        "cache",
        "caching",
        "client_id",
        "client_secret",
        "configurable_clientside_auth_params",
        "cooldown_time",
        "default_api_key_rpm_limit",
        "default_api_key_tpm_limit",
        "disable_add_transform_inline_image_block",
        "drop_params",
        "fallbacks",
        "force_timeout",
        "headers",
        "input_cost_per_second",
        "input_cost_per_token",
        "litellm_credential_name",
        "litellm_trace_id",
        "max_budget",
        "max_file_size_mb",
        "max_parallel_requests",
        "merge_reasoning_content_in_choices",
        "mock_response",
        "model_info",
        "no-log",
        "order",
        "output_cost_per_second",
        "output_cost_per_token",
        "region_name",
        "rpm",
        "tags",
        "tenant_id",
        "tpm",
        "use_in_pass_through",
        "use_litellm_proxy",
        "vertex_credentials",
        "vertex_location",
        "vertex_project",
    }
)
"""Keys of `litellm_params` that LiteLLM keeps to itself; any other unknown key is a default for the body."""

_OPENAI_NAMES = (
    *("gpt-", "chatgpt-", "o1", "o3", "o4", "text-embedding-", "ft:gpt-"),
    *("omni-moderation", "text-moderation-", "davinci-002", "babbage-002"),
)
ANTHROPIC_KEY = "ANTHROPIC_API_KEY"
"""Environment variable that holds the key of Anthropic's deployments that configure none."""

_ANTHROPIC_NAMES = ("claude-",)


def split(model: str, custom: str | None = None) -> tuple[str, str]:
    """Vendor and the vendor's own name of a LiteLLM model string: `groq/llama` is `("groq", "llama")`.

    A name without a known prefix is OpenAI's or Anthropic's when it looks like one; else the vendor is empty.
    """
    prefix, slash, rest = model.partition("/")
    if custom:
        return custom, rest if slash and prefix == custom else model
    if slash and (prefix in OPENAI_WIRE or prefix == "fake"):
        return prefix, rest
    if not slash and model.startswith(_OPENAI_NAMES):
        return "openai", model
    if not slash and model.startswith(_ANTHROPIC_NAMES):
        return "anthropic", model
    return (prefix, model) if slash else ("", model)


def base_url(vendor: str, api_base: str | None) -> str:
    """The base URL to use: the configured one, completed where needed, or the vendor's own; may be empty."""
    known = OPENAI_WIRE[vendor]
    if not api_base:
        return known.base
    base = api_base.rstrip("/")
    if known.version_path and not base.endswith(known.version_path):
        base += known.version_path
    return base
