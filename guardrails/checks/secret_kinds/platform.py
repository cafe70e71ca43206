"""Keys of hosting platforms, databases, secret managers, networks and clusters."""

from __future__ import annotations

from guardrails.checks.secret_kinds.kind import UUID, SecretKind, keyed, keyed_uuid, token

_HOSTING = (
    token("HEROKU_API_KEY", "Heroku", r"\bHRKU-[A-Za-z0-9_-]{60}", "HRKU-"),
    keyed_uuid("HEROKU_API_KEY", "Heroku", "heroku"),
    token(
        "FLY_TOKEN",
        "Fly.io",
        r"\b(?:fo1_[A-Za-z0-9_-]{43}|fm[12][ar]?_[A-Za-z0-9+/]{100,700}={0,3})",
        r"\bf(?:o1|m[12][ar]?)_[A-Za-z0-9_+/-]{16}",
    ),
    token("RENDER_API_KEY", "Render", r"\brnd_[A-Za-z0-9]{28,36}\b", r"\brnd_[A-Za-z0-9]{12}"),
    token("NETLIFY_TOKEN", "Netlify", r"\bnf[bcopu]_[A-Za-z0-9]{36}\b", r"\bnf[bcopu]_[A-Za-z0-9]{12}"),
    token("VERCEL_TOKEN", "Vercel", r"\bvc[acikpr]_[A-Za-z0-9]{24,64}\b", r"\bvc[acikpr]_[A-Za-z0-9]{12}"),
    keyed("VERCEL_TOKEN", "Vercel", "vercel", "[A-Za-z0-9]{24}"),
    token("DENO_DEPLOY_TOKEN", "Deno Deploy", r"\bdd[op]_[A-Za-z0-9]{36}\b", r"\bdd[op]_[A-Za-z0-9]{12}"),
    keyed_uuid("RAILWAY_TOKEN", "Railway", "railway"),
    keyed("KOYEB_TOKEN", "Koyeb", "koyeb", "[a-z0-9]{64}"),
    token("RETOOL_API_KEY", "Retool", r"\bretool_01[a-z0-9]{24}\b", "retool_01"),
    token("DATABRICKS_TOKEN", "Databricks", r"\bd(?:api|ose|kea)[0-9a-f]{32}(?:-\d)?\b"),
    token("DBT_CLOUD_TOKEN", "dbt Cloud", r"\bdbt[cus]_[A-Za-z0-9_=-]{30,60}", r"\bdbt[cus]_[A-Za-z0-9]{6}"),
)

_DATABASES = (
    token(
        "SUPABASE_KEY",
        "Supabase",
        r"\b(?:sbp_(?:[a-z]{2,4}_?)?[0-9a-f]{40}\b|sb_secret_[A-Za-z0-9_-]{20,50})",
        r"\b(?:sbp_|sb_secret_)",
    ),
    token(
        "PLANETSCALE_TOKEN",
        "PlanetScale",
        r"\bpscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{32,64}",
        "pscale_(?:tkn|pw|oauth)_",
    ),
    token("NEON_API_KEY", "Neon", r"\bnapi_[a-z0-9]{60,72}\b", r"\bnapi_[a-z0-9]{16}"),
    token("MONGODB_ATLAS_SECRET", "MongoDB Atlas", r"\bmdb_sa_sk_[A-Za-z0-9_-]{40}", "mdb_sa_sk_"),
    token("COCKROACHDB_API_KEY", "CockroachDB", r"\bCCDB1_[A-Za-z0-9]{22}_[A-Za-z0-9]{40}\b", "CCDB1_"),
    token("DATASTAX_TOKEN", "DataStax Astra", r"\bAstraCS:[A-Za-z0-9]{24}:[0-9a-f]{64}\b", "AstraCS:"),
    token("AIVEN_PASSWORD", "Aiven", r"\bAVNS_[A-Za-z0-9_-]{19}", r"\bAVNS_"),
    token("ELASTIC_API_KEY", "Elastic Cloud", r"\bess[au]_[A-Za-z0-9+/_-]{40,160}={0,2}", r"\bess[au]_"),
    token("CLICKHOUSE_CLOUD_KEY", "ClickHouse Cloud", r"\b4b1d[A-Za-z0-9]{38}\b"),
    token(
        "TINYBIRD_TOKEN",
        "Tinybird",
        r"\bp\.eyJ[A-Za-z0-9_-]{40,400}\.[A-Za-z0-9_-]{20,60}",
        r"\bp\.eyJ",
    ),
    token("XATA_API_KEY", "Xata", r"\bxau_[A-Za-z0-9]{36,48}\b", r"\bxau_"),
    keyed("FAUNA_SECRET", "Fauna", "fauna", "fn[A-Za-z0-9_-]{38}"),
    keyed("CONFLUENT_SECRET", "Confluent", "confluent", "[A-Za-z0-9+/]{64}"),
    keyed("INFLUXDB_TOKEN", "InfluxDB", "influx", "[A-Za-z0-9_-]{86}=="),
    keyed("UPSTASH_TOKEN", "Upstash", "upstash", "[A-Za-z0-9_-]{50,140}={0,2}"),
    keyed("MEILISEARCH_KEY", "Meilisearch", "meili", "[0-9a-f]{64}"),
    keyed("ALGOLIA_ADMIN_KEY", "Algolia", "algolia", "[0-9a-f]{32}"),
)

