"""Certificates of the page, and of the program for a Redis that requires one."""

import pytest

from kinds import assert_valid
from rendering import HelmError, at, environment, render


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


def test_the_page_serves_https_where_it_has_a_certificate():
    release = render(at("frontend.tls.existingSecret", "page-tls"))
    container = role(release, "-frontend")
    told = environment(container)
    assert files(release.pod("-frontend")) == {told["FRONTEND_CERT_FILE"]: ("page-tls", "tls.crt"), told["FRONTEND_KEY_FILE"]: ("page-tls", "tls.key")}
    assert {container[f"{kind}Probe"]["httpGet"]["scheme"] for kind in ("startup", "liveness", "readiness")} == {"HTTPS"}
    assert [port["appProtocol"] for port in release.one("Service", "-frontend")["spec"]["ports"]] == ["https"]
    assert "scheme" not in str(role(render(), "-frontend"))
    assert_valid(release)


def test_a_redis_with_mutual_tls_gets_the_certificate_of_the_program_and_of_keda():
    external = {"host": "redis.example.com", "tls": {"enabled": True, "clientCertificate": {"existingSecret": "redis-client", "keyKey": "key.pem"}}}
    release = render({"redis": {"enabled": False}, "externalRedis": external})
    config = release.config()
    for ending in ("-ingestion-api", "-processing-service"):
        found = files(release.pod(ending))
        assert found[config["REDIS_TLS_CERT_FILE"]] == ("redis-client", "tls.crt")
        assert found[config["REDIS_TLS_KEY_FILE"]] == ("redis-client", "key.pem")
    targets = release.one("TriggerAuthentication")["spec"]["secretTargetRef"]
    assert {"parameter": "cert", "name": "redis-client", "key": "tls.crt"} in targets
    assert {"parameter": "key", "name": "redis-client", "key": "key.pem"} in targets


def test_a_certificate_for_a_redis_without_tls_is_rejected():
    values = {"redis": {"enabled": False}, "externalRedis": {"host": "r", "tls": {"clientCertificate": {"existingSecret": "c"}}}}
    with pytest.raises(HelmError, match="needs externalRedis.tls.enabled"):
        render(values)
