"""The configuration file: what is read, and what is refused with file, line and what to do."""

from pathlib import Path

import pytest

from proxy.config import Config, load_config
from proxy.errors import ConfigError
from proxy.settings import Settings

FULL = """
model_list:
  - model_name: gpt-4o-mini
    litellm_params:
      model: openai/gpt-4o-mini
      api_key: os.environ/TEST_KEY
      organization: org-1
      timeout: 30
      weight: 3
      temperature: 0.2
      drop_params: true
      rpm: 60
    model_info: {id: first}
  - model_name: gpt-4o-mini
    litellm_params: {model: azure/mini, api_base: "https://x.openai.azure.com/", api_key: azure-key, api_version: 2024-10-21}
  - model_name: claude
    litellm_params: {model: anthropic/claude-3, api_key: os.environ/TEST_KEY, max_tokens: 100}
  - model_name: local
    litellm_params: {model: hosted_vllm/llama, api_base: "http://127.0.0.1:8000/v1", extra_headers: {X-Team: blue}}
  - model_name: fake
    litellm_params: {model: fake/echo, chunk_chars: 3}
  - model_name: fake
    litellm_params: {model: fake/echo}
router_settings:
  num_retries: 1
  timeout: 60
  stream_timeout: 20
  cooldown_time: 9
  allowed_fails: 1
  fallbacks: [{gpt-4o-mini: [claude, fake]}]
  routing_strategy: least-busy
guardhouse:
  policy: strict
  default_model: fake
  data_dir: ./store
  database_url: os.environ/TEST_URL
  max_body_bytes: 2048
  spool: {mode: strict}
general_settings: {master_key: sk-1234}
"""

