"""Probes request existing paths; shutdowns are graceful."""

import json

from rendering import REPOSITORY, at, render, values_of


def paths_of(role):
    return json.loads((REPOSITORY / "openapi" / f"{role}.json").read_text())["paths"].keys()


def test_probes_of_the_program_request_existing_paths():
    release = render(values_of("scale-to-zero"))
    for ending, document in {
        "-ingestion-api": "ingestion-api",
        "-processing-service": "processing-service",
        "-query-api": "processing-service",
    }.items():
        (container,) = release.pod(ending)["spec"]["containers"]
        asked = {kind: container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")}
        assert asked == {"startup": "/livez", "liveness": "/livez", "readiness": "/readyz"}
        assert set(asked.values()) <= paths_of(document)


def test_probes_of_the_page_request_paths_that_nginx_serves_itself():
    (container,) = render().pod("-frontend")["spec"]["containers"]
    template = (REPOSITORY / "frontend/nginx.conf.template").read_text()
    for kind in ("startup", "liveness", "readiness"):
        assert f"location = {container[f'{kind}Probe']['httpGet']['path']} " in template


def test_a_probe_can_be_left_out_or_changed():
    probes = {"startup": None, "liveness": {"tcpSocket": {"port": "http"}}}
    (container,) = render(at("frontend.probes", probes)).pod("-frontend")["spec"]["containers"]
    assert "startupProbe" not in container
    assert container["livenessProbe"]["tcpSocket"] == {"port": "http"} and "httpGet" not in container["livenessProbe"]


def test_a_pod_leaves_its_service_before_it_ends_where_kubernetes_can_wait():
    for kubernetes, waits in {"1.29": False, "1.30": True, "1.37": True}.items():
        (container,) = render(kubernetes=kubernetes).pod("-ingestion-api")["spec"]["containers"]
        assert container.get("lifecycle") == ({"preStop": {"sleep": {"seconds": 5}}} if waits else None)


def test_there_is_time_for_the_drain():
    pod = render().pod("-processing-service")
    (container,) = pod["spec"]["containers"]
    drain = next(int(entry["value"]) for entry in container["env"] if entry["name"] == "DRAIN_TIMEOUT_MS") / 1000
    pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pause + drain + 5 <= pod["spec"]["terminationGracePeriodSeconds"]


def test_no_pod_is_stopped_before_the_next_is_ready():
    for deployment in render().all("Deployment"):
        assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_disruption_budgets_exist_only_where_a_pod_remains():
    # Meters have two to send to; of all others there may be one.
    assert [budget["metadata"]["name"] for budget in render().all("PodDisruptionBudget")] == ["r-energy-pipeline-ingestion-api"]
    assert not render(at("ingestionApi.replicaCount", 1)).all("PodDisruptionBudget")
    names = {budget["metadata"]["name"] for budget in render(values_of("no-keda")).all("PodDisruptionBudget")}
    assert names == {"r-energy-pipeline-ingestion-api", "r-energy-pipeline-processing-service", "r-energy-pipeline-query-api"}
    (old,) = render(at("ingestionApi.replicaCount", 2), kubernetes="1.26").all("PodDisruptionBudget")
    assert "unhealthyPodEvictionPolicy" not in old["spec"]
