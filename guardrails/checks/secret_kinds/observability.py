"""Keys of monitoring, logging, incident and product-analytics services."""

from __future__ import annotations

from guardrails.checks.secret_kinds.kind import UUID, keyed, keyed_uuid, token

KINDS = (
    token(
        "SENTRY_TOKEN",
        "Sentry",
        r"\b(?:sntry[aiu]_[0-9a-f]{64}\b|sntrys_eyJ[A-Za-z0-9+/=_-]{80,400})",
        r"\bsntry[aisu]_",
    ),
    token(
        "NEW_RELIC_KEY",
        "New Relic",
        r"\b(?:NRAK-[A-Z0-9]{27}\b|NRI[IQ]-[A-Za-z0-9_-]{32}|NRRA-[0-9a-f]{42}\b|[0-9a-f]{36}NRAL\b)",
        r"\bNR(?:AK|I[IQ]|RA)-|[0-9a-f]NRAL\b",
    ),
    token(
        "GRAFANA_TOKEN",
        "Grafana",
        r"\b(?:glsa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}\b|glc_[A-Za-z0-9+/]{32,400}={0,3})",
        r"\b(?:glsa_[A-Za-z0-9]{12}|glc_[A-Za-z0-9+/]{12})",
    ),
    keyed("DATADOG_KEY", "Datadog", "datadog|dd[_-](?:api|app)", "(?:[0-9a-f]{40}|[0-9a-f]{32})"),
    token(
        "DYNATRACE_TOKEN", "Dynatrace", r"\bdt0[a-z]\d{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}\b", r"\bdt0[a-z]\d{2}\."
    ),
    token(
        "HONEYCOMB_API_KEY",
        "Honeycomb",
        r"\bhc[a-z](?:ik|lk|mk)_[a-z0-9]{58}\b",
        r"\bhc[a-z][ilm]k_[a-z0-9]{12}",
    ),
    token("CORALOGIX_API_KEY", "Coralogix", r"\bcxt[phu]_[A-Za-z0-9]{30}\b", r"\bcxt[phu]_"),
    token("AXIOM_TOKEN", "Axiom", rf"\bxa[ap]t-{UUID}\b", r"\bxa[ap]t-"),
    token("CHECKLY_API_KEY", "Checkly", r"\bcu_[0-9a-f]{32}\b", r"\bcu_[0-9a-f]{12}"),
    token("ROOTLY_API_KEY", "Rootly", r"\brootly_[0-9a-f]{64}\b", "rootly_[0-9a-f]{8}"),
    token("UPTIMEROBOT_API_KEY", "UptimeRobot", r"\bu[r]?\d{6,8}-[0-9a-f]{24}\b", r"\bu[r]?\d{6,8}-[0-9a-f]"),
    keyed_uuid("SPLUNK_HEC_TOKEN", "Splunk", "splunk|hec_token"),
    keyed("SUMOLOGIC_ACCESS_KEY", "Sumo Logic", "sumo", "[A-Za-z0-9]{64}"),
    keyed("ROLLBAR_ACCESS_TOKEN", "Rollbar", "rollbar", "[0-9a-f]{32}"),
    keyed("BUGSNAG_API_KEY", "Bugsnag", "bugsnag", "[0-9a-f]{32}"),
    keyed("AIRBRAKE_API_KEY", "Airbrake", "airbrake", "[0-9a-f]{32}"),
    keyed_uuid("LOGGLY_TOKEN", "Loggly", "loggly"),
    keyed("MEZMO_INGESTION_KEY", "Mezmo", "logdna|mezmo", "[0-9a-f]{32}"),
    keyed("BETTERSTACK_TOKEN", "Better Stack", "betterstack|betteruptime|logtail", "[A-Za-z0-9]{24}"),
    keyed("PAGERDUTY_API_KEY", "PagerDuty", "pagerduty|pd_api", "[A-Za-z0-9+_-]{20}"),
    keyed("PAGERDUTY_ROUTING_KEY", "PagerDuty", "pagerduty|routing_key|integration_key", "[0-9a-f]{32}"),
    keyed_uuid("OPSGENIE_API_KEY", "Opsgenie", "opsgenie|geniekey"),
    keyed("AMPLITUDE_SECRET_KEY", "Amplitude", "amplitude", "[0-9a-f]{32}"),
    keyed("MIXPANEL_SECRET", "Mixpanel", "mixpanel", "[0-9a-f]{32}"),
    token("POSTHOG_KEY", "PostHog", r"\bph[sx]_[A-Za-z0-9]{40,56}\b", r"\bph[sx]_[A-Za-z0-9]{12}"),
    token("SEGMENT_TOKEN", "Segment", r"\bsgp_[A-Za-z0-9]{64}\b", r"\bsgp_[A-Za-z0-9]{12}"),
    keyed("SEGMENT_WRITE_KEY", "Segment", "segment_?(?:write|api|key|token)", "[A-Za-z0-9]{32}"),
)
"""Kinds of this file."""
