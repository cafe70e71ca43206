"""Keys of monitoring, logging, incident and product-analytics services are found in their documented formats.

The formats are declared here, apart from the expressions that look for them.
"""

from __future__ import annotations

import pytest

from guardrails.checks.secret_kinds import observability
from tests.guardrails.checks.secret_kinds.examples import Form, holds, named, unfound

FORMS: list[Form] = [
    ("SENTRY_TOKEN", "", "sntrya_ h:64"),
    ("NEW_RELIC_KEY", "", "NRAK- U:27"),
    ("GRAFANA_TOKEN", "", "glsa_ A:32 _ H:8"),
    ("DATADOG_KEY", "DATADOG_KEY=", "h:40"),
    ("DYNATRACE_TOKEN", "", "dt0a d:2 . U:24 . U:64"),
    ("HONEYCOMB_API_KEY", "", "hcaik_ l:58"),
    ("CORALOGIX_API_KEY", "", "cxth_ A:30"),
    ("AXIOM_TOKEN", "", "xaat- uuid"),
    ("CHECKLY_API_KEY", "", "cu_ h:32"),
    ("ROOTLY_API_KEY", "", "rootly_ h:64"),
    ("UPTIMEROBOT_API_KEY", "", "u d:6 - h:24"),
    ("SPLUNK_HEC_TOKEN", "SPLUNK_HEC_TOKEN=", "uuid"),
    ("SUMOLOGIC_ACCESS_KEY", "SUMOLOGIC_ACCESS_KEY=", "A:64"),
    ("ROLLBAR_ACCESS_TOKEN", "ROLLBAR_ACCESS_TOKEN=", "h:32"),
    ("BUGSNAG_API_KEY", "BUGSNAG_API_KEY=", "h:32"),
    ("AIRBRAKE_API_KEY", "AIRBRAKE_API_KEY=", "h:32"),
    ("LOGGLY_TOKEN", "LOGGLY_TOKEN=", "uuid"),
    ("MEZMO_INGESTION_KEY", "MEZMO_INGESTION_KEY=", "h:32"),
    ("BETTERSTACK_TOKEN", "BETTERSTACK_TOKEN=", "A:24"),
    ("PAGERDUTY_API_KEY", "PAGERDUTY_API_KEY=", "w:20"),
    ("PAGERDUTY_ROUTING_KEY", "PAGERDUTY_ROUTING_KEY=", "h:32"),
    ("OPSGENIE_API_KEY", "OPSGENIE_API_KEY=", "uuid"),
    ("AMPLITUDE_SECRET_KEY", "AMPLITUDE_SECRET_KEY=", "h:32"),
    ("MIXPANEL_SECRET", "MIXPANEL_SECRET=", "h:32"),
    ("POSTHOG_KEY", "", "phs_ A:40"),
    ("SEGMENT_TOKEN", "", "sgp_ A:64"),
    ("SEGMENT_WRITE_KEY", "SEGMENT_WRITE_KEY=", "A:32"),
]


@pytest.mark.parametrize(("entity", "lead", "spec"), FORMS, ids=named(FORMS))
def test_a_secret_is_found_whole_and_its_near_misses_are_left(entity: str, lead: str, spec: str) -> None:
    """Two examples in five settings, one that is a character short, and one with a character of no alphabet."""
    holds(entity, lead, spec)


def test_every_kind_has_a_format_here() -> None:
    """No kind ships without an example that it finds."""
    assert unfound(observability.KINDS, FORMS) == []
