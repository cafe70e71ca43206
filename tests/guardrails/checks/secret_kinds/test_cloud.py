"""Keys of the large clouds are found in their documented formats.

The formats are declared here, apart from the expressions that look for them.
"""

from __future__ import annotations

import pytest

from guardrails.checks.secret_kinds import cloud
from tests.guardrails.checks.secret_kinds.examples import Form, holds, named, unfound

FORMS: list[Form] = [
    ("AWS_ACCESS_KEY_ID", "", "AKIA U:16"),
    ("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY=", "b:40"),
    ("AWS_SESSION_TOKEN", "AWS_SESSION_TOKEN=", "b:100"),
    ("AWS_PRESIGNED_SIGNATURE", "X-Amz-Signature=", "h:64"),
    ("AWS_BEDROCK_API_KEY", "", "ABSK b:109"),
    ("AWS_BEDROCK_SHORT_TERM_KEY", "", "bedrock-api-key- b:100"),
    ("AWS_APPSYNC_API_KEY", "", "da2- l:26"),
    ("AMAZON_MWS_TOKEN", "", "amzn.mws. uuid"),
    ("AMAZON_LWA_CLIENT_SECRET", "", "amzn1.oa2-cs.v1. h:64"),
    ("AZURE_STORAGE_KEY", "AccountKey=", "b:86 =="),
    ("AZURE_STORAGE_KEY", "", "b:76 +ASt b:5 A=="),
    ("AZURE_COSMOS_DB_KEY", "", "b:76 ACDb b:5 A=="),
    ("AZURE_BATCH_KEY", "", "b:76 +ABa b:5 A=="),
    ("AZURE_SERVICE_BUS_KEY", "", "b:33 +ASb b:5 0="),
    ("AZURE_EVENT_HUBS_KEY", "", "b:33 +AEh b:5 0="),
    ("AZURE_RELAY_KEY", "", "b:33 +ARm b:5 0="),
    ("AZURE_IOT_HUB_KEY", "", "b:33 AIoT b:5 0="),
    ("AZURE_REDIS_KEY", "", "A:33 AzCaA A:5 ="),
    ("AZURE_SEARCH_KEY", "", "A:42 AzSeA A:5"),
    ("AZURE_FUNCTION_KEY", "", "w:44 AzFu w:5 A=="),
    ("AZURE_CONTAINER_REGISTRY_KEY", "", "b:42 +ACRA b:5"),
    ("AZURE_AI_SERVICES_KEY", "", "A:52 JQQJ99 A:1 A A:16 L:1 A:7"),
    ("AZURE_SHARED_ACCESS_KEY", "SharedAccessKey=", "b:43 ="),
    ("AZURE_SAS_SIGNATURE", "sig=", "w:43"),
    ("AZURE_CLIENT_SECRET", "", "w:3 d:1 Q~ w:31"),
    ("AZURE_DEVOPS_TOKEN", "", "A:76 AZDO A:4"),
    ("AZURE_DEVOPS_TOKEN", "AZURE_DEVOPS_TOKEN=", "2:52"),
    ("AZURE_SUBSCRIPTION_KEY", "AZURE_SUBSCRIPTION_KEY=", "h:32"),
    ("AZURE_PUBLISH_PASSWORD", "userpwd=", "A:60"),
    ("GOOGLE_API_KEY", "", "AIza w:35"),
    ("GOOGLE_OAUTH_SECRET", "", "GOCSPX- w:28"),
    ("GOOGLE_OAUTH_TOKEN", "", "ya29. w:20"),
    ("GOOGLE_REFRESH_TOKEN", "", "1//0 w:40"),
    ("GOOGLE_HMAC_KEY_ID", "", "GOOG1 U:56"),
    ("GOOGLE_PRIVATE_KEY_ID", "GOOGLE_PRIVATE_KEY_ID=", "h:40"),
    ("GOOGLE_RECAPTCHA_SECRET", "GOOGLE_RECAPTCHA_SECRET=", "6L w:38"),
    ("FIREBASE_SERVER_KEY", "", "AAAA w:7 :APA91b w:134"),
    ("DIGITALOCEAN_TOKEN", "", "doo_v1_ h:64"),
    ("DIGITALOCEAN_SPACES_KEY", "", "DO00 U:16"),
    ("ALIBABA_ACCESS_KEY_ID", "", "LTAI A:17"),
    ("ALIBABA_ACCESS_KEY_SECRET", "ALIBABA_ACCESS_KEY_SECRET=", "A:30"),
    ("TENCENT_SECRET_ID", "", "AKID A:32"),
    ("TENCENT_SECRET_KEY", "TENCENT_SECRET_KEY=", "A:32"),
    ("VOLCENGINE_ACCESS_KEY_ID", "", "AKLT w:40"),
    ("BAIDU_API_KEY", "", "bce-v3/ALTAK- A:21 / h:40"),
    ("HUAWEI_SECRET_ACCESS_KEY", "HUAWEI_SECRET_ACCESS_KEY=", "A:40"),
    ("YANDEX_API_KEY", "", "AQVN w:35"),
    ("YANDEX_IAM_TOKEN", "", "c1. w:30 . w:86"),
    ("IBM_CLOUD_API_KEY", "IBM_CLOUD_API_KEY=", "w:44"),
    ("SCALEWAY_ACCESS_KEY", "", "SCW U:17"),
    ("SCALEWAY_SECRET_KEY", "SCALEWAY_SECRET_KEY=", "uuid"),
    ("LINODE_TOKEN", "LINODE_TOKEN=", "h:64"),
    ("VULTR_API_KEY", "VULTR_API_KEY=", "U:36"),
    ("HETZNER_TOKEN", "HETZNER_TOKEN=", "A:64"),
    ("OVH_SECRET", "OVH_SECRET=", "A:32"),
    ("AKAMAI_TOKEN", "", "akab- l:16 - l:16"),
    ("FASTLY_API_TOKEN", "FASTLY_API_TOKEN=", "w:32"),
    ("CLOUDFLARE_ORIGIN_CA_KEY", "", "v1.0- h:24 - h:146"),
    ("CLOUDFLARE_API_TOKEN", "", "cfut_ w:40"),
    ("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_TOKEN=", "w:40"),
    ("CLOUDFLARE_GLOBAL_API_KEY", "", "cfk_ w:40"),
    ("CLOUDFLARE_GLOBAL_API_KEY", "CLOUDFLARE_GLOBAL_API_KEY=", "h:37"),
]


@pytest.mark.parametrize(("entity", "lead", "spec"), FORMS, ids=named(FORMS))
def test_a_secret_is_found_whole_and_its_near_misses_are_left(entity: str, lead: str, spec: str) -> None:
    """Two examples in five settings, one that is a character short, and one with a character of no alphabet."""
    holds(entity, lead, spec)


def test_every_kind_has_a_format_here() -> None:
    """No kind ships without an example that it finds."""
    assert unfound(cloud.KINDS, FORMS) == []
