"""The chart's ScaledObject, evaluated as by KEDA, starts and stops real replicas under load."""

import pytest

import oracle
from rendering import at


# By the number of partitions. Of several each has its part of the backlog, so it is larger, and of more sites.
LOADS = {1: {}, 4: {"burst": 130, "delay": 250, "sites": 40}}


@pytest.fixture(scope="module", params=LOADS, ids="{} partitions".format)
def outcome(request):
    return oracle.run(at("config.streamPartitions", request.param), **LOADS[request.param])


def test_a_backlog_starts_all_replicas_at_the_first_poll(outcome):
    first = outcome.moments[0]
    assert first.replicas == 1 and first.wants == 3, first
    # A replica's window is above what KEDA tolerates, or nothing would ever be scaled.
    assert first.pending > 1.1 * 5


def test_replicas_are_removed_one_by_one_when_the_backlog_is_processed(outcome):
    numbers = [moment.replicas for moment in outcome.moments]
    changes = [after - before for before, after in zip(numbers, numbers[1:], strict=False) if after != before]
    assert changes == [2, -1, -1]


def test_replicas_stop_while_readings_still_arrive(outcome):
    stopping = [moment for moment in outcome.moments if moment.wants < moment.replicas]
    assert len(stopping) == 2 and all(moment.arriving for moment in stopping)


def test_no_reading_is_lost_or_duplicated(outcome):
    assert len(outcome.accepted) > 100
    assert sorted(outcome.stored) == sorted(outcome.accepted)
    assert outcome.dead == 0


def test_every_replica_gets_a_share(outcome):
    assert len(outcome.shares) == 3
    assert all(share >= len(outcome.accepted) / 10 for share in outcome.shares.values()), outcome.shares


def test_every_partition_gets_a_share(outcome):
    entries, partitions = len(outcome.accepted), outcome.partitions
    assert sum(partitions.values()) == entries
    assert all(share >= entries / len(partitions) / 3 for share in partitions.values()), partitions


def test_stopped_replicas_exit_with_0_and_leave_no_consumer(outcome):
    assert list(outcome.exits.values()) == [0, 0]
    assert outcome.consumers == {"pod-1"}
