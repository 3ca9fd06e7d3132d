"""Images built once, and containers that end with their tests. Run by `make test-containers`."""

import shutil
import subprocess

import pytest

from engine import Network, build


@pytest.fixture(scope="session")
def app():
    return build("app")


@pytest.fixture(scope="session")
def frontend():
    return build("frontend")


@pytest.fixture(scope="session")
def compose():
    if subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0:
        return ["docker", "compose"]
    assert shutil.which("docker-compose"), "neither `docker compose` nor docker-compose is there"
    return ["docker-compose"]


@pytest.fixture
def network():
    network = Network()
    yield network
    network.remove()
