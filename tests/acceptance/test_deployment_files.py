"""What stands in deploy/ is well formed, agrees with the proxy, and names nothing that is not there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml

from proxy.config_schema import Shutdown
from proxy.lag import Lag
from proxy.metrics_review import Figures
from tests.acceptance.tools import DEPLOY, certificate, haproxy, nginx, runs, tool
from tests.proxy.policies import policy
from tests.servers import make_app

ROOT = DEPLOY.parent
BOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
MOST_PANELS = 12
TESTS = sorted(DEPLOY.glob("*.test.yml"))
MANIFESTS = [
    path
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    if path.name not in ("kustomization.yaml", "servicemonitor.yaml")
]


@cache
def known() -> dict[str, frozenset[str]]:
    """Every time series there can be, with its labels: of a running proxy, of the recording rules, of Prometheus itself."""
    with TemporaryDirectory() as folder:
        app = make_app(Path(folder), "http://127.0.0.1:9", policy())
        app.reloads.begin(app.context)
        metrics = app.context.metrics
        metrics.watch_app(app.reloads, Lag())
        metrics.review.update(Figures({"q": 1}, {"q": 0}, {("q", "traces"): 1.0}))
        collectors = metrics.registry._names_to_collectors
        told = [sample for family in metrics.registry.collect() for sample in family.samples]
        app.context.store.close()
    found = {"up": frozenset[str](), **{sample.name: frozenset(sample.labels) for sample in told}}
    for name, collector in collectors.items():
        if hasattr(collector, "_labelnames"):
            more = ("le",) if name.endswith("_bucket") else ()
            found[name] = frozenset((*collector._labelnames, *more))
    rules = [
        rule
        for group in yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"]
        for rule in group["rules"]
    ]
    return found | {rule["record"]: frozenset[str]() for rule in rules if "record" in rule}


def expressions() -> Iterator[tuple[str, str]]:
    """Every expression that is shipped, with where it stands."""
    for board in BOARDS:
        for panel in json.loads(board.read_text())["panels"]:
            for target in panel["targets"]:
                yield f"{board.stem}: {panel['title']} {target['refId']}", target["expr"]
    for group in yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"]:
        for rule in group["rules"]:
            yield f"alerts.yml: {rule.get('alert') or rule['record']}", rule["expr"]


_ADDED = frozenset({"job", "instance"})
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)\s*\{([^}]*)\}")
_WORDS = frozenset({"and", "or", "unless", "offset", "bool"})


def named(expression: str) -> tuple[set[str], set[str]]:
    """The time series and the labels that an expression names."""
    plain = re.sub(r'"[^"]*"', '""', re.sub(r"\[[^]]*\]|\boffset\s+\w+", "", expression))
    labels = {
        label.strip() for group in _GROUPING.findall(plain) for label in group.split(",") if label.strip()
    }
    plain = _GROUPING.sub("", plain)
    for _, matchers in _SELECTOR.findall(plain):
        labels |= set(re.findall(r"(\w+)\s*[=!]", matchers))
    plain = re.sub(r"\{[^}]*\}", "", plain)
    series = set(re.findall(r"(?<![\w:.])([a-zA-Z_:][\w:]*)\b(?!\s*\()", plain)) - _WORDS
    return series, labels


@pytest.mark.parametrize(("place", "expression"), [*expressions()], ids=[place for place, _ in expressions()])
def test_panels_and_rules_name_series_that_there_are(place: str, expression: str) -> None:
    """A metric that is renamed or loses a label empties no panel and mutes no alert unseen."""
    series, labels = named(expression)

    assert series and series <= set(known())
    assert labels <= _ADDED.union(*(known()[name] for name in series))


def test_the_reader_of_expressions_sees_what_is_wrong() -> None:
    """The test above can fail."""
    assert named('sum by (rule) (rate(a_total{x="b{c}"}[5m])) / on (y) d:e offset 1w > 2 and f') == (
        {"a_total", "d:e", "f"},
        {"rule", "x", "y"},
    )


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.stem)
def test_a_dashboard_can_be_taken_in(board: Path) -> None:
    """At most twelve panels, each with a title, a unit and a question, from the data source that is provisioned."""
    read = json.loads(board.read_text())
    sources = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text())[
        "datasources"
    ]
    panels = read["panels"]

    assert read["uid"] == board.stem and "id" not in read
    assert 0 < len(panels) <= MOST_PANELS
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    assert {panel["datasource"]["uid"] for panel in panels} == {source["uid"] for source in sources}
    assert all(panel["targets"] and panel["fieldConfig"]["defaults"]["unit"] for panel in panels)
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len(places) == len(panels)


def test_the_dashboards_folder_is_the_one_that_is_mounted() -> None:
    """Grafana looks where Compose puts them."""
    [provider] = yaml.safe_load((DEPLOY / "grafana/provisioning/dashboards/guardhouse.yml").read_text())[
        "providers"
    ]
    mounts = compose()["services"]["grafana"]["volumes"]

    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in mounts


def test_promtool_takes_the_configuration_and_the_rules_pass_their_tests(tmp_path: Path) -> None:
    """Rules and scrapes are well formed, and each alert fires when it should and not before."""
    promtool = tool("promtool")
    for name in ("prometheus.yml", "alerts.yml"):
        (tmp_path / name).write_text((DEPLOY / name).read_text())
    (tmp_path / "metrics_key").write_text("a key")

    runs(promtool, "check", "config", tmp_path / "prometheus.yml")
    assert "SUCCESS" in runs(promtool, "test", "rules", *TESTS)


def test_every_alert_has_a_test() -> None:
    """No alert is shipped that nobody saw firing."""
    alerts = {place.partition(": ")[2] for place, _ in expressions() if place.startswith("alerts.yml: Guard")}
    tests = [test for file in TESTS for test in yaml.safe_load(file.read_text())["tests"]]
    fired = {case["alertname"] for test in tests for case in test["alert_rule_test"] if case["exp_alerts"]}

    assert fired == alerts


def test_every_alert_is_explained() -> None:
    """docs/guides/deploy.md says what to do about each."""
    guide = (ROOT / "docs/guides/deploy.md").read_text()

    assert [
        place
        for place, _ in expressions()
        if ": Guard" in place and f"`{place.partition(': ')[2]}`" not in guide
    ] == []


def test_the_balancers_configurations_are_taken(tmp_path: Path) -> None:
    """HAProxy's and nginx's own judges have nothing to say against them."""
    runs(tool("haproxy"), "-c", "-f", haproxy(tmp_path, 8443, [4000, 4001]))
    runs(tool("nginx"), "-t", "-c", nginx(tmp_path, 8444, [4000, 4001]))


def test_the_whole_file_of_the_balancer_is_taken(tmp_path: Path) -> None:
    """As Compose mounts it: with its resolvers, but for the place of the certificate."""
    place = str(certificate(tmp_path))
    file = tmp_path / "haproxy.cfg"
    file.write_text((DEPLOY / "haproxy.cfg").read_text().replace("/usr/local/etc/haproxy/tls.pem", place))

    runs(tool("haproxy"), "-c", "-f", file)


def test_hadolint_has_nothing_to_say() -> None:
    """Of any severity."""
    assert runs(tool("hadolint"), "--failure-threshold", "style", "--no-color", ROOT / "Dockerfile") == ""


def test_the_image_holds_nothing_but_the_product() -> None:
    """What is copied is what .dockerignore lets in, and that is what is installed; nothing runs as root."""
    lines = (ROOT / ".dockerignore").read_text().split()
    allowed = {line[1:] for line in lines if line.startswith("!")}
    dockerfile = (ROOT / "Dockerfile").read_text()
    copied = {
        word for line in re.findall(r"^COPY (?!--from)(.*) \S+$", dockerfile, re.M) for word in line.split()
    }

    assert "*" in lines and copied == allowed
    assert all((ROOT / name).exists() for name in allowed)
    assert re.findall(r"^USER (.*)$", dockerfile, re.M) == ["10001:10001"]
    assert "healthz" in dockerfile and "readyz" not in dockerfile
    assert re.search(r'^ENTRYPOINT \["guardhouse"\]$', dockerfile, re.M)


@cache
def compose() -> dict[str, Any]:
    """The Compose file."""
    read: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return read


def test_the_compose_file_is_one() -> None:
    """As the Compose specification has it."""
    judge = "import sys, compose_spec as c; spec = c.PyCompose.from_yaml(open(sys.argv[1]).read()); spec.validate()"

    runs(Path(tool("kubernetes-validate")).with_name("python"), "-c", judge, ROOT / "docker-compose.yml")


def test_compose_mounts_and_names_what_there_is() -> None:
    """Files, volumes, networks and services; and no secret has a default."""
    read, users = compose(), {"./guardhouse.yaml", "./policy.yaml", "./deploy/tls.pem"}
    for name, service in read["services"].items():
        for mount in service.get("volumes", ()):
            source = mount.partition(":")[0]
            assert (
                source in users or (ROOT / source).exists()
                if source.startswith(".")
                else source in read["volumes"]
            )
        assert set(service["networks"]) <= set(read["networks"]), name
        assert set(service.get("depends_on", ())) <= set(read["services"])
    secrets = re.findall(r"\$\{(\w+(?:KEY|PASSWORD))(:[-?])?", (ROOT / "docker-compose.yml").read_text())
    assert {name for name, mode in secrets if mode == ":-"} == {"OPENAI_API_KEY", "ANTHROPIC_API_KEY"}


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.stem)
def test_a_manifest_is_one(manifest: Path) -> None:
    """As Kubernetes has it, without a field that it does not know."""
    runs(tool("kubernetes-validate"), "--strict", manifest)


def stateful() -> dict[str, Any]:
    """The pods' manifest."""
    read: dict[str, Any] = yaml.safe_load((DEPLOY / "kubernetes/statefulset.yaml").read_text())["spec"]
    return read


