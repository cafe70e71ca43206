"""Keys and webhooks of chat, mail, telephony and support services."""

from __future__ import annotations

from guardrails.checks.secret_kinds.kind import UUID, keyed, keyed_uuid, token

_CHAT = (
    token(
        "SLACK_TOKEN",
        "Slack",
        r"\b(?:xox(?:[abcdoprs]|e(?:\.xox[bp])?)|xwfp)-[A-Za-z0-9%-]{10,350}",
        r"\bx(?:ox[a-z]|wfp)[.-]",
    ),
    token("SLACK_APP_TOKEN", "Slack", r"\bxapp-\d-[A-Z0-9]{8,16}-\d{8,16}-[a-f0-9]{32,80}\b", "xapp-"),
    token(
        "SLACK_WEBHOOK",
        "Slack",
        r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]{30,80}",
        r"hooks\.slack\.com/",
    ),
    keyed("SLACK_SIGNING_SECRET", "Slack", "slack[_-]?(?:signing|client)", "[0-9a-f]{32}"),
    token(
        "DISCORD_BOT_TOKEN",
        "Discord",
        r"\b[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}",
        r"\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27}",
    ),
    token(
        "DISCORD_WEBHOOK",
        "Discord",
        r"discord(?:app)?\.com/api/webhooks/\d{17,20}/[A-Za-z0-9_-]{60,80}",
        "/api/webhooks/",
    ),
    keyed("DISCORD_CLIENT_SECRET", "Discord", "discord", "[A-Za-z0-9_-]{32}"),
    token("TELEGRAM_BOT_TOKEN", "Telegram", r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}", ":AA[A-Za-z0-9_-]{33}"),
    token(
        "TEAMS_WEBHOOK",
        "Microsoft Teams",
        r"\.webhook\.office\.com/webhookb2/[A-Za-z0-9@/_-]{60,240}",
        r"\.webhook\.office\.com/",
    ),
    token(
        "GOOGLE_CHAT_WEBHOOK",
        "Google Chat",
        r"chat\.googleapis\.com/v1/spaces/[A-Za-z0-9_-]{8,16}/messages\?key=[A-Za-z0-9_&=%.-]{60,200}",
        r"chat\.googleapis\.com/v1/spaces/",
    ),
    token(
        "FEISHU_WEBHOOK",
        "Feishu and Lark",
        rf"open\.(?:feishu\.cn|larksuite\.com)/open-apis/bot/v2/hook/{UUID}",
        "/open-apis/bot/v2/hook/",
    ),
    token(
        "DINGTALK_WEBHOOK",
        "DingTalk",
        r"oapi\.dingtalk\.com/robot/send\?access_token=[0-9a-f]{64}",
        r"oapi\.dingtalk\.com/robot/",
    ),
    token(
        "WECOM_WEBHOOK",
        "WeCom",
        rf"qyapi\.weixin\.qq\.com/cgi-bin/webhook/send\?key={UUID}",
        r"qyapi\.weixin\.qq\.com/",
    ),
    token(
        "MATRIX_TOKEN",
        "Matrix",
        r"\bsyt_[A-Za-z0-9+/=]{2,80}_[A-Za-z]{20}_[A-Za-z0-9]{6}\b",
        r"\bsyt_[A-Za-z0-9]",
    ),
    keyed("MATTERMOST_TOKEN", "Mattermost", "mattermost", "[a-z0-9]{26}"),
    keyed("LINE_CHANNEL_TOKEN", "LINE", "line[_-]channel", "[A-Za-z0-9+/]{160,180}="),
    token(
        "ZAPIER_WEBHOOK",
        "Zapier",
        r"hooks\.zapier\.com/hooks/catch/\d{4,12}/[A-Za-z0-9]{5,16}",
        r"hooks\.zapier\.com/",
    ),
    token(
        "MAKE_WEBHOOK",
        "Make",
        r"\bhook\.(?:eu|us)\d\.make\.com/[a-z0-9]{32}\b",
        r"\bhook\.(?:eu|us)\d\.make\.com/",
    ),
    token(
        "IFTTT_WEBHOOK",
        "IFTTT",
        r"maker\.ifttt\.com/trigger/[A-Za-z0-9_-]{1,64}/(?:json/)?with/key/[A-Za-z0-9_-]{20,48}",
        r"maker\.ifttt\.com/trigger/",
    ),
    token("PUSHBULLET_TOKEN", "Pushbullet", r"\bo\.[A-Za-z0-9]{32}\b", gate="random"),
    keyed("PUSHOVER_TOKEN", "Pushover", "pushover", "[A-Za-z0-9]{30}"),
    token("NTFY_TOKEN", "ntfy", r"\btk_[a-z0-9]{29}\b", r"\btk_[a-z0-9]{12}"),
)