_SECRETS = (
    token(
        "DOPPLER_TOKEN",
        "Doppler",
        r"\bdp\.(?:pt|st|ct|sa|said|scim|audit)\.[A-Za-z0-9._-]{40,80}",
        r"\bdp\.(?:pt|st|ct|sa|said|scim|audit)\.",
    ),
    token("VAULT_TOKEN", "HashiCorp Vault", r"\bhv[sbr]\.[A-Za-z0-9_-]{24,300}", r"\bhv[sbr]\."),
    keyed_uuid("CONSUL_TOKEN", "HashiCorp Consul", "consul[_-](?:http_)?token"),
    keyed_uuid("NOMAD_TOKEN", "HashiCorp Nomad", "nomad_token"),
    token(
        "TERRAFORM_TOKEN", "HCP Terraform", r"\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}", "atlasv1"
    ),
    token("PULUMI_TOKEN", "Pulumi", r"\bpul-[0-9a-f]{40}\b", r"\bpul-[0-9a-f]{8}"),
    token("INFRACOST_API_KEY", "Infracost", r"\bico-[A-Za-z0-9]{32}\b", r"\bico-[A-Za-z0-9]{12}"),
    token("ONEPASSWORD_TOKEN", "1Password", r"\bops_eyJ[A-Za-z0-9+/_-]{200,1000}={0,3}", "ops_eyJ"),
    token(
        "ONEPASSWORD_SECRET_KEY",
        "1Password",
        r"\bA3-[A-Z0-9]{6}-[A-Z0-9]{6}-?(?:[A-Z0-9]{5}-){3}[A-Z0-9]{5}\b",
        r"\bA3-[A-Z0-9]{6}-",
    ),
    token(
        "BITWARDEN_ACCESS_TOKEN",
        "Bitwarden Secrets Manager",
        rf"\b0\.{UUID}\.[A-Za-z0-9]{{30}}:[A-Za-z0-9+/]{{22}}==",
        r"\b0\.[0-9a-f]{8}-",
    ),
)

_NETWORKS = (
    token(
        "TAILSCALE_KEY",
        "Tailscale",
        r"\btskey-(?:auth|api|client|scim|webhook)-[A-Za-z0-9]{8,24}-[A-Za-z0-9]{16,48}\b",
        "tskey-",
    ),
    token("NETBIRD_TOKEN", "NetBird", r"\bnbp_[A-Za-z0-9]{36}\b", r"\bnbp_"),
    keyed("ZEROTIER_TOKEN", "ZeroTier", "zerotier", "[A-Za-z0-9]{32}"),
    keyed("NGROK_TOKEN", "ngrok", "ngrok", "[A-Za-z0-9]{26,28}_[A-Za-z0-9]{20,22}"),
    SecretKind(
        "WIREGUARD_KEY",
        "WireGuard private and preshared keys",
        r"(?i:private_?key|preshared_?key)[ \t]{0,4}[=:][ \t]{0,4}[\"']?"
        r"([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)",
        1,
        "random",
        0.9,
        r"(?i:private_?key|preshared_?key)[ \t]{0,4}[=:][ \t]{0,4}[\"']?[A-Za-z0-9+/]{16}",
    ),
)

_CLUSTERS = (
    SecretKind(
        "KUBEADM_TOKEN",
        "Kubernetes bootstrap token",
        r"""(?:--token|bootstrap[_-]token|[tT]oken)[ =:"']{1,4}([a-z0-9]{6}\.[a-z0-9]{16})\b""",
        1,
        "random",
        0.85,
        r"""[nN][ =:"']{1,4}[a-z0-9]{6}\.[a-z0-9]{16}\b""",
    ),
    token("K3S_TOKEN", "K3s node token", r"\bK10[0-9a-f]{64}::[A-Za-z0-9:._-]{16,128}", r"\bK10[0-9a-f]{16}"),
    token("RANCHER_TOKEN", "Rancher", r"\btoken-[a-z0-9]{5}:[a-z0-9]{54}\b", r"\btoken-[a-z0-9]{5}:"),
    token("OPENSHIFT_TOKEN", "Red Hat OpenShift", r"\bsha256~[A-Za-z0-9_-]{43}", "sha256~"),
    SecretKind(
        "DOCKER_CONFIG_AUTH",
        "registry login in a Docker config",
        r'"auth"[ \t]{0,4}:[ \t]{0,4}"([A-Za-z0-9+/]{8,600}={0,2})"',
        1,
        "basic",
        0.9,
        r'"auth"[ \t]{0,4}:[ \t]{0,4}"[A-Za-z0-9+/]',
    ),
)

KINDS = (*_HOSTING, *_DATABASES, *_SECRETS, *_NETWORKS, *_CLUSTERS)
"""Kinds of this file."""
