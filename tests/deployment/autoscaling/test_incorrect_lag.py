"""A wrong `lag` of Redis: the program corrects it, and the autoscaler scales down again.

A server whose append-only file was rewritten, and which was then killed, has forgotten in Redis 7.0 what was read since.
"""

import tempfile
from contextlib import ExitStack

import pytest

from keda import Autoscaler
from oracle import Redis, Replica
from processes import wait_for
from rendering import render

STREAM, GROUP = "energy_readings", "processing_group"
BEFORE, SINCE = 50, 400


def reading(number):
    return {
        "site_id": f"site-{number % 7}",
        "device_id": "meter",
        "power_reading": "1.5",
        "timestamp": "2024-01-15T12:00:00Z",
        "ingested_at": "2024-01-15T12:00:00.000000",
    }


def add(server, count):
    for number in range(count):
        server.admin.xadd(STREAM, reading(number))


def group(server):
    (found,) = server.admin.xinfo_groups(STREAM)
    return found["pending"], found["lag"]


def process(server, count):
    """Delivers and acknowledges, like a replica that has stopped since."""
    delivered = server.admin.xreadgroup(GROUP, "gone", {STREAM: ">"}, count=count)
    server.admin.xack(STREAM, GROUP, *[entry for entry, _ in delivered[0][1]])


def rewrite_and_restart(server):
    server.admin.bgrewriteaof()

    def is_rewritten():
        state = server.admin.info("persistence")
        return not state["aof_rewrite_in_progress"] and not state["aof_rewrite_scheduled"]

    wait_for("the file is rewritten", is_rewritten)
    add(server, SINCE)
    process(server, SINCE)
    server.restart()


@pytest.fixture
def world():
    with tempfile.TemporaryDirectory() as directory, ExitStack() as resources:
        release = render()
        server = Redis(release, directory)
        resources.callback(lambda: server.process.kill())
        server.admin.xgroup_create(STREAM, GROUP, "0", mkstream=True)
        add(server, BEFORE)
        process(server, BEFORE)
        rewrite_and_restart(server)
        yield release, server, directory, resources


def test_replicas_started_by_a_wrong_lag_are_stopped_once_it_is_corrected(world):
    release, server, directory, resources = world
    if group(server) == (0, 0):
        pytest.skip("this server writes the count of entries read into its file")
    assert group(server) == (0, SINCE)
    autoscaler, keda = Autoscaler(release.one("ScaledObject")), server.client("keda", "keda-password")
    assert autoscaler.decide(autoscaler.metrics(keda), 1, 0) == 3
    replica = Replica(release, "processing-service", "pod-1", server, directory)
    resources.callback(replica.kill)
    wait_for("the count is set right", lambda: group(server) == (0, 0))
    replicas, seen = 3, []
    for now in range(15, 400, 15):
        replicas = autoscaler.decide(autoscaler.metrics(keda), replicas, now)
        seen.append(replicas)
    assert seen[-1] == 1, seen


def test_a_real_backlog_still_needs_replicas_after_the_correction(world):
    release, server, directory, resources = world
    autoscaler, keda = Autoscaler(release.one("ScaledObject")), server.client("keda", "keda-password")
    replica = Replica(release, "processing-service", "pod-1", server, directory)
    resources.callback(replica.kill)
    wait_for("the count is set right", lambda: group(server) == (0, 0))
    replica.terminate()
    assert replica.ended() == 0
    add(server, 200)
    assert group(server) == (0, 200)
    assert autoscaler.decide(autoscaler.metrics(keda), 1, 0) == 3
