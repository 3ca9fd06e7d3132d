"""The Redis of the release, or an external one."""

import re

import pytest

from rendering import at, containers, environment, merged, render, values_of

EXTERNAL = ["external-standalone", "external-sentinel", "external-sentinel-secured", "external-cluster", "external-cluster-proxy"]


@pytest.mark.parametrize("name", EXTERNAL)
def test_with_an_external_redis_none_is_deployed(name):
    release = render(values_of(name))
    assert not release.all("StatefulSet")
    assert "redis-master" not in release.text()


def test_the_program_gets_the_address_of_an_external_redis():
    assert render(values_of("external-standalone")).config()["REDIS_URL"] == "rediss://energy@redis.example.com:6380/2"
    sentinel = render(values_of("external-sentinel")).config()["REDIS_URL"]
    assert sentinel == (
        "redis+sentinel://sentinel-0.redis.svc.cluster.local:26379,sentinel-1.redis.svc.cluster.local:26379/energy"
    )
    assert render(values_of("external-cluster-proxy")).config()["REDIS_HOST"] == "redis-proxy.redis.svc.cluster.local"
    nodes = "redis-0.redis.svc.cluster.local:6379,redis-1.redis.svc.cluster.local:6379,redis-2.redis.svc.cluster.local:6380"
    assert render(values_of("external-cluster")).config()["REDIS_URL"] == f"rediss+cluster://energy@{nodes}"


def test_an_external_redis_may_have_an_ipv6_address():
    def told(host, **more):
        release = render({"redis": {"enabled": False}, "externalRedis": {"host": host, **more}})
        address = release.one("ScaledObject")["spec"]["triggers"][0]["metadata"]["address"]
        return release.config().get("REDIS_URL") or release.config()["REDIS_HOST"], address

    for host in ("fd00::1", "[fd00::1]"):
        assert told(host) == ("fd00::1", "[fd00::1]:6379")
        assert told(host, db=1) == ("redis://[fd00::1]:6379/1", "[fd00::1]:6379")
    sentinels = {"mode": "sentinel", "addresses": ["[fd00::1]:26379", "b:26380"]}
    release = render({"networkPolicy": {"enabled": True}, "redis": {"enabled": False}, "externalRedis": sentinels})
    assert release.config()["REDIS_URL"] == "redis+sentinel://[fd00::1]:26379,b:26380/mymaster"
    ports = release.one("NetworkPolicy", "-ingestion-api")["spec"]["egress"][1]["ports"]
    assert {port["port"] for port in ports} == {6379, 26379, 26380}
    nodes = render({"redis": {"enabled": False}, "externalRedis": {"mode": "cluster", "addresses": ["[fd00::1]:7000", "b:7001"]}})
    assert nodes.config()["REDIS_URL"] == "redis+cluster://[fd00::1]:7000,b:7001"


def test_sentinels_and_their_master_are_reached_by_tls_where_it_is_enabled():
    tls = {"enabled": True, "existingSecret": "redis-ca", "clientCertificate": {"existingSecret": "redis-client"}}
    release = render({"redis": {"enabled": False}, "externalRedis": {"mode": "sentinel", "addresses": ["s:26379"], "tls": tls}})
    config = release.config()
    assert config["REDIS_URL"] == "rediss+sentinel://s:26379/mymaster"
    assert {"REDIS_TLS_CA_FILE", "REDIS_TLS_CERT_FILE", "REDIS_TLS_KEY_FILE"} <= config.keys()
    assert {trigger["metadata"]["enableTLS"] for trigger in release.one("ScaledObject")["spec"]["triggers"]} == {"true"}


def test_sentinels_have_credentials_of_their_own():
    release = render(values_of("external-sentinel-secured"))
    config = release.config()
    assert (config["REDIS_SENTINEL_USER"], config["REDIS_SENTINEL_PASSWORD_FILE"]) == ("watcher", "/etc/energy-pipeline/redis/sentinel-password")
    for ending in ("-ingestion-api", "-processing-service", "-query-api"):
        (volume,) = release.pod(ending)["spec"]["volumes"]
        sources = [source["secret"] for source in volume["projected"]["sources"]]
        assert {"name": "sentinel-login", "items": [{"key": "pw", "path": "sentinel-password"}]} in sources
    login = {part["parameter"]: (part["name"], part["key"]) for part in release.one("TriggerAuthentication")["spec"]["secretTargetRef"]}
    assert (login["sentinelPassword"], login["password"]) == (("sentinel-login", "pw"), ("redis-login", "redis-password"))
    asked = [trigger["metadata"] for trigger in release.one("ScaledObject")["spec"]["triggers"]]
    assert {(one["sentinelUsername"], one["sentinelMaster"], one["enableTLS"]) for one in asked} == {("watcher", "energy", "true")}


