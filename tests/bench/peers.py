"""Other gateways, as they must be set up to run at all. Each has an environment of its own in a lab folder; guardrails are off.

Installed by the registries' ordinary clients (pip, npm); nginx is the system's. Versions are fixed: another one is another peer.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.chats import MODELS
from tests.bench.contest import AUTHORIZED, KEY, Entry

Setting = tuple[Path, str]
"""A peer's own folder, and the provider's address."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One gateway: what it is made of, and how it takes part."""

    name: str
    entry: Callable[[Path, str], Entry]
    packages: tuple[str, ...] = ()
    """From PyPI, into a virtual environment."""
    modules: Mapping[str, Mapping[str, str]] | None = None
    """A package.json: from npm."""
    program: str = ""
    """From the system."""
    rate: float | None = None
    """How many times its requests a second ours must answer."""

    def installed(self, lab: Path) -> bool:
        """Whether it is there to be measured."""
        return (
            shutil.which(self.program) is not None if self.program else (lab / self.name / "ready").exists()
        )

    def install(self, lab: Path) -> None:
        """Fetch it; takes minutes, and the installers tell how far they are.

        Raises:
            SystemExit: it cannot be installed from here.
        """
        folder = lab / self.name
        folder.mkdir(parents=True, exist_ok=True)
        if self.program:
            raise SystemExit(f"{self.name} is not on the PATH: install it with the system's packages")
        if self.packages:
            _told([sys.executable, "-m", "venv", str(folder / "venv")], folder)
            _told([str(folder / "venv/bin/python"), "-m", "pip", "install", *self.packages], folder)
        if self.modules:
            (folder / "package.json").write_text(json.dumps({"private": True, **self.modules}))
            _told(["npm", "install", "--no-audit", "--no-fund"], folder)
        (folder / "ready").touch()


def _told(command: Sequence[str], folder: Path) -> None:
    print(f"== {' '.join(command)}", file=sys.stderr, flush=True)
    try:
        subprocess.run(command, cwd=folder, stdout=sys.stderr, check=True)
    except (OSError, subprocess.CalledProcessError) as problem:
        raise SystemExit(f"not installed: {problem}") from problem


def litellm(folder: Path, provider: str) -> Entry:
    """Its proxy with one worker and no database. It starts only with a strong master key."""
    models = [
        {
            "model_name": each,
            "litellm_params": {"model": f"openai/{each}", "api_base": f"{provider}/v1", "api_key": "k"},
        }
        for each in MODELS
    ]
    config = folder / "config.yaml"
    config.write_text(json.dumps({"model_list": models, "litellm_settings": {"telemetry": False}}))
    environment = {
        "LITELLM_MASTER_KEY": KEY,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOG": "ERROR",
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_TELEMETRY": "False",
    }
    start = [
        str(folder / "venv/bin/litellm"),
        "--config",
        str(config),
        "--host",
        "127.0.0.1",
        "--num_workers",
        "1",
    ]
    return Entry("litellm", lambda port: [*start, "--port", str(port)], environment, folder=folder)


def portkey(folder: Path, provider: str) -> Entry:
    """Its gateway; where to go stands in a header of each request."""
    route = {"provider": "openai", "api_key": "k", "custom_host": f"{provider}/v1"}
    start = str(folder / "node_modules/@portkey-ai/gateway/build/start-server.js")
    return Entry(
        "portkey",
        lambda port: ["node", start, f"--port={port}", "--headless"],
        {"NODE_ENV": "production"},
        {**AUTHORIZED, "x-portkey-config": json.dumps(route)},
        folder=folder,
    )


def nginx(folder: Path, provider: str) -> Entry:
    """A reverse proxy of one process that keeps its connections."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    host = provider.removeprefix("http://")

    def command(port: int) -> list[str]:
        config = folder / "nginx.conf"
        config.write_text(
            f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log warn;\n"
            "events { worker_connections 4096; }\n"
            f"http {{ access_log off; {paths} client_body_buffer_size 256k; client_max_body_size 8m;\n"
            " keepalive_requests 100000000; keepalive_timeout 3600s; tcp_nodelay on;\n"
            f" upstream provider {{ server {host}; keepalive 256; keepalive_requests 100000000; }}\n"
            f" server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://provider; proxy_buffering off;\n"
            '  proxy_http_version 1.1; proxy_set_header Connection ""; } } }\n'
        )
        return ["nginx", "-p", str(folder), "-c", str(config)]

    return Entry("nginx", command, folder=folder)


def mlflow(folder: Path, provider: str) -> Entry:
    """Its gateway with one worker."""
    openai = {"openai_api_key": "k", "openai_api_base": f"{provider}/v1"}
    endpoints = [
        {
            "name": each,
            "endpoint_type": "llm/v1/chat",
            "model": {"provider": "openai", "name": each, "config": openai},
        }
        for each in MODELS
    ]
    config = folder / "config.yaml"
    config.write_text(json.dumps({"endpoints": endpoints}))
    start = [str(folder / "venv/bin/mlflow"), "gateway", "start", "--config-path", str(config)]
    return Entry(
        "mlflow",
        lambda port: [*start, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"],
        folder=folder,
    )


def nemo(folder: Path, provider: str) -> Entry:
    """Its server with the IORails engine and no rail."""
    config = folder / "config" / "bench"
    config.mkdir(parents=True, exist_ok=True)
    parameters = {"base_url": f"{provider}/v1", "api_key": "k"}
    main = {"type": "main", "engine": "openai", "model": "bench", "parameters": parameters}
    (config / "config.yml").write_text(json.dumps({"models": [main], "passthrough": True}))
    environment = {
        "OPENAI_API_KEY": "k",
        "MAIN_MODEL_ENGINE": "openai",
        "MAIN_MODEL_BASE_URL": f"{provider}/v1",
        "OPENAI_BASE_URL": f"{provider}/v1",
        "NEMO_GUARDRAILS_IORAILS_ENGINE": "1",
        "DO_NOT_TRACK": "1",
    }
    start = [str(folder / "venv/bin/nemoguardrails"), "server", "--config", str(config.parent)]
    return Entry(
        "nemo",
        lambda port: [*start, "--port", str(port), "--default-config-id", "bench", "--disable-chat-ui"],
        environment,
        extra={"guardrails": {"config_id": "bench"}},
        folder=folder,
    )


PEERS = {
    peer.name: peer
    for peer in (
        Peer("litellm", litellm, ("litellm[proxy]==1.106.2",), rate=25),
        Peer(
            "portkey",
            portkey,
            # With the newest server that its range allows, every streamed answer fails.
            modules={
                "dependencies": {"@portkey-ai/gateway": "1.15.2"},
                "overrides": {"@hono/node-server": "1.13.8"},
            },
            rate=5,
        ),
        Peer("nginx", nginx, program="nginx"),
        Peer("mlflow", mlflow, ("mlflow[genai]==3.17.2", "uvloop", "httptools"), rate=3),
        Peer("nemo", nemo, ("nemoguardrails[server,openai]==0.24.1",), rate=4),
    )
}
