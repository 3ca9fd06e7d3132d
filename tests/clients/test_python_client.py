"""A generated Python client can call every operation, and read every answer: successes, faults, and Redis away."""

import io

import pytest

from processes import wait_for
from python_client import PythonClient
from system import STREAM


def reading(models, **changed):
    members = {"site_id": "a/b", "device_id": "meter", "power_reading": 1500.5, "timestamp": "2024-01-15T10:30:00Z"}
    return models.EnergyReading(**{**members, **changed})


@pytest.fixture
def ingestion(system, tmp_path):
    return PythonClient("ingestion_client", system.start_service("ingestion-api"), tmp_path)


@pytest.fixture
def processing(system, tmp_path):
    return PythonClient("processing_client", system.start_service("processing-service"), tmp_path)


def test_every_operation_of_the_ingestion_api_can_be_called(system, ingestion):
    call, models = ingestion.call, ingestion.models
    assert call("get_livez")[0] == 200
    assert call("get_readyz")[0] == 200
    assert call("get_health")[1].status == models.HealthStatus.HEALTHY
    # The service made it when it became ready.
    system.redis.delete(STREAM)
    assert isinstance(call("get_metrics")[1], models.NoStream)

    status, accepted = call("post_reading", body=reading(models), idempotency_key="key")
    assert (status, accepted.status) == (201, models.AcceptedStatus.ACCEPTED)
    assert isinstance(call("get_metrics")[1], models.StreamMetrics)

    status, problem = call("post_reading", body=reading(models, site_id="", power_reading=-1))
    assert (status, [fault.loc[1] for fault in problem.detail]) == (422, ["site_id", "power_reading"])
    assert call("post_reading", body=reading(models, device_id="other"), idempotency_key="key")[0] == 422
    batch = models.EnergyReadings(readings=[reading(models), reading(models, power_reading=-1)])
    status, result = call("post_readings_batch", body=batch)
    assert (status, result.accepted, result.rejected, result.errors[0].index) == (200, 1, 1, 1)
    status, rejected = call("post_readings_batch", body=batch, atomic=True)
    assert (status, rejected.detail[0].type_, rejected.errors[0].detail[0].loc) == (422, "invalid_rows", ["body", "power_reading"])

    def lines(text):
        return ingestion.file(payload=io.BytesIO(text))

    assert call("ping")[0] == 204
    assert call("write_lines", bucket="a/b", body=lines(b"m power=1 1705314600000000000"))[0] == 204
    assert call("write_lines_v1", db="a/b", precision="s", body=lines(b"m power=1 1705314600"))[0] == 204
    status, problem = call("write_lines", bucket="a/b", body=lines(b"m power=-1"))
    assert (status, problem.code, problem.message == problem.error) == (400, "invalid", True)
    # An empty message, as a block of snappy.
    assert call("remote_write", body=lines(b"\0"))[0] == 204
    status, problem = call("remote_write", body=lines(b"no block"))
    assert (status, problem.code) == (400, models.ErrorCode.BODY_UNDECODABLE)
    assert call("execute_statement", q="CREATE DATABASE x")[1].results[0].statement_id == 0
    assert call("show_databases", q="SHOW DATABASES", db="x")[1].results[0].series[0].values == [["x"]]
    assert call("show_databases", q="SELECT 1")[0] == 400

    large = reading(models)
    large["ignored"] = "x" * 70_000
    assert call("post_reading", body=large)[0] == 413

    system.server.kill()
    assert call("post_reading", body=reading(models))[0] == 503
    assert call("post_readings_batch", body=batch)[0] == 503
    assert call("get_health")[1].status == models.HealthStatus.DEGRADED
    assert [call(id)[0] for id in ("get_livez", "get_readyz", "get_metrics")] == [200, 503, 503]
    assert ingestion.called == set(ingestion.operations)


