"""Objects of one release fit together: selectors, ports, addresses, rollouts."""

import json
import re

import pytest

from rendering import REPOSITORY, at, containers, environment, merged, render, values_of


def selects(selector, labels):
    wanted = selector.get("matchLabels", {}).items() <= labels.items()
    return wanted and all(labels.get(rule["key"]) in rule["values"] for rule in selector.get("matchExpressions", []))


def test_workloads_select_their_own_pods_and_no_others(release):
    workloads = [thing for kind in ("Deployment", "StatefulSet") for thing in release.all(kind)]
    for workload in workloads:
        selector = workload["spec"]["selector"]
        chosen = [name for name, pod in release.pods() if selects(selector, pod["metadata"]["labels"])]
        assert chosen == [workload["metadata"]["name"]]


def test_services_lead_to_ports_of_pods(release):
    for service in release.all("Service"):
        selector = {"matchLabels": service["spec"]["selector"]}
        pods = [pod for _, pod in release.pods() if selects(selector, pod["metadata"]["labels"])]
        assert len(pods) == 1, service["metadata"]["name"]
        ports = {port["name"] for container in containers(pods[0]) for port in container.get("ports", [])}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports


def test_budgets_and_autoscalers_are_of_workloads_that_are_there(release):
    names = {thing["metadata"]["name"] for thing in release.all("Deployment")}
    for scaler in release.all("HorizontalPodAutoscaler") + release.all("ScaledObject"):
        assert scaler["spec"]["scaleTargetRef"]["name"] in names
    for budget in release.all("PodDisruptionBudget"):
        pods = [pod for _, pod in release.pods() if selects(budget["spec"]["selector"], pod["metadata"]["labels"])]
        assert len(pods) == 1


def test_monitors_find_every_role_of_the_program(release):
    roles = [pod for _, pod in release.pods() if pod["metadata"]["labels"]["app.kubernetes.io/component"].endswith(("-api", "-service"))]
    for monitor in release.all("PodMonitor") + release.all("PodMonitoring"):
        assert all(selects(monitor["spec"]["selector"], pod["metadata"]["labels"]) for pod in roles)
    for monitor in release.all("ServiceMonitor"):
        found = [s for s in release.all("Service") if selects(monitor["spec"]["selector"], s["metadata"]["labels"])]
        assert {service["metadata"]["name"].rsplit("-", 2)[-1] for service in found} == {"api", "service"}


def test_monitors_label_series_with_the_release_that_the_alert_rules_aggregate_by(release):
    release_label = "app_kubernetes_io_instance"
    for monitor in release.all("PodMonitor"):
        assert release_label in {re.sub("[./]", "_", label) for label in monitor["spec"]["podTargetLabels"]}
    for monitor in release.all("ServiceMonitor"):
        assert release_label in {re.sub("[./]", "_", label) for label in monitor["spec"]["targetLabels"]}
    for monitor in release.all("PodMonitoring"):
        assert release_label in {label["to"] for label in monitor["spec"]["targetLabels"]["fromPod"]}
    for rules in release.all("PrometheusRule"):
        assert f"by (namespace, {release_label})" in str(rules)


def test_routes_lead_to_services_and_their_ports(release):
    services = {thing["metadata"]["name"]: thing["spec"]["ports"] for thing in release.all("Service")}
    backends = [
        (path["backend"]["service"]["name"], path["backend"]["service"]["port"]["name"])
        for ingress in release.all("Ingress")
        for rule in ingress["spec"]["rules"]
        for path in rule["http"]["paths"]
    ]
    for name, port in backends:
        assert port in {found["name"] for found in services[name]}
    for route in release.all("HTTPRoute"):
        for rule in route["spec"]["rules"]:
            for backend in rule["backendRefs"]:
                assert backend["port"] in {found["port"] for found in services[backend["name"]]}


def test_outside_health_and_readings_reach_their_services_and_the_rest_the_page():
    values = merged(at("ingress.enabled", True), at("gateway", {"enabled": True, "parentRefs": [{"name": "g"}]}))
    release = render(values)
    (rule,) = release.one("Ingress")["spec"]["rules"]
    leads = {path["path"]: path["backend"]["service"]["name"].removeprefix("r-energy-pipeline-") for path in rule["http"]["paths"]}
    assert leads == {
        "/readings": "ingestion-api",
        "/health": "ingestion-api",
        "/sites": "processing-service",
        "/": "frontend",
    }
    routes = {
        rule["matches"][0]["path"]["value"]: rule["backendRefs"][0]["name"].removeprefix("r-energy-pipeline-")
        for rule in release.one("HTTPRoute")["spec"]["rules"]
    }
    assert routes == leads


def paths_of_routes(values):
    both = {"ingress": {"enabled": True}, "gateway": {"enabled": True, "parentRefs": [{"name": "g"}]}}
    release = render(merged(both, values))
    ingress = [path["path"] for rule in release.one("Ingress")["spec"]["rules"] for path in rule["http"]["paths"]]
    route = [match["path"]["value"] for rule in release.one("HTTPRoute")["spec"]["rules"] for match in rule["matches"]]
    assert ingress == route
    return ingress


def test_paths_of_operators_are_on_no_public_route_unless_a_value_publishes_them():
    without_page, published = at("frontend.enabled", False), at("publicRoutes.operatorPaths", True)
    assert paths_of_routes(without_page) == ["/readings", "/health", "/sites"]
    assert paths_of_routes(merged(without_page, published)) == ["/readings", "/health", "/sites", "/pipeline"]
    # With the page, its nginx decides.
    for values, told in (({}, "false"), (published, "true")):
        assert paths_of_routes(values) == ["/readings", "/health", "/sites", "/"]
        (container,) = render(values).pod("-frontend")["spec"]["containers"]
        assert environment(container)["FRONTEND_OPERATOR_PATHS"] == told


