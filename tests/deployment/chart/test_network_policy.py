"""With policies, exactly the needed connections are allowed: each pair of pods is evaluated."""

import pytest

from rendering import at, merged, render, values_of

TUNNEL = at("cloudflare", {"enabled": True, "tunnelToken": {"value": "t"}})
OUTSIDE = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}


def is_selected(peer, labels):
    selector = peer.get("podSelector")
    return selector is not None and "namespaceSelector" not in peer and selector["matchLabels"].items() <= labels.items()


def covers(rules, side, port, labels):
    """Whether a rule lets a connection on a port with a pod pass."""
    for rule in rules or []:
        on_port = "ports" not in rule or any(p["port"] == port and p["protocol"] == "TCP" for p in rule["ports"])
        peers = rule.get(side)
        if on_port and (peers is None or any(is_selected(peer, labels) for peer in peers)):
            return True
    return False


def policies_of(release, labels, direction):
    """The specs of the policies that restrict a direction of a pod's connections."""
    specs = [policy["spec"] for policy in release.all("NetworkPolicy")]
    return [spec for spec in specs if spec["podSelector"]["matchLabels"].items() <= labels.items() and direction in spec["policyTypes"]]


def edges(release):
    pods = {pod["metadata"]["labels"]["app.kubernetes.io/component"]: pod for _, pod in release.pods()}
    found = set()
    for source, sender in pods.items():
        for target, receiver in pods.items():
            labels = [pod["metadata"]["labels"] for pod in (sender, receiver)]
            for container in receiver["spec"]["containers"]:
                for port in container.get("ports", []):
                    number = port["containerPort"]
                    leave = [spec["egress"] for spec in policies_of(release, labels[0], "Egress")]
                    enter = [spec["ingress"] for spec in policies_of(release, labels[1], "Ingress")]
                    out = not leave or any(covers(rules, "to", number, labels[1]) for rules in leave)
                    into = not enter or any(covers(rules, "from", number, labels[0]) for rules in enter)
                    if source != target and out and into:
                        found.add((source, target))
    return found


NEEDED = {
    ("frontend", "ingestion-api"),
    ("frontend", "processing-service"),
    ("ingestion-api", "redis"),
    ("processing-service", "redis"),
    ("cloudflared", "frontend"),
    ("cloudflared", "ingestion-api"),
    ("cloudflared", "processing-service"),
    # It is under no policy of its own.
    ("smoke-test", "ingestion-api"),
    ("smoke-test", "processing-service"),
}


def test_exactly_the_needed_connections_are_allowed():
    policy = {"networkPolicy": {"enabled": True, "ingressFrom": [OUTSIDE]}}
    assert edges(render(merged(policy, TUNNEL))) == NEEDED


def test_each_end_of_a_connection_allows_only_that():
    """Also where the other end forbids it: policies of one pod may go."""
    release = render(merged({"networkPolicy": {"enabled": True, "ingressFrom": [OUTSIDE]}}, TUNNEL))
    allowed = set()
    for policy in release.all("NetworkPolicy"):
        own = policy["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
        for side, rules in (("from", policy["spec"]["ingress"]), ("to", policy["spec"]["egress"])):
            for peer in [peer for rule in rules for peer in rule.get(side, [])]:
                if "podSelector" in peer:
                    other = peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
                    allowed.add((other, own) if side == "from" else (own, other))
    assert allowed == NEEDED


def test_with_pods_for_queries_no_pod_reaches_the_processing_service():
    policy = {"networkPolicy": {"enabled": True, "ingressFrom": [OUTSIDE], "metricsFrom": []}, "queryApi": {"enabled": True}}
    release = render(policy)
    found = edges(release)
    assert not [edge for edge in found if edge[1] == "processing-service"]
    assert {("query-api", "redis"), ("processing-service", "redis"), ("frontend", "query-api")} <= found
    assert release.one("NetworkPolicy", "-processing-service")["spec"]["ingress"] == []


def test_keda_reaches_redis_only_where_it_is_used():
    def namespaces(values):
        rules = render(merged(at("networkPolicy.enabled", True), values)).one("NetworkPolicy", "-redis-master")["spec"]["ingress"]
        peers = [peer for rule in rules for peer in rule["from"]]
        return [peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for peer in peers if "namespaceSelector" in peer]

    assert namespaces(at("networkPolicy.kedaNamespace", "scaling")) == ["scaling"]
    assert namespaces(at("keda.enabled", False)) == []


def test_redis_reaches_no_other_pod():
    policy = render(at("networkPolicy.enabled", True)).one("NetworkPolicy", "-redis-master")
    assert policy["spec"]["egress"] == [] and "Egress" in policy["spec"]["policyTypes"]


def test_without_policies_there_are_none():
    assert not render(at("networkPolicy.enabled", False)).all("NetworkPolicy")


EXPORTER = [{"from": [{"podSelector": {"matchLabels": {"app": "exporter"}}}]}]


def default_policy(values=None):
    """The only policy of a release whose values say nothing about policies."""
    (policy,) = render(values or {}).all("NetworkPolicy")
    return policy


def test_by_default_only_the_release_and_keda_reach_the_charts_redis():
    policy = default_policy(at("queryApi.enabled", True))
    assert policy["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "redis"
    (rule,) = policy["spec"]["ingress"]
    components = [peer["podSelector"]["matchLabels"].get("app.kubernetes.io/component") for peer in rule["from"] if "namespaceSelector" not in peer]
    assert sorted(components) == ["ingestion-api", "processing-service", "query-api"]
    # KEDA in any namespace: by the label that its chart and its manifests give the operator.
    assert [peer for peer in rule["from"] if "namespaceSelector" in peer] == [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "keda"}}},
        {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "keda-operator"}}},
    ]
    found = edges(render(merged(TUNNEL, at("queryApi.enabled", True))))
    assert {source for source, target in found if target == "redis"} == {"ingestion-api", "processing-service", "query-api"}