def test_sentinels_alone_may_have_a_password():
    values = {"redis": {"enabled": False}, "externalRedis": {"mode": "sentinel", "addresses": ["s:26379"], "sentinel": {"password": "p"}}}
    release = render(values)
    assert release.one("Secret")["metadata"]["name"] == "r-energy-pipeline-sentinel"
    assert "REDIS_PASSWORD_FILE" not in release.config() and "REDIS_SENTINEL_PASSWORD_FILE" in release.config()
    (login,) = release.one("TriggerAuthentication")["spec"]["secretTargetRef"]
    assert login == {"parameter": "sentinelPassword", "name": "r-energy-pipeline-sentinel", "key": "sentinel-password"}


def test_replicas_are_waited_for_and_read_from_only_if_it_is_set():
    names = {"REDIS_READ_FROM", "REDIS_WAIT_REPLICAS", "REDIS_WAIT_TIMEOUT_MS"}
    config = render(values_of("external-sentinel-secured")).config()
    assert [config[name] for name in sorted(names)] == ["replica", "1", "500"]
    cluster = merged(values_of("external-cluster"), at("externalRedis.readFrom", "replica"))
    assert render(cluster).config()["REDIS_READ_FROM"] == "replica"
    for values in ({}, values_of("external-sentinel"), values_of("external-cluster")):
        assert not names & render(values).config().keys()


def test_redis_listens_by_ipv4_and_ipv6_whichever_there_is():
    assert "bind * -::*\n" in render().one("ConfigMap", "-redis-master")["data"]["redis.conf"]


def test_every_write_is_persisted_and_nothing_is_evicted():
    configuration = render().one("ConfigMap", "-redis-master")["data"]["redis.conf"]
    assert "appendonly yes" in configuration and "maxmemory-policy noeviction" in configuration


def test_data_are_on_a_volume_claim_by_default():
    assert render().one("StatefulSet")["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"] == "8Gi"
    fleeting = render(at("redis.master.persistence.enabled", False))
    assert "volumeClaimTemplates" not in fleeting.one("StatefulSet")["spec"]
    assert "WARNING: redis.master.persistence.enabled is false" in fleeting.notes
    claimed = render(at("redis.master.persistence.existingClaim", "old")).pod("-redis-master")["spec"]["volumes"]
    assert {"name": "redis-data", "persistentVolumeClaim": {"claimName": "old"}} in claimed


def test_the_memory_of_redis_holds_its_data_twice_and_is_reserved():
    """A rewrite of its file forks it: each page that is written to meanwhile is there twice."""
    release = render()
    megabytes = int(re.search(r"maxmemory (\d+)mb", release.one("ConfigMap", "-redis-master")["data"]["redis.conf"])[1])
    for container in containers(release.pod("-redis-master")):
        memory = container["resources"]
        assert memory["requests"]["memory"] == memory["limits"]["memory"] == "1Gi"
        # 5 % for fragmentation, as measured; 64 MB for buffers and the server itself.
        assert megabytes * 2 * 1.05 + 64 < 1024


@pytest.mark.parametrize(
    ("values", "warned", "noted"),
    [
        ({}, False, False),
        (at("redis.maxmemory", "512mb"), True, False),
        (at("redis.maxmemory", 536_870_912), True, False),
        (at("redis.maxmemory", 0), True, False),
        (at("redis.maxmemory", "1g"), True, False),
        (at("redis.maxmemory", "1000000k"), True, False),
        (at("redis.master.resources", {"requests": {"memory": "4Gi"}, "limits": {"memory": "4Gi"}}), False, False),
        (at("redis.master.resources", {"requests": {"memory": "2G"}, "limits": {"memory": "4Gi"}}), False, True),
        (at("redis.master.resources.limits.memory", "800Mi"), True, True),
        (at("redis.master.resources.limits", {"memory": None}), False, True),
    ],
)
def test_notes_warn_of_too_little_memory(values, warned, noted):
    notes = render(values).notes
    assert ("may be killed for lack of memory" in notes) == warned
    assert ("the request of memory is not the limit" in notes) == noted


SECRETS = {
    "redis.auth.password": "s3cret-of-redis",
    "externalRedis.password": "s3cret-of-others",
    "externalRedis.sentinel.password": "s3cret-of-the-sentinels",
    "cloudflare.tunnelToken.value": "s3cret-of-the-tunnel",
}


