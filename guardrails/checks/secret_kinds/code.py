"""Keys of code hosts, package registries, builds and developers' tools."""

from __future__ import annotations

from guardrails.checks.secret_kinds.kind import UUID, SecretKind, keyed, keyed_uuid, token

_HOSTS = (
    token("GITHUB_TOKEN", "GitHub", r"gh[pousr]_[A-Za-z0-9]{36,255}\b"),
    token("GITHUB_FINE_GRAINED_TOKEN", "GitHub", r"github_pat_[A-Za-z0-9_]{22,255}\b", "github_pat_"),
    token(
        "GITLAB_TOKEN",
        "GitLab",
        r"\bgl(?:pat|oas|dt|rt|rtr|cbt|ptt|ft|imt|agent|wt|soat|ffct)-[A-Za-z0-9_.-]{20,300}",
        r"\bgl[a-z]{2,5}-[A-Za-z0-9_-]{12}",
    ),
    token("GITLAB_RUNNER_TOKEN", "GitLab", r"\bGR1348941[A-Za-z0-9_-]{20}", "GR1348941"),
    keyed("GITEA_TOKEN", "Gitea, Forgejo and Codeberg", "gitea|forgejo|codeberg", "[0-9a-f]{40}"),
    token("BITBUCKET_APP_PASSWORD", "Bitbucket", r"\bATBB[A-Za-z0-9_=-]{28,40}", r"\bATBB"),
    token("BITBUCKET_ACCESS_TOKEN", "Bitbucket", r"\bATCTT3[A-Za-z0-9_=-]{100,250}", r"\bATCTT3"),
    token("ATLASSIAN_API_TOKEN", "Atlassian", r"\bATATT3[A-Za-z0-9_=-]{100,250}", r"\bATATT3"),
    token("TRELLO_TOKEN", "Trello", r"\bATTA[0-9a-f]{64}[0-9A-F]{8}\b", r"\bATTA[0-9a-f]{8}"),
    keyed("TRELLO_TOKEN", "Trello", "trello", "(?:[0-9a-f]{64}|[0-9a-f]{32})"),
    token(
        "SOURCEGRAPH_TOKEN",
        "Sourcegraph",
        r"\bsgp_(?:[0-9a-f]{16}_|local_)?[0-9a-f]{40}\b",
        r"\bsgp_[0-9a-fl]",
    ),
    token(
        "YOUTRACK_TOKEN",
        "JetBrains YouTrack and Hub",
        r"\bperm[:-][A-Za-z0-9+/=]{4,120}\.[A-Za-z0-9+/=-]{2,80}\.[A-Za-z0-9]{24,40}\b",
        r"\bperm[:-][A-Za-z0-9+/=]{4}",
    ),
)

_REGISTRIES = (
    token("NPM_TOKEN", "npm", r"\bnpm_[A-Za-z0-9]{36}\b", r"\bnpm_[A-Za-z0-9]{16}"),
    SecretKind(
        "NPMRC_AUTH",
        "registry login in an .npmrc",
        r"""[:/]_(?:authToken|auth|password)[ ]?=[ ]?["']?([A-Za-z0-9+/._-]{12,300}={0,2})""",
        1,
        "token",
        0.9,
        r"""[:/]_(?:authToken|auth|password)[ ]?=[ ]?["']?[A-Za-z0-9]""",
    ),
    SecretKind(
        "NPMRC_AUTH",
        "registry login in an .npmrc",
        r"""_auth[ ]?=[ ]?["']?([A-Za-z0-9+/]{8,300}={0,2})""",
        1,
        "basic",
        0.9,
        r"""_auth[ ]?=[ ]?["']?[A-Za-z0-9+/]{8}""",
    ),
    token("PYPI_TOKEN", "PyPI", r"\bpypi-Ag[A-Za-z0-9_-]{50,300}", "pypi-Ag"),
    token("RUBYGEMS_TOKEN", "RubyGems", r"\brubygems_[0-9a-f]{48}\b", "rubygems_[0-9a-f]{8}"),
    token("CRATES_IO_TOKEN", "crates.io", r"\bcio[A-Za-z0-9]{32}\b"),
    token("NUGET_API_KEY", "NuGet", r"\boy2[a-p][a-z0-9]{42}\b"),
    token("CLOJARS_TOKEN", "Clojars", r"\bCLOJARS_[0-9a-f]{60}\b", "CLOJARS_[0-9a-f]"),
    token(
        "PACKAGIST_TOKEN", "Packagist", r"\bpackagist_[a-z]{3}_[0-9a-f]{68}\b", "packagist_[a-z]{3}_[0-9a-f]"
    ),
    token("DOCKER_TOKEN", "Docker", r"\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{27,40}", "dckr_"),
    token(
        "ARTIFACTORY_TOKEN",
        "JFrog Artifactory",
        r"\b(?:AKCp[A-Za-z0-9]{69}|cmVmdGtu[A-Za-z0-9]{56})\b",
        r"\b(?:AKCp[A-Za-z0-9]{12}|cmVmdGtu)",
    ),
    keyed("CLOUDSMITH_API_KEY", "Cloudsmith", "cloudsmith", "[0-9a-f]{40}"),
)

