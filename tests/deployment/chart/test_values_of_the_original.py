"""Every value that the original chart documented is known, and changes what is rendered."""

import pytest

from rendering import at, merged, render, standard_values, values_of

# Path, and a value that is not the standard one.
DOCUMENTED = {
    **{
        f"{part}.{path}": value
        for part in ("ingestionApi", "processingService", "frontend")
        for path, value in {
            "replicaCount": 4,
            "image.repository": "registry.example.com/other",
            "image.tag": "v9",
            "image.pullPolicy": "Always",
            "service.type": "NodePort",
            "service.port": 8080,
            "service.targetPort": 9000,
            "resources": {"requests": {"cpu": "1500m"}},
        }.items()
    },
    "frontend.enabled": False,
    "ingress.enabled": True,
    "ingress.className": "nginx",
    "ingress.annotations": {"a": "b"},
    "ingress.hosts": [{"host": "other.example.com"}],
    "ingress.tls": [{"secretName": "other", "hosts": ["other.example.com"]}],
    "cloudflare.enabled": True,
    "keda.enabled": False,
    "keda.minReplicaCount": 2,
    "keda.maxReplicaCount": 7,
    "keda.threshold": 6,
    "redis.enabled": False,
    "config.redisStream": "other_readings",
    "config.consumerGroup": "other_group",
    "config.processingDelayMs": 250,
}
# What must be set with it for the value to matter, or to be allowed.
WITH = {
    "processingService.replicaCount": at("keda.enabled", False),
    "ingress": at("ingress.enabled", True),
    "cloudflare.enabled": at("cloudflare.tunnelToken.existingSecret", "tunnel"),
    "redis.enabled": at("externalRedis.host", "redis.example.com"),
}


@pytest.mark.parametrize("path", DOCUMENTED)
def test_a_documented_value_changes_what_is_rendered(path):
    base = merged(at("redis.auth.enabled", False), WITH.get(path, WITH.get(path.split(".")[0], {})))
    if path == "ingress.enabled":
        base = at("redis.auth.enabled", False)
    before = render(merged(base, at("redis.enabled", True)) if path == "redis.enabled" else base)
    after = render(merged(base, at(path, DOCUMENTED[path])))
    assert before.text() != after.text(), f"{path} changes nothing"


def test_the_assignment_of_the_original_is_accepted_and_ignored():
    plain = at("redis.auth.enabled", False)
    assert render(merged(plain, at("assignmentId", "8d4e"))).text() == render(plain).text()


def test_the_documented_defaults_are_the_defaults():
    keda = standard_values()["keda"]
    assert (keda["enabled"], keda["minReplicaCount"], keda["maxReplicaCount"], keda["threshold"]) == (True, 1, 3, 5)


def test_objects_have_the_names_that_the_original_documents():
    release = render(name="energy-pipeline")
    names = {(thing["kind"], thing["metadata"]["name"]) for thing in release.objects}
    assert {
        ("Deployment", "energy-pipeline-ingestion-api"),
        ("Deployment", "energy-pipeline-processing-service"),
        ("Deployment", "energy-pipeline-frontend"),
        ("Service", "energy-pipeline-frontend"),
        ("Service", "energy-pipeline-redis-master"),
        ("ScaledObject", "energy-pipeline-processing-scaler"),
    } <= names


def test_a_claim_of_the_original_redis_is_found_again():
    release = render(name="energy-pipeline")
    redis = release.one("StatefulSet")
    claim = redis["spec"]["volumeClaimTemplates"][0]["metadata"]["name"]
    # As the original's subchart named it.
    assert f"{claim}-{redis['metadata']['name']}-0" == "redis-data-energy-pipeline-redis-master-0"


def test_the_port_of_the_original_page_may_be_listened_on_without_root():
    pod = render(values_of("original")).pod("-frontend")
    sysctls = pod["spec"]["securityContext"]["sysctls"]
    assert sysctls == [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "80"}]
    assert "sysctls" not in render().pod("-frontend")["spec"]["securityContext"]
