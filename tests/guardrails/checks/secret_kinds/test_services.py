"""Keys of work, identity, content, social, map and data services are found in their documented formats.

The formats are declared here, apart from the expressions that look for them.
"""

from __future__ import annotations

import pytest

from guardrails.checks.secret_kinds import services
from tests.guardrails.checks.secret_kinds.examples import Form, holds, named, unfound

FORMS: list[Form] = [
    ("LINEAR_API_KEY", "", "lin_api_ A:40"),
    ("NOTION_TOKEN", "", "ntn_ d:11 A:32"),
    ("FIGMA_TOKEN", "", "figd_ w:40"),
    ("HUBSPOT_TOKEN", "", "pat-na d:1 - uuid"),
    ("AIRTABLE_TOKEN", "", "pat A:14 . h:64"),
    ("ASANA_TOKEN", "", "d:1 / d:16 : h:32"),
    ("CLICKUP_TOKEN", "", "pk_ d:6 _ U:32"),
    ("ZOHO_TOKEN", "", "1000. h:32 . h:32"),
    ("SALESFORCE_TOKEN", "", "00 A:13 ! A:80"),
    ("CLOSE_API_KEY", "", "api_ A:22 . A:22"),
    ("CALCOM_API_KEY", "", "cal_live_ h:32"),
    ("CANVA_SECRET", "", "cnvca w:51"),
    ("TYPEFORM_TOKEN", "", "tfp_ w:40"),
    ("OUTLINE_API_KEY", "", "ol_api_ A:38"),
    ("PLANE_API_KEY", "", "plane_api_ h:32"),
    ("DROPBOX_TOKEN", "", "sl. w:130"),
    ("ADOBE_CLIENT_SECRET", "", "p8e- w:32"),
    ("PIPEDRIVE_TOKEN", "PIPEDRIVE_TOKEN=", "h:40"),
    ("TODOIST_TOKEN", "TODOIST_TOKEN=", "h:40"),
    ("BOX_CLIENT_SECRET", "BOX_CLIENT_SECRET=", "A:32"),
    ("CODA_TOKEN", "coda-api=", "uuid"),
    ("SHORTCUT_TOKEN", "shortcut-api=", "uuid"),
    ("DOCUSIGN_SECRET", "DOCUSIGN_SECRET=", "uuid"),
    ("OKTA_API_TOKEN", "OKTA_API_TOKEN=", "00 w:40"),
    ("AUTH0_CLIENT_SECRET", "AUTH0_CLIENT_SECRET=", "w:64"),
    ("STYTCH_SECRET", "", "secret-live- w:35"),
    ("DUO_SECRET_KEY", "DUO_SECRET_KEY=", "A:40"),
    ("CONTENTFUL_TOKEN", "", "CFPAT- w:43"),
    ("GHOST_ADMIN_KEY", "", "h:24 : h:64"),
    ("SANITY_TOKEN", "SANITY_TOKEN=", "sk A:80"),
    ("WEBFLOW_TOKEN", "WEBFLOW_TOKEN=", "h:64"),
    ("STRAPI_TOKEN", "STRAPI_TOKEN=", "h:256"),
    ("CLOUDINARY_SECRET", "cloudinary://123456789012345:", "w:20"),
    ("UNSPLASH_KEY", "UNSPLASH_KEY=", "w:43"),
    ("GIPHY_API_KEY", "GIPHY_API_KEY=", "A:32"),
    ("VIMEO_TOKEN", "VIMEO_TOKEN=", "h:32"),
    ("TMDB_API_KEY", "TMDB_API_KEY=", "h:32"),
    ("DEEPL_API_KEY", "", "uuid :fx"),
    ("META_ACCESS_TOKEN", "", "EAAA A:80"),
    ("META_APP_SECRET", "facebook=", "h:32"),
    ("INSTAGRAM_TOKEN", "", "IGQV w:100"),
    ("TWITTER_BEARER_TOKEN", "", "AAAAAAAAAAAAAAAAAAAA A:16 %3D A:40"),
    ("TWITTER_SECRET", "TWITTER_SECRET=", "A:50"),
    ("LINKEDIN_SECRET", "", "WPL_AP1. A:16 . b:6"),
    ("LINKEDIN_SECRET", "LINKEDIN_SECRET=", "A:16"),
    ("REDDIT_SECRET", "REDDIT_SECRET=", "w:27"),
    ("TWITCH_SECRET", "TWITCH_SECRET=", "l:30"),
    ("SPOTIFY_SECRET", "SPOTIFY_SECRET=", "h:32"),
    ("PINTEREST_TOKEN", "", "pina_ A:60"),
    ("STRAVA_SECRET", "STRAVA_SECRET=", "h:40"),
    ("RIOT_API_KEY", "", "RGAPI- uuid"),
    ("STEAM_WEB_API_KEY", "STEAM_WEB_API_KEY=", "X:32"),
    ("PLEX_TOKEN", "PLEX_TOKEN=", "w:20"),
    ("MAPBOX_SECRET_TOKEN", "", "sk.eyJ w:60 . w:20"),
    ("HERE_API_KEY", "HERE_API_KEY=", "w:43"),
    ("TOMTOM_API_KEY", "TOMTOM_API_KEY=", "A:32"),
    ("OPENWEATHER_API_KEY", "OPENWEATHER_API_KEY=", "h:32"),
    ("NEWSAPI_KEY", "NEWSAPI_KEY=", "h:32"),
    ("IPINFO_TOKEN", "IPINFO_TOKEN=", "h:14"),
    ("SHODAN_API_KEY", "SHODAN_API_KEY=", "A:32"),
    ("VIRUSTOTAL_API_KEY", "VIRUSTOTAL_API_KEY=", "h:64"),
    ("ABUSEIPDB_API_KEY", "ABUSEIPDB_API_KEY=", "h:80"),
    ("URLSCAN_API_KEY", "URLSCAN_API_KEY=", "uuid"),
    ("HUNTER_API_KEY", "HUNTER_API_KEY=", "h:40"),
    ("SCALE_API_KEY", "SCALE_API_KEY=", "live_ h:32"),
]


@pytest.mark.parametrize(("entity", "lead", "spec"), FORMS, ids=named(FORMS))
def test_a_secret_is_found_whole_and_its_near_misses_are_left(entity: str, lead: str, spec: str) -> None:
    """Two examples in five settings, one that is a character short, and one with a character of no alphabet."""
    holds(entity, lead, spec)


def test_every_kind_has_a_format_here() -> None:
    """No kind ships without an example that it finds."""
    assert unfound(services.KINDS, FORMS) == []