def test_the_kustomization_names_every_manifest() -> None:
    """All but the examples."""
    read = yaml.safe_load((DEPLOY / "kubernetes/kustomization.yaml").read_text())

    assert {*read["resources"], "secret.example.yaml"} == {path.name for path in MANIFESTS}


def test_whoever_stops_a_proxy_waits_for_it() -> None:
    """Notice, drain, shadows and the last traces fit into the time before it is killed."""
    limits = Shutdown()
    needed = limits.notice_s + limits.drain_s + 5 + 10

    assert needed <= stateful()["template"]["spec"]["terminationGracePeriodSeconds"]
    assert needed <= int(compose()["services"]["proxy"]["stop_grace_period"].removesuffix("s"))


def test_the_probes_of_a_pod_do_not_end_it_for_the_databases_sake() -> None:
    """Alive is what answers; ready is what takes requests. The spool outlives a node, and nothing else is writable."""
    pod = stateful()["template"]["spec"]
    [container] = pod["containers"]

    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz/serving"
    assert container["securityContext"]["readOnlyRootFilesystem"] and pod["securityContext"]["runAsNonRoot"]
    assert [claim["metadata"]["name"] for claim in stateful()["volumeClaimTemplates"]] == ["data"]
    assert {"name": "data", "mountPath": "/data"} in container["volumeMounts"]
