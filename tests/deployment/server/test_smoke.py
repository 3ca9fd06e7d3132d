"""`helm test`, on real services: what it finds, what it says, and that it leaves nothing behind."""

import subprocess
from contextlib import ExitStack

import pytest
import redis

from processes import Process, free_port, program, wait_for
from rendering import REPOSITORY


class Services:
    def __init__(self, directory, resources):
        self.port = free_port()
        server = Process("redis", ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--maxmemory-policy", "noeviction"], directory)
        resources.callback(server.kill)
        self.redis = redis.Redis(port=self.port)
        self.urls = {}
        for role, variable in {"ingestion-api": "INGESTION", "processing-service": "PROCESSING"}.items():
            settings = {f"{variable}_PORT": "0", "LISTEN_HOST": "127.0.0.1", "REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(self.port), "CONSUMER_NAME": role}
            process = Process(role, [program(), role], directory, settings)
            resources.callback(process.kill)
            self.urls[f"{variable}_URL"] = wait_for(f"{role} listens", lambda process=process: process.said(" listens on "))
        wait_for("both are ready", lambda: all(self.is_ready(url) for url in self.urls.values()))

    def is_ready(self, url):
        return subprocess.run(["curl", "-sf", "-o", "/dev/null", f"{url}/readyz"]).returncode == 0

    def test(self, **variables):
        command = ["sh", str(REPOSITORY / "scripts/smoke-test.sh")]
        done = subprocess.run(command, env={"PATH": "/usr/bin:/bin", **self.urls, **variables}, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout.splitlines()


@pytest.fixture(scope="module")
def services(tmp_path_factory):
    with ExitStack() as resources:
        yield Services(tmp_path_factory.mktemp("services"), resources)


def test_it_passes_and_writes_nothing(services):
    code, said = services.test()
    assert (code, said[-1]) == (0, "nothing was written"), said
    assert services.redis.xlen("energy_readings") == 0 and not services.redis.keys("site:*")


def test_it_sends_a_reading_and_waits_for_it_if_configured(services):
    code, said = services.test(SMOKE_TEST_WRITES="true")
    assert code == 0 and said[-1].startswith("read back"), said
    assert services.redis.zcard("site:smoke-test:readings") == 1


@pytest.mark.parametrize("url", ["INGESTION_URL", "PROCESSING_URL"])
def test_it_fails_and_names_the_unreachable_service(services, url):
    away = f"http://127.0.0.1:{free_port()}"
    code, said = services.test(**{url: away})
    assert code == 1 and said[-1].startswith(f"{away} is not ready"), said


def test_it_fails_where_something_else_answers_for_the_ingestion_api(services):
    code, said = services.test(INGESTION_URL=services.urls["PROCESSING_URL"])
    assert code == 1 and "must be refused (422)" in said[-1], said
