"""KEDA, as its own user, gets exact replies in every state of the stream."""

import tempfile
from contextlib import ExitStack

import pytest
import redis

import keda
from oracle import Redis, Replica
from processes import wait_for
from rendering import at, render


@pytest.fixture(params=[1], ids="{} partitions".format)
def world(request):
    """A server of the chart's, its release, and where processes end."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as resources:
        release = render(at("config.streamPartitions", request.param))
        server = Redis(release, directory)
        resources.callback(server.process.kill)
        yield release, server, directory, resources


def ask(release, server):
    triggers = {t["name"]: t for t in release.one("ScaledObject")["spec"]["triggers"]}
    client = server.client("keda", "keda-password")
    return {name: keda.measure(client, trigger)[0] for name, trigger in triggers.items()}


def can_ask(release, server):
    try:
        return ask(release, server)
    except keda.ScalerError:
        return None


def start_ingestion(world):
    release, server, directory, resources = world
    ingestion = Replica(release, "ingestion-api", "ingestion", server, directory)
    resources.callback(ingestion.kill)
    ingestion.url()


def test_before_the_first_service_pending_is_an_error_and_lag_is_zero(world):
    release, server, *_ = world
    with pytest.raises(keda.ScalerError, match="NOGROUP"):
        ask(release, server)
    triggers = {t["name"]: t for t in release.one("ScaledObject")["spec"]["triggers"]}
    assert keda.lag(server.client("keda", "keda-password"), triggers["lag"]["metadata"]) == 0


def test_once_ingestion_runs_both_triggers_get_an_answer(world):
    release, server, *_ = world
    start_ingestion(world)
    assert wait_for("KEDA can ask", lambda: can_ask(release, server)) == {"pending": 0, "lag": 0}
    for _ in range(7):
        server.admin.xadd("energy_readings", {"site_id": "s"})
    assert ask(release, server) == {"pending": 0, "lag": 7}
    server.admin.xreadgroup("processing_group", "consumer-1", {"energy_readings": ">"}, count=3)
    assert ask(release, server) == {"pending": 3, "lag": 4}


@pytest.mark.parametrize("world", [3], indirect=True, ids="{} partitions".format)
def test_each_partition_is_asked_for_its_own_entries(world):
    release, server, *_ = world
    start_ingestion(world)
    nothing = {f"{kind}_{number}": 0 for kind in ("pending", "lag") for number in range(3)}
    assert wait_for("KEDA can ask", lambda: can_ask(release, server)) == nothing
    for number in range(3):
        for _ in range(5 * number):
            server.admin.xadd(f"energy_readings:{{{number}}}", {"site_id": "s"})
    server.admin.xreadgroup("processing_group", "consumer-1", {"energy_readings:{2}": ">"}, count=3)
    assert ask(release, server) == nothing | {"lag_1": 5, "lag_2": 7, "pending_2": 3}


def test_after_a_loss_of_all_data_both_triggers_get_an_answer_again(world):
    release, server, *_ = world
    start_ingestion(world)
    wait_for("KEDA can ask", lambda: can_ask(release, server))
    server.admin.flushall()
    with pytest.raises(keda.ScalerError, match="NOGROUP"):
        ask(release, server)
    assert wait_for("KEDA can ask again", lambda: can_ask(release, server)) == {"pending": 0, "lag": 0}


def test_keda_may_do_nothing_else(world):
    _, server, *_ = world
    client = server.client("keda", "keda-password")
    server.admin.xadd("energy_readings", {"a": "b"})
    for command in (["XRANGE", "energy_readings", "-", "+"], ["XLEN", "site:x:readings"], ["FLUSHALL"], ["GET", "x"]):
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.execute_command(*command)


def test_without_a_password_no_command_is_permitted(world):
    _, server, *_ = world
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=server.port).ping()
