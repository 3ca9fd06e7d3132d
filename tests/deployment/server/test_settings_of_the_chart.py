"""The settings that the chart makes of its values are accepted by the program, and do there what the values say."""

import json
import subprocess
import urllib.error
import urllib.request

import pytest

from processes import Process, free_port, program, wait_for
from rendering import REPOSITORY, at, merged, render

KEYS = at("apiKeys", {"enabled": True, "existingSecret": "keys"})
LIMITS = merged(at("rateLimit", {"perAddress": "100/s burst=20", "perKey": "1/h burst=2"}), at("config.forwardedFrom", ["10.0.0.0/8", "fd00::/8"]))
CLIENT_CA = at("tls", {"existingSecret": "tls", "clientCa": {"existingSecret": "ca"}})
ROLES = {"ingestion-api": "INGESTION_PORT", "processing-service": "PROCESSING_PORT", "query-api": "PROCESSING_PORT"}


@pytest.fixture
def folder(tmp_path):
    """`/etc/energy-pipeline` of a pod, with the files of its Secrets; and a key."""
    for name in ("keys", "tls"):
        (tmp_path / name).mkdir()
    command = [program(), "keys", "create", "--keys-file", str(tmp_path / "keys/keys.json"), "--name", "all", "--scope", "write,read,operate"]
    (tmp_path / "key").write_text(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    certificates = REPOSITORY / "tests/certificates"
    for name, file in {"tls.crt": "localhost.pem", "tls.key": "localhost.key.pem", "client-ca.crt": "localhost.pem"}.items():
        (tmp_path / "tls" / name).write_bytes((certificates / file).read_bytes())
    return tmp_path


def settings(values, folder):
    """The ConfigMap of a release, with files and ports of ours."""
    config = render(merged(values, at("redis.auth.enabled", False))).config()
    ours = {name: text.replace("/etc/energy-pipeline", str(folder)) for name, text in config.items()}
    port = free_port()
    return {**ours, "METRICS_PORT": str(port), "LISTEN_HOST": "127.0.0.1", "REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(free_port())}


def status(url, key=None):
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"} if key else {})
    try:
        return urllib.request.urlopen(request, timeout=10).status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize("role", ROLES)
def test_services_require_keys_and_their_metrics_port_does_not(role, folder):
    told = settings(merged(KEYS, LIMITS), folder)
    process = Process(role, [program(), role], folder, {**told, ROLES[role]: "0", "CONSUMER_NAME": role})
    try:
        url = wait_for("it listens", lambda: process.said(f"{role} listens on "))
        key = (folder / "key").read_text().strip()
        metrics = f"http://127.0.0.1:{told['METRICS_PORT']}"
        assert status(f"{metrics}/livez") == 200
        # Without Redis.
        assert status(f"{metrics}/readyz") == 503
        assert status(f"{metrics}/metrics") == 200
        assert urllib.request.urlopen(f"{metrics}/metrics").read().startswith(b"# HELP")
        assert (status(f"{url}/metrics"), status(f"{url}/livez")) == (401, 200)
        assert [status(f"{url}/metrics", key) == 429 for _ in range(3)] == [False, False, True]
    finally:
        process.kill()


def test_services_serve_https_and_their_metrics_port_http(folder):
    told = settings(merged(KEYS, CLIENT_CA), folder)
    process = Process("ingestion", [program(), "ingestion-api"], folder, {**told, "INGESTION_PORT": "0"})
    try:
        url = wait_for("it listens", lambda: process.said("ingestion-api listens on "))
        assert url.startswith("https://")
        assert status(f"http://127.0.0.1:{told['METRICS_PORT']}/livez") == 200
        address = url.replace("127.0.0.1", "localhost")

        def status_by_https(path, *options):
            command = ["curl", "-sS", "--cacert", str(folder / "tls/tls.crt"), *options, address + path, "-o", "/dev/null", "-w", "%{http_code}"]
            return subprocess.run(command, capture_output=True, text=True).stdout

        assert status_by_https("/livez") == "200"
        # A key or a certificate: with keys no client certificate is required, as the chart's page and smoke test have none.
        key = f"Authorization: Bearer {(folder / 'key').read_text().strip()}"
        assert status_by_https("/metrics") == "401"
        assert status_by_https("/readings", "--header", key, "--data", "{}") == "422"
    finally:
        process.kill()


def test_an_invalid_file_of_keys_stops_the_start_and_opens_nothing(folder):
    (folder / "keys/keys.json").write_text(json.dumps({"keys": "none"}))
    process = Process("ingestion", [program(), "ingestion-api"], folder, {**settings(KEYS, folder), "INGESTION_PORT": "0"})
    assert process.ended() == 2 and "API_KEYS_FILE" in process.err.read_text()
