"""Invalid values are rejected, with a message that names the value."""

import pytest

from rendering import HelmError, at, merged, render

# What the schema rejects: path and value.
BAD = [
    ("kedda", {}),
    ("keda.treshold", 5),
    ("keda.threshold", 0),
    ("keda.threshold", "5"),
    ("keda.threshold", 5.5),
    ("keda.minReplicaCount", -1),
    ("keda.maxReplicaCount", 0),
    ("keda.enabled", "yes"),
    ("keda.aggregate", "average"),
    ("keda.activation", -1),
    ("keda.fallback.replicas", 0),
    ("keda.fallback.behavior", "hold"),
    ("keda.triggerAuthentication.kind", "Secret"),
    ("keda.extraTriggers", [{"type": "cron"}]),
    ("ingestionApi.replicaCount", -1),
    ("ingestionApi.replicaCount", "1"),
    ("ingestionApi.replicas", 2),
    ("ingestionApi.service.port", 0),
    ("ingestionApi.service.port", 70000),
    ("ingestionApi.service.type", "ExternalIP"),
    ("ingestionApi.resources.limits.memory", "128 MB"),
    ("ingestionApi.resources.limit", {}),
    ("ingestionApi.autoscaling.maxReplicas", 0),
    ("ingestionApi.pdb.maxUnavailable", "some"),
    ("ingestionApi.probes.liveness", {"httpGet": {}, "exec": {}}),
    ("ingestionApi.extraEnv", [{"value": "without a name"}]),
    ("ingestionApi.podLabels", {"tier": 1}),
    ("processingService.consumer.maxInFlight", 0),
    ("processingService.consumer.claimMinIdleMs", 99),
    ("processingService.consumer.maxProcessingFailures", 0),
    ("processingService.consumer.maxDeliveries", 0),
    ("frontend.image.digest", "sha256:123"),
    ("frontend.image.tag", "a tag"),
    ("image.pullPolicy", "Sometimes"),
    ("image.repository", ""),
    ("image.repository", "app:latest"),
    ("config.processingDelayMs", -1),
    ("config.logFormat", "xml"),
    ("config.logLevel", ""),
    ("config.logLevel", "loud"),
    ("config.logLevel", "warning"),
    ("config.logLevel", "actors"),
    ("config.logLevel", "actors=verbose"),
    ("config.logLevel", "info,"),
    ("config.streamRetention", "5 minutes"),
    ("config.redisStream", ""),
    ("config.streamPartitions", 0),
    ("config.streamPartitions", 257),
    ("config.streamPartitions", "4"),
    ("config.otlpEndpoint", "collector:4318"),
    ("config.extra", {"lower-case": "1"}),
    ("redis.architecture", "replication"),
    ("redis.engine", "keydb"),
    ("redis.appendfsync", "sometimes"),
    ("redis.maxmemory", "1 GB"),
    ("redis.master.persistence.size", "8 GB"),
    ("redis.master.persistence.accessModes", []),
    ("redis.tls.enabled", True),
    ("externalRedis.mode", "replicas"),
    ("externalRedis.host", "redis.example.com:6379"),
    ("externalRedis.addresses", ["no-port"]),
    ("externalRedis.host", "redis example"),
    ("externalRedis.host", "$(id)"),
    ("externalRedis.addresses", ["fd00::1:6379"]),
    ("externalRedis.sentinel.masterName", "my/master"),
    ("externalRedis.sentinel.masterName", "one,two"),
    ("externalRedis.sentinel.user", "a"),
    ("externalRedis.readFrom", "replicas"),
    ("externalRedis.waitReplicas", -1),
    ("externalRedis.waitTimeoutMs", 0),
    ("config.readingsRetention", 90),
    ("config.packAfter", 3),
    ("config.packAfter", "3 days"),
    ("archive.url", "/archive"),
    ("archive.url", "file://archive"),
    ("archive.url", "gs://bucket"),
    ("archive.after", "0"),
    ("archive.partitions", 0),
    ("archive.persistence.accessModes", ["ReadWriteOncePod"]),
    ("archive.s3.endpoint", "minio:9000"),
    ("archive.s3.secret", "k"),
    ("networkPolicy.archiveTo", "minio"),
    ("config.dedupPolicy", "newest"),
    ("config.allowNegativePower", "yes"),
    ("config.remoteWrite.metrics", ["energy_total=kWh"]),
    ("config.remoteWrite.metrics", ["power"]),
    ("config.remoteWrite.deviceLabels", []),
    ("gateway.hostnames", ["not a host"]),
    ("ingress.hosts", [{"host": "UPPER"}]),
    ("nameOverride", "n" * 64),
    ("ingress", {"enabled": True, "hosts": []}),
    ("ingress.hosts", [{"name": "x"}]),
    ("ingress.hosts", [{"host": "x", "paths": [{"path": "no-slash", "service": "frontend"}]}]),
    ("ingress.hosts", [{"host": "x", "paths": [{"path": "/", "service": "redis"}]}]),
    ("gateway.enabled", True),
    ("cloudflare.enabled", True),
    ("publicRoutes.operatorPaths", "yes"),
    ("apiKeys.enabled", "true"),
    ("apiKeys.secret", "k"),
    ("apiKeys.fileKey", "a/b"),
    ("rateLimit.perAddress", "100"),
    ("rateLimit.perAddress", "100/m"),
    ("rateLimit.perKey", "100/m"),
    ("config.forwardedFrom", ["proxy"]),
    ("tls.existingSecret", "Not A Name"),
    ("metrics.port", 0),
    ("publicRoutes.metrics", True),
    ("networkPolicy.kedaNamespace", ""),
    ("networkPolicy.enabled", "yes"),
    ("metrics.podMonitor.interval", "soon"),
    ("clusterDomain", ""),
    ("nameOverride", "Upper_Case"),
    ("serviceAccount.name", "Not A Name"),
    ("extraObjects", [1]),
]