ONE = "model_list:\n  - model_name: m\n    litellm_params: {model: fake/echo}\n"


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables the file refers to."""
    monkeypatch.setenv("TEST_KEY", "sk-from-environment")
    monkeypatch.setenv("TEST_URL", "sqlite:///x.db")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def read(tmp_path: Path, text: str, **settings: object) -> Config:
    """The text as a configuration file."""
    path = tmp_path / "guardhouse.yaml"
    path.write_text(text)
    return load_config(path, Settings(**settings))  # type: ignore[arg-type]


def test_reads_a_litellm_file_with_our_keys(tmp_path: Path) -> None:
    """Everything of the reference page in one file."""
    config = read(tmp_path, FULL)
    openai, azure, claude, local, fake, again = config.deployments
    assert (openai.id, openai.provider, openai.vendor, openai.model) == (
        "first",
        "openai_wire",
        "openai",
        "gpt-4o-mini",
    )
    assert (openai.api_key, openai.api_base) == ("sk-from-environment", "https://api.openai.com/v1")
    assert (openai.organization, openai.weight) == ("org-1", 3)
    assert (openai.defaults, openai.params) == ({"temperature": 0.2}, {"drop_params": True})
    assert (azure.vendor, azure.model, azure.api_version) == ("azure", "mini", "2024-10-21")
    assert azure.api_base == "https://x.openai.azure.com"
    assert (claude.provider, claude.vendor, claude.model) == ("litellm", "anthropic", "anthropic/claude-3")
    assert claude.params == {"max_tokens": 100}
    assert (local.provider, local.api_key, local.headers) == ("openai_wire", "", {"x-team": "blue"})
    assert (fake.provider, fake.model, fake.params) == ("fake", "echo", {"chunk_chars": 3})
    assert (fake.id, again.id) == ("fake/echo", "fake/echo#2")
    assert config.router.fallbacks == {"gpt-4o-mini": ("claude", "fake")}
    assert (config.router.num_retries, config.router.cooldown_time, config.router.allowed_fails) == (1, 9, 1)
    assert (config.policy.kind, config.policy.value) == ("builtin", "strict")
    assert (config.default_model, config.spool_mode, config.max_body_bytes) == ("fake", "strict", 2048)
    assert (config.data_dir, config.database_url) == (tmp_path / "store", "sqlite:///x.db")


def test_anthropics_key_may_stand_in_its_own_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As that of any other vendor; a configured one wins, and a bare name is known too."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-own")
    given = ["model: claude-3", "model: anthropic/claude-3, api_key: sk-ant-given", "model: bedrock/x"]
    entries = "".join(f"  - {{model_name: m, litellm_params: {{{params}}}}}\n" for params in given)

    found = read(tmp_path, f"model_list:\n{entries}").deployments

    assert [(one.vendor, one.api_key) for one in found] == [
        ("anthropic", "sk-ant-own"),
        ("anthropic", "sk-ant-given"),
        ("bedrock", ""),
    ]


def test_deadlines_come_from_the_deployment_then_the_router(tmp_path: Path) -> None:
    """`timeout` bounds whole calls; `stream_timeout` the wait for and between events, not the whole stream."""
    first, second, *_ = read(tmp_path, FULL).deployments
    assert first.timeouts(stream=False).total == 30
    assert second.timeouts(stream=False).total == 60
    assert (second.timeouts(stream=True).first_byte, second.timeouts(stream=True).total) == (20, None)


def test_what_has_no_effect_is_noted_with_its_line(tmp_path: Path) -> None:
    """Read over, but not in silence."""
    notes = "\n".join(read(tmp_path, FULL).notes)
    assert "guardhouse.yaml:31: router_settings.routing_strategy has no effect" in notes
    assert "guardhouse.yaml:39: general_settings has no effect" in notes


def test_no_secret_is_shown_in_the_representation(tmp_path: Path) -> None:
    """A logged Config gives nothing away."""
    shown = repr(read(tmp_path, FULL))
    assert "sk-from-environment" not in shown and "azure-key" not in shown and "sqlite" not in shown


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    """GUARDHOUSE_DATA_DIR, _DATABASE_URL, _REDIS_URL and _SPOOL_MODE."""
    config = read(tmp_path, FULL, data_dir="/d", database_url="u", redis_url="r", spool_mode="group")
    assert (config.data_dir, config.database_url, config.redis_url, config.spool_mode) == (
        Path("/d"),
        "u",
        "r",
        "group",
    )


def test_a_key_may_come_from_the_vendors_own_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with LiteLLM, api_key may be left out when OPENAI_API_KEY is set."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-own")
    config = read(tmp_path, "model_list:\n  - model_name: m\n    litellm_params: {model: gpt-4o}\n")
    assert config.deployments[0].api_key == "sk-own"


def test_a_policy_is_a_name_a_file_or_written_here(tmp_path: Path) -> None:
    """An inline policy keeps the line numbers of the configuration file."""
    (tmp_path / "p.yaml").write_text("name: p\n")
    assert read(tmp_path, ONE).policy.value == "default"
    found = read(tmp_path, ONE + "guardhouse: {policy: p.yaml}\n").policy
    assert (found.kind, found.value) == ("file", str(tmp_path / "p.yaml"))
    inline = read(tmp_path, ONE + "guardhouse:\n  policy:\n    name: here\n    rules: []\n").policy
    assert inline.kind == "inline"
    assert inline.value.splitlines()[5] == "    name: here"


def test_retries_and_fallbacks_may_stand_in_litellm_settings(tmp_path: Path) -> None:
    """LiteLLM reads them there too; router_settings wins."""
    text = (
        ONE
        + "litellm_settings: {num_retries: 4, default_fallbacks: [m]}\nrouter_settings: {allowed_fails: 7}\n"
    )
    router = read(tmp_path, text).router
    assert (router.num_retries, router.allowed_fails, router.fallbacks) == (4, 7, {"*": ("m",)})


def entry(params: str) -> str:
    """A file with one deployment whose litellm_params are on line 3."""
    return f"model_list:\n  - model_name: m\n    litellm_params: {params}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model_list: [\n", r":2: this is not YAML"),
        ("model_list: []\n", r":1: model_list is empty.*Add"),
        ("guardhouse: {}\n", r":1: model_list is empty"),
        ("model_list: {m: 1}\n", r":1: model_list is empty"),
        ("model_list:\n  - litellm_params: {model: fake/echo}\n", r":2: model_list.0.model_name is missing"),
        ("model_list:\n  - model_name: m\n", r":2: model_list.0.litellm_params is missing"),
        (
            "model_list:\n  - model_name: ''\n    litellm_params: {model: fake/echo}\n",
            r":2: model_list.0.model_name: string",
        ),
        ("model_list:\n  - just-a-name\n", r":2: model_list.0 must be a mapping"),
        (entry("{api_key: x}"), r":3: model_list.0.litellm_params.model is missing"),
        (
            entry("{model: openai/x, api_key: os.environ/NOT_THERE}"),
            r":3: the environment variable NOT_THERE is not set",
        ),
        (entry("{model: openai/x}"), r":3: openai/x has no api_key, and OPENAI_API_KEY is not set"),
        (entry('{model: openai/x, api_key: "two words "}'), r":3: .*api_key holds spaces"),
        (entry('{model: openai/x, api_key: "a\\nb"}'), r":3: .*api_key holds spaces"),
        (entry("{model: openai/x, api_key: 12}"), r":3: .*api_key: input should be a valid string"),
        (entry("{model: hosted_vllm/x}"), r":3: hosted_vllm/ models need an api_base"),
        (entry("{model: openai/x, api_base: 'ftp://x'}"), r":3: api_base must be an http"),
        (entry("{model: fake/echo, timeout: -1}"), r":3: .*timeout: input should be greater than 0"),
        (entry("{model: 'openai/*', api_key: x}"), r":2: wildcard models are not supported"),
        (ONE + "guardhose: {}\n", r":4: unknown section 'guardhose'.*Did you mean 'guardhouse'"),
        (ONE + "guardhouse:\n  polcy: x\n", r":5: unknown key guardhouse.polcy.*Did you mean 'policy'"),
        (ONE + "guardhouse:\n  spool: {mode: fast}\n", r":5: guardhouse.spool.mode"),
        (ONE + "guardhouse:\n  spool: {size: 3}\n", r":5: unknown key guardhouse.spool.size"),
        (ONE + "guardhouse: []\n", r":4: guardhouse must be a mapping"),
        (
            ONE + "guardhouse: {max_body_bytes: lots}\n",
            r":4: guardhouse.max_body_bytes: input should be a valid int",
        ),
        (ONE + "guardhouse: {default_model: n}\n", r":4: guardhouse.default_model names 'n'.*Use one of: m"),
        (ONE + "guardhouse: {policy: none.yaml}\n", r":4: there is no policy file"),
        (ONE + "router_settings: {num_retries: many}\n", r":4: router_settings.num_retries: input should be"),
        (ONE + "router_settings:\n  fallbacks: [{m: [n]}]\n", r":5: fallbacks name 'n'.*not in model_list"),
        (ONE + "router_settings:\n  fallbacks: {m: n}\n", r":5: router_settings.fallbacks: input should be"),
        (ONE + "router_settings:\n  default_fallbacks: [q]\n", r":5: default_fallbacks name 'q'"),
        (
            ONE + ONE.partition("\n")[2].replace("fake/echo}", "fake/echo}\n    model_info: {id: fake/echo}"),
            r":6: the id 'fake/echo' is used twice",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    """File, line, what is wrong, what to do."""
    with pytest.raises(ConfigError, match=message) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(str(tmp_path / "guardhouse.yaml"))
    assert "two words" not in str(caught.value)


def test_every_key_is_documented() -> None:
    """docs/reference/config.md names each key we read."""
    from proxy.config_schema import Deadlines, Entry, Guardhouse, Params, Router, ShadowEntry, Spool

    page = (Path(__file__).parents[2] / "docs/reference/config.md").read_text()
    models = (Deadlines, Entry, Guardhouse, Params, Router, ShadowEntry, Spool)
    keys = {key for model in models for key in model.model_fields}
    assert sorted(key for key in keys if f"`{key}`" not in page) == []
