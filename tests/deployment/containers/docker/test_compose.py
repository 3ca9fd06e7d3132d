"""`docker compose up`, and then what the README says."""

import json
import os
import subprocess
import urllib.request
import uuid

import pytest
import yaml

from engine import docker
from processes import wait_for
from rendering import REPOSITORY

READING = {"site_id": "house-01", "device_id": "main-meter", "power_reading": 1500.5, "timestamp": "2024-01-15T10:30:00Z"}


class Project:
    """The project's compose file, but for images that are built already and ports that the kernel gives."""

    def __init__(self, compose, directory, images):
        self.compose, self.name = compose, f"test{uuid.uuid4().hex[:8]}"
        content = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())
        for service in content["services"].values():
            if service.pop("build", None):
                del service["pull_policy"]
                service["image"] = images["frontend" if "/frontend:" in service["image"] else "app"]
            if "/valkey:" in service["image"]:
                service["image"] = os.environ["REDIS_IMAGE"]
            service["ports"] = [f"127.0.0.1::{port.rpartition(':')[2]}" for port in service.get("ports", [])]
        self.file = directory / "compose.yaml"
        self.file.write_text(yaml.safe_dump(content))

    def __call__(self, *arguments):
        command = [*self.compose, "--project-directory", str(REPOSITORY), "-f", str(self.file), "-p", self.name, *arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, f"{arguments}: {done.stderr[-2000:]}"
        return done.stdout.strip()

    def url(self, service, port):
        return "http://" + self("port", service, str(port))


@pytest.fixture
def project(compose, app, frontend, tmp_path):
    project = Project(compose, tmp_path, {"app": app, "frontend": frontend})
    try:
        project("up", "--detach")
        yield project
    finally:
        project("down", "--volumes", "--timeout", "30")


def ask(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def readings(page, site="house-01"):
    try:
        return ask(f"{page}/api/sites/{site}/readings")["readings"]
    except OSError:
        return []


def test_a_reading_is_sent_and_read_back_and_survives_a_restart_of_redis(project):
    page = project.url("frontend", 3000)
    accepted = ask(f"{page}/api/readings", READING)
    assert accepted["status"] == "accepted"
    (reading,) = wait_for("it is read back", lambda: readings(page))
    assert reading["stream_id"] == accepted["stream_id"]
    # The services' own ports, as in the README.
    assert ask(f"{project.url('ingestion-api', 8000)}/health")["status"] == "healthy"
    assert ask(f"{project.url('processing-service', 8001)}/sites/house-01/readings")["readings"] == [reading]
    project("restart", "redis")
    assert wait_for("it is still there", lambda: readings(page)) == [reading]


def test_redis_requires_a_generated_password(project):
    container = project("ps", "-q", "redis")
    assert "NOAUTH" in docker("exec", container, "valkey-cli", "ping")
    assert project("exec", "-T", "redis", "sh", "/redis/cli", "ping") == "PONG"
    password = project("exec", "-T", "redis", "cat", "/run/redis/password")
    assert len(password) == 48 and password not in docker("inspect", container)
    assert password not in docker("top", container)
    # A second start keeps it.
    project("up", "--detach")
    assert project("exec", "-T", "redis", "cat", "/run/redis/password") == password


def test_three_processing_services_share_the_work(project):
    project("up", "--detach", "--scale", "processing-service=3")
    ids = project("ps", "-q", "processing-service").split()
    assert len(ids) == 3
    wait_for("all are healthy", lambda: all('"healthy"' in docker("inspect", "--format", "{{json .State.Health.Status}}", id) for id in ids))
    page = project.url("frontend", 3000)
    for number in range(50):
        ask(f"{page}/api/readings", {**READING, "site_id": "shared", "power_reading": number})
    wait_for("all are stored", lambda: len(readings(page, "shared")) == 50)
    consumers = project("exec", "-T", "redis", "sh", "/redis/cli", "--json", "XINFO", "CONSUMERS", "energy_readings", "processing_group")
    assert len(json.loads(consumers)) == 3


def test_everything_exits_with_0(project):
    ids = project("ps", "-q").split()
    project("stop", "--timeout", "30")
    assert {docker("inspect", "--format", "{{.State.ExitCode}}", id) for id in ids} == {"0"}
