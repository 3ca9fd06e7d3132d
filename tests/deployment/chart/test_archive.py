"""Packed days and their archive: on a volume that all readers mount, or in a bucket whose access key is a Secret's."""

import pytest

from rendering import HelmError, at, containers, environment, merged, render, values_of

PACKED = at("config.packAfter", "3d")
VOLUME = merged(PACKED, at("archive.url", "file:///archive"))
BUCKET = merged(PACKED, at("archive.url", "s3://readings/energy"))
READERS = ("-processing-service", "-query-api")
OTHERS = ("-ingestion-api", "-frontend", "-redis-master")


def container(release, ending):
    return containers(release.pod(ending))[-1]


def secrets_of(container):
    """The variables of a container that come from Secrets: their Secret and key."""
    found = {entry["name"]: entry.get("valueFrom", {}).get("secretKeyRef") for entry in container["env"]}
    return {name: (secret["name"], secret["key"]) for name, secret in found.items() if secret}


def test_by_default_nothing_is_packed_and_there_is_no_archive():
    release = render(at("queryApi.enabled", True))
    processing = environment(container(release, "-processing-service"))
    assert processing["PACK_AFTER"] == "0"
    assert not release.all("PersistentVolumeClaim") and "ARCHIVE" not in release.text()


def test_readings_are_packed_and_archived_by_the_processing_service():
    processing = environment(container(render(merged(BUCKET, at("archive.after", "60d"))), "-processing-service"))
    told = [processing[name] for name in ("PACK_AFTER", "ARCHIVE_AFTER", "ARCHIVE_URL")]
    assert told == ["3d", "60d", "s3://readings/energy"]


@pytest.mark.parametrize("values", [VOLUME, BUCKET], ids=["volume", "bucket"])
def test_the_roles_that_read_have_the_archive_and_no_other_has(values):
    release = render(merged(values, at("queryApi.enabled", True)))
    for ending in READERS:
        assert environment(container(release, ending))["ARCHIVE_URL"] == values["archive"]["url"], ending
    for ending in OTHERS:
        pod = str(release.pod(ending))
        assert "ARCHIVE_URL" not in pod and "'/archive'" not in pod, ending


def test_each_reader_mounts_the_volume_at_the_path_of_the_url():
    release = render(values_of("archive-volume"))
    claim = release.one("PersistentVolumeClaim", "-archive")
    for ending in READERS:
        [mount] = [found for found in container(release, ending)["volumeMounts"] if found["name"] == "archive"]
        [volume] = [found for found in release.pod(ending)["spec"]["volumes"] if found["name"] == "archive"]
        assert mount["mountPath"] == "/archive" and "readOnly" not in mount, ending
        assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"], ending


def test_a_claim_of_the_chart_outlives_the_release():
    claim = render(values_of("archive-volume")).one("PersistentVolumeClaim")
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"] and claim["spec"]["storageClassName"] == "shared"
    assert claim["spec"]["resources"]["requests"]["storage"] == "100Gi"


def test_an_existing_claim_is_mounted_and_none_is_created():
    release = render(merged(VOLUME, at("archive.persistence.existingClaim", "readings")))
    assert not release.all("PersistentVolumeClaim")
    [volume] = [found for found in release.pod("-processing-service")["spec"]["volumes"] if found["name"] == "archive"]
    assert volume["persistentVolumeClaim"] == {"claimName": "readings"}


def test_the_access_key_of_a_bucket_is_a_secrets():
    processing = container(render(merged(BUCKET, at("archive.s3", {"existingSecret": "bucket", "accessKeyIdKey": "id"}))), "-processing-service")
    assert secrets_of(processing) == {"AWS_ACCESS_KEY_ID": ("bucket", "id"), "AWS_SECRET_ACCESS_KEY": ("bucket", "AWS_SECRET_ACCESS_KEY")}


