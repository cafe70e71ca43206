"""Keys of code hosts, package registries, builds and developers' tools are found in their documented formats.

The formats are declared here, apart from the expressions that look for them.
"""

from __future__ import annotations

import base64

import pytest

from guardrails.checks.secret_kinds import code
from tests.guardrails.checks.secret_kinds.examples import Form, example, found, holds, named, unfound

FORMS: list[Form] = [
    ("GITHUB_TOKEN", "", "gho_ A:36"),
    ("GITHUB_FINE_GRAINED_TOKEN", "", "github_pat_ A:22"),
    ("GITLAB_TOKEN", "", "glpat- w:20"),
    ("GITLAB_RUNNER_TOKEN", "", "GR1348941 w:20"),
    ("GITEA_TOKEN", "GITEA_TOKEN=", "h:40"),
    ("BITBUCKET_APP_PASSWORD", "", "ATBB w:28"),
    ("BITBUCKET_ACCESS_TOKEN", "", "ATCTT3 w:100"),
    ("ATLASSIAN_API_TOKEN", "", "ATATT3 w:100"),
    ("TRELLO_TOKEN", "", "ATTA h:64 X:8"),
    ("TRELLO_TOKEN", "TRELLO_TOKEN=", "h:32"),
    ("SOURCEGRAPH_TOKEN", "", "sgp_ h:40"),
    ("YOUTRACK_TOKEN", "", "perm- b:4 . b:2 . A:24"),
    ("NPM_TOKEN", "", "npm_ A:36"),
    ("NPMRC_AUTH", "//packages.example.org/:_authToken=", "A:12"),
    ("PYPI_TOKEN", "", "pypi-Ag w:50"),
    ("RUBYGEMS_TOKEN", "", "rubygems_ h:48"),
    ("CRATES_IO_TOKEN", "", "cio A:32"),
    ("NUGET_API_KEY", "", "oy2a l:42"),
    ("CLOJARS_TOKEN", "", "CLOJARS_ h:60"),
    ("PACKAGIST_TOKEN", "", "packagist_aaa_ h:68"),
    ("DOCKER_TOKEN", "", "dckr_pat_ w:27"),
    ("ARTIFACTORY_TOKEN", "", "AKCp A:69"),
    ("CLOUDSMITH_API_KEY", "CLOUDSMITH_API_KEY=", "h:40"),
    ("CIRCLECI_TOKEN", "", "CCIPAT_ A:22 _ h:40"),
    ("CIRCLECI_TOKEN", "CIRCLECI_TOKEN=", "h:40"),
    ("BUILDKITE_TOKEN", "", "bkua_ w:32"),
    ("TRAVIS_TOKEN", "TRAVIS_TOKEN=", "w:22"),
    ("DRONE_TOKEN", "DRONE_TOKEN=", "A:32"),
    ("JENKINS_TOKEN", "JENKINS_TOKEN=", "11 h:32"),
    ("TEAMCITY_TOKEN", "", "eyJ0eXAiOiAiVENWMiJ9. w:36 . w:48"),
    ("OCTOPUS_API_KEY", "", "API- U:25"),
    ("HARNESS_TOKEN", "", "pat. w:22 . h:24 . A:20"),
    ("CODECOV_TOKEN", "CODECOV_TOKEN=", "uuid"),
    ("COVERALLS_TOKEN", "COVERALLS_TOKEN=", "A:33"),
    ("CODACY_TOKEN", "CODACY_TOKEN=", "h:32"),
    ("CODECLIMATE_TOKEN", "CODECLIMATE_TOKEN=", "h:64"),
    ("SONAR_TOKEN", "", "sqa_ h:40"),
    ("SONAR_TOKEN", "SONAR_TOKEN=", "h:40"),
    ("SNYK_TOKEN", "SNYK_TOKEN=", "uuid"),
    ("SEMGREP_TOKEN", "SEMGREP_TOKEN=", "h:64"),
    ("SOCKET_API_KEY", "", "sktsec_ w:40"),
    ("STACKHAWK_API_KEY", "", "hawk. w:20 . w:20"),
    ("CHROMATIC_TOKEN", "", "chpt_ h:15"),
    ("PERCY_TOKEN", "PERCY_TOKEN=", "h:64"),
    ("SAUCE_ACCESS_KEY", "SAUCE_ACCESS_KEY=", "uuid"),
    ("BROWSERSTACK_KEY", "BROWSERSTACK_KEY=", "A:20"),
    ("CYPRESS_RECORD_KEY", "CYPRESS_RECORD_KEY=", "uuid"),
    ("LAUNCHDARKLY_KEY", "", "sdk- uuid"),
    ("STATSIG_SECRET", "", "secret- A:43"),
    ("CONFIGCAT_SDK_KEY", "", "configcat-sdk- d:1 / w:22 / w:22"),
    ("POSTMAN_API_KEY", "", "PMAK- h:24 - h:34"),
    ("POSTMAN_ACCESS_KEY", "", "PMAT- U:26"),
    ("RAPIDAPI_KEY", "", "h:10 msh h:15 p1 h:5 jsn h:12"),
    ("PREFECT_API_KEY", "", "pnb_ A:36"),
    ("README_API_KEY", "", "rdme_ l:70"),
    ("GITBOOK_TOKEN", "", "gb_api_ A:40"),
    ("WAKATIME_API_KEY", "", "waka_ uuid"),
    ("EXPO_TOKEN", "EXPO_TOKEN=", "w:40"),
]


@pytest.mark.parametrize(("entity", "lead", "spec"), FORMS, ids=named(FORMS))
def test_a_secret_is_found_whole_and_its_near_misses_are_left(entity: str, lead: str, spec: str) -> None:
    """Two examples in five settings, one that is a character short, and one with a character of no alphabet."""
    holds(entity, lead, spec)


def test_every_kind_has_a_format_here() -> None:
    """No kind ships without an example that it finds; the login in base64 has a test of its own."""
    assert unfound(code.KINDS, FORMS) == ["NPMRC_AUTH"]


def test_a_login_in_an_npmrc_is_a_user_and_a_password_in_base64() -> None:
    """A variable of that name in a program is none."""
    login = base64.b64encode(f"ada:{example('A:14')}".encode()).decode()

    assert found("NPMRC_AUTH", f"_auth = {login}\n") == [login]
    assert found("NPMRC_AUTH", "proxy_auth = self._proxy_auth") == []
    assert found("NPMRC_AUTH", "session_auth=session_auth") == []
