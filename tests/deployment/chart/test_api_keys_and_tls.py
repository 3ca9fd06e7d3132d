"""API keys, TLS and limits: one value switches each on, in all services, and probes, Prometheus and the page go on working."""

import pytest

from kinds import assert_valid
from rendering import HelmError, at, containers, environment, merged, render

ROLES = ["-ingestion-api", "-processing-service", "-query-api"]
QUERIES = at("queryApi.enabled", True)
KEYS = at("apiKeys", {"enabled": True, "existingSecret": "energy-keys"})
TLS = at("tls.existingSecret", "energy-tls")
CLIENT_CA = at("tls.clientCa.existingSecret", "client-ca")
MONITORS = at("metrics", {"podMonitor": {"enabled": True}, "gmp": {"enabled": True}})
SERVICE_MONITOR = at("metrics.serviceMonitor.enabled", True)


def role(release, ending):
    (container,) = release.pod(ending)["spec"]["containers"]
    return container


def files(pod):
    """Path in the container, and Secret and key of each file that is mounted of a Secret."""
    (container,) = pod["spec"]["containers"]
    folders = {mount["name"]: mount for mount in container.get("volumeMounts", [])}
    found = {}
    for volume in pod["spec"].get("volumes", []):
        sources = [*volume.get("projected", {}).get("sources", []), volume]
        for secret in (source["secret"] for source in sources if "secret" in source):
            mount = folders[volume["name"]]
            assert mount["readOnly"] and "subPath" not in mount, "a change of the Secret must reach the program"
            for item in secret["items"]:
                found[f"{mount['mountPath']}/{item['path']}"] = (secret.get("secretName", secret.get("name")), item["key"])
    return found


def test_by_default_there_are_no_keys_no_tls_no_limits_and_one_port():
    release = render(QUERIES)
    assert not {"API_KEYS_FILE", "TLS_CERT_FILE", "METRICS_PORT", "FORWARDED_FROM", "RATE_LIMIT_PER_ADDRESS"} & release.config().keys()
    for ending in ROLES:
        assert [port["name"] for port in role(release, ending)["ports"]] == ["http"]
    assert "no API keys are required" in release.notes


def test_keys_are_required_in_all_services_by_one_value_and_a_secret():
    release = render(merged(QUERIES, KEYS))
    path = release.config()["API_KEYS_FILE"]
    for ending in ROLES:
        assert files(release.pod(ending))[path] == ("energy-keys", "keys.json"), ending
    assert path not in files(release.pod("-frontend"))
    assert "keys create --keys-file" in release.notes and "get secret energy-keys -o jsonpath='{.data.keys\\.json}'" in release.notes


def test_the_files_of_a_certificate_are_mounted_in_all_services():
    release = render(merged(QUERIES, TLS, CLIENT_CA, KEYS))
    config = release.config()
    for ending in ROLES:
        found = files(release.pod(ending))
        assert found[config["TLS_CERT_FILE"]] == ("energy-tls", "tls.crt")
        assert found[config["TLS_KEY_FILE"]] == ("energy-tls", "tls.key")
        assert found[config["TLS_CLIENT_CA_FILE"]] == ("client-ca", "ca.crt")


@pytest.mark.parametrize("secured", [KEYS, TLS], ids=["keys", "tls"])
def test_probes_and_prometheus_have_a_port_without_keys_and_tls(secured):
    release = render(merged(QUERIES, secured, MONITORS))
    for ending in ROLES:
        container = role(release, ending)
        assert {"name": "metrics", "containerPort": 9464, "protocol": "TCP"} in container["ports"]
        assert {container[f"{kind}Probe"]["httpGet"]["port"] for kind in ("startup", "liveness", "readiness")} == {"metrics"}
    assert release.config()["METRICS_PORT"] == "9464"
    assert [endpoint["port"] for endpoint in release.one("PodMonitor")["spec"]["podMetricsEndpoints"]] == ["metrics"]
    assert [endpoint["port"] for endpoint in release.one("PodMonitoring")["spec"]["endpoints"]] == ["metrics"]
    # Not by a Service, which may be published.
    for service in release.all("Service"):
        assert 9464 not in [port["port"] for port in service["spec"]["ports"]]
        assert "metrics" not in [port["targetPort"] for port in service["spec"]["ports"]]
    (endpoint,) = render(merged(secured, SERVICE_MONITOR)).one("ServiceMonitor")["spec"]["endpoints"]
    assert endpoint["targetPort"] == "metrics" and "port" not in endpoint
    assert_valid(release)