def test_every_operation_of_the_processing_service_can_be_called(system, ingestion, processing):
    call, models = processing.call, processing.models
    assert [call(id)[0] for id in ("get_livez", "get_readyz", "get_pipeline")] == [200, 200, 200]
    ingestion.call("post_reading", body=reading(ingestion.models))
    system.add_unreadable_entries(3)
    wait_for("the entries are worked off", lambda: system.dead_letters() == 3)

    assert call("get_health")[1].consumer_group_status.name == "processing_group"
    assert [site.site_id for site in call("get_sites")[1].sites] == ["a/b"]
    (stored,) = wait_for("the reading is stored", lambda: call("get_site_readings", site_id="a/b")[1].readings)
    assert (stored.power_reading, stored.timestamp) == (1500.5, "2024-01-15T10:30:00Z")
    day = {"site_id": "a/b", "start": "2024-01-15", "end": "2024-01-16", "tz": "Europe/Berlin"}
    (series,) = call("get_site_aggregates", **day, interval=models.GetSiteAggregatesInterval("1h"))[1].series
    (bucket,) = series.buckets
    assert (series.device_id, bucket.start, bucket.max_, bucket.energy_kwh) == ("meter", "2024-01-15T11:00:00+01:00", 1500.5, None)
    (device,) = call("get_site_energy", **day)[1].devices
    assert (device.count, device.import_kwh, device.coverage) == (1, None, 0)
    status, problem = call("get_site_energy", site_id="a/b", tz="Mars")
    assert (status, problem.detail[0].loc) == (422, ["query", "tz"])
    assert call("get_site", site_id="a/b")[1].devices == 1
    assert [device.readings for device in call("get_site_devices", site_id="a/b")[1].devices] == [1]
    assert [latest.stream_id for latest in call("get_site_latest", site_id="a/b")[1].readings] == [stored.stream_id]
    assert call("get_metrics")[1].stream.length == 4
    assert call("get_pipeline")[1].dead_letters == 3
    receivers = wait_for("the counts are reported", lambda: call("get_receivers")[1].receivers)
    assert [(receiver.name, receiver.accepted) for receiver in receivers] == [(models.ReceiverName.READINGS, 1)]

    page = call("get_dead_letters", limit=2)[1]
    first, second = (letter.id for letter in page.dead_letters)
    (third,) = (letter.id for letter in call("get_dead_letters", cursor=page.next_cursor)[1].dead_letters)
    assert call("retry_dead_letter", id=first)[1].stream_id
    assert call("delete_dead_letter", id=second)[0] == 204
    assert [call(id, id=second)[0] for id in ("retry_dead_letter", "delete_dead_letter")] == [404, 404]
    status, problem = call("get_dead_letters", limit=0, cursor="zzz")
    assert (status, [fault.loc for fault in problem.detail]) == (422, [["query", "limit"], ["query", "cursor"]])

    # An event stream does not end, and the generated client returns whole responses.
    status, problem = call("get_site_events", site_id="a/b", last_event_id_query="x")
    assert (status, problem.detail[0].loc) == (422, ["query", "last_event_id"])

    days = {"site_id": "a/b", "start": "2024-01-14", "end": "2024-01-15"}
    assert call("delete_site_readings", **days)[1].deleted == 0
    one = {"site_id": "a/b", "stream_id": stored.stream_id}
    assert [call("delete_site_reading", **one)[0] for _ in range(2)] == [204, 404]

    system.server.kill()
    letters = [call(id, id=third)[0] for id in ("retry_dead_letter", "delete_dead_letter")]
    others = [call(id)[0] for id in ("get_readyz", "get_metrics", "get_pipeline", "get_receivers", "get_sites", "get_dead_letters")]
    assert (letters, others) == ([503] * 2, [503] * 6)
    queries = ("get_site_readings", "get_site_aggregates", "get_site_energy")
    assert [call(id, site_id="a/b")[0] for id in queries] == [503] * 3
    degraded = call("get_health")[1]
    assert (degraded.status, degraded.consumer_group_status) == (models.HealthStatus.DEGRADED, None)
    assert processing.called == set(processing.operations)


def test_a_key_is_sent_as_the_bearer_scheme_says(system, tmp_path):
    reader, writer = system.new_key("read"), system.new_key("write")
    ingestion, processing = (system.start_service(role) for role in ("ingestion-api", "processing-service"))

    without = PythonClient("client_without_key", processing, tmp_path)
    status, missing = without.call("get_sites")
    assert (status, missing.code) == (401, without.models.ErrorCode.API_KEY_MISSING)
    unknown = PythonClient("client_with_unknown_key", processing, tmp_path, key="enp_unknown_key")
    assert unknown.call("get_sites")[1].code == unknown.models.ErrorCode.API_KEY_INVALID

    reading_client = PythonClient("client_that_reads", processing, tmp_path, key=reader)
    assert reading_client.call("get_sites")[0] == 200
    status, lacking = reading_client.call("get_pipeline")
    assert (status, lacking.code) == (403, reading_client.models.ErrorCode.SCOPE_MISSING)

    for key, expected in ((reader, 403), (writer, 201)):
        sending = PythonClient(f"client_for_{expected}", ingestion, tmp_path, key=key)
        assert sending.call("post_reading", body=reading(sending.models))[0] == expected
