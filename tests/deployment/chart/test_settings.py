"""The settings of the program: with the names and the defaults of the README."""

import re

import pytest

from rendering import REPOSITORY, at, containers, environment, merged, render, standard_values

# Values whose variables have these names.
SETTINGS = {
    "config.redisStream": "REDIS_STREAM",
    "config.streamPartitions": "STREAM_PARTITIONS",
    "config.consumerGroup": "CONSUMER_GROUP",
    "config.processingDelayMs": "PROCESSING_DELAY_MS",
    "config.logLevel": "RUST_LOG",
    "config.drainTimeoutMs": "DRAIN_TIMEOUT_MS",
    "config.idempotencyTtl": "IDEMPOTENCY_TTL",
    "config.maxBacklog": "MAX_BACKLOG",
    "config.streamRetention": "STREAM_RETENTION",
    "config.readingsRetention": "READINGS_RETENTION",
    "config.packAfter": "PACK_AFTER",
    "archive.after": "ARCHIVE_AFTER",
    "archive.partitions": "ARCHIVE_PARTITIONS",
    "config.dedupPolicy": "DEDUP_POLICY",
    "config.remoteWrite.siteLabel": "REMOTE_WRITE_SITE_LABEL",
    "externalRedis.readFrom": "REDIS_READ_FROM",
    "externalRedis.waitReplicas": "REDIS_WAIT_REPLICAS",
    "processingService.consumer.readBlockMs": "READ_BLOCK_MS",
    "processingService.consumer.claimMinIdleMs": "CLAIM_MIN_IDLE_MS",
    "processingService.consumer.maxProcessingFailures": "MAX_PROCESSING_FAILURES",
    "ingestionApi.service.targetPort": "INGESTION_PORT",
    "processingService.service.targetPort": "PROCESSING_PORT",
    "frontend.service.targetPort": "FRONTEND_PORT",
}


def documented():
    rows = re.findall(r"^\| `([A-Z_]+)` \| (?:`(.*?)`)? \|", (REPOSITORY / "README.md").read_text(), re.M)
    return dict(rows)


@pytest.mark.parametrize("path", SETTINGS)
def test_a_default_value_is_the_default_of_the_program(path):
    value = standard_values()
    for key in path.split("."):
        value = value[key]
    assert str(value) == documented()[SETTINGS[path]]


def test_settings_of_roles_reach_their_roles():
    processing = environment(containers(render(at("config.streamRetention", "1h")).pod("-processing-service"))[0])
    assert processing["STREAM_RETENTION"] == "1h"
    ingestion = environment(containers(render(at("config.maxBacklog", 1_000_000)).pod("-ingestion-api"))[0])
    assert ingestion["MAX_BACKLOG"] == "1000000"


def test_metrics_of_remote_write_reach_the_ingestion_api():
    remote_write = {"metrics": ["plug_watts=W", "pv_kilowatts=kW"], "site": "house-01"}
    ingestion = environment(containers(render(at("config.remoteWrite", remote_write)).pod("-ingestion-api"))[0])
    mapping = {name: value for name, value in ingestion.items() if name.startswith("REMOTE_WRITE_")}
    assert mapping == {
        "REMOTE_WRITE_METRICS": "plug_watts=W,pv_kilowatts=kW",
        "REMOTE_WRITE_SITE_LABEL": "site",
        "REMOTE_WRITE_SITE": "house-01",
        "REMOTE_WRITE_DEVICE_LABELS": documented()["REMOTE_WRITE_DEVICE_LABELS"],
    }
    unset = environment(containers(render().pod("-ingestion-api"))[0])
    assert not any(name.startswith("REMOTE_WRITE_") for name in unset)


def test_the_old_name_of_the_processing_failures_works_and_is_warned_about():
    old = at("processingService.consumer.maxDeliveries", 3)
    processing = environment(containers(render(old).pod("-processing-service"))[0])
    assert processing["MAX_PROCESSING_FAILURES"] == "3" and "MAX_DELIVERIES" not in processing
    assert "maxDeliveries is deprecated" in render(old).notes
    assert "deprecated" not in render().notes


LIMITS = {"rateLimit": {"perAddress": "100/s burst=20"}, "config": {"forwardedFrom": ["10.0.0.0/8", "fd00::/8"]}}


def test_limits_and_trusted_proxies_reach_the_services():
    config = render(LIMITS).config()
    assert (config["RATE_LIMIT_PER_ADDRESS"], config["FORWARDED_FROM"]) == ("100/s burst=20", "10.0.0.0/8,fd00::/8")
    assert not {"RATE_LIMIT_PER_ADDRESS", "FORWARDED_FROM"} & render().config().keys()
    assert {"RATE_LIMIT_PER_ADDRESS", "FORWARDED_FROM"} <= documented().keys()


def test_the_limit_of_keys_reaches_the_services_that_require_them():
    limited = merged(at("rateLimit.perKey", "100/s burst=1000"), at("apiKeys", {"enabled": True, "existingSecret": "keys"}))
    assert render(limited).config()["RATE_LIMIT_PER_KEY"] == "100/s burst=1000"
    assert "RATE_LIMIT_PER_KEY" not in render().config() and "RATE_LIMIT_PER_KEY" in documented()
    assert "perKey limits nothing" in render(at("rateLimit.perKey", "1/s")).notes
    assert "perKey limits nothing" not in render(limited).notes and "perKey" not in render().notes


def test_clients_behind_a_proxy_that_share_one_rate_are_warned_about():
    limited = at("rateLimit.perAddress", "100/s")
    assert "share one rate" in render(limited).notes
    assert "share one rate" not in render(LIMITS).notes
    assert "share one rate" not in render(merged(limited, at("frontend.enabled", False))).notes
