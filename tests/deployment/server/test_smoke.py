"""`helm test`, on real services: what it finds, what it says, and that it leaves nothing behind."""

import subprocess
from contextlib import ExitStack

import pytest
import redis

from processes import Process, free_port, program, wait_for
from rendering import REPOSITORY


CERTIFICATE = REPOSITORY / "tests/certificates/localhost.pem"
TLS = {"TLS_CERT_FILE": str(CERTIFICATE), "TLS_KEY_FILE": str(CERTIFICATE).replace(".pem", ".key.pem")}


class Services:
    def __init__(self, directory, resources, **more):
        self.port = free_port()
        server = Process("redis", ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--maxmemory-policy", "noeviction"], directory)
        resources.callback(server.kill)
        self.redis = redis.Redis(port=self.port)
        self.urls = {}
        for role, variable in {"ingestion-api": "INGESTION", "processing-service": "PROCESSING"}.items():
            settings = {f"{variable}_PORT": "0", "LISTEN_HOST": "127.0.0.1", "REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(self.port), "CONSUMER_NAME": role, **more}
            process = Process(role, [program(), role], directory, settings)
            resources.callback(process.kill)
            url = wait_for(f"{role} listens", lambda process=process: process.said(" listens on "))
            # The certificate is that of a name.
            self.urls[f"{variable}_URL"] = url.replace("127.0.0.1", "localhost") if "TLS_CERT_FILE" in more else url
        wait_for("both are ready", lambda: all(self.is_ready(url) for url in self.urls.values()))

    def is_ready(self, url):
        return subprocess.run(["curl", "-sfk", "-o", "/dev/null", f"{url}/readyz"]).returncode == 0

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


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """A file of keys, and a file with a key of it as a Secret has it."""
    folder = tmp_path_factory.mktemp("keys")
    command = [program(), "keys", "create", "--keys-file", str(folder / "keys.json"), "--name", "smoke-test", "--scope", "write,read"]
    (folder / "key").write_text(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return folder


@pytest.fixture(scope="module")
def services_with_keys(tmp_path_factory, keys):
    with ExitStack() as resources:
        yield Services(tmp_path_factory.mktemp("with-keys"), resources, API_KEYS_FILE=str(keys / "keys.json"))


def test_where_keys_are_required_it_checks_that_a_request_without_one_is_rejected(services_with_keys):
    code, said = services_with_keys.test(SMOKE_TEST_AUTHENTICATED="true")
    assert (code, said[-1]) == (0, "requests without a key are rejected"), said


def test_it_fails_where_a_request_without_the_required_key_is_accepted(services):
    code, said = services.test(SMOKE_TEST_AUTHENTICATED="true")
    assert code == 1 and said[-1].startswith("a request without a key must be rejected (401)"), said


def test_with_a_key_it_sends_a_reading_and_reads_it_back(services_with_keys, keys):
    code, said = services_with_keys.test(SMOKE_TEST_AUTHENTICATED="true", SMOKE_TEST_WRITES="true", SMOKE_TEST_API_KEY_FILE=str(keys / "key"))
    assert code == 0 and said[-1].startswith("read back"), said


def test_services_by_https_are_verified(tmp_path):
    with ExitStack() as resources:
        services = Services(tmp_path, resources, **TLS)
        assert all(url.startswith("https://localhost:") for url in services.urls.values())
        code, said = services.test(SMOKE_TEST_CA_FILE=str(CERTIFICATE))
        assert (code, said[-1]) == (0, "nothing was written"), said
        code, said = services.test()
        assert code == 1 and said[-1].endswith("answers nothing, and its /readyz says why"), said
