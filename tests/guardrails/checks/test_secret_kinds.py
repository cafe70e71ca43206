"""Every kind of secret is found in its documented shape, and left alone when it only looks like it.

Examples are assembled from a seeded generator at run time: no secret, true or false, stands in this file.
"""

from __future__ import annotations

import random
import re
import string
from pathlib import Path

import pytest

from guardrails.checks.secret_kinds import KINDS
from guardrails.checks.secrets import secrets
from guardrails.prefixes import read

ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + string.digits
LOWER = string.ascii_lowercase + string.digits
DIGITS = string.digits
URLSAFE = ALNUM + "_-"
B64 = ALNUM + "+/"


def fill(alphabet: str, size: int, seed: int = 3) -> str:
    """A value of that size that looks random and ends in a letter or digit."""
    chance = random.Random(f"{alphabet}{size}{seed}")
    body = "".join(chance.choice(alphabet) for _ in range(size - 1))
    return body + chance.choice([letter for letter in alphabet if letter.isalnum()])


def uuid() -> str:
    """A random UUID."""
    return "-".join(fill(HEX, size) for size in (8, 4, 4, 4, 12))


def pem() -> str:
    """A private key in PEM form."""
    body = "\n".join(fill(B64, 64, line) for line in range(4))
    return (
        "-----BEGIN "
        + "PRIVATE KEY-----\n"
        + body
        + "\n"
        + fill(B64, 12)
        + "==\n-----END "
        + "PRIVATE KEY-----"
    )