def test_with_policies_prometheus_reaches_the_metrics_port_only():
    policies = {"networkPolicy": {"enabled": True, "ingressFrom": [{"podSelector": {}}]}}

    def ports_of_prometheus(values):
        rules = render(merged(policies, values)).one("NetworkPolicy", "-ingestion-api")["spec"]["ingress"]
        monitoring = [rule for rule in rules if any("namespaceSelector" in peer for peer in rule["from"])]
        return [port["port"] for rule in monitoring for port in rule["ports"]]

    assert ports_of_prometheus({}) == [8000]
    assert ports_of_prometheus(KEYS) == [9464]
    assert ports_of_prometheus(merged(TLS, at("metrics.port", 9999))) == [9999]
    # Without any peer the port admits none: an empty list would admit every client.
    rules = render(merged(policies, KEYS, at("networkPolicy.metricsFrom", []))).one("NetworkPolicy", "-ingestion-api")["spec"]["ingress"]
    assert all(rule["from"] for rule in rules) and 9464 not in [port["port"] for rule in rules for port in rule["ports"]]


def test_the_page_reaches_services_with_a_certificate_by_https_and_verifies_it():
    release = render(TLS)
    told = environment(role(release, "-frontend"))
    assert told["INGESTION_URL"] == "https://r-energy-pipeline-ingestion-api.ns.svc.cluster.local:80"
    assert told["PROCESSING_URL"] == "https://r-energy-pipeline-processing-service.ns.svc.cluster.local:80"
    # The authority, and not the key of the services.
    assert files(release.pod("-frontend")) == {told["UPSTREAM_CA_FILE"]: ("energy-tls", "ca.crt")}
    assert [port["appProtocol"] for s in release.all("Service") for port in s["spec"]["ports"] if s["metadata"]["name"].endswith(("-ingestion-api", "-processing-service"))] == ["https", "https"]
    public = render(merged(TLS, at("tls.caKey", "")))
    assert "UPSTREAM_CA_FILE" not in environment(role(public, "-frontend")) and not files(public.pod("-frontend"))


def test_the_page_shows_a_certificate_where_services_require_one():
    release = render(merged(TLS, CLIENT_CA, at("frontend.clientCertificate.existingSecret", "page")))
    for ending, prefix in (("-frontend", "UPSTREAM"), ("-smoke-test", "SMOKE_TEST")):
        told = environment(role(release, ending))
        found = files(release.pod(ending))
        assert found[told[f"{prefix}_CERT_FILE"]] == ("page", "tls.crt") and found[told[f"{prefix}_KEY_FILE"]] == ("page", "tls.key")


def test_the_page_serves_https_where_it_has_a_certificate():
    release = render(at("frontend.tls.existingSecret", "page-tls"))
    container = role(release, "-frontend")
    told = environment(container)
    assert files(release.pod("-frontend")) == {told["FRONTEND_CERT_FILE"]: ("page-tls", "tls.crt"), told["FRONTEND_KEY_FILE"]: ("page-tls", "tls.key")}
    assert {container[f"{kind}Probe"]["httpGet"]["scheme"] for kind in ("startup", "liveness", "readiness")} == {"HTTPS"}
    assert [port["appProtocol"] for port in release.one("Service", "-frontend")["spec"]["ports"]] == ["https"]
    assert "scheme" not in str(role(render(), "-frontend"))
    assert_valid(release)


