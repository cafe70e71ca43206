"""Keys of chat, mail, telephony and support services are found in their documented formats.

The formats are declared here, apart from the expressions that look for them.
"""

from __future__ import annotations

import pytest

from guardrails.checks.secret_kinds import messaging
from tests.guardrails.checks.secret_kinds.examples import Form, holds, named, unfound

FORMS: list[Form] = [
    ("SLACK_TOKEN", "", "xoxa- A:10"),
    ("SLACK_APP_TOKEN", "", "xapp- d:1 - U:8 - d:8 - h:32"),
    ("SLACK_WEBHOOK", "", "hooks.slack.com/services/ w:30"),
    ("SLACK_SIGNING_SECRET", "SLACK_SIGNING_SECRET=", "h:32"),
    ("DISCORD_BOT_TOKEN", "", "M w:23 . w:6 . w:27"),
    ("DISCORD_WEBHOOK", "", "discord.com/api/webhooks/ d:17 / w:60"),
    ("DISCORD_CLIENT_SECRET", "DISCORD_CLIENT_SECRET=", "w:32"),
    ("TELEGRAM_BOT_TOKEN", "", "d:8 :AA w:33"),
    ("TEAMS_WEBHOOK", "", ".webhook.office.com/webhookb2/ w:60"),
    ("GOOGLE_CHAT_WEBHOOK", "", "chat.googleapis.com/v1/spaces/ w:8 /messages?key= w:60"),
    ("FEISHU_WEBHOOK", "", "open.feishu.cn/open-apis/bot/v2/hook/ uuid"),
    ("DINGTALK_WEBHOOK", "", "oapi.dingtalk.com/robot/send?access_token= h:64"),
    ("WECOM_WEBHOOK", "", "qyapi.weixin.qq.com/cgi-bin/webhook/send?key= uuid"),
    ("MATRIX_TOKEN", "", "syt_ b:2 _ L:20 _ A:6"),
    ("MATTERMOST_TOKEN", "MATTERMOST_TOKEN=", "l:26"),
    ("LINE_CHANNEL_TOKEN", "LINE_CHANNEL_TOKEN=", "b:160 ="),
    ("ZAPIER_WEBHOOK", "", "hooks.zapier.com/hooks/catch/ d:4 / A:5"),
    ("MAKE_WEBHOOK", "", "hook.eu d:1 .make.com/ l:32"),
    ("IFTTT_WEBHOOK", "", "maker.ifttt.com/trigger/ w:1 /with/key/ w:20"),
    ("PUSHBULLET_TOKEN", "", "o. A:32"),
    ("PUSHOVER_TOKEN", "PUSHOVER_TOKEN=", "A:30"),
    ("NTFY_TOKEN", "", "tk_ l:29"),
    ("TWILIO_API_KEY", "", "SK h:32"),
    ("TWILIO_AUTH_TOKEN", "TWILIO_AUTH_TOKEN=", "h:32"),
    ("TELNYX_API_KEY", "", "KEY X:32 _ A:22"),
    ("AFRICASTALKING_API_KEY", "", "atsk_ h:64"),
    ("VONAGE_SECRET", "VONAGE_SECRET=", "A:16"),
    ("MESSAGEBIRD_KEY", "MESSAGEBIRD_KEY=", "A:25"),
    ("PLIVO_AUTH_TOKEN", "PLIVO_AUTH_TOKEN=", "A:40"),
    ("SENDBIRD_TOKEN", "SENDBIRD_TOKEN=", "h:40"),
    ("PUSHER_SECRET", "PUSHER_SECRET=", "h:20"),
    ("ABLY_API_KEY", "ABLY_API_KEY=", "w:6 . w:6 : w:43"),
    ("PUBNUB_SECRET_KEY", "", "sec-c- A:36"),
    ("AGORA_CERTIFICATE", "AGORA_CERTIFICATE=", "h:32"),
    ("SENDGRID_API_KEY", "", "SG. w:22 . w:43"),
    ("MAILGUN_API_KEY", "", "key- h:32"),
    ("MAILCHIMP_API_KEY", "", "h:32 -us d:1"),
    ("BREVO_API_KEY", "", "xkeysib- h:64 - A:16"),
    ("RESEND_API_KEY", "", "re_ A:8 _ A:20"),
    ("MAILERSEND_API_KEY", "", "mlsn. h:64"),
    ("KLAVIYO_API_KEY", "", "pk_ h:34"),
    ("ONESIGNAL_API_KEY", "", "os_v2_app_ l:80"),
    ("MANDRILL_API_KEY", "MANDRILL_API_KEY=", "w:22"),
    ("SPARKPOST_API_KEY", "SPARKPOST_API_KEY=", "h:40"),
    ("MAILJET_SECRET", "MAILJET_SECRET=", "h:32"),
    ("MAILTRAP_TOKEN", "MAILTRAP_TOKEN=", "h:32"),
    ("ITERABLE_API_KEY", "ITERABLE_API_KEY=", "h:32"),
    ("POSTMARK_TOKEN", "POSTMARK_TOKEN=", "uuid"),
    ("BRAZE_API_KEY", "BRAZE_API_KEY=", "uuid"),
    ("INTERCOM_TOKEN", "", "dG9rO b:50"),
    ("ZENDESK_TOKEN", "ZENDESK_TOKEN=", "A:40"),
    ("FRESHDESK_API_KEY", "FRESHDESK_API_KEY=", "A:19"),
    ("DISCOURSE_API_KEY", "DISCOURSE_API_KEY=", "h:64"),
]


@pytest.mark.parametrize(("entity", "lead", "spec"), FORMS, ids=named(FORMS))
def test_a_secret_is_found_whole_and_its_near_misses_are_left(entity: str, lead: str, spec: str) -> None:
    """Two examples in five settings, one that is a character short, and one with a character of no alphabet."""
    holds(entity, lead, spec)


def test_every_kind_has_a_format_here() -> None:
    """No kind ships without an example that it finds."""
    assert unfound(messaging.KINDS, FORMS) == []
