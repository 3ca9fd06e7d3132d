"""The images: how large, as whom, and how they start and end under the hardest settings."""

import json
import os
import time
import urllib.error
import urllib.request

import pytest

from engine import docker
from processes import wait_for

HARDENED = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
QUICK = ["--health-interval", "1s", "--health-timeout", "2s"]
# Above both: 14.7 MB when it was measured; a page and a half of dependencies more would be noticed.
MOST_BYTES = 20_000_000


def inspect(image):
    return json.loads(docker("inspect", image))[0]


def status(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def add_readings(redis, count):
    script = (
        "for i=1,ARGV[1] do redis.call('XADD', KEYS[1], '*', 'site_id', 'house', 'device_id', 'meter', 'power_reading', i, "
        "'timestamp', '2024-01-15T10:30:00Z', 'ingested_at', '2024-01-15T10:30:00.123456') end"
    )
    redis.redis("EVAL", script, "1", "energy_readings", str(count))


def role(network, app, name, port, **variables):
    settings = [word for key, value in {"REDIS_HOST": "redis", **variables}.items() for word in ("--env", f"{key}={value}")]
    return network.run(name, app, name, options=[*HARDENED, *QUICK, *settings, "--publish", f"127.0.0.1::{port}"])


@pytest.fixture
def redis(network):
    container = network.run("redis", os.environ["REDIS_IMAGE"])
    wait_for("Redis answers", lambda: docker("exec", container.name, "valkey-cli", "ping", check=False) == "PONG")
    return container


def test_the_image_contains_only_the_program(app):
    image = inspect(app)
    assert image["Size"] <= MOST_BYTES, f"{image['Size'] / 1e6:.1f} MB"
    assert image["Config"]["User"] == "10001:10001"
    assert image["Config"]["Entrypoint"] == ["/energy-pipeline"] and not image["Config"]["Cmd"]
    assert "energy-pipeline 0.1.0" in docker("run", "--rm", app, "--version")


@pytest.mark.parametrize("image", ["app", "frontend"])
def test_an_image_says_what_it_is(image, request):
    labels = inspect(request.getfixturevalue(image))["Config"]["Labels"]
    assert labels["org.opencontainers.image.title"] == f"energy-pipeline/{image}"
    assert labels["org.opencontainers.image.licenses"] == "MIT"


def test_a_role_is_healthy_within_ten_seconds(network, redis, app):
    ingestion = role(network, app, "ingestion-api", 8000)
    ingestion.wait_until_healthy(10)
    assert status(f"{ingestion.url(8000)}/readyz") == 200


def test_stopping_finishes_entries_in_flight(network, redis, app):
    processing = role(network, app, "processing-service", 8001, PROCESSING_DELAY_MS=20)
    processing.wait_until_healthy()
    add_readings(redis, 200)
    wait_for("some are stored", lambda: int(redis.redis("ZCARD", "site:house:readings") or 0) > 10)
    started = time.monotonic()
    docker("stop", "--time", "30", processing.name)
    assert processing.state()["ExitCode"] == 0
    assert time.monotonic() - started < 30
    # What was in flight is stored and acknowledged; what was not read waits for others.
    assert redis.redis("XPENDING", "energy_readings", "processing_group").splitlines()[0] == "0"
    stored = int(redis.redis("ZCARD", "site:house:readings"))
    assert 10 < stored < 200


def test_with_a_frozen_redis_services_are_not_ready_but_alive(network, redis, app):
    ingestion = role(network, app, "ingestion-api", 8000)
    ingestion.wait_until_healthy()
    url = ingestion.url(8000)
    docker("pause", redis.name)
    wait_for("it is not ready", lambda: status(f"{url}/readyz") == 503)
    assert status(f"{url}/livez") == 200
    wait_for("it is unhealthy", lambda: ingestion.health() == "unhealthy")
    docker("unpause", redis.name)
    wait_for("it is ready again", lambda: status(f"{url}/readyz") == 200)
    wait_for("it is healthy again", lambda: ingestion.health() == "healthy")


def test_everything_in_one_container_needs_a_redis_only(network, redis, app):
    up = network.run("up", app, options=[*HARDENED, *QUICK, "--env", "REDIS_HOST=redis", "--publish", "127.0.0.1::3000"])
    up.wait_until_healthy()
    with urllib.request.urlopen(f"{up.url(3000)}/", timeout=5) as answer:
        assert b"<!doctype html>" in answer.read().lower()


def test_the_page_runs_before_its_services_and_finds_them_later(network, redis, app, frontend):
    page = network.run("frontend", frontend, options=[*HARDENED, *QUICK, "--tmpfs", "/tmp:mode=1777", "--publish", "127.0.0.1::3000"])
    page.wait_until_healthy()
    assert status(f"{page.url(3000)}/") == 200
    assert status(f"{page.url(3000)}/api/sites") in (502, 504)
    role(network, app, "processing-service", 8001).wait_until_healthy()
    wait_for("the page finds it", lambda: status(f"{page.url(3000)}/api/sites") == 200)


def test_the_page_listens_by_ipv6_where_the_kernel_has_it(network, frontend):
    page = network.run("frontend", frontend, options=[*HARDENED, *QUICK, "--tmpfs", "/tmp:mode=1777"])
    page.wait_until_healthy()
    has_ipv6 = "if_inet6" in docker("exec", page.name, "ls", "/proc/net")
    assert ("listen [::]:3000;" in docker("exec", page.name, "cat", "/tmp/nginx.conf")) == has_ipv6


@pytest.mark.parametrize("user", ["1000640000:0", "12345:12345"])
def test_the_images_run_as_any_user(network, redis, app, frontend, user):
    options = [*HARDENED, *QUICK, "--user", user]
    network.run("ingestion-api", app, "ingestion-api", options=[*options, "--env", "REDIS_HOST=redis"]).wait_until_healthy()
    network.run("frontend", frontend, options=[*options, "--tmpfs", "/tmp:mode=1777"]).wait_until_healthy()


def test_the_smoke_test_of_the_chart_passes(network, redis, app, frontend):
    for name, port in {"ingestion-api": 8000, "processing-service": 8001}.items():
        role(network, app, name, port).wait_until_healthy()
    urls = ["--env", "INGESTION_URL=http://ingestion-api:8000", "--env", "PROCESSING_URL=http://processing-service:8001"]
    run = ["run", "--rm", "--network", network.name, *HARDENED, *urls]
    said = docker(*run, "--entrypoint", "sh", frontend, "/smoke-test.sh")
    assert said.endswith("nothing was written") and redis.redis("KEYS", "site:*") == ""
    said = docker(*run, "--env", "SMOKE_TEST_WRITES=true", "--entrypoint", "sh", frontend, "/smoke-test.sh")
    assert "accepted as" in said and "read back" in said