def test_without_a_secret_the_identity_of_the_pods_is_used():
    role = {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/readings"}
    release = render(merged(BUCKET, at("serviceAccount.annotations", role)))
    assert not secrets_of(container(release, "-processing-service"))
    account = release.one("ServiceAccount")
    assert account["metadata"]["annotations"] == role
    assert release.pod("-processing-service")["spec"]["serviceAccountName"] == account["metadata"]["name"]


@pytest.mark.parametrize(("endpoint", "allowed"), [("http://minio:9000", "true"), ("https://minio:9000", None)])
def test_another_server_is_reached_without_tls_only_where_its_url_says_so(endpoint, allowed):
    processing = environment(container(render(merged(BUCKET, at("archive.s3.endpoint", endpoint))), "-processing-service"))
    assert processing["AWS_ENDPOINT_URL"] == endpoint and processing.get("AWS_ALLOW_HTTP") == allowed


def ports_of(release, ending):
    return {rule["port"] for egress in release.one("NetworkPolicy", ending)["spec"]["egress"] for rule in egress.get("ports", [])}


@pytest.mark.parametrize(
    ("s3", "ports"),
    [
        ({}, {443}),
        ({"endpoint": "http://minio:9000", "existingSecret": "s"}, {9000}),
        ({"endpoint": "http://minio", "existingSecret": "s"}, {80}),
        # Its token is another server's.
        ({"endpoint": "https://minio:9000"}, {9000, 443}),
    ],
)
def test_a_policy_permits_the_way_to_the_object_store_for_readers_only(s3, ports):
    policies = merged(at("networkPolicy.enabled", True), at("queryApi.enabled", True))
    without, release = render(policies), render(merged(policies, BUCKET, at("archive.s3", s3)))
    for ending in READERS:
        assert ports_of(release, ending) - ports_of(without, ending) == ports, ending
    for ending in ("-ingestion-api", "-frontend"):
        assert ports_of(release, ending) == ports_of(without, ending), ending


def test_the_way_to_the_object_store_may_be_limited_to_its_peers():
    peers = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "storage"}}}]
    policies = at("networkPolicy", {"enabled": True, "archiveTo": peers})
    policy = render(merged(BUCKET, policies)).one("NetworkPolicy", "-processing-service")
    assert [egress["to"] for egress in policy["spec"]["egress"] if egress["ports"][0]["port"] == 443] == [peers]


CONTRADICTIONS = [
    (at("config.packAfter", "59m"), "config.packAfter must be 0 .* or at least 1h"),
    (at("config", {"packAfter": "3d", "readingsRetention": "72h"}), r"config.packAfter \(3d\) must be below config.readingsRetention \(72h\)"),
    (merged(BUCKET, at("archive.after", "1d12h")), r"archive.after \(1d12h\) must be at least config.packAfter \(3d\)"),
    (merged(BUCKET, at("archive.persistence.existingClaim", "c")), "needs an archive.url that begins with file:///"),
    (merged(VOLUME, at("archive.s3.existingSecret", "s")), "archive.s3 needs an archive.url that begins with s3://"),
    (merged(VOLUME, at("archive.persistence.accessModes", ["ReadWriteOnce"])), "needs ReadWriteMany"),
    (merged(PACKED, at("archive.url", "file:///etc/energy-pipeline/archive")), "is in use by the program"),
    (merged(PACKED, at("archive.url", "file:///proc")), "is in use by the program or the system"),
]


@pytest.mark.parametrize(("values", "told"), CONTRADICTIONS, ids=[told for _, told in CONTRADICTIONS])
def test_values_that_contradict_each_other_are_rejected(values, told):
    with pytest.raises(HelmError, match=told):
        render(values)


def test_one_pod_needs_no_volume_that_several_can_mount():
    one = merged(at("keda.enabled", False), at("archive.persistence.accessModes", ["ReadWriteOnce"]))
    assert render(merged(VOLUME, one)).one("PersistentVolumeClaim")["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert render(merged(VOLUME, at("keda.maxReplicaCount", 1), at("archive.persistence.accessModes", ["ReadWriteOnce"])))


def test_an_archive_is_still_read_when_nothing_is_packed_any_more():
    release = render(at("archive.url", "s3://readings"))
    processing = environment(container(release, "-processing-service"))
    assert processing["ARCHIVE_URL"] == "s3://readings" and "ARCHIVE_AFTER" not in processing
    assert "none are archived" in release.notes
    assert "none are archived" not in render(BUCKET).notes and "archive" not in render().notes


def test_times_of_several_units_are_compared():
    assert render(merged(BUCKET, at("archive.after", "2d24h")))
    assert render(merged(BUCKET, at("config.packAfter", "1w"), at("archive.after", "7d")))
