"""The sizes in docs/scaling.md: the table is what its function gives, and its bytes a reading are those of a measured run."""

import json
import random
import re
import subprocess
from datetime import datetime, timedelta, timezone

import pytest
import redis as redis_client

from processes import Process, free_port, program, wait_for
from rendering import REPOSITORY

TEXT = (REPOSITORY / "docs/scaling.md").read_text()
SITE = "house-01"
A_DAY = 1_440
DAYS = 4


def function():
    (block,) = re.findall(r"^```python\n(.*?)^```", TEXT, re.S | re.M)
    names = {}
    exec(block, names)
    return names


def rows():
    table = TEXT[TEXT.index("| Sites | Days kept |") :].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table[2:]]


def shown(value):
    """A figure in the digits of the table."""
    if value == 0:
        return "0"
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}" if value >= 0.05 else f"{value:.2f}"


@pytest.mark.parametrize("row", rows(), ids=lambda row: " ".join(row[:4]))
def test_a_row_of_the_table_is_what_the_function_gives(row):
    sites, days, pack, archive = (int(re.sub(r"[,d]", "", cell)) if cell else None for cell in row[:4])
    size = function()["sizes"](sites, days, pack_after=pack, archive_after=archive)
    expected = [shown(size[key]) for key in ("hot", "packed", "archived", "rollups", "maxmemory", "archive")]
    assert row[4:] == [*expected, f"${size['money']:,.0f}"]


def members():
    """A meter that sends each minute, as `bench tiers` has them: ids and acceptance follow the timestamps, power has steps of 0.1 W."""
    chance, watts = random.Random(7), 900.0
    for minute in range((DAYS + 1) * A_DAY):
        at = datetime(2024, 1, 15, tzinfo=timezone.utc) + timedelta(minutes=minute)
        accepted = at + timedelta(microseconds=chance.randrange(200_000, 3_000_000))
        switched = chance.random() < 0.05
        watts = min(4_000.0, max(80.0, chance.uniform(80, 4_000) if switched else watts + chance.uniform(-40, 40)))
        reading = {
            "stream_id": f"{int(accepted.timestamp() * 1000)}-0",
            "site_id": SITE,
            "device_id": "main-meter",
            "power_reading": round(watts, 1),
            "timestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "ingested_at": accepted.strftime("%Y-%m-%dT%H:%M:%S.%f"),
        }
        yield json.dumps(reading), at.timestamp()


@pytest.fixture
def redis(tmp_path):
    port = free_port()
    server = Process("redis", ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)], tmp_path)
    client = redis_client.Redis(port=port)

    def answers():
        try:
            return client.ping()
        except redis_client.ConnectionError:
            return False

    wait_for("Redis answers", answers)
    yield client
    server.kill()


def used(redis):
    return redis.info("memory")["used_memory"]


def test_bytes_a_reading_are_those_that_a_reading_needs(redis):
    names, empty = function(), used(redis)
    redis.zadd("energy_readings:sites", {SITE: 0})
    redis.zadd(f"site:{SITE}:readings", dict(members()))
    each = (used(redis) - empty) / ((DAYS + 1) * A_DAY)
    assert each == pytest.approx(names["HOT"], rel=0.15)

    port = redis.connection_pool.connection_kwargs["port"]
    subprocess.run([program(), "pack", "--redis-url", f"redis://127.0.0.1:{port}"], check=True, capture_output=True)
    assert redis.zcard(f"site:{SITE}:readings") == A_DAY, "the last day stays"
    values = redis.memory_usage(f"site:{{site:{SITE}:readings}}:packed", samples=0)
    headers = redis.memory_usage(f"site:{{site:{SITE}:readings}}:days", samples=0)
    a_day = A_DAY * names["PACKED"] + names["VALUE"] + names["HEADER"]
    # Of few days the keys themselves weigh more.
    assert (values + headers) / DAYS == pytest.approx(a_day, rel=0.15)