_TELEPHONY = (
    token("TWILIO_API_KEY", "Twilio", r"\bSK[0-9a-f]{32}\b"),
    keyed("TWILIO_AUTH_TOKEN", "Twilio", "twilio", "[0-9a-f]{32}"),
    token("TELNYX_API_KEY", "Telnyx", r"\bKEY[0-9A-F]{32}_[A-Za-z0-9]{22}\b", r"\bKEY[0-9A-F]{16}"),
    token("AFRICASTALKING_API_KEY", "Africa's Talking", r"\batsk_[0-9a-f]{64}\b", r"\batsk_"),
    keyed("VONAGE_SECRET", "Vonage", "vonage|nexmo", "[A-Za-z0-9]{16}"),
    keyed("MESSAGEBIRD_KEY", "Bird", "messagebird|message_bird", "[A-Za-z0-9]{25}"),
    keyed("PLIVO_AUTH_TOKEN", "Plivo", "plivo", "[A-Za-z0-9]{40}"),
    keyed("SENDBIRD_TOKEN", "Sendbird", "sendbird", "[0-9a-f]{40}"),
    keyed("PUSHER_SECRET", "Pusher", "pusher", "[0-9a-f]{20}"),
    keyed(
        "ABLY_API_KEY",
        "Ably",
        "ably[_-]?(?:api|key)",
        r"[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{6}:[A-Za-z0-9_-]{43}",
    ),
    token("PUBNUB_SECRET_KEY", "PubNub", r"\bsec-c-[A-Za-z0-9=-]{36,60}", r"\bsec-c-"),
    keyed("AGORA_CERTIFICATE", "Agora", "agora", "[0-9a-f]{32}"),
)

_MAIL = (
    token(
        "SENDGRID_API_KEY",
        "SendGrid",
        r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}",
        r"\bSG\.[A-Za-z0-9_-]{12}",
    ),
    token(
        "MAILGUN_API_KEY",
        "Mailgun",
        r"\b(?:key-[0-9a-f]{32}|[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8})\b",
        r"\bkey-[0-9a-f]{12}|[0-9a-f]{9}-[0-9a-f]{8}-[0-9a-f]{8}\b",
    ),
    token("MAILCHIMP_API_KEY", "Mailchimp", r"\b[0-9a-f]{32}-us\d{1,2}\b", r"[0-9a-f]-us\d"),
    token(
        "BREVO_API_KEY", "Brevo", r"\bx(?:key|smtp)sib-[0-9a-f]{64}-[A-Za-z0-9]{16}\b", r"\bx(?:key|smtp)sib-"
    ),
    token("RESEND_API_KEY", "Resend", r"\bre_[A-Za-z0-9]{8}_[A-Za-z0-9]{20,24}\b", gate="random"),
    token("MAILERSEND_API_KEY", "MailerSend", r"\bmlsn\.[0-9a-f]{64}\b", r"\bmlsn\."),
    token("KLAVIYO_API_KEY", "Klaviyo", r"\bpk_[0-9a-f]{34}\b", r"\bpk_[0-9a-f]{12}"),
    token("ONESIGNAL_API_KEY", "OneSignal", r"\bos_v2_(?:app|org)_[a-z0-9]{80,110}\b", "os_v2_"),
    keyed("MANDRILL_API_KEY", "Mandrill", "mandrill", "(?:md-)?[A-Za-z0-9_-]{22}"),
    keyed("SPARKPOST_API_KEY", "SparkPost", "sparkpost", "[0-9a-f]{40}"),
    keyed("MAILJET_SECRET", "Mailjet", "mailjet|mj_apikey", "[0-9a-f]{32}"),
    keyed("MAILTRAP_TOKEN", "Mailtrap", "mailtrap", "[0-9a-f]{32}"),
    keyed("ITERABLE_API_KEY", "Iterable", "iterable[_-]?(?:api|key)", "[0-9a-f]{32}"),
    keyed_uuid("POSTMARK_TOKEN", "Postmark", "postmark"),
    keyed_uuid("BRAZE_API_KEY", "Braze", "braze"),
)

_SUPPORT = (
    token("INTERCOM_TOKEN", "Intercom", r"\bdG9rO[A-Za-z0-9+/]{50,60}={0,2}", "dG9rO"),
    keyed("ZENDESK_TOKEN", "Zendesk", "zendesk", "[A-Za-z0-9]{40}"),
    keyed("FRESHDESK_API_KEY", "Freshdesk", "freshdesk|freshservice", "[A-Za-z0-9]{19,20}"),
    keyed("DISCOURSE_API_KEY", "Discourse", "discourse", "[0-9a-f]{64}"),
)

KINDS = (*_CHAT, *_TELEPHONY, *_MAIL, *_SUPPORT)
"""Kinds of this file."""
