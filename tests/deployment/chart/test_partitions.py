"""One value says how many partitions the stream has: of the program, of KEDA's triggers, and of KEDA's rights."""

import re

import pytest

from keda import wanted
from rendering import HelmError, at, merged, render, values_of


def scaled(values):
    return render(values).one("ScaledObject")["spec"]


def triggers(values):
    return {trigger["name"]: trigger["metadata"] for trigger in scaled(values)["triggers"]}


def partitions(count, **keda):
    return merged(at("config.streamPartitions", count), {"keda": keda})


def test_with_one_partition_everything_is_named_as_before():
    found = triggers(partitions(1))
    assert found.keys() == {"pending", "lag"}
    assert {asked["stream"] for asked in found.values()} == {"energy_readings"}
    assert scaled(partitions(1, aggregate="sum"))["advanced"]["scalingModifiers"]["formula"] == "pending / 5.0 + lag / 50.0"


def test_each_partition_has_a_trigger_of_both_kinds():
    found = triggers(partitions(3))
    assert list(found) == ["pending_0", "lag_0", "pending_1", "lag_1", "pending_2", "lag_2"]
    assert [found[f"lag_{number}"]["stream"] for number in range(3)] == [f"energy_readings:{{{number}}}" for number in range(3)]
    assert triggers(partitions(2, lag={"enabled": False})).keys() == {"pending_0", "pending_1"}


def test_the_most_partitions_are_rendered_too():
    assert len(triggers(partitions(256))) == 512


def test_the_number_reaches_every_role_of_the_program():
    release = render(values_of("partitions"))
    assert release.config()["STREAM_PARTITIONS"] == "4"
    for role in ("ingestion-api", "processing-service", "query-api", "mqtt-bridge"):
        (container,) = release.pod(f"-{role}")["spec"]["containers"]
        assert release.one("ConfigMap", "-config")["metadata"]["name"] in str(container["envFrom"]), role


@pytest.mark.parametrize(("count", "pending", "lag"), [(1, "5", "50"), (2, "3", "25"), (4, "2", "13"), (16, "1", "4"), (64, "1", "1")])
def test_a_threshold_is_divided_among_the_partitions(count, pending, lag):
    found = triggers(partitions(count))
    assert {asked["pendingEntriesCount"] for asked in found.values() if "pendingEntriesCount" in asked} == {pending}
    assert {asked["lagCount"] for asked in found.values() if "lagCount" in asked} == {lag}


@pytest.mark.parametrize("count", [1, 2, 4, 16])
def test_an_even_backlog_asks_for_as_many_pods_whatever_the_number_of_partitions(count):
    part = int(triggers(partitions(count))[f"lag{'_0' if count > 1 else ''}"]["lagCount"])
    # Of 1,600 entries each partition has its part; rounding may save up to a quarter of the pods, and never adds one.
    assert 24 <= wanted(1600 // count, part, 1) <= wanted(1600, 50, 1) == 32


def test_an_activation_is_divided_among_the_partitions():
    assert {asked["activationLagCount"] for asked in triggers(partitions(4, activation=10)).values()} == {"2"}


def test_a_sum_is_that_of_all_partitions():
    formula = scaled(partitions(2, aggregate="sum"))["advanced"]["scalingModifiers"]["formula"]
    assert formula == "(pending_0 + pending_1) / 5.0 + (lag_0 + lag_1) / 50.0"
    # What a formula of KEDA takes for the names of its variables.
    assert all(re.fullmatch("[a-z_][a-z0-9_]*", name) for name in triggers(partitions(2)))


def test_another_number_of_partitions_restarts_the_services_and_not_redis():
    def checksums(count, ending):
        return render(partitions(count)).pod(ending)["metadata"]["annotations"]["checksum/config"]

    assert checksums(1, "-redis-master") == checksums(4, "-redis-master")
    assert checksums(1, "-processing-service") != checksums(4, "-processing-service")


def test_other_rights_of_keda_restart_redis_as_it_reads_its_users_at_its_start():
    def checksum(stream):
        return render(at("config.redisStream", stream)).pod("-redis-master")["metadata"]["annotations"]["checksum/config"]

    assert checksum("a") != checksum("b")


def test_a_stream_with_a_hash_tag_cannot_be_divided():
    tagged = at("config.redisStream", "{tag}:readings")
    assert render(tagged).config()["STREAM_PARTITIONS"] == "1"
    with pytest.raises(HelmError, match="config.streamPartitions must be 1 where config.redisStream has a hash tag"):
        render(merged(tagged, partitions(4)))


def test_a_window_must_have_entries_for_a_pod_in_every_partition():
    window = at("processingService.consumer.maxInFlight", 16)
    assert render(merged(window, partitions(8)))
    with pytest.raises(HelmError, match="maxInFlight is too low for keda.threshold.* 1.1 × 16 pending"):
        render(merged(window, partitions(16)))
    # Added up, partitions have no share in it.
    assert render(merged(window, partitions(16, aggregate="sum")))


def test_a_threshold_below_the_number_of_partitions_is_told():
    assert "keda.threshold is below config.streamPartitions" in render(partitions(6)).notes
    assert "keda.threshold is below" not in render(partitions(5)).notes
    assert "keda.threshold is below" not in render(partitions(6, aggregate="sum")).notes
    alone = {"lag": {"enabled": False}}
    assert "never scaled" in render(partitions(16, **alone)).notes
    assert "never scaled" not in render(partitions(4, **alone)).notes


def test_a_cluster_with_one_partition_is_told_that_one_master_has_it():
    values = merged(values_of("external-cluster"), partitions(1))
    assert "which is on one master of the cluster" in render(values).notes
    assert "which is on one master" not in render(values_of("external-cluster")).notes