def references(thing):
    """Each Secret and its key that an object names, wherever it does."""
    if isinstance(thing, list):
        for part in thing:
            yield from references(part)
    elif isinstance(thing, dict):
        if "secretKeyRef" in thing:
            yield thing["secretKeyRef"]["name"], thing["secretKeyRef"]["key"]
        if "parameter" in thing:
            yield thing["name"], thing["key"]
        secret = thing.get("secret")
        if isinstance(secret, dict):
            for item in secret.get("items", []):
                yield secret.get("secretName", secret.get("name")), item["key"]
        for part in thing.values():
            yield from references(part)


def test_secrets_of_the_release_have_the_keys_that_are_asked_of_them(release):
    made = {secret["metadata"]["name"]: secret["data"].keys() for secret in release.all("Secret")}
    asked = {pair for thing in release.objects for pair in references(thing) if pair[0] in made}
    assert asked == {(name, key) for name, keys in made.items() for key in keys}


def test_queries_go_to_pods_of_their_own_where_there_are_some():
    release = render(values_of("scale-to-zero"))
    service = release.one("Service", "-processing-service")
    assert service["spec"]["selector"]["app.kubernetes.io/component"] == "query-api"


def test_the_page_gets_the_addresses_of_the_services():
    release = render({"ingestionApi": {"service": {"port": 8080}}})
    (container,) = release.pod("-frontend")["spec"]["containers"]
    told = environment(container)
    assert told["INGESTION_URL"] == "http://r-energy-pipeline-ingestion-api.ns.svc.cluster.local:8080"
    assert told["PROCESSING_URL"] == "http://r-energy-pipeline-processing-service.ns.svc.cluster.local:80"


def test_a_consumer_is_named_after_its_pod():
    (container,) = render().pod("-processing-service")["spec"]["containers"]
    (name,) = [entry for entry in container["env"] if entry["name"] == "CONSUMER_NAME"]
    assert name["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}


def test_pods_of_a_kind_are_spread_over_nodes_and_zones_where_there_are_several():
    release = render(at("queryApi.enabled", True))
    for deployment in release.all("Deployment"):
        spread = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
        assert [constraint["topologyKey"] for constraint in spread] == ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]
        for constraint in spread:
            assert constraint["labelSelector"] == deployment["spec"]["selector"]
            # One node is enough.
            assert constraint["whenUnsatisfiable"] == "ScheduleAnyway"
    (deployment,) = [d for d in render(at("frontend.topologySpreadConstraints", [])).all("Deployment") if d["metadata"]["name"].endswith("frontend")]
    assert "topologySpreadConstraints" not in deployment["spec"]["template"]["spec"]


def test_variables_that_kubernetes_makes_of_services_are_kept_away(release):
    for name, pod in release.pods():
        assert pod["spec"]["enableServiceLinks"] is False, name


def test_every_variable_of_the_program_is_one_that_it_knows(release):
    documented = (REPOSITORY / "README.md").read_text()
    # Those of a bucket are read by the client of the object store.
    of_bucket = (REPOSITORY / "docs/archive.md").read_text()
    for name, pod in release.pods():
        if pod["metadata"]["labels"]["app.kubernetes.io/component"] not in ("ingestion-api", "processing-service", "query-api"):
            continue
        own = next(c for c in pod["spec"]["containers"] if c["name"] in name)
        for variable in list(environment(own)) + list(release.config()):
            known = f"| `{variable}` |" in documented or variable.startswith("AWS_") and f"`{variable}" in of_bucket or variable.startswith("OTEL_") or variable == "EXTRA"
            assert known, f"{variable} of {name} is no setting of the README"


PODS = ["-ingestion-api", "-processing-service", "-query-api"]


@pytest.mark.parametrize("change", [("config.redisStream", "other"), ("config.logLevel", "debug")])
def test_a_change_of_what_pods_read_at_their_start_replaces_them(change):
    base = at("queryApi.enabled", True)
    before, after = render(base), render(merged(base, at(*change)))
    for ending in PODS:
        checksums = [r.pod(ending)["metadata"]["annotations"]["checksum/config"] for r in (before, after)]
        assert checksums[0] != checksums[1], ending


def test_nothing_is_replaced_when_nothing_changed():
    def pods():
        return {name: json.dumps(pod, sort_keys=True) for name, pod in render().pods()}

    assert pods() == pods(), "a random password must not replace pods"


def test_a_new_version_of_the_chart_does_not_restart_redis():
    labels = render().pod("-redis-master")["metadata"]["labels"]
    assert not {"helm.sh/chart", "app.kubernetes.io/version"} & labels.keys()


def test_another_password_or_configuration_restarts_redis():
    def annotations(values):
        return render(values).pod("-redis-master")["metadata"]["annotations"]

    plain = annotations({})
    assert annotations(at("redis.auth.password", "x"))["checksum/secret"] != plain["checksum/secret"]
    assert annotations(at("redis.maxmemory", "1gb"))["checksum/config"] != plain["checksum/config"]


def test_the_smoke_test_is_that_of_the_pages_image_and_writes_only_if_it_is_told_to():
    assert "COPY scripts/smoke-test.sh /smoke-test.sh" in (REPOSITORY / "Dockerfile").read_text()
    for values, writes in (({}, "false"), (at("tests.writeReading", True), "true")):
        (container,) = render(values).pod("-smoke-test")["spec"]["containers"]
        assert container["command"] == ["sh", "/smoke-test.sh"]
        assert environment(container)["SMOKE_TEST_WRITES"] == writes
