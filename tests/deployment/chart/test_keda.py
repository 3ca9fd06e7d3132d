"""KEDA queries what the program processes, and is the only one to scale."""

import pytest

from rendering import at, containers, environment, merged, render, values_of


def triggers(release):
    return {trigger["name"]: trigger for trigger in release.one("ScaledObject")["spec"]["triggers"] if "name" in trigger}


def test_the_autoscaler_owns_the_number_of_replicas(release):
    scaled = {
        scaler["spec"]["scaleTargetRef"]["name"]
        for scaler in release.all("ScaledObject") + release.all("HorizontalPodAutoscaler")
    }
    for deployment in release.all("Deployment"):
        assert ("replicas" in deployment["spec"]) == (deployment["metadata"]["name"] not in scaled)


def streams(config):
    """The streams of the program, as `readings/src/store/keys.rs` names them."""
    name, partitions = config["REDIS_STREAM"], int(config["STREAM_PARTITIONS"])
    return [name] if partitions == 1 else [f"{name}:{{{number}}}" for number in range(partitions)]


def test_triggers_query_the_streams_and_the_group_of_the_program(release):
    config = release.config()
    for scaled in release.all("ScaledObject"):
        ours = [trigger for trigger in scaled["spec"]["triggers"] if "name" in trigger]
        for kind in ("pending", "lag"):
            asked = [trigger["metadata"] for trigger in ours if trigger["name"].partition("_")[0] == kind]
            assert [one["stream"] for one in asked] == streams(config)
            assert {one["consumerGroup"] for one in asked} == {config["CONSUMER_GROUP"]}


def test_triggers_query_the_redis_of_the_program(release, name):
    config = release.config()
    told = config.get("REDIS_URL") or f"{config['REDIS_HOST']}:{config['REDIS_PORT']}"
    for scaled in release.all("ScaledObject"):
        for asked in (trigger["metadata"] for trigger in scaled["spec"]["triggers"] if "name" in trigger):
            # A proxy of a cluster is the program's only: KEDA connects to the nodes.
            assert name == "external-cluster-proxy" or asked.get("address", asked.get("addresses")) in told


def test_pending_and_lag_are_triggers_of_their_own():
    # In one trigger, lag would go before pending.
    pending, lag = (triggers(render({}))[name]["metadata"] for name in ("pending", "lag"))
    assert pending["pendingEntriesCount"] == "5" and "lagCount" not in pending
    assert lag["lagCount"] == "50" and "pendingEntriesCount" not in lag
    assert pending["activationLagCount"] == lag["activationLagCount"] == "0"


def test_a_trigger_can_be_left_out():
    assert triggers(render(at("keda.lag.enabled", False))).keys() == {"pending"}
    assert triggers(render(at("keda.pending.enabled", False))).keys() == {"lag"}


def test_times_that_matter_only_from_zero_are_left_out_elsewhere():
    # KEDA's admission warns of them.
    assert "pollingInterval" not in render().one("ScaledObject")["spec"]
    assert render(values_of("scale-to-zero")).one("ScaledObject")["spec"]["pollingInterval"] == 10


def test_metrics_can_be_added_up():
    scaled = render(values_of("scale-to-zero")).one("ScaledObject")
    modifiers = scaled["spec"]["advanced"]["scalingModifiers"]
    assert modifiers["formula"] == "pending / 5.0 + lag / 50.0"
    assert modifiers["target"] == "1"
    assert "scalingModifiers" not in render().one("ScaledObject")["spec"]["advanced"]


def test_the_fallback_keeps_the_present_replicas_and_at_least_one():
    fallback = render().one("ScaledObject")["spec"]["fallback"]
    assert fallback == {"failureThreshold": 3, "replicas": 1, "behavior": "currentReplicasIfHigher"}
    assert "fallback" not in render(at("keda.fallback.enabled", False)).one("ScaledObject")["spec"]


def test_keda_logs_in_as_a_read_only_user():
    release = render()
    secret = release.one("Secret")["metadata"]["name"]
    login = {part["parameter"]: (part["name"], part["key"]) for part in release.one("TriggerAuthentication")["spec"]["secretTargetRef"]}
    assert login == {"username": (secret, "keda-username"), "password": (secret, "keda-password")}
    users = release.one("ConfigMap", "-redis-master")["data"]["make-users"]
    assert "user keda" in users and "-@all +ping +hello +info +xinfo|groups +xlen +xpending ~energy_readings" in users


def test_with_a_secret_of_the_users_keda_logs_in_as_the_program_does():
    release = render(values_of("redis-tls"))
    login = {part["parameter"]: (part["name"], part["key"]) for part in release.one("TriggerAuthentication")["spec"]["secretTargetRef"]}
    assert login == {"password": ("redis-login", "redis-password"), "ca": ("redis-certificate", "ca.crt")}
    assert triggers(release)["lag"]["metadata"]["enableTLS"] == "true"


def test_without_secrets_nothing_is_authenticated():
    release = render(at("redis.auth.enabled", False))
    assert not release.all("TriggerAuthentication")
    assert all("authenticationRef" not in trigger for trigger in triggers(release).values())


def test_an_existing_authentication_is_used_instead():
    values = at("keda.triggerAuthentication", {"existing": "ours", "kind": "ClusterTriggerAuthentication"})
    release = render(values)
    assert not release.all("TriggerAuthentication")
    for trigger in triggers(release).values():
        assert trigger["authenticationRef"] == {"name": "ours", "kind": "ClusterTriggerAuthentication"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("external-standalone", "redis-streams"),
        ("external-sentinel", "redis-sentinel-streams"),
        ("external-cluster", "redis-cluster-streams"),
        ("external-cluster-proxy", "redis-cluster-streams"),
        ("partitions", "redis-streams"),
    ],
)
def test_the_kind_of_trigger_is_that_of_the_redis(name, kind):
    assert {trigger["type"] for trigger in triggers(render(values_of(name))).values()} == {kind}


def test_the_program_gets_a_window_only_if_it_is_set():
    def told(values):
        return environment(containers(render(values).pod("-processing-service"))[0])

    assert "MAX_IN_FLIGHT" not in told({})
    limited = told(at("processingService.consumer.maxInFlight", 16))
    # The program rejects reads that are larger than the window.
    assert (limited["MAX_IN_FLIGHT"], limited["BATCH_SIZE"]) == ("16", "16")


def test_a_threshold_that_a_slow_pod_never_reaches_causes_a_warning():
    lonely = merged(at("keda.threshold", 11), at("keda.lag.enabled", False))
    assert "never scaled" in render(lonely).notes
    assert "never scaled" not in render(at("keda.threshold", 11)).notes
