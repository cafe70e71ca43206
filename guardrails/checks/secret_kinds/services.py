"""Keys of work, identity, content, social, map and data services."""

from __future__ import annotations

from guardrails.checks.secret_kinds.kind import UUID, SecretKind, keyed, keyed_uuid, token

_WORK = (
    token("LINEAR_API_KEY", "Linear", r"\blin_(?:api|oauth)_[A-Za-z0-9]{40,64}\b", "lin_(?:api|oauth)_"),
    token(
        "NOTION_TOKEN",
        "Notion",
        r"\b(?:ntn_\d{11}[A-Za-z0-9]{32,36}|secret_[A-Za-z0-9]{43})\b",
        r"\b(?:ntn_\d|secret_[A-Za-z0-9]{24})",
    ),
    token("FIGMA_TOKEN", "Figma", r"\bfig[dour]_[A-Za-z0-9_-]{40,48}", r"\bfig[dour]_[A-Za-z0-9_-]{12}"),
    token("HUBSPOT_TOKEN", "HubSpot", rf"\bpat-(?:na|eu|ap|ca)\d-{UUID}\b", r"\bpat-[a-z]{2}\d-"),
    token("AIRTABLE_TOKEN", "Airtable", r"\bpat[A-Za-z0-9]{14}\.[0-9a-f]{64}\b", r"\bpat[A-Za-z0-9]{14}\."),
    token("ASANA_TOKEN", "Asana", r"\b\d/\d{16}(?:/\d{16})?:[0-9a-f]{32}\b", r"\d{16}:[0-9a-f]{32}"),
    token("CLICKUP_TOKEN", "ClickUp", r"\bpk_\d{6,9}_[A-Z0-9]{32}\b", r"\bpk_\d{6,9}_"),
    token("ZOHO_TOKEN", "Zoho", r"\b1000\.[0-9a-f]{32}\.[0-9a-f]{32}\b", r"\b1000\.[0-9a-f]{32}\."),
    token(
        "SALESFORCE_TOKEN",
        "Salesforce",
        r"\b00[A-Za-z0-9]{13}![A-Za-z0-9._]{80,120}",
        r"\b00[A-Za-z0-9]{13}!",
    ),
    token("CLOSE_API_KEY", "Close", r"\bapi_[A-Za-z0-9]{22}\.[A-Za-z0-9]{22}\b", r"\bapi_[A-Za-z0-9]{22}\."),
    token("CALCOM_API_KEY", "Cal.com", r"\bcal_live_[0-9a-f]{32}\b", "cal_live_"),
    token("CANVA_SECRET", "Canva", r"\bcnvca[A-Za-z0-9_-]{51}", r"\bcnvca"),
    token("TYPEFORM_TOKEN", "Typeform", r"\btfp_[A-Za-z0-9_.-]{40,60}", r"\btfp_"),
    token("OUTLINE_API_KEY", "Outline", r"\bol_api_[A-Za-z0-9]{38}\b", r"\bol_api_"),
    token("PLANE_API_KEY", "Plane", r"\bplane_api_[0-9a-f]{32}\b", "plane_api_"),
    token(
        "DROPBOX_TOKEN",
        "Dropbox",
        r"\bsl\.(?:u\.)?[A-Za-z0-9_-]{130,900}",
        r"\bsl\.(?:u\.)?[A-Za-z0-9_-]{32}",
    ),
    token("ADOBE_CLIENT_SECRET", "Adobe", r"\bp8e-[A-Za-z0-9_-]{32}", r"\bp8e-"),
    keyed("PIPEDRIVE_TOKEN", "Pipedrive", "pipedrive", "[0-9a-f]{40}"),
    keyed("TODOIST_TOKEN", "Todoist", "todoist", "[0-9a-f]{40}"),
    keyed("BOX_CLIENT_SECRET", "Box", r"\bbox[_-](?:client|api|developer)", "[A-Za-z0-9]{32}"),
    keyed_uuid("CODA_TOKEN", "Coda", r"\bcoda[_-]api"),
    keyed_uuid("SHORTCUT_TOKEN", "Shortcut", "shortcut[_-]api|clubhouse"),
    keyed_uuid("DOCUSIGN_SECRET", "DocuSign", "docusign"),
)

_IDENTITY = (
    keyed("OKTA_API_TOKEN", "Okta", "okta|ssws", "00[A-Za-z0-9_-]{40}"),
    keyed("AUTH0_CLIENT_SECRET", "Auth0", "auth0", "[A-Za-z0-9_-]{64}"),
    token(
        "STYTCH_SECRET",
        "Stytch",
        r"\bsecret-(?:live|test)-[A-Za-z0-9_-]{35,48}=?",
        r"\bsecret-(?:live|test)-",
    ),
    keyed("DUO_SECRET_KEY", "Duo", r"\bduo|skey", "[A-Za-z0-9]{40}"),
)