def test_the_smoke_test_expects_keys_and_uses_its_own():
    told = environment(role(render(KEYS), "-smoke-test"))
    assert told["SMOKE_TEST_AUTHENTICATED"] == "true" and "SMOKE_TEST_API_KEY_FILE" not in told
    release = render(merged(KEYS, at("tests", {"writeReading": True, "apiKey": {"existingSecret": "test-key"}})))
    told = environment(role(release, "-smoke-test"))
    assert files(release.pod("-smoke-test"))[told["SMOKE_TEST_API_KEY_FILE"]] == ("test-key", "api-key")
    assert "SMOKE_TEST_AUTHENTICATED" not in environment(role(render(), "-smoke-test"))


def test_with_keys_clients_need_no_certificate():
    told = environment(role(render(merged(TLS, CLIENT_CA, KEYS)), "-frontend"))
    assert "UPSTREAM_CERT_FILE" not in told and "UPSTREAM_CA_FILE" in told
    # A certificate does not permit what the smoke test expects to be rejected.
    told = environment(role(render(merged(TLS, CLIENT_CA, KEYS, at("frontend.clientCertificate.existingSecret", "page"))), "-smoke-test"))
    assert "SMOKE_TEST_CERT_FILE" not in told and "SMOKE_TEST_CA_FILE" in told


def test_a_redis_with_mutual_tls_gets_the_certificate_of_the_program_and_of_keda():
    external = {"host": "redis.example.com", "tls": {"enabled": True, "clientCertificate": {"existingSecret": "redis-client", "keyKey": "key.pem"}}}
    release = render({"redis": {"enabled": False}, "externalRedis": external})
    config = release.config()
    for ending in ROLES[:2]:
        found = files(release.pod(ending))
        assert found[config["REDIS_TLS_CERT_FILE"]] == ("redis-client", "tls.crt")
        assert found[config["REDIS_TLS_KEY_FILE"]] == ("redis-client", "key.pem")
    targets = release.one("TriggerAuthentication")["spec"]["secretTargetRef"]
    assert {"parameter": "cert", "name": "redis-client", "key": "tls.crt"} in targets
    assert {"parameter": "key", "name": "redis-client", "key": "key.pem"} in targets


# Values that leave something open or broken, and a part of the message.
INCOMPLETE = {
    "keys without a Secret": (at("apiKeys.enabled", True), "kubectl create secret generic energy-pipeline-keys --from-file=keys.json"),
    "client certificates without TLS": (CLIENT_CA, "tls.clientCa.existingSecret needs tls.existingSecret"),
    "required certificates and a page that has none": (merged(TLS, CLIENT_CA), "the page needs frontend.clientCertificate"),
    "a certificate of the page without TLS": (at("frontend.clientCertificate.existingSecret", "page"), "needs tls.existingSecret"),
    "a smoke test that writes without a key": (merged(KEYS, at("tests.writeReading", True)), "tests.apiKey.existingSecret"),
    "one port for requests and metrics": (merged(KEYS, at("metrics.port", 8000)), "metrics.port must not be ingestionApi.service.targetPort (8000)"),
    "a certificate for a Redis without TLS": (
        {"redis": {"enabled": False}, "externalRedis": {"host": "r", "tls": {"clientCertificate": {"existingSecret": "c"}}}},
        "needs externalRedis.tls.enabled",
    ),
}


@pytest.mark.parametrize("what", INCOMPLETE)
def test_incomplete_values_are_rejected(what):
    values, message = INCOMPLETE[what]
    with pytest.raises(HelmError) as refused:
        render(values)
    assert message in str(refused.value)


def test_a_secret_of_keys_that_is_not_used_is_named_in_the_notes():
    assert "although apiKeys.existingSecret is set" in render(at("apiKeys.existingSecret", "k")).notes


@pytest.mark.parametrize("kubernetes", ["1.25", "1.34"])
def test_all_of_them_at_once_are_valid_objects(kubernetes):
    everything = merged(QUERIES, KEYS, TLS, CLIENT_CA, MONITORS, at("networkPolicy.enabled", True), at("tests.apiKey.existingSecret", "t"))
    release = render(everything, kubernetes=kubernetes)
    assert_valid(release)
    for name, pod in release.pods():
        assert all("limits" in container["resources"] for container in containers(pod)), name
