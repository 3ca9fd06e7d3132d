"""The clients of InfluxDB from PyPI, unchanged: they write, retry through a proxy that cuts responses off, and read errors."""

import datetime
import urllib.parse

import influxdb
import influxdb_client
import pytest
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.write_api import SYNCHRONOUS, WriteOptions
from influxdb_client.rest import ApiException

from cutting_proxy import CuttingProxy
from system import STREAM

NOON = datetime.datetime(2024, 1, 15, 12, tzinfo=datetime.timezone.utc)
POINTS = 5_000


@pytest.fixture
def key(system):
    return system.new_key("write")


@pytest.fixture
def url(system, key):
    return system.start_service("ingestion-api")


def instant(number):
    return NOON + datetime.timedelta(seconds=number)


def stored(system):
    """Device, power and timestamp of each entry."""
    entries = system.redis.xrange(STREAM)
    return sorted((fields["timestamp"], fields["device_id"], float(fields["power_reading"])) for _, fields in entries)


def expected(device):
    moments = ((number, instant(number).strftime("%Y-%m-%dT%H:%M:%SZ")) for number in range(POINTS))
    return sorted((moment, device, float(number)) for number, moment in moments)


def test_the_client_of_version_2_loses_nothing_and_doubles_nothing_when_responses_are_cut_off(system, url, key):
    proxy = CuttingProxy(url, every=3)
    options = WriteOptions(batch_size=500, flush_interval=200, jitter_interval=0, retry_interval=50, max_retries=20, max_retry_delay=200)
    with influxdb_client.InfluxDBClient(proxy.url, token=key, org="home", enable_gzip=True) as client:
        assert client.ping() is True
        assert client.version() == "1.8.10"
        with client.write_api(write_options=options) as writer:
            for number in range(POINTS):
                point = influxdb_client.Point("meter").tag("entity_id", "main meter").field("power", float(number))
                writer.write("house-01", record=point.field("energy_kwh", 1.5).time(instant(number)))
    assert proxy.cuts > 3
    assert stored(system) == expected("main meter")


def test_the_client_of_version_2_prints_what_was_rejected_and_why(system, url, key):
    with influxdb_client.InfluxDBClient(url, token=key, org="home") as client:
        writer = client.write_api(write_options=SYNCHRONOUS)
        with pytest.raises(ApiException) as raised:
            writer.write("house-01", record=["m power=1 1", "m power=-1 2", "m power=3 3"])
        assert raised.value.status == 400
        assert InfluxDBError(raised.value.response).message.startswith("partial write: 1 rejected, 2 accepted")
        assert [power for _, _, power in stored(system)] == [1.0, 3.0]
        # What Home Assistant sends when it is set up.
        with pytest.raises(ApiException) as raised:
            writer.write("house-01", record=b"")
        assert raised.value.status == 400
    with influxdb_client.InfluxDBClient(url, token="wrong", org="home") as client, pytest.raises(ApiException) as raised:
        client.write_api(write_options=SYNCHRONOUS).write("house-01", record="m power=1 1")
    assert (raised.value.status, InfluxDBError(raised.value.response).message) == (
        401,
        "The API key is malformed, unknown or revoked",
    )


@pytest.mark.parametrize("precision", ["ns", "us", "ms", "s"])
def test_the_client_of_version_2_may_use_each_precision(system, url, key, precision):
    with influxdb_client.InfluxDBClient(url, token=key, org="home") as client:
        point = influxdb_client.Point("meter").field("power", 1).time(NOON, write_precision=precision)
        client.write_api(write_options=SYNCHRONOUS).write("house-01", record=point, write_precision=precision)
    assert stored(system) == [("2024-01-15T12:00:00Z", "meter", 1.0)]


@pytest.mark.parametrize("compressed", [False, True])
def test_the_client_of_version_1_loses_nothing_and_doubles_nothing_when_responses_are_cut_off(system, url, key, compressed):
    proxy = CuttingProxy(url, every=3)
    client = influxdb.InfluxDBClient("127.0.0.1", proxy.port, "gateway", key, "house-01", retries=20, gzip=compressed)
    assert client.ping() == "1.8.10"
    client.create_database("house-01")
    assert client.get_list_database() == [{"name": "house-01"}]
    points = [
        {"measurement": "meter", "tags": {"host": "pi"}, "time": instant(number), "fields": {"power": float(number)}}
        for number in range(POINTS)
    ]
    client.write_points(points, batch_size=500, time_precision="ms")
    client.close()
    assert proxy.cuts > 3
    assert stored(system) == expected("pi")


def test_the_client_of_version_1_reads_errors(system, url, key):
    address = urllib.parse.urlsplit(url)
    client = influxdb.InfluxDBClient(address.hostname, address.port, "gateway", key, "house-01")
    # What Home Assistant sends when it is set up.
    assert client.write_points([]) is True
    with pytest.raises(influxdb.exceptions.InfluxDBClientError) as raised:
        client.write_points(["m power=-1 1"], protocol="line")
    assert (raised.value.code, "power_reading" in raised.value.content) == (400, True)
    with pytest.raises(influxdb.exceptions.InfluxDBClientError, match="SELECT|Processing Service"):
        client.query("SELECT * FROM meter")
    other = influxdb.InfluxDBClient(address.hostname, address.port)
    with pytest.raises(influxdb.exceptions.InfluxDBClientError) as raised:
        other.switch_database("house-01")
        other.write_points(["m power=1 1"], protocol="line")
    assert raised.value.code == 401
    assert stored(system) == []
