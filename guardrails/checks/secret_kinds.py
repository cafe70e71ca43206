"""The kinds of secret that are looked for, written from the formats that providers document.

`token` is a value with a telling prefix. `keyed` is a value that means something only beside its keyword; the
value alone is reported. `open_ended` has no bounded length.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SecretKind:
    """One kind of secret."""

    entity: str
    provider: str
    """Who issues it, or what it is, as the reference table says it."""
    regex: str
    group: int = 0
    gate: str = "token"
    """`token`: refused when it is a placeholder. `random`: must also look random. `password`, `none`."""
    score: float = 0.95
    trigger: str = ""
    """As in Pattern."""


_UUID = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_SEPARATOR = r"""\\?["'`]?\]?[ \t]{0,4}(?:=>|:=|={1,2}|:)[ \t]{0,4}\\?["'`]?"""
_PEM_GAP = r"""(?:\s|\\[nrt]|["'+,])*"""


def token(entity: str, provider: str, regex: str, trigger: str = "") -> SecretKind:
    """A secret that its own prefix gives away."""
    return SecretKind(entity, provider, regex, trigger=trigger)


def keyed(entity: str, provider: str, keyword: str, value: str) -> SecretKind:
    """A secret that is one only because a keyword is assigned to it."""
    regex = rf"(?i:{keyword})[A-Za-z0-9_.-]{{0,24}}{_SEPARATOR}({value})"
    return SecretKind(entity, provider, regex, 1, "random", 0.85, trigger=f"(?i:{keyword})")


def open_ended(entity: str, provider: str, regex: str, trigger: str) -> SecretKind:
    """A secret of no bounded length."""
    return SecretKind(entity, provider, regex, gate="none", trigger=trigger)


_AI = (
    token(
        "OPENAI_API_KEY",
        "OpenAI",
        r"\bsk-(?:(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,200}|[A-Za-z0-9]{20,64}\b)",
    ),
    token("ANTHROPIC_API_KEY", "Anthropic", r"\bsk-ant-[A-Za-z0-9_-]{24,200}"),
    token("OPENROUTER_API_KEY", "OpenRouter", r"\bsk-or-v1-[0-9a-f]{64}"),
    token("LANGFUSE_SECRET_KEY", "Langfuse", rf"\bsk-lf-{_UUID}"),
    token("LANGSMITH_API_KEY", "LangSmith", r"\blsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}"),
    token("HUGGINGFACE_TOKEN", "Hugging Face", r"\b(?:hf_|api_org_)[A-Za-z0-9]{30,40}\b"),
    token("GROQ_API_KEY", "Groq", r"\bgsk_[A-Za-z0-9]{40,60}\b"),
    token("PERPLEXITY_API_KEY", "Perplexity", r"\bpplx-[A-Za-z0-9]{40,64}\b"),
    token("REPLICATE_API_TOKEN", "Replicate", r"\br8_[A-Za-z0-9]{37}\b"),
    token("XAI_API_KEY", "xAI", r"\bxai-[A-Za-z0-9]{60,100}\b"),
    token("FIREWORKS_API_KEY", "Fireworks AI", r"\bfw_[A-Za-z0-9]{22,24}\b"),
    token("PINECONE_API_KEY", "Pinecone", r"\bpcsk_[A-Za-z0-9_]{50,80}\b"),
    token("TAVILY_API_KEY", "Tavily", r"\btvly-(?:dev-|prod-)?[A-Za-z0-9]{32}\b"),
    token("NVIDIA_API_KEY", "NVIDIA", r"\bnvapi-[A-Za-z0-9_-]{60,70}"),
    token("ELEVENLABS_API_KEY", "ElevenLabs", r"\bsk_[0-9a-f]{48}\b"),
    keyed("COHERE_API_KEY", "Cohere", "cohere|co_api", r"[A-Za-z0-9]{40}\b"),
    keyed("MISTRAL_API_KEY", "Mistral AI", "mistral", r"[A-Za-z0-9]{32}\b"),
    keyed("WANDB_API_KEY", "Weights & Biases", "wandb", r"[0-9a-f]{40}\b"),
)

_CLOUD = (
    token("AWS_ACCESS_KEY_ID", "Amazon Web Services", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"),
    keyed(
        "AWS_SECRET_ACCESS_KEY",
        "Amazon Web Services",
        "aws[_. -]?secret|secret[_. -]?access[_. -]?key|secretaccesskey",
        "[A-Za-z0-9/+]{40}",
    ),
    keyed("AWS_SESSION_TOKEN", "Amazon Web Services", "session[_-]?token", "[A-Za-z0-9/+=]{100,1000}"),
    token("AWS_BEDROCK_API_KEY", "Amazon Bedrock", r"\bABSK[A-Za-z0-9+/]{109,269}={0,2}"),
    SecretKind("AZURE_STORAGE_KEY", "Azure Storage", r"AccountKey=([A-Za-z0-9+/]{86}==)", 1),
    SecretKind("AZURE_SAS_SIGNATURE", "Azure shared access", r"\bsig=([A-Za-z0-9%+/]{43,63}(?:%3D|=))", 1),
    token(
        "AZURE_CLIENT_SECRET", "Microsoft Entra ID", r"[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34}", r"\dQ~"
    ),
    token("AZURE_DEVOPS_TOKEN", "Azure DevOps", r"\b[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}\b", "AZDO"),
    token("GOOGLE_API_KEY", "Google", r"\bAIza[A-Za-z0-9_-]{35}"),
    token("GOOGLE_OAUTH_SECRET", "Google", r"\bGOCSPX-[A-Za-z0-9_-]{28}"),
    token("GOOGLE_OAUTH_TOKEN", "Google", r"\bya29\.[A-Za-z0-9_-]{20,500}"),
    token("GOOGLE_REFRESH_TOKEN", "Google", r"\b1//0[A-Za-z0-9_-]{40,200}"),
    token("DIGITALOCEAN_TOKEN", "DigitalOcean", r"\bdo[opr]_v1_[0-9a-f]{64}\b"),
    token("ALIBABA_ACCESS_KEY_ID", "Alibaba Cloud", r"\bLTAI[A-Za-z0-9]{17,21}\b"),
    token("TENCENT_SECRET_ID", "Tencent Cloud", r"\bAKID[A-Za-z0-9]{32}\b"),
    token("CLOUDFLARE_ORIGIN_CA_KEY", "Cloudflare", r"\bv1\.0-[0-9a-f]{24}-[0-9a-f]{146}\b"),
    keyed("CLOUDFLARE_API_TOKEN", "Cloudflare", "cloudflare|cf_api", "[A-Za-z0-9_-]{37,40}"),
    token("HEROKU_API_KEY", "Heroku", r"\bHRKU-[A-Za-z0-9_-]{60}"),
    SecretKind(
        "HEROKU_API_KEY",
        "Heroku",
        rf"(?i:heroku)[A-Za-z0-9_.-]{{0,24}}{_SEPARATOR}({_UUID})\b",
        1,
        trigger="(?i:heroku)",
    ),
    token("FLY_TOKEN", "Fly.io", r"\b(?:fo1_[A-Za-z0-9_-]{43}|fm[12][ar]?_[A-Za-z0-9+/]{100,700}={0,3})"),
    token("SUPABASE_KEY", "Supabase", r"\b(?:sbp_[0-9a-f]{40}\b|sb_secret_[A-Za-z0-9_-]{20,50})"),
    token("PLANETSCALE_TOKEN", "PlanetScale", r"\bpscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{32,64}"),
    token("NEON_API_KEY", "Neon", r"\bnapi_[a-z0-9]{60,72}\b"),
    token("RENDER_API_KEY", "Render", r"\brnd_[A-Za-z0-9]{28,36}\b"),
    token("NETLIFY_TOKEN", "Netlify", r"\bnfp_[A-Za-z0-9]{36}\b"),
    token("DATABRICKS_TOKEN", "Databricks", r"\bdapi[0-9a-f]{32}(?:-\d)?\b"),
    token("DOPPLER_TOKEN", "Doppler", r"\bdp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._-]{40,60}"),
    token("VAULT_TOKEN", "HashiCorp Vault", r"\bhv[sbr]\.[A-Za-z0-9_-]{24,300}"),
    token(
        "TERRAFORM_TOKEN", "HCP Terraform", r"\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}", "atlasv1"
    ),
    token("PULUMI_TOKEN", "Pulumi", r"\bpul-[0-9a-f]{40}\b"),
    token("ONEPASSWORD_TOKEN", "1Password", r"\bops_eyJ[A-Za-z0-9+/_-]{200,1000}={0,3}"),
    token(
        "TAILSCALE_KEY",
        "Tailscale",
        r"\btskey-(?:auth|api|client|scim|webhook)-[A-Za-z0-9]{8,24}-[A-Za-z0-9]{16,48}\b",
    ),
)

_CODE = (
    token("GITHUB_TOKEN", "GitHub", r"gh[pousr]_[A-Za-z0-9]{36,255}\b"),
    token("GITHUB_FINE_GRAINED_TOKEN", "GitHub", r"github_pat_[A-Za-z0-9_]{22,255}\b"),
    token("GITLAB_TOKEN", "GitLab", r"\bgl(?:pat|dt|ft|soat|rt|cbt|ptt|imt|agent|oas)-[A-Za-z0-9_.-]{20,64}"),
    token("BITBUCKET_APP_PASSWORD", "Bitbucket", r"\bATBB[A-Za-z0-9_=-]{28,40}"),
    token("ATLASSIAN_API_TOKEN", "Atlassian", r"\bATATT3[A-Za-z0-9_=-]{100,250}"),
    token("NPM_TOKEN", "npm", r"\bnpm_[A-Za-z0-9]{36}\b"),
    token("PYPI_TOKEN", "PyPI", r"\bpypi-Ag[A-Za-z0-9_-]{50,300}"),
    token("RUBYGEMS_TOKEN", "RubyGems", r"\brubygems_[0-9a-f]{48}\b"),
    token("CRATES_IO_TOKEN", "crates.io", r"\bcio[A-Za-z0-9]{32}\b"),
    token("NUGET_API_KEY", "NuGet", r"\boy2[a-z0-9]{43}\b"),
    token("DOCKER_TOKEN", "Docker", r"\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{27,40}"),
    token("ARTIFACTORY_TOKEN", "JFrog Artifactory", r"\b(?:AKCp[A-Za-z0-9]{69}|cmVmdGtu[A-Za-z0-9]{56})\b"),
    token("CIRCLECI_TOKEN", "CircleCI", r"\bCCI(?:PAT|PRJ)_[A-Za-z0-9]{22}_[0-9a-f]{40}\b"),
    token("BUILDKITE_TOKEN", "Buildkite", r"\bbkua_[0-9a-z]{40}\b"),
    token("SONAR_TOKEN", "SonarQube", r"\bsq[apu]_[0-9a-f]{40}\b"),
    token("SENTRY_TOKEN", "Sentry", r"\b(?:sntryu_[0-9a-f]{64}\b|sntrys_eyJ[A-Za-z0-9+/=_-]{80,400})"),
    token("LAUNCHDARKLY_KEY", "LaunchDarkly", rf"\b(?:sdk|api)-{_UUID}\b"),
    token("POSTMAN_API_KEY", "Postman", r"\bPMAK-[0-9a-f]{24}-[0-9a-f]{34}\b"),
)

_MESSAGING = (
    token("SLACK_TOKEN", "Slack", r"\bxox(?:[abprs]|e(?:\.xox[bp])?)-[A-Za-z0-9-]{10,250}"),
    token("SLACK_APP_TOKEN", "Slack", r"\bxapp-\d-[A-Z0-9]{8,16}-\d{8,16}-[a-f0-9]{32,80}\b"),
    token(
        "SLACK_WEBHOOK", "Slack", r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]{30,80}"
    ),
    token(
        "DISCORD_BOT_TOKEN",
        "Discord",
        r"\b[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}",
        r"\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27}",
    ),
    token("DISCORD_WEBHOOK", "Discord", r"discord(?:app)?\.com/api/webhooks/\d{17,20}/[A-Za-z0-9_-]{60,80}"),
    token("TELEGRAM_BOT_TOKEN", "Telegram", r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}", ":AA[A-Za-z0-9_-]{33}"),
    token("TEAMS_WEBHOOK", "Microsoft Teams", r"\.webhook\.office\.com/webhookb2/[A-Za-z0-9@/_-]{60,240}"),
    token("TWILIO_API_KEY", "Twilio", r"\bSK[0-9a-f]{32}\b"),
    keyed("TWILIO_AUTH_TOKEN", "Twilio", "twilio", r"[0-9a-f]{32}\b"),
    token("SENDGRID_API_KEY", "SendGrid", r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    token("MAILGUN_API_KEY", "Mailgun", r"\b(?:key-[0-9a-f]{32}|[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8})\b"),
    token("MAILCHIMP_API_KEY", "Mailchimp", r"\b[0-9a-f]{32}-us\d{1,2}\b", r"[0-9a-f]-us\d"),
    token("BREVO_API_KEY", "Brevo", r"\bxkeysib-[0-9a-f]{64}-[A-Za-z0-9]{16}\b"),
    token("RESEND_API_KEY", "Resend", r"\bre_[A-Za-z0-9]{8}_[A-Za-z0-9]{20,24}\b"),
)

_MONEY = (
    token("STRIPE_SECRET_KEY", "Stripe", r"\b[sr]k_(?:live|test|prod)_[A-Za-z0-9]{16,200}\b"),
    token("STRIPE_WEBHOOK_SECRET", "Stripe", r"\bwhsec_[A-Za-z0-9+/]{24,64}={0,2}"),
    token("SQUARE_TOKEN", "Square", r"\b(?:EAAA[A-Za-z0-9_-]{60}|sq0(?:atp|csp|idp)-[A-Za-z0-9_-]{22,43})"),
    token(
        "BRAINTREE_TOKEN",
        "Braintree",
        r"\baccess_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32}\b",
    ),
    token("SHOPIFY_TOKEN", "Shopify", r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b"),
    token("RAZORPAY_KEY", "Razorpay", r"\brzp_(?:live|test)_[A-Za-z0-9]{14}\b"),
    token("PLAID_ACCESS_TOKEN", "Plaid", rf"\baccess-(?:sandbox|development|production)-{_UUID}\b"),
    token("FLUTTERWAVE_SECRET_KEY", "Flutterwave", r"\bFLWSECK(?:_TEST)?-[0-9A-Za-z]{32}-X\b"),
    token("EASYPOST_API_KEY", "EasyPost", r"\bEZ[AT]K[A-Za-z0-9]{54}\b"),
)

_SAAS = (
    token("LINEAR_API_KEY", "Linear", r"\blin_(?:api|oauth)_[A-Za-z0-9]{40,64}\b"),
    token("NOTION_TOKEN", "Notion", r"\b(?:ntn_\d{11}[A-Za-z0-9]{32,36}|secret_[A-Za-z0-9]{43})\b"),
    token("FIGMA_TOKEN", "Figma", r"\bfig[dour]_[A-Za-z0-9_-]{40,48}"),
    token("NEW_RELIC_KEY", "New Relic", r"\b(?:NRAK-[A-Z0-9]{27}\b|NRII-[A-Za-z0-9_-]{32})"),
    token(
        "GRAFANA_TOKEN",
        "Grafana",
        r"\b(?:glsa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}\b|glc_[A-Za-z0-9+/]{32,400}={0,3})",
    ),
    keyed("DATADOG_KEY", "Datadog", "datadog|dd[_-](?:api|app)", r"(?:[0-9a-f]{40}|[0-9a-f]{32})\b"),
    token("DYNATRACE_TOKEN", "Dynatrace", r"\bdt0[a-z]\d{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}\b"),
    token("HUBSPOT_TOKEN", "HubSpot", rf"\bpat-(?:na|eu)\d-{_UUID}\b"),
    token("AIRTABLE_TOKEN", "Airtable", r"\bpat[A-Za-z0-9]{14}\.[0-9a-f]{64}\b"),
    token("ASANA_TOKEN", "Asana", r"\b\d/\d{16}(?:/\d{16})?:[0-9a-f]{32}\b", r"\d{16}:[0-9a-f]{32}"),
    token("CLICKUP_TOKEN", "ClickUp", r"\bpk_\d{6,9}_[A-Z0-9]{32}\b"),
    token("CONTENTFUL_TOKEN", "Contentful", r"\bCFPAT-[A-Za-z0-9_-]{43}"),
    token("DROPBOX_TOKEN", "Dropbox", r"\bsl\.(?:u\.)?[A-Za-z0-9_-]{130,900}"),
    token("META_ACCESS_TOKEN", "Meta", r"\bEAA[A-Z][A-Za-z0-9]{80,300}\b"),
    token("MAPBOX_SECRET_TOKEN", "Mapbox", r"\bsk\.eyJ[A-Za-z0-9_-]{60,300}\.[A-Za-z0-9_-]{20,40}"),
    token("POSTHOG_KEY", "PostHog", r"\bphx_[A-Za-z0-9]{40,50}\b"),
    token("PREFECT_API_KEY", "Prefect", r"\bpn[ub]_[A-Za-z0-9]{36}\b"),
    token("README_API_KEY", "ReadMe", r"\brdme_[a-z0-9]{70}\b"),
    token("TYPEFORM_TOKEN", "Typeform", r"\btfp_[A-Za-z0-9_.-]{40,60}"),
    keyed("ALGOLIA_ADMIN_KEY", "Algolia", "algolia", r"[0-9a-f]{32}\b"),
    keyed("OKTA_API_TOKEN", "Okta", "okta", "00[A-Za-z0-9_-]{40}"),
)

_SENSITIVE_NAME = (
    "api[_. -]?keys?|api[_. -]?secret|api[_. -]?token|secret[_. -]?key|access[_. -]?key|access[_. -]?token"
    "|auth[_. -]?token|auth[_. -]?key|client[_. -]?secret|app[_. -]?secret|consumer[_. -]?secret"
    "|private[_. -]?key|encryption[_. -]?key|signing[_. -]?(?:key|secret)|webhook[_. -]?secret"
    "|refresh[_. -]?token|bearer[_. -]?token|session[_. -]?secret|jwt[_. -]?secret|secret|token"
)
_PASSWORD_NAME = "password|passwd|passphrase|passcode|pwd"  # noqa: S105 a name, not a password
_SAYS = r"""\\?["'`]?\]?[ \t]{0,4}(?:=>|:=|={1,2}|:|\bis\b|\bwas\b)[ \t]{0,4}"""

_GENERIC = (
    open_ended(
        "PRIVATE_KEY",
        "PEM, OpenSSH and PGP private keys, also cut off before the end",
        r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
        rf"(?:{_PEM_GAP}(?:Proc-Type: 4,ENCRYPTED|DEK-Info: [A-Z0-9-]{{1,24}},[0-9A-Fa-f]{{16,64}}"
        r"|(?:Version|Comment|Charset|Hash): [^\n\\]{1,80}))*"
        rf"(?:{_PEM_GAP}[A-Za-z0-9+/=]{{20,}})+"
        rf"(?:{_PEM_GAP}[A-Za-z0-9+/=]{{0,19}}{_PEM_GAP}-----END [A-Z0-9 ]{{7,60}}-----)?",
        "PRIVATE KEY",
    ),
    token("PUTTY_PRIVATE_KEY", "PuTTY", r"PuTTY-User-Key-File-\d: [a-z0-9-]{3,24}"),
    token("AGE_SECRET_KEY", "age", r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b"),
    open_ended(
        "JWT",
        "JSON Web Token",
        r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]{10,})?",
        r"\.eyJ",
    ),
    SecretKind(
        "URL_PASSWORD",
        "password in a URL, of databases too",
        r"""[A-Za-z][A-Za-z0-9+.-]{1,24}://[^\s:/@"'<>]{0,64}:([^\s/@"'<>]{3,128})@[A-Za-z0-9_.\[$-]""",
        1,
        "url",
        trigger=r"""://[^\s:/@"'<>]{0,64}:[^\s/@"'<>]""",
    ),
    SecretKind(
        "AUTHORIZATION_HEADER",
        "credentials of an HTTP Authorization header",
        r"(?i:\b(?:bearer|basic|token)) {1,2}([A-Za-z0-9._~+/-]{16,500}={0,2})",
        1,
        "random",
        0.85,
        trigger=r"(?i:bearer|basic|token) {1,2}[A-Za-z0-9]",
    ),
    SecretKind(
        "PASSWORD",
        "password in an assignment, JSON or a sentence, in quotes",
        rf"""(?i:{_PASSWORD_NAME}){_SAYS}\\?["'`]([^"'`\s\\]{{6,128}})\\?["'`]""",
        1,
        "quoted_password",
        0.8,
        trigger=f"(?i:{_PASSWORD_NAME})",
    ),
    SecretKind(
        "PASSWORD",
        "password in an assignment or a sentence, without quotes",
        rf"""(?i:{_PASSWORD_NAME}){_SAYS}([^\s"'`,;<>&\\(){{}}\[\]]{{6,128}})""",
        1,
        "password",
        0.7,
        trigger=f"(?i:{_PASSWORD_NAME})",
    ),
    SecretKind(
        "GENERIC_SECRET",
        "random value assigned to a name such as api_key, token or client_secret",
        rf"(?i:{_SENSITIVE_NAME}){_SEPARATOR}([A-Za-z0-9_+/.~-]{{16,256}}={{0,2}})",
        1,
        "random",
        0.7,
        trigger=rf"(?i:{_SENSITIVE_NAME}){_SEPARATOR}[A-Za-z0-9_+/.~-]{{4}}",
    ),
)

KINDS = (*_AI, *_CLOUD, *_CODE, *_MESSAGING, *_MONEY, *_SAAS, *_GENERIC)
"""Every kind that ships."""