# entity, what precedes it, the secret, a near miss that must not be reported under this entity
ROWS: list[tuple[str, str, str, str]] = [
    ("OPENAI_API_KEY", "", "sk-" + "proj-" + fill(URLSAFE, 120), "sk-proj-short"),
    ("OPENAI_API_KEY", "", "sk-" + fill(ALNUM, 48), "sk-learn-models-and-more-words-here"),
    (
        "ANTHROPIC_API_KEY",
        "",
        "sk-" + "ant-api03-" + fill(URLSAFE, 93),
        "sk-ant-api03-xxxxxxxxxxxxxxxxxxxxxxxx",
    ),
    ("OPENROUTER_API_KEY", "", "sk-" + "or-v1-" + fill(HEX, 64), "sk-or-v1-" + "g" * 64),
    ("LANGFUSE_SECRET_KEY", "", "sk-" + "lf-" + uuid(), "pk-lf-" + uuid()),
    ("LANGSMITH_API_KEY", "", "lsv2_" + "pt_" + fill(HEX, 32) + "_" + fill(HEX, 10), "lsv2_pt_abc"),
    ("HUGGINGFACE_TOKEN", "", "hf_" + fill(ALNUM, 34), "hf_hub_download"),
    ("GROQ_API_KEY", "", "gsk_" + fill(ALNUM, 52), "gsk_" + fill(ALNUM, 20)),
    ("PERPLEXITY_API_KEY", "", "pplx-" + fill(ALNUM, 48), "pplx-7b-online"),
    ("REPLICATE_API_TOKEN", "", "r8_" + fill(ALNUM, 37), "r8_" + fill(ALNUM, 30)),
    ("XAI_API_KEY", "", "xai-" + fill(ALNUM, 80), "xai-grok"),
    ("FIREWORKS_API_KEY", "", "fw_" + fill(ALNUM, 24), "fw_version_string_of_the_device"),
    ("PINECONE_API_KEY", "", "pcsk_" + fill(ALNUM, 60), "pcsk_short"),
    ("TAVILY_API_KEY", "", "tvly-" + fill(ALNUM, 32), "tvly-search"),
    ("NVIDIA_API_KEY", "", "nvapi-" + fill(URLSAFE, 64), "nvapi-docs"),
    ("ELEVENLABS_API_KEY", "", "sk_" + fill(HEX, 48), "sk_buff"),
    ("COHERE_API_KEY", "COHERE_API_KEY=", fill(ALNUM, 40), "cohere: a company in Toronto"),
    ("MISTRAL_API_KEY", "mistral_key: ", fill(ALNUM, 32), "mistral: abcdefabcdef"),
    ("WANDB_API_KEY", "WANDB_API_KEY=", fill(HEX, 40), "wandb.init(project='x')"),
    ("AWS_ACCESS_KEY_ID", "", "AKIA" + fill(UPPER, 16), "AKIA" + "IOSFODNN7EXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "aws_secret_access_key = ", fill(B64, 40), "aws_secret_access_key = ${SECRET}"),
    ("AWS_SESSION_TOKEN", "aws_session_token=", fill(B64, 300), "session_token=abc"),
    ("AWS_BEDROCK_API_KEY", "", "ABSK" + fill(B64, 128), "ABSK" + fill(B64, 40)),
    ("AZURE_STORAGE_KEY", "AccountKey=", fill(B64, 86) + "==", "AccountKey=abc=="),
    ("AZURE_SAS_SIGNATURE", "?sv=2022&sig=", fill(ALNUM, 43) + "%3D", "sig=abc%3D"),
    ("AZURE_CLIENT_SECRET", "", fill(ALNUM, 3) + "8Q~" + fill(ALNUM, 34), "abc8Q-" + fill(ALNUM, 34)),
    ("AZURE_DEVOPS_TOKEN", "", fill(ALNUM, 76) + "AZDO" + fill(ALNUM, 4), fill(ALNUM, 84)),
    ("GOOGLE_API_KEY", "", "AIza" + fill(URLSAFE, 35), "AIza" + fill(ALNUM, 20)),
    ("GOOGLE_OAUTH_SECRET", "", "GOCSPX-" + fill(ALNUM, 28), "GOCSPX-short"),
    ("GOOGLE_OAUTH_TOKEN", "", "ya29." + fill(URLSAFE, 120), "ya29.short"),
    ("GOOGLE_REFRESH_TOKEN", "", "1//0" + fill(URLSAFE, 60), "1//0 means nothing"),
    ("DIGITALOCEAN_TOKEN", "", "dop_v1_" + fill(HEX, 64), "dop_v1_" + fill(HEX, 20)),
    ("ALIBABA_ACCESS_KEY_ID", "", "LTAI" + fill(ALNUM, 20), "LTAI5"),
    ("TENCENT_SECRET_ID", "", "AKID" + fill(ALNUM, 32), "AKID123"),
    ("CLOUDFLARE_ORIGIN_CA_KEY", "", "v1.0-" + fill(HEX, 24) + "-" + fill(HEX, 146), "v1.0-" + fill(HEX, 24)),
    ("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_TOKEN=", fill(ALNUM, 40), "cloudflare: a content network"),
    ("HEROKU_API_KEY", "", "HRKU-" + fill(ALNUM, 60), "HRKU-short"),
    ("HEROKU_API_KEY", "heroku_key=", uuid(), "id=" + uuid()),
    ("FLY_TOKEN", "", "fo1_" + fill(ALNUM, 43), "fo1_short"),
    ("SUPABASE_KEY", "", "sbp_" + fill(HEX, 40), "sbp_short"),
    ("PLANETSCALE_TOKEN", "", "pscale_" + "tkn_" + fill(ALNUM, 43), "pscale_tkn_short"),
    ("NEON_API_KEY", "", "napi_" + fill(LOWER, 64), "napi_create_function"),
    ("RENDER_API_KEY", "", "rnd_" + fill(ALNUM, 32), "rnd_seed"),
    ("NETLIFY_TOKEN", "", "nfp_" + fill(ALNUM, 36), "nfp_short"),
    ("DATABRICKS_TOKEN", "", "dapi" + fill(HEX, 32), "dapi" + fill(HEX, 12)),
    ("DOPPLER_TOKEN", "", "dp." + "pt." + fill(ALNUM, 43), "dp.pt.short"),
    ("VAULT_TOKEN", "", "hvs." + fill(URLSAFE, 90), "hvs.short"),
    ("TERRAFORM_TOKEN", "", fill(ALNUM, 14) + ".atlasv1." + fill(ALNUM, 67), "x.atlasv1.y"),
    ("PULUMI_TOKEN", "", "pul-" + fill(HEX, 40), "pul-request"),
    ("ONEPASSWORD_TOKEN", "", "ops_" + "eyJ" + fill(B64, 260), "ops_eyJshort"),
    ("TAILSCALE_KEY", "", "tskey-" + "auth-" + fill(ALNUM, 16) + "-" + fill(ALNUM, 32), "tskey-auth-short"),
    ("GITHUB_TOKEN", "", "gh" + "p_" + "a1B2" * 9, "gh" + "p_" + "x" * 36),
    ("GITHUB_TOKEN", "", "gh" + "s_" + fill(ALNUM, 36), "ghs_short"),
    (
        "GITHUB_FINE_GRAINED_TOKEN",
        "",
        "github_" + "pat_" + fill(ALNUM, 22) + "_" + fill(ALNUM, 59),
        "github_pat_short",
    ),
    ("GITLAB_TOKEN", "", "glpat-" + fill(URLSAFE, 20), "glpat-short"),
    ("BITBUCKET_APP_PASSWORD", "", "ATBB" + fill(ALNUM, 32), "ATBB short"),
    ("ATLASSIAN_API_TOKEN", "", "ATATT3" + fill(URLSAFE, 186), "ATATT3 short"),
    ("NPM_TOKEN", "", "npm_" + fill(ALNUM, 36), "npm_config_registry"),
    ("PYPI_TOKEN", "", "pypi-" + "AgEIcHlwaS5vcmc" + fill(URLSAFE, 150), "pypi-publish"),
    ("RUBYGEMS_TOKEN", "", "rubygems_" + fill(HEX, 48), "rubygems_version"),
    ("CRATES_IO_TOKEN", "", "cio" + fill(ALNUM, 32), "cio" + fill(ALNUM, 10)),
    ("NUGET_API_KEY", "", "oy2" + fill(LOWER, 43), "oy2" + fill(LOWER, 12)),
    ("DOCKER_TOKEN", "", "dckr_" + "pat_" + fill(ALNUM, 27), "dckr_pat_short"),
    ("ARTIFACTORY_TOKEN", "", "AKCp" + fill(ALNUM, 69), "AKCp8"),
    ("CIRCLECI_TOKEN", "", "CCIPAT_" + fill(ALNUM, 22) + "_" + fill(HEX, 40), "CCIPAT_x"),
    ("BUILDKITE_TOKEN", "", "bkua_" + fill(LOWER, 40), "bkua_x"),
    ("SONAR_TOKEN", "", "squ_" + fill(HEX, 40), "squ_are"),
    ("SENTRY_TOKEN", "", "sntryu_" + fill(HEX, 64), "sntryu_x"),
    ("LAUNCHDARKLY_KEY", "", "sdk-" + uuid(), "sdk-version"),
    ("POSTMAN_API_KEY", "", "PMAK-" + fill(HEX, 24) + "-" + fill(HEX, 34), "PMAK-x"),
    ("SLACK_TOKEN", "", "xox" + "b-" + fill(DIGITS, 12) + "-" + fill(ALNUM, 24), "xoxb-x"),
    (
        "SLACK_APP_TOKEN",
        "",
        "xapp-1-" + fill(UPPER, 11) + "-" + fill(DIGITS, 13) + "-" + fill(HEX, 64),
        "xapp-1-x",
    ),
    (
        "SLACK_WEBHOOK",
        "https://",
        "hooks.slack.com/" + "services/T" + fill(UPPER, 8) + "/B" + fill(UPPER, 8) + "/" + fill(ALNUM, 24),
        "https://hooks.slack.com/services/",
    ),
    (
        "DISCORD_BOT_TOKEN",
        "",
        "M" + fill(ALNUM, 25) + "." + fill(ALNUM, 6) + "." + fill(URLSAFE, 38),
        "Module.method.call",
    ),
    (
        "DISCORD_WEBHOOK",
        "https://",
        "discord.com/api/webhooks/" + fill("123456789", 18) + "/" + fill(ALNUM, 68),
        "https://discord.com/api/webhooks/",
    ),
    ("TELEGRAM_BOT_TOKEN", "", fill("123456789", 10) + ":AA" + fill(URLSAFE, 33), "1234567890:AAbc"),
    (
        "TEAMS_WEBHOOK",
        "https://acme",
        ".webhook.office.com/webhookb2/" + uuid() + "@" + uuid(),
        "https://acme.webhook.office.com/",
    ),
    ("TWILIO_API_KEY", "", "SK" + fill(HEX, 32), "SK" + fill(HEX, 12)),
    ("TWILIO_AUTH_TOKEN", "TWILIO_AUTH_TOKEN=", fill(HEX, 32), "twilio: a phone company"),
    ("SENDGRID_API_KEY", "", "SG." + fill(URLSAFE, 22) + "." + fill(URLSAFE, 43), "SG.x.y"),
    ("MAILGUN_API_KEY", "", fill(HEX, 32) + "-" + fill(HEX, 8) + "-" + fill(HEX, 8), "key-" + fill(HEX, 10)),
    ("MAILCHIMP_API_KEY", "", fill(HEX, 32) + "-us12", fill(HEX, 32) + "-eu1"),
    ("BREVO_API_KEY", "", "xkeysib-" + fill(HEX, 64) + "-" + fill(ALNUM, 16), "xkeysib-x"),
    ("RESEND_API_KEY", "", "re_" + fill(ALNUM, 8) + "_" + fill(ALNUM, 24), "re_compile_pattern"),
    ("STRIPE_SECRET_KEY", "", "sk_" + "live_" + fill(ALNUM, 24), "sk_live_short"),
    ("STRIPE_WEBHOOK_SECRET", "", "whsec_" + fill(ALNUM, 32), "whsec_short"),
    ("SQUARE_TOKEN", "", "sq0" + "atp-" + fill(URLSAFE, 22), "sq0atp-x"),
    (
        "BRAINTREE_TOKEN",
        "",
        "access_token" + "$production$" + fill(LOWER, 16) + "$" + fill(HEX, 32),
        "access_token$production$x",
    ),
    ("SHOPIFY_TOKEN", "", "shp" + "at_" + fill(HEX, 32), "shpat_x"),
    ("RAZORPAY_KEY", "", "rzp_" + "live_" + fill(ALNUM, 14), "rzp_live_x"),
    ("PLAID_ACCESS_TOKEN", "", "access-" + "sandbox-" + uuid(), "access-sandbox-x"),
    ("FLUTTERWAVE_SECRET_KEY", "", "FLWSECK-" + fill(ALNUM, 32) + "-X", "FLWSECK-x-X"),
    ("EASYPOST_API_KEY", "", "EZAK" + fill(ALNUM, 54), "EZAK" + fill(ALNUM, 20)),
    ("LINEAR_API_KEY", "", "lin_" + "api_" + fill(ALNUM, 40), "lin_api_x"),
    ("NOTION_TOKEN", "", "ntn_" + fill(DIGITS, 11) + fill(ALNUM, 35), "ntn_x"),
    ("FIGMA_TOKEN", "", "figd_" + fill(URLSAFE, 40), "figd_x"),
    ("NEW_RELIC_KEY", "", "NRAK-" + fill(UPPER, 27), "NRAK-x"),
    ("GRAFANA_TOKEN", "", "glsa_" + fill(ALNUM, 32) + "_" + fill(HEX, 8), "glsa_x"),
    ("DATADOG_KEY", "DD_API_KEY=", fill(HEX, 32), "datadog: dashboards"),
    ("DYNATRACE_TOKEN", "", "dt0" + "c01." + fill(UPPER, 24) + "." + fill(UPPER, 64), "dt0c01.x.y"),
    ("HUBSPOT_TOKEN", "", "pat-" + "na1-" + uuid(), "pat-na1-x"),
    ("AIRTABLE_TOKEN", "", "pat" + fill(ALNUM, 14) + "." + fill(HEX, 64), "pattern.match"),
    ("ASANA_TOKEN", "", "1/" + fill(DIGITS, 16) + ":" + fill(HEX, 32), "1/2:3"),
    ("CLICKUP_TOKEN", "", "pk_" + fill(DIGITS, 8) + "_" + fill(UPPER, 32), "pk_user_id"),
    ("CONTENTFUL_TOKEN", "", "CFPAT-" + fill(URLSAFE, 43), "CFPAT-x"),
    ("DROPBOX_TOKEN", "", "sl." + fill(URLSAFE, 140), "sl.wikipedia.org"),
    ("META_ACCESS_TOKEN", "", "EAAB" + fill(ALNUM, 120), "EAAB"),
    ("MAPBOX_SECRET_TOKEN", "", "sk." + "eyJ" + fill(URLSAFE, 80) + "." + fill(URLSAFE, 22), "sk.eyJx.y"),
    ("POSTHOG_KEY", "", "phx_" + fill(ALNUM, 43), "phx_x"),
    ("PREFECT_API_KEY", "", "pnu_" + fill(ALNUM, 36), "pnu_x"),
    ("README_API_KEY", "", "rdme_" + fill(LOWER, 70), "rdme_x"),
    ("TYPEFORM_TOKEN", "", "tfp_" + fill(URLSAFE, 50), "tfp_x"),
    ("ALGOLIA_ADMIN_KEY", "ALGOLIA_ADMIN_KEY=", fill(HEX, 32), "algolia: search"),
    ("OKTA_API_TOKEN", "okta_token: ", "00" + fill(URLSAFE, 40), "okta: sign in"),
    ("PRIVATE_KEY", "", pem(), "the header -----BEGIN " + "PRIVATE KEY----- says so"),
    ("PUTTY_PRIVATE_KEY", "", "PuTTY-User-Key-File-" + "3: ssh-ed25519", "PuTTY-User-Key-File"),
    ("AGE_SECRET_KEY", "", "AGE-SECRET-" + "KEY-1" + fill(UPPER, 58), "AGE-SECRET-KEY-1"),
    (
        "JWT",
        "",
        "eyJ" + fill(URLSAFE, 20) + ".eyJ" + fill(URLSAFE, 40) + "." + fill(URLSAFE, 43),
        "eyJhbGciOi.x.y",
    ),
    ("URL_PASSWORD", "postgres://app:", fill(ALNUM, 12), "postgres://user:password@localhost/db"),
    ("AUTHORIZATION_HEADER", "Authorization: Bearer ", fill(URLSAFE, 40), "Authorization: Bearer <token>"),
    ("PASSWORD", '"password": "', "Gh!" + fill(ALNUM, 6), '"password": "Enter your password"'),
    ("PASSWORD", "DB_PASSWORD=", "hunter" + "2" + fill(LOWER, 4), "password = get_password()"),
    (
        "GENERIC_SECRET",
        "client_secret: ",
        fill(ALNUM, 32),
        "client_secret: your-client-secret-goes-in-this-place",
    ),
]


@pytest.mark.parametrize(
    ("entity", "before", "secret", "_miss"), ROWS, ids=[f"{row[0]}-{n}" for n, row in enumerate(ROWS)]
)
def test_every_kind_is_found_whole(entity: str, before: str, secret: str, _miss: str) -> None:
    """The kind alone reports exactly the secret, not its keyword and not what follows."""
    text = f"see {before}{secret}" + ("@db.internal/x" if entity == "URL_PASSWORD" else '" and so on')
    start = text.index(secret)

    found = secrets(kinds=[entity]).scan(text)

    assert [(span.start, span.end, span.entity) for span in found] == [(start, start + len(secret), entity)]


@pytest.mark.parametrize(
    ("entity", "_before", "_secret", "miss"), ROWS, ids=[f"{row[0]}-{n}" for n, row in enumerate(ROWS)]
)
def test_every_kind_leaves_its_near_miss(entity: str, _before: str, _secret: str, miss: str) -> None:
    """A name, a placeholder or a shorter value is not taken for the secret."""
    assert secrets(kinds=[entity]).scan(f"see {miss} and so on") == []


def test_every_kind_has_a_row() -> None:
    """No kind ships without an example and a near miss."""
    assert {row[0] for row in ROWS} == {kind.entity for kind in KINDS}


def test_a_trigger_occurs_in_every_example() -> None:
    """The prefilter never hides a kind: it fires on what the kind finds."""
    for kind in KINDS:
        if kind.trigger:
            texts = [f"{before}{secret}@h" for entity, before, secret, _ in ROWS if entity == kind.entity]
            assert any(re.search(kind.trigger, text) for text in texts), kind.entity


def test_only_keys_and_tokens_without_a_fixed_size_are_open_ended() -> None:
    """Everything that may be refused is bounded; only private keys and JSON Web Tokens are not."""
    endless = {kind.entity for kind in KINDS if read(kind.regex).max_length is None}

    assert endless == {"PRIVATE_KEY", "JWT"}


def test_every_kind_is_in_the_reference() -> None:
    """The reference page has a row for each kind."""
    page = (Path(__file__).parents[3] / "docs/reference/checks.md").read_text(encoding="utf-8")

    assert [kind.entity for kind in KINDS if f"| `{kind.entity}` |" not in page] == []
