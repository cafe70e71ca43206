"""The configuration as administrators see it: everything but what is secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from proxy.config import load_config
from proxy.settings import Settings
from proxy.shown import shown

SECRETS = {
    name: f"s3cr3t-{name}" for name in ("key", "header", "body", "param", "db", "redis", "env", "query")
}
CONFIG = {
    "model_list": [
        {
            "model_name": "m",
            "litellm_params": {
                "model": "openai/gpt",
                "api_base": f"https://user:{SECRETS['key']}@host/v1?token={SECRETS['query']}",
                "api_key": "os.environ/SHOWN_TEST_KEY",
                "extra_headers": {"x-team": SECRETS["header"]},
                "extra_body": {"seed": SECRETS["body"]},
                "temperature": 0.5,
            },
        },
        {
            "model_name": "b",
            "litellm_params": {"model": "bedrock/claude", "aws_secret_access_key": SECRETS["param"]},
        },
    ],
    "guardhouse": {
        "database_url": f"postgresql://u:{SECRETS['db']}@h/d",
        "redis_url": f"redis://:{SECRETS['redis']}@h/0",
        "policy": {"name": "p", "rules": []},
    },
}


def test_no_secret_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever one can be written; the names under which there are some stay."""
    monkeypatch.setenv("SHOWN_TEST_KEY", SECRETS["env"])
    file = tmp_path / "guardhouse.yaml"
    file.write_text(json.dumps(CONFIG))

    told = shown(load_config(file, Settings(config=file)))
    text = json.dumps(told)

    assert [secret for secret in SECRETS.values() if secret in text] == []
    assert told["deployments"][0]["api_key"] == "set"
    assert told["deployments"][0]["headers"] == {"x-team": "set"}
    assert told["deployments"][0]["api_base"] == "https://host/v1"
    assert told["deployments"][1]["params"] == {"aws_secret_access_key": "set"}
    assert (told["database_url"], told["redis_url"], told["policy"]) == ("set", "set", "inline")
    assert told["clients"]["idle_s"] == 75
