"""Keys of hosting platforms, databases, secret managers, networks and clusters are found in their documented formats.

The formats are declared here, apart from the expressions that look for them.
"""

from __future__ import annotations

import base64

import pytest

from guardrails.checks.secret_kinds import platform
from tests.guardrails.checks.secret_kinds.examples import Form, example, found, holds, named, unfound

FORMS: list[Form] = [
    ("HEROKU_API_KEY", "", "HRKU- w:60"),
    ("HEROKU_API_KEY", "HEROKU_API_KEY=", "uuid"),
    ("FLY_TOKEN", "", "fo1_ w:43"),
    ("RENDER_API_KEY", "", "rnd_ A:28"),
    ("NETLIFY_TOKEN", "", "nfb_ A:36"),
    ("VERCEL_TOKEN", "", "vca_ A:24"),
    ("VERCEL_TOKEN", "VERCEL_TOKEN=", "A:24"),
    ("DENO_DEPLOY_TOKEN", "", "ddo_ A:36"),
    ("RAILWAY_TOKEN", "RAILWAY_TOKEN=", "uuid"),
    ("KOYEB_TOKEN", "KOYEB_TOKEN=", "l:64"),
    ("RETOOL_API_KEY", "", "retool_01 l:24"),
    ("DATABRICKS_TOKEN", "", "dapi h:32"),
    ("DBT_CLOUD_TOKEN", "", "dbtc_ w:30"),
    ("SUPABASE_KEY", "", "sbp_ h:40"),
    ("PLANETSCALE_TOKEN", "", "pscale_tkn_ w:32"),
    ("NEON_API_KEY", "", "napi_ l:60"),
    ("MONGODB_ATLAS_SECRET", "", "mdb_sa_sk_ w:40"),
    ("COCKROACHDB_API_KEY", "", "CCDB1_ A:22 _ A:40"),
    ("DATASTAX_TOKEN", "", "AstraCS: A:24 : h:64"),
    ("AIVEN_PASSWORD", "", "AVNS_ w:19"),
    ("ELASTIC_API_KEY", "", "essa_ w:40"),
    ("CLICKHOUSE_CLOUD_KEY", "", "4b1d A:38"),
    ("TINYBIRD_TOKEN", "", "p.eyJ w:40 . w:20"),
    ("XATA_API_KEY", "", "xau_ A:36"),
    ("FAUNA_SECRET", "FAUNA_SECRET=", "fn w:38"),
    ("CONFLUENT_SECRET", "CONFLUENT_SECRET=", "b:64"),
    ("INFLUXDB_TOKEN", "INFLUXDB_TOKEN=", "w:86 =="),
    ("UPSTASH_TOKEN", "UPSTASH_TOKEN=", "w:50"),
    ("MEILISEARCH_KEY", "MEILISEARCH_KEY=", "h:64"),
    ("ALGOLIA_ADMIN_KEY", "ALGOLIA_ADMIN_KEY=", "h:32"),
    ("DOPPLER_TOKEN", "", "dp.pt. w:40"),
    ("VAULT_TOKEN", "", "hvb. w:24"),
    ("CONSUL_TOKEN", "CONSUL_TOKEN=", "uuid"),
    ("NOMAD_TOKEN", "NOMAD_TOKEN=", "uuid"),
    ("TERRAFORM_TOKEN", "", "A:14 .atlasv1. w:60"),
    ("PULUMI_TOKEN", "", "pul- h:40"),
    ("INFRACOST_API_KEY", "", "ico- A:32"),
    ("ONEPASSWORD_TOKEN", "", "ops_eyJ w:200"),
    ("ONEPASSWORD_SECRET_KEY", "", "A3- U:6 - U:6 U:5 - U:5 - U:5 - U:5"),
    ("BITWARDEN_ACCESS_TOKEN", "", "0. uuid . A:30 : b:22 =="),
    ("TAILSCALE_KEY", "", "tskey-auth- A:8 - A:16"),
    ("NETBIRD_TOKEN", "", "nbp_ A:36"),
    ("ZEROTIER_TOKEN", "ZEROTIER_TOKEN=", "A:32"),
    ("NGROK_TOKEN", "NGROK_TOKEN=", "A:26 _ A:20"),
    ("WIREGUARD_KEY", "privatekey:", "b:42 0="),
    ("KUBEADM_TOKEN", "--token ", "l:6 . l:16"),
    ("K3S_TOKEN", "", "K10 h:64 :: w:16"),
    ("RANCHER_TOKEN", "", "token- l:5 : l:54"),
    ("OPENSHIFT_TOKEN", "", "sha256~ w:43"),
]


@pytest.mark.parametrize(("entity", "lead", "spec"), FORMS, ids=named(FORMS))
def test_a_secret_is_found_whole_and_its_near_misses_are_left(entity: str, lead: str, spec: str) -> None:
    """Two examples in five settings, one that is a character short, and one with a character of no alphabet."""
    holds(entity, lead, spec)


def test_every_kind_has_a_format_here() -> None:
    """No kind ships without an example that it finds; the login of a registry has a test of its own."""
    assert unfound(platform.KINDS, FORMS) == ["DOCKER_CONFIG_AUTH"]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_login_of_a_registry_is_a_user_and_a_password_in_base64(seed: int) -> None:
    """What does not decode to a user, a colon and a password is not one."""
    login = base64.b64encode(f"robot:{example('A:20', seed)}".encode()).decode()
    other = base64.b64encode(example("A:24", seed).encode()).decode()

    assert found("DOCKER_CONFIG_AUTH", f'{{"auths": {{"ghcr.io": {{"auth": "{login}"}}}}}}') == [login]
    assert found("DOCKER_CONFIG_AUTH", f'"auth": "{other}"') == []
    assert found("DOCKER_CONFIG_AUTH", '"auth": "required"') == []
