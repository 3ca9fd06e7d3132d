"""Images built once, and containers that end with their tests. Run by `make test-containers`."""

import shutil
import subprocess

import pytest

from engine import Network, build


@pytest.fixture(scope="session")
def say(pytestconfig):
    """Says something at once, past what pytest keeps for failures."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")

    def say(text):
        with capture.global_and_fixture_disabled():
            print(f"\n{text}", end="", flush=True)

    return say


@pytest.fixture(scope="session")
def app(say):
    return build("app", say)


@pytest.fixture(scope="session")
def frontend(say):
    return build("frontend", say)


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