_CONTENT = (
    token("CONTENTFUL_TOKEN", "Contentful", r"\bCFPAT-[A-Za-z0-9_-]{43}", "CFPAT-"),
    token("GHOST_ADMIN_KEY", "Ghost", r"\b[0-9a-f]{24}:[0-9a-f]{64}\b", "[0-9a-f]:[0-9a-f]{64}"),
    keyed("SANITY_TOKEN", "Sanity", "sanity", "sk[A-Za-z0-9]{80,180}"),
    keyed("WEBFLOW_TOKEN", "Webflow", "webflow", "[0-9a-f]{64}"),
    keyed("STRAPI_TOKEN", "Strapi", "strapi", "[0-9a-f]{256}"),
    SecretKind(
        "CLOUDINARY_SECRET",
        "Cloudinary",
        r"cloudinary://\d{12,18}:([A-Za-z0-9_-]{20,40})",
        1,
        score=0.96,
        trigger="cloudinary://",
    ),
    keyed("UNSPLASH_KEY", "Unsplash", "unsplash", "[A-Za-z0-9_-]{43}"),
    keyed("GIPHY_API_KEY", "Giphy", "giphy", "[A-Za-z0-9]{32}"),
    keyed("VIMEO_TOKEN", "Vimeo", "vimeo", "[0-9a-f]{32}"),
    keyed("TMDB_API_KEY", "The Movie Database", "tmdb", "[0-9a-f]{32}"),
    token("DEEPL_API_KEY", "DeepL", rf"\b{UUID}:fx\b", ":fx"),
)

_SOCIAL = (
    token("META_ACCESS_TOKEN", "Meta", r"\bEAA[A-Z][A-Za-z0-9]{80,300}\b", r"\bEAA[A-Z][A-Za-z0-9]{16}"),
    keyed("META_APP_SECRET", "Meta", r"facebook|fb[_-]app|fb[_-]secret", "[0-9a-f]{32}"),
    token(
        "INSTAGRAM_TOKEN",
        "Instagram",
        r"\bIG(?:QV|AA)[A-Za-z0-9_-]{100,300}",
        r"\bIG(?:QV|AA)[A-Za-z0-9_-]{16}",
    ),
    token(
        "TWITTER_BEARER_TOKEN",
        "X",
        r"\bA{20,22}[A-Za-z0-9%]{16,80}%3D[A-Za-z0-9]{40,60}\b",
        "%3D[A-Za-z0-9]{40}",
    ),
    keyed("TWITTER_SECRET", "X", "twitter", r"(?:[A-Za-z0-9]{50}|\d{6,20}-[A-Za-z0-9]{40}|[A-Za-z0-9]{45})"),
    token(
        "LINKEDIN_SECRET", "LinkedIn", r"\bWPL_AP1\.[A-Za-z0-9]{16}\.[A-Za-z0-9+/]{6,12}={0,2}", r"WPL_AP1\."
    ),
    keyed("LINKEDIN_SECRET", "LinkedIn", "linkedin", "[A-Za-z0-9]{16}"),
    keyed("REDDIT_SECRET", "Reddit", "reddit", "[A-Za-z0-9_-]{27,30}"),
    keyed("TWITCH_SECRET", "Twitch", "twitch", "[a-z0-9]{30}"),
    keyed("SPOTIFY_SECRET", "Spotify", "spotify", "[0-9a-f]{32}"),
    token("PINTEREST_TOKEN", "Pinterest", r"\bpina_[A-Za-z0-9]{60,140}\b", r"\bpina_"),
    keyed("STRAVA_SECRET", "Strava", "strava", "[0-9a-f]{40}"),
    token("RIOT_API_KEY", "Riot Games", rf"\bRGAPI-{UUID}\b", "RGAPI-"),
    keyed("STEAM_WEB_API_KEY", "Steam", r"\bsteam", "[0-9A-F]{32}"),
    keyed("PLEX_TOKEN", "Plex", "plex[_-]?token", "[A-Za-z0-9_-]{20}"),
)

_DATA = (
    token(
        "MAPBOX_SECRET_TOKEN", "Mapbox", r"\bsk\.eyJ[A-Za-z0-9_-]{60,300}\.[A-Za-z0-9_-]{20,40}", r"\bsk\.eyJ"
    ),
    keyed("HERE_API_KEY", "HERE", r"\bhere[_-](?:api|access|maps)", "[A-Za-z0-9_-]{43}"),
    keyed("TOMTOM_API_KEY", "TomTom", "tomtom", "[A-Za-z0-9]{32}"),
    keyed("OPENWEATHER_API_KEY", "OpenWeather", "openweather|owm_", "[0-9a-f]{32}"),
    keyed("NEWSAPI_KEY", "News API", "news_?api", "[0-9a-f]{32}"),
    keyed("IPINFO_TOKEN", "IPinfo", "ipinfo", "[0-9a-f]{14}"),
    keyed("SHODAN_API_KEY", "Shodan", "shodan", "[A-Za-z0-9]{32}"),
    keyed("VIRUSTOTAL_API_KEY", "VirusTotal", "virus_?total|vt_api|x-apikey", "[0-9a-f]{64}"),
    keyed("ABUSEIPDB_API_KEY", "AbuseIPDB", "abuseipdb", "[0-9a-f]{80}"),
    keyed_uuid("URLSCAN_API_KEY", "urlscan.io", "urlscan"),
    keyed("HUNTER_API_KEY", "Hunter", r"hunter[_.-]?io|hunter_api", "[0-9a-f]{40}"),
    keyed("SCALE_API_KEY", "Scale AI", r"scale[_-]?(?:ai|api)", "(?:live|test)_[0-9a-f]{32}"),
)

KINDS = (*_WORK, *_IDENTITY, *_CONTENT, *_SOCIAL, *_DATA)
"""Kinds of this file."""
