"""With policies, exactly the needed connections are allowed: each pair of pods is evaluated."""

import pytest

from rendering import at, merged, render

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


def policies_of(release, labels):
    return [p for p in release.all("NetworkPolicy") if p["spec"]["podSelector"]["matchLabels"].items() <= labels.items()]


def edges(release):
    pods = {pod["metadata"]["labels"]["app.kubernetes.io/component"]: pod for _, pod in release.pods()}
    found = set()
    for source, sender in pods.items():
        for target, receiver in pods.items():
            labels = [pod["metadata"]["labels"] for pod in (sender, receiver)]
            for container in receiver["spec"]["containers"]:
                for port in container.get("ports", []):
                    number = port["containerPort"]
                    leave = [p["spec"]["egress"] for p in policies_of(release, labels[0])]
                    enter = [p["spec"]["ingress"] for p in policies_of(release, labels[1])]
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
    assert not render().all("NetworkPolicy")


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