@pytest.mark.parametrize("path", SECRETS)
def test_secrets_are_in_secrets_only(path):
    values = merged(at(path, SECRETS[path]), at("cloudflare.enabled", path.startswith("cloudflare")))
    if path.startswith("externalRedis"):
        mode = {"mode": "sentinel", "addresses": ["s:26379"]} if "sentinel" in path else {"host": "redis.example.com"}
        values = merged(values, at("redis.enabled", False), at("externalRedis", mode))
    release = render(values)
    assert SECRETS[path] not in release.notes
    for thing in release.objects:
        assert SECRETS[path] not in str(thing)
        if thing["kind"] != "Secret":
            assert "czNjcmV0" not in str(thing), "not as base64 either"
    assert any("czNjcmV0" in str(thing) for thing in release.all("Secret"))


def test_the_program_reads_the_password_from_the_file_of_the_right_key():
    release = render(values_of("external-standalone"))
    assert release.config()["REDIS_PASSWORD_FILE"] == "/etc/energy-pipeline/redis/password"
    assert release.config()["REDIS_TLS_CA_FILE"] == "/etc/energy-pipeline/redis/ca.crt"
    for ending in ("-ingestion-api", "-processing-service"):
        pod = release.pod(ending)
        (volume,) = pod["spec"]["volumes"]
        assert [source["secret"] for source in volume["projected"]["sources"]] == [
            {"name": "redis-login", "items": [{"key": "pw", "path": "password"}]},
            {"name": "redis-ca", "items": [{"key": "ca.pem", "path": "ca.crt"}]},
        ]
        (mount,) = pod["spec"]["containers"][0]["volumeMounts"]
        assert mount["mountPath"] == "/etc/energy-pipeline/redis"


def test_without_a_password_nothing_is_mounted():
    release = render(at("redis.auth.enabled", False))
    assert "REDIS_PASSWORD_FILE" not in release.config() and not release.all("Secret")
    assert "volumes" not in release.pod("-ingestion-api")["spec"]
    assert "WARNING: redis.auth.enabled is false" in release.notes


def test_with_tls_no_port_speaks_anything_else():
    release = render(values_of("redis-tls"))
    configuration = release.one("ConfigMap", "-redis-master")["data"]["redis.conf"]
    assert "port 0\n" in configuration and "tls-port 6379" in configuration
    assert release.config()["REDIS_URL"] == "rediss://r-redis-master.ns.svc.cluster.local:6379"
    assert 'redis-cli -e --tls --cacert /tls/ca.crt "$@"' in release.one("ConfigMap", "-redis-master")["data"]["cli"]
    (server,) = release.pod("-redis-master")["spec"]["containers"]
    assert server["readinessProbe"]["exec"]["command"] == ["sh", "/config/cli", "ping"]


def test_configuration_lines_of_the_user_are_included():
    assert "tcp-keepalive 60" in render(values_of("redis-tls")).one("ConfigMap", "-redis-master")["data"]["redis.conf"]


def test_the_token_of_the_tunnel_is_no_argument():
    release = render(values_of("original"))
    (container,) = release.pod("-cloudflared")["spec"]["containers"]
    assert container["args"] == ["tunnel", "--no-autoupdate", "--metrics", ":2000", "run"]
    assert environment(container) == {"TUNNEL_TOKEN_FILE": "/tunnel/token"}
    (volume,) = release.pod("-cloudflared")["spec"]["volumes"]
    assert volume["secret"] == {"secretName": "tunnel", "defaultMode": 0o440, "items": [{"key": "token", "path": "token"}]}
    assert container["readinessProbe"]["httpGet"]["path"] == "/ready" and "livenessProbe" not in container


def test_a_digest_takes_precedence_over_a_tag():
    release = render(merged(values_of("gateway"), at("image.tag", "v1")))
    (container,) = containers(release.pod("-ingestion-api"))
    assert container["image"].startswith("europe-west3-docker.pkg.dev/my-project/energy/energy-pipeline/app@sha256:0123")
    # A role that names a tag means that one, whatever digest the others have.
    own = render(merged(values_of("gateway"), at("ingestionApi.image.tag", "v9")))
    assert containers(own.pod("-ingestion-api"))[0]["image"].endswith("/energy-pipeline/app:v9")


def test_no_image_is_the_latest_of_its_kind():
    for name, pod in render(at("cloudflare", {"enabled": True, "tunnelToken": {"value": "t"}})).pods():
        for container in containers(pod):
            _, _, tag = container["image"].rpartition(":")
            assert tag not in ("", "latest") and "/" not in tag, name


def test_every_image_comes_from_the_registry_of_all():
    values = merged(at("global.imageRegistry", "mirror.example.com"), at("cloudflare", {"enabled": True, "tunnelToken": {"value": "t"}}))
    for name, pod in render(values).pods():
        for container in containers(pod):
            assert container["image"].startswith("mirror.example.com/"), name