@pytest.mark.parametrize(("path", "value"), BAD, ids=[f"{path}={value}" for path, value in BAD])
def test_the_schema_rejects(path, value):
    with pytest.raises(HelmError) as refused:
        render(at(path, value))
    names = path.split(".") + (list(value) if isinstance(value, dict) else [])
    named = [name for name in names if name in str(refused.value)]
    assert named, f"{path} is not named in: {refused.value}"


# Rules beyond the schema: values, and a part of the message.
CONTRADICTIONS = {
    "more pods at least than at most": (
        at("keda.minReplicaCount", 4),
        "keda.minReplicaCount must be at most keda.maxReplicaCount, but 4 is more than 3",
    ),
    "zero pods and none for queries": (at("keda.minReplicaCount", 0), "needs queryApi.enabled"),
    "zero pods and only one trigger": (
        merged(at("keda.minReplicaCount", 0), at("queryApi.enabled", True), at("keda.lag.enabled", False)),
        "needs keda.pending.enabled and keda.lag.enabled",
    ),
    "idle at zero and none for queries": (at("keda.idleReplicaCount", 0), "needs queryApi.enabled"),
    "idle at as many as there are at least": (at("keda.idleReplicaCount", 1), "idleReplicaCount must be below"),
    "scaling by nothing": (
        merged(at("keda.pending.enabled", False), at("keda.lag.enabled", False)),
        "keda.enabled needs a trigger",
    ),
    "a sum of one": (merged(at("keda.aggregate", "sum"), at("keda.lag.enabled", False)), "keda.aggregate: sum needs"),
    "a window that never has more pending than KEDA tolerates": (
        at("processingService.consumer.maxInFlight", 6),
        "maxInFlight is too low for keda.threshold: a pod that reads 5 entries",
    ),
    "a threshold above the window": (
        merged(at("processingService.consumer.maxInFlight", 16), at("keda.threshold", 11)),
        "maxInFlight is too low for keda.threshold: a pod that reads 12 entries",
    ),
    "reads larger than the window": (
        merged(at("processingService.consumer.maxInFlight", 100), at("processingService.consumer.batchSize", 101)),
        "batchSize must be at most maxInFlight",
    ),
    "work that takes longer than it may be pending": (
        at("config.processingDelayMs", 10_000),
        "config.processingDelayMs must be below",
    ),
    "reads that outlast the drain": (at("config.drainTimeoutMs", 2_000), "readBlockMs must be below"),
    "less time to end than the drain takes": (
        at("processingService.terminationGracePeriodSeconds", 29),
        "processingService.terminationGracePeriodSeconds must be at least",
    ),
    "fewest above most": (
        merged(at("frontend.autoscaling.enabled", True), at("frontend.autoscaling.minReplicas", 9)),
        "frontend.autoscaling.minReplicas must be at most",
    ),
    "metrics twice": (
        merged(at("metrics.podMonitor.enabled", True), at("metrics.serviceMonitor.enabled", True)),
        "must not both be enabled",
    ),
    "replicas of one server": (
        {"redis": {"enabled": False}, "externalRedis": {"host": "redis", "readFrom": "replica"}},
        "externalRedis.readFrom: replica needs externalRedis.mode: sentinel or cluster",
    ),
    "replicas of a Cluster behind a proxy": (
        {"redis": {"enabled": False}, "externalRedis": {"mode": "cluster", "host": "proxy", "addresses": ["a:1"], "readFrom": "replica"}},
        "externalRedis.readFrom: replica needs externalRedis.mode: cluster without externalRedis.host",
    ),
    "a user of Sentinels without a password": (
        {"redis": {"enabled": False}, "externalRedis": {"mode": "sentinel", "addresses": ["a:1"], "sentinel": {"username": "a"}}},
        "externalRedis.sentinel.username needs",
    ),
    "two passwords of Sentinels": (
        {"redis": {"enabled": False}, "externalRedis": {"mode": "sentinel", "addresses": ["a:1"], "sentinel": {"password": "a", "existingSecret": "b"}}},
        "must not both be set",
    ),
    "two passwords": (
        merged(at("redis.auth.password", "a"), at("redis.auth.existingSecret", "b")),
        "must not both be set",
    ),
}


@pytest.mark.parametrize("what", CONTRADICTIONS)
def test_conflicting_values_are_rejected(what):
    values, message = CONTRADICTIONS[what]
    with pytest.raises(HelmError) as refused:
        render(values)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("mode", "values"),
    [
        ("sentinel", {}),
        ("cluster", {"host": "proxy"}),
        ("cluster", {}),
        ("cluster", {"addresses": ["a:1"], "db": 1}),
        ("standalone", {}),
    ],
)
def test_an_external_redis_needs_all_of_its_values(mode, values):
    with pytest.raises(HelmError, match="externalRedis"):
        render(merged(at("redis.enabled", False), {"externalRedis": {"mode": mode, **values}}))


def test_a_window_just_large_enough_is_accepted():
    render(at("processingService.consumer.maxInFlight", 7))