_BUILDS = (
    token(
        "CIRCLECI_TOKEN",
        "CircleCI",
        r"\bCCI(?:PAT|PRJ|BOT)_[A-Za-z0-9]{22}_[0-9a-f]{40}\b",
        r"\bCCI[A-Z]{3}_",
    ),
    keyed("CIRCLECI_TOKEN", "CircleCI", "circle_?(?:ci|token)", "[0-9a-f]{40}"),
    token(
        "BUILDKITE_TOKEN",
        "Buildkite",
        r"\bbk(?:ua|aa|aj|ar|cq|ct|pr|ps|pt)_[A-Za-z0-9_-]{32,90}",
        r"\bbk[acpu][ajqrst]_[A-Za-z0-9]{12}",
    ),
    keyed("TRAVIS_TOKEN", "Travis CI", "travis", "[A-Za-z0-9_-]{22}"),
    keyed("DRONE_TOKEN", "Drone CI", "drone_?(?:token|rpc|server)", "[A-Za-z0-9]{32}"),
    keyed("JENKINS_TOKEN", "Jenkins", "jenkins", "11[0-9a-f]{32}"),
    token(
        "TEAMCITY_TOKEN",
        "JetBrains TeamCity",
        r"\beyJ0eXAiOiAiVENWMiJ9\.[A-Za-z0-9_-]{36}\.[A-Za-z0-9_-]{48}",
        r"eyJ0eXAiOiAiVENWMiJ9",
    ),
    token("OCTOPUS_API_KEY", "Octopus Deploy", r"\bAPI-[A-Z0-9]{25,32}\b", gate="random"),
    token(
        "HARNESS_TOKEN",
        "Harness",
        r"\b[ps]at\.[A-Za-z0-9_-]{22}\.[0-9a-f]{24}\.[A-Za-z0-9]{20}\b",
        r"\b[ps]at\.[A-Za-z0-9_-]{22}\.",
    ),
    keyed_uuid("CODECOV_TOKEN", "Codecov", "codecov"),
    keyed("COVERALLS_TOKEN", "Coveralls", "coveralls", "[A-Za-z0-9]{33}"),
    keyed("CODACY_TOKEN", "Codacy", "codacy", "(?:[0-9a-f]{32}|[A-Za-z0-9]{20})"),
    keyed("CODECLIMATE_TOKEN", "Code Climate", "codeclimate|cc_test_reporter", "[0-9a-f]{64}"),
    token("SONAR_TOKEN", "SonarQube", r"\bsq[apu]_[0-9a-f]{40}\b", r"\bsq[apu]_[0-9a-f]{8}"),
    keyed("SONAR_TOKEN", "SonarQube", "sonar", "[0-9a-f]{40}"),
    keyed_uuid("SNYK_TOKEN", "Snyk", "snyk"),
    keyed("SEMGREP_TOKEN", "Semgrep", "semgrep", "[0-9a-f]{64}"),
    token("SOCKET_API_KEY", "Socket", r"\bsktsec_[A-Za-z0-9_-]{40,60}", "sktsec_"),
    token(
        "STACKHAWK_API_KEY",
        "StackHawk",
        r"\bhawk\.[A-Za-z0-9_-]{20}\.[A-Za-z0-9_-]{20}",
        r"\bhawk\.[A-Za-z0-9_-]{20}\.",
    ),
    token("CHROMATIC_TOKEN", "Chromatic", r"\bchpt_[0-9a-f]{15}\b"),
    keyed("PERCY_TOKEN", "Percy", "percy", "[0-9a-f]{64}"),
    keyed_uuid("SAUCE_ACCESS_KEY", "Sauce Labs", "sauce"),
    keyed("BROWSERSTACK_KEY", "BrowserStack", "browserstack", "[A-Za-z0-9]{20}"),
    keyed_uuid("CYPRESS_RECORD_KEY", "Cypress", "cypress"),
)

_TOOLS = (
    token(
        "LAUNCHDARKLY_KEY", "LaunchDarkly", rf"\b(?:sdk|api|mob)-{UUID}\b", r"\b(?:sdk|api|mob)-[0-9a-f]{8}-"
    ),
    token("STATSIG_SECRET", "Statsig", r"\bsecret-[A-Za-z0-9]{43}\b", r"\bsecret-[A-Za-z0-9]{16}"),
    token(
        "CONFIGCAT_SDK_KEY",
        "ConfigCat",
        r"\bconfigcat-sdk-\d/[A-Za-z0-9_-]{22}/[A-Za-z0-9_-]{22}",
        "configcat-sdk-",
    ),
    token("POSTMAN_API_KEY", "Postman", r"\bPMAK-[0-9a-f]{24}-[0-9a-f]{34}\b", "PMAK-"),
    token("POSTMAN_ACCESS_KEY", "Postman collection", r"\bPMAT-[A-Z0-9]{26}\b", "PMAT-"),
    token(
        "RAPIDAPI_KEY",
        "RapidAPI",
        r"\b[0-9a-f]{10}msh[0-9a-f]{15}p1[0-9a-f]{5}jsn[0-9a-f]{12}\b",
        "jsn[0-9a-f]{12}",
    ),
    token("PREFECT_API_KEY", "Prefect", r"\bpn[ub]_[A-Za-z0-9]{36}\b", r"\bpn[ub]_[A-Za-z0-9]{12}"),
    token("README_API_KEY", "ReadMe", r"\brdme_[a-z0-9]{70}\b", "rdme_"),
    token("GITBOOK_TOKEN", "GitBook", r"\bgb_api_[A-Za-z0-9]{40}\b", "gb_api_"),
    token("WAKATIME_API_KEY", "WakaTime", rf"\bwaka_{UUID}\b", "waka_"),
    keyed("EXPO_TOKEN", "Expo", "expo_(?:token|access)", "[A-Za-z0-9_-]{40}"),
)

KINDS = (*_HOSTS, *_REGISTRIES, *_BUILDS, *_TOOLS)
"""Kinds of this file."""