def test_the_default_policy_restricts_nothing_that_the_chart_does_not_know():
    """Neither ports, which a service mesh has of its own, nor what Redis connects to, nor clients of the services."""
    policy = default_policy(TUNNEL)
    assert policy["spec"]["policyTypes"] == ["Ingress"] and "egress" not in policy["spec"]
    assert all("ports" not in rule for rule in policy["spec"]["ingress"])


def test_further_clients_of_redis_can_be_named():
    assert default_policy(at("networkPolicy.redisExtraIngress", EXPORTER))["spec"]["ingress"][1:] == EXPORTER


def test_without_keda_it_does_not_reach_redis_by_default():
    (rule,) = default_policy(at("keda.enabled", False))["spec"]["ingress"]
    assert not [peer for peer in rule["from"] if "namespaceSelector" in peer]


def test_an_external_redis_has_no_policy_by_default():
    values = {"redis": {"enabled": False}, "externalRedis": {"host": "redis.example.com"}}
    for enabled in ("auto", "redis"):
        assert not render(merged(values, at("networkPolicy.enabled", enabled))).all("NetworkPolicy")


def test_an_upgrade_adds_no_policy_that_the_release_did_not_have():
    # Without a cluster none is found in it.
    upgraded = render(upgrade=True)
    assert not upgraded.all("NetworkPolicy") and "networkPolicy.enabled=redis" in upgraded.notes
    assert "network policy" not in render().notes
    for enabled in (True, False):
        assert "network policy" not in render(at("networkPolicy.enabled", enabled), upgrade=True).notes
    asked = render(at("networkPolicy.enabled", "redis"), upgrade=True)
    assert asked.all("NetworkPolicy") == [default_policy()] and "network policy" not in asked.notes


@pytest.mark.parametrize(
    ("external", "ports"),
    [
        ({"host": "redis.example.com", "port": 6380}, {6380}),
        ({"mode": "sentinel", "addresses": ["a:26379", "b:26380"]}, {6379, 26379, 26380}),
    ],
)
def test_an_external_redis_is_reached_by_its_ports(external, ports):
    values = {"networkPolicy": {"enabled": True}, "redis": {"enabled": False}, "externalRedis": external}
    egress = render(values).one("NetworkPolicy", "-ingestion-api")["spec"]["egress"]
    assert {port["port"] for rule in egress for port in rule["ports"]} == ports | {53}


def egress_ports(values, component="ingestion-api"):
    rules = render(merged(at("networkPolicy.enabled", True), values)).one("NetworkPolicy", f"-{component}")["spec"]["egress"]
    return {(port["port"], port["protocol"]) for rule in rules for port in rule["ports"]}


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("http://collector:4318", 4318),
        ("http://collector.monitoring.svc.cluster.local:4317/", 4317),
        ("https://otlp.example.com", 443),
        ("http://collector/v1/traces", 80),
        ("http://[fd00::1]:4318", 4318),
        ("http://user:1@collector:14318/x:9", 14318),
    ],
)
def test_the_collector_is_reached_by_the_port_of_its_url(url, port):
    ours = {(6379, "TCP"), (53, "TCP"), (53, "UDP")}
    for values in (at("config.otlpEndpoint", url), at("config.extra", {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": url})):
        for component in ("ingestion-api", "processing-service"):
            assert egress_ports(values, component) == ours | {(port, "TCP")}
    # The page sends no traces; without a collector nothing is let out.
    assert (port, "TCP") not in egress_ports(at("config.otlpEndpoint", url), "frontend")
    assert egress_ports({}) == ours


def test_the_collector_can_be_named():
    to = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
    values = merged(at("networkPolicy", {"enabled": True, "otlpTo": to}), at("config.otlpEndpoint", "http://c:4318"))
    rules = render(values).one("NetworkPolicy", "-ingestion-api")["spec"]["egress"]
    assert {"ports": [{"port": 4318, "protocol": "TCP"}], "to": to} in rules


def test_names_are_looked_up_at_the_ports_of_the_clusters_dns():
    for component in ("ingestion-api", "processing-service", "frontend"):
        assert {(5353, "TCP"), (5353, "UDP")} <= egress_ports(at("networkPolicy.dnsPorts", [5353]), component)


def test_the_program_may_reach_the_ports_of_all_named_nodes_and_sentinels():
    for name, named in (("external-cluster", {6379, 6380}), ("external-sentinel", {6379, 26379})):
        release = render(merged(values_of(name), at("networkPolicy.enabled", True)))
        for role in ("-ingestion-api", "-processing-service"):
            ports = [{port["port"] for port in rule["ports"]} for rule in release.one("NetworkPolicy", role)["spec"]["egress"]]
            assert named in ports, f"{name}: {ports}"
