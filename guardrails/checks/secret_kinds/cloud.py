"""Keys of the large clouds."""

from __future__ import annotations

from guardrails.checks.secret_kinds.kind import UUID, SecretKind, keyed, keyed_uuid, token

_AMAZON = (
    token("AWS_ACCESS_KEY_ID", "Amazon Web Services", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"),
    keyed(
        "AWS_SECRET_ACCESS_KEY",
        "Amazon Web Services",
        "aws[_. -]?secret|secret[_. -]?access[_. -]?key|secretaccesskey",
        "[A-Za-z0-9/+]{40}",
    ),
    keyed("AWS_SESSION_TOKEN", "Amazon Web Services", "session[_-]?token", "[A-Za-z0-9/+=]{100,1000}"),
    SecretKind(
        "AWS_PRESIGNED_SIGNATURE",
        "Amazon Web Services, presigned URL",
        r"X-Amz-Signature=([0-9a-f]{64})",
        1,
        trigger="X-Amz-Signature=",
    ),
    token("AWS_BEDROCK_API_KEY", "Amazon Bedrock", r"\bABSK[A-Za-z0-9+/]{109,269}={0,2}", r"\bABSK"),
    token(
        "AWS_BEDROCK_SHORT_TERM_KEY",
        "Amazon Bedrock",
        r"\bbedrock-api-key-[A-Za-z0-9+/=]{100,1000}",
        "bedrock-api-key-",
    ),
    token("AWS_APPSYNC_API_KEY", "AWS AppSync", r"\bda2-[a-z0-9]{26}\b", r"\bda2-"),
    token("AMAZON_MWS_TOKEN", "Amazon Marketplace", rf"\bamzn\.mws\.{UUID}", r"amzn\.mws\."),
    token(
        "AMAZON_LWA_CLIENT_SECRET",
        "Login with Amazon",
        r"\bamzn1\.oa2-cs\.v1\.[0-9a-f]{64}\b",
        r"amzn1\.oa2-cs\.",
    ),
)


def _signed_64(entity: str, provider: str, signature: str) -> SecretKind:
    """A 64-byte Azure key in base64 that carries its service's signature near the end."""
    tail = rf"{signature}[A-Za-z0-9+/]{{5}}[AQgw]=="
    return token(entity, provider, rf"[A-Za-z0-9+/]{{76}}{tail}", tail)


def _signed_32(entity: str, provider: str, signature: str) -> SecretKind:
    """A 32-byte Azure key in base64 that carries its service's signature near the end."""
    tail = rf"{signature}[A-Za-z0-9+/]{{5}}[AEIMQUYcgkosw048]="
    return token(entity, provider, rf"[A-Za-z0-9+/]{{33}}{tail}", tail)


_AZURE = (
    SecretKind(
        "AZURE_STORAGE_KEY",
        "Azure Storage",
        r"AccountKey=([A-Za-z0-9+/]{86}==)",
        1,
        trigger="AccountKey=",
    ),
    _signed_64("AZURE_STORAGE_KEY", "Azure Storage", r"\+ASt"),
    _signed_64("AZURE_COSMOS_DB_KEY", "Azure Cosmos DB", "ACDb"),
    _signed_64("AZURE_BATCH_KEY", "Azure Batch", r"\+ABa"),
    _signed_32("AZURE_SERVICE_BUS_KEY", "Azure Service Bus", r"\+ASb"),
    _signed_32("AZURE_EVENT_HUBS_KEY", "Azure Event Hubs", r"\+AEh"),
    _signed_32("AZURE_RELAY_KEY", "Azure Relay", r"\+ARm"),
    _signed_32("AZURE_IOT_HUB_KEY", "Azure IoT Hub", "AIoT"),
    token(
        "AZURE_REDIS_KEY",
        "Azure Cache for Redis",
        r"\b[A-Za-z0-9]{33}AzCa[A-P][A-Za-z0-9]{5}=",
        "AzCa[A-P][A-Za-z0-9]{5}=",
    ),
    token(
        "AZURE_SEARCH_KEY",
        "Azure AI Search",
        r"\b[A-Za-z0-9]{42}AzSe[A-D][A-Za-z0-9]{5}\b",
        "AzSe[A-D][A-Za-z0-9]{5}",
    ),
    token(
        "AZURE_FUNCTION_KEY",
        "Azure Functions",
        r"[A-Za-z0-9_-]{44}AzFu[A-Za-z0-9_-]{5}[AQgw]==",
        "AzFu[A-Za-z0-9_-]{5}[AQgw]==",
    ),
    token(
        "AZURE_CONTAINER_REGISTRY_KEY",
        "Azure Container Registry",
        r"[A-Za-z0-9+/]{42}\+ACR[A-D][A-Za-z0-9+/]{5}",
        r"\+ACR[A-D][A-Za-z0-9+/]{5}",
    ),
    token(
        "AZURE_AI_SERVICES_KEY",
        "Azure AI services and Azure OpenAI",
        r"\b[A-Za-z0-9]{52}JQQJ9[9DH][A-Za-z0-9][A-L][A-Za-z0-9]{16}[A-Za-z][A-Za-z0-9]{7}\b",
        "JQQJ9[9DH]",
    ),
    SecretKind(
        "AZURE_SHARED_ACCESS_KEY",
        "Azure connection string",
        r"SharedAccessKey=([A-Za-z0-9+/]{43}=)",
        1,
        trigger="SharedAccessKey=",
    ),
    SecretKind(
        "AZURE_SAS_SIGNATURE",
        "Azure shared access",
        r"sig=([A-Za-z0-9%+/_-]{43,63}(?:%3D|=)?)",
        1,
        trigger=r"sig=[A-Za-z0-9%+/_-]{24}",
    ),
    token(
        "AZURE_CLIENT_SECRET",
        "Microsoft Entra ID",
        r"[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34}",
        r"\dQ~",
    ),
    token("AZURE_DEVOPS_TOKEN", "Azure DevOps", r"\b[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}\b", "AZDO"),
    keyed("AZURE_DEVOPS_TOKEN", "Azure DevOps", "azure[_-]?devops|ado_pat|vsts", "[a-z2-7]{52}"),
    keyed(
        "AZURE_SUBSCRIPTION_KEY",
        "Azure API Management and Cognitive Services",
        "ocp-apim-subscription-key|azure",
        "[0-9a-f]{32}",
    ),
    keyed("AZURE_PUBLISH_PASSWORD", "Azure App Service publish profile", "userpwd", "[A-Za-z0-9]{60}"),
)

_GOOGLE = (
    token("GOOGLE_API_KEY", "Google", r"\bAIza[A-Za-z0-9_-]{35}", r"\bAIza"),
    token("GOOGLE_OAUTH_SECRET", "Google", r"\bGOCSPX-[A-Za-z0-9_-]{28}", "GOCSPX-"),
    token("GOOGLE_OAUTH_TOKEN", "Google", r"\bya29\.[A-Za-z0-9_-]{20,500}", r"\bya29\."),
    token("GOOGLE_REFRESH_TOKEN", "Google", r"\b1//0[A-Za-z0-9_-]{40,200}", r"\b1//0"),
    token("GOOGLE_HMAC_KEY_ID", "Google Cloud Storage", r"\bGOOG(?:1[A-Z0-9]{56}|[A-Z0-9]{20})\b"),
    keyed("GOOGLE_PRIVATE_KEY_ID", "Google service account", "private_key_id", "[0-9a-f]{40}"),
    keyed(
        "GOOGLE_RECAPTCHA_SECRET",
        "Google reCAPTCHA",
        "recaptcha[_.-]?(?:secret|private)",
        "6L[A-Za-z0-9_-]{38}",
    ),
    token(
        "FIREBASE_SERVER_KEY",
        "Firebase Cloud Messaging",
        r"\bAAAA[A-Za-z0-9_-]{7}:APA91b[A-Za-z0-9_-]{134}",
        ":APA91b",
    ),
)

_OTHER = (
    token("DIGITALOCEAN_TOKEN", "DigitalOcean", r"\bdo[opr]_v1_[0-9a-f]{64}\b", r"\bdo[opr]_v1_"),
    token("DIGITALOCEAN_SPACES_KEY", "DigitalOcean Spaces", r"\bDO00[A-Z0-9]{16}\b"),
    token("ALIBABA_ACCESS_KEY_ID", "Alibaba Cloud", r"\bLTAI[A-Za-z0-9]{17,21}\b"),
    keyed(
        "ALIBABA_ACCESS_KEY_SECRET",
        "Alibaba Cloud",
        "alibaba|aliyun|access_?key_?secret",
        "[A-Za-z0-9]{30}",
    ),
    token("TENCENT_SECRET_ID", "Tencent Cloud", r"\bAKID[A-Za-z0-9]{32}\b"),
    keyed("TENCENT_SECRET_KEY", "Tencent Cloud", "tencent|qcloud", "[A-Za-z0-9]{32}"),
    token("VOLCENGINE_ACCESS_KEY_ID", "Volcengine", r"\bAKLT[A-Za-z0-9_-]{40,60}", r"\bAKLT"),
    token("BAIDU_API_KEY", "Baidu Qianfan", r"\bbce-v3/ALTAK-[A-Za-z0-9]{21}/[0-9a-f]{40}\b", "bce-v3/"),
    keyed("HUAWEI_SECRET_ACCESS_KEY", "Huawei Cloud", "huawei|hwcloud", "[A-Za-z0-9]{40}"),
    token("YANDEX_API_KEY", "Yandex Cloud", r"\bAQVN[A-Za-z0-9_-]{35,38}", r"\bAQVN"),
    token(
        "YANDEX_IAM_TOKEN",
        "Yandex Cloud",
        r"\b[ct]1\.[A-Za-z0-9_-]{30,400}={0,2}\.[A-Za-z0-9_-]{86}={0,2}",
        r"\b[ct]1\.[A-Za-z0-9_-]{30}",
    ),
    keyed("IBM_CLOUD_API_KEY", "IBM Cloud", "ibm_?cloud|ibm_?api|watsonx", "[A-Za-z0-9_-]{44}"),
    token("SCALEWAY_ACCESS_KEY", "Scaleway", r"\bSCW[A-Z0-9]{17}\b"),
    keyed_uuid("SCALEWAY_SECRET_KEY", "Scaleway", "scaleway|scw_secret"),
    keyed("LINODE_TOKEN", "Akamai Linode", "linode", "[0-9a-f]{64}"),
    keyed("VULTR_API_KEY", "Vultr", "vultr", "[A-Z0-9]{36}"),
    keyed("HETZNER_TOKEN", "Hetzner Cloud", "hetzner|hcloud", "[A-Za-z0-9]{64}"),
    keyed("OVH_SECRET", "OVHcloud", "ovh", "[A-Za-z0-9]{32}"),
    token("AKAMAI_TOKEN", "Akamai EdgeGrid", r"\bakab-[a-z0-9]{16}-[a-z0-9]{16}\b", r"\bakab-"),
    keyed("FASTLY_API_TOKEN", "Fastly", "fastly", "[A-Za-z0-9_-]{32}"),
    token("CLOUDFLARE_ORIGIN_CA_KEY", "Cloudflare", r"\bv1\.0-[0-9a-f]{24}-[0-9a-f]{146}\b", r"\bv1\.0-"),
    token("CLOUDFLARE_API_TOKEN", "Cloudflare", r"\bcf(?:ut|at)_[A-Za-z0-9_-]{40,60}", r"\bcf(?:ut|at)_"),
    keyed("CLOUDFLARE_API_TOKEN", "Cloudflare", "cloudflare|cf_api", "[A-Za-z0-9_-]{40}"),
    token("CLOUDFLARE_GLOBAL_API_KEY", "Cloudflare", r"\bcfk_[A-Za-z0-9_-]{40,60}", r"\bcfk_"),
    keyed("CLOUDFLARE_GLOBAL_API_KEY", "Cloudflare", "cloudflare|cf_api|x-auth-key", "[0-9a-f]{37}"),
)

KINDS = (*_AMAZON, *_AZURE, *_GOOGLE, *_OTHER)
"""Kinds of this file."""
