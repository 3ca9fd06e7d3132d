"""The chart's Redis, with its configuration, its users and its command line tool: backed up, destroyed and restored as
docs/operations.md says."""

import json
import os
import shutil
import subprocess
import urllib.request

import pytest

from oracle import PASSWORDS, Redis, Replica
from processes import Process, program, wait_for
from rendering import REPOSITORY, render

READING = {"site_id": "house-01", "device_id": "main-meter", "power_reading": 1500.5, "timestamp": "2024-01-15T10:30:00Z"}
COUNT = 20


@pytest.fixture
def release():
    return render()


@pytest.fixture
def redis(release, tmp_path):
    redis = Redis(release, tmp_path)
    yield redis
    redis.process.kill()


@pytest.fixture
def replicas(release, redis, tmp_path):
    replicas = [Replica(release, role, role, redis, tmp_path) for role in ("ingestion-api", "processing-service")]
    yield replicas
    for replica in replicas:
        replica.kill()


def cli(release, redis, *words):
    """What `kubectl exec … -- sh /config/cli` runs."""
    script = release.one("ConfigMap", "-redis-master")["data"]["cli"]
    script = script.replace("/users/", f"{redis.directory}/").replace("valkey-cli", f"redis-cli -p {redis.port}")
    return subprocess.run(["sh", "-c", script, "cli", *words], capture_output=True, timeout=60)


def served(processing):
    try:
        with urllib.request.urlopen(f"{processing.url()}/sites/house-01/readings", timeout=10) as answer:
            return len(json.load(answer)["readings"])
    except OSError:
        return None


def reconcile(redis):
    variables = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(redis.port), "REDIS_PASSWORD": PASSWORDS["password"]}
    return subprocess.run([program(), "reconcile"], env={"PATH": os.environ["PATH"], **variables}, capture_output=True, text=True)


def test_after_a_restore_all_readings_are_back_and_reconcile_finds_none_orphaned(release, redis, replicas):
    ingestion, processing = replicas
    for _ in range(COUNT):
        request = urllib.request.Request(f"{ingestion.url()}/readings", json.dumps(READING).encode(), {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=10).close()
    wait_for("all are stored", lambda: served(processing) == COUNT)
    backup = cli(release, redis, "--rdb", "-")
    assert backup.returncode == 0, backup.stderr

    redis.process.kill()
    shutil.rmtree(redis.directory / "appendonlydir")
    script = (REPOSITORY / "scripts/restore-redis").read_text()
    restored = subprocess.run(["sh", "-c", script, "sh", str(redis.directory)], input=backup.stdout, capture_output=True)
    assert restored.returncode == 0, restored.stderr
    redis.process = Process("redis-again", ["redis-server", str(redis.directory / "redis.conf")], redis.directory)

    wait_for("all are served again", lambda: served(processing) == COUNT)
    said = reconcile(redis)
    assert said.returncode == 0 and f"{COUNT} stored" in said.stderr and "0 missing" in said.stderr, said.stderr
