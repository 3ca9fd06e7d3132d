"""The product on which the guides' commands are run: `up` as one has it on one's own machine, and a Redis with the two
services that stands for what runs in a cluster, or in containers."""

import os
import shutil
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

import stand_ins
from processes import Process, free_port, program, wait_for
from rendering import REPOSITORY

# A server that is started again when it ends, as a container is.
FOREVER = 'while :; do "$@" & wait $!; done'
READINGS = """\
site_id,device_id,power_reading,timestamp
house-03,main-meter,1500.5,2024-01-15T10:30:00Z
house-03,main-meter,1480.0,2024-01-15T10:45:00Z
"""


READING = b'{"site_id": "house-01", "device_id": "main-meter", "power_reading": 1500.5, "timestamp": "2024-01-15T10:30:00Z"}'
READINGS_OF_CLUSTER = 5


@dataclass
class Cluster:
    """The Redis of a release; what is done to it must not lose a reading."""

    port: str
    data: Path

    def has_all(self):
        asked = subprocess.run(["redis-cli", "-p", self.port, "ZCARD", "site:house-01:readings"], capture_output=True, text=True)
        return asked.stdout.strip() == str(READINGS_OF_CLUSTER)


@dataclass
class Product:
    """Where a running product is, and the environment in which a guide's commands are run."""

    addresses: dict
    environment: dict
    cluster: Cluster

    def substituted(self, text):
        for guides, ours in self.addresses.items():
            text = text.replace(guides, ours)
        return text


def is_ready(address):
    try:
        return urllib.request.urlopen(f"{address}/readyz", timeout=10).status == 200
    except urllib.error.HTTPError:
        return False


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def broker(home):
    """The port of an MQTT broker that admits every client of this machine."""
    port, configuration = free_port(), home / "mosquitto.conf"
    configuration.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    path = f"{os.environ['PATH']}:/usr/sbin"
    process = Process("mosquitto", [shutil.which("mosquitto", path=path), "-c", str(configuration)], home)
    try:
        wait_for("mosquitto runs", lambda: " running" in process.err.read_text())
        yield port
    finally:
        process.kill()
        process.ended()


@pytest.fixture(scope="session")
def up(home, broker):
    """`energy-pipeline up` with its private Redis, over the data directory of a user who has set nothing but a broker."""
    environment = {"HOME": str(home), "INGESTION_PORT": "0", "PROCESSING_PORT": "0", "FRONTEND_PORT": "0", "MQTT_URL": f"mqtt://127.0.0.1:{broker}"}
    process = Process("up", [program(), "up"], home, environment)
    try:
        wait_for("`up` says where everything is", lambda: process.said("  Redis ") and "Ctrl-C" in process.out.read_text())
        places = {"3000": "page", "8000": "ingestion API", "8001": "processing"}
        yield {port: process.said(f"  {place} ").removesuffix("/docs").rstrip("/") for port, place in places.items()}
    finally:
        process.terminate()
        assert process.ended() == 0, process.err.read_text()


@pytest.fixture(scope="session")
def cluster(home):
    """A Redis and the two services on it: what a release has, or compose."""
    data, port = home / "cluster", str(free_port())
    data.mkdir()
    server = ["redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "yes", "--dir", str(data)]
    shell = subprocess.Popen(["sh", "-c", FOREVER, "sh", *server], stdout=subprocess.DEVNULL, start_new_session=True)
    ours = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": port, "LISTEN_HOST": "127.0.0.1", "INGESTION_PORT": "0", "PROCESSING_PORT": "0"}
    roles = [Process(role, [program(), role], home, {**ours, "CONSUMER_NAME": "guide"}) for role in ("ingestion-api", "processing-service")]
    try:
        for role in roles:
            address = wait_for(f"{role.name} listens", lambda role=role: role.said(" listens on "))
            wait_for(f"{role.name} is ready", lambda address=address: is_ready(address))
        cluster = Cluster(port, data)
        ingestion = roles[0].said(" listens on ")
        for _ in range(READINGS_OF_CLUSTER):
            request = urllib.request.Request(f"{ingestion}/readings", READING, {"Content-Type": "application/json"})
            urllib.request.urlopen(request, timeout=10).close()
        wait_for("its readings are stored", cluster.has_all)
        yield cluster
    finally:
        for role in roles:
            role.terminate()
        for role in roles:
            role.ended()
        os.killpg(shell.pid, 9)
        shell.wait()


@pytest.fixture(scope="session")
def product(up, broker, cluster, home):
    tools = home / "tools"
    tools.mkdir()
    stand_ins.install(tools)
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL") if name in os.environ}
    environment = {
        **kept,
        "CLUSTER_REDIS_PORT": cluster.port,
        "CLUSTER_REDIS_DATA": str(cluster.data),
        "PATH": f"{tools}:{os.environ['PATH']}",
        "HOME": str(home),
        "PROGRAM": program(),
        "MAKE_PROGRAM": shutil.which("make"),
        "REDIS_CLI": shutil.which("redis-cli"),
        "INGESTION_URL": up["8000"],
    }
    addresses = {f"localhost:{port}": url.removeprefix("http://") for port, url in up.items()}
    addresses["localhost:1883"] = f"127.0.0.1:{broker}"
    return Product(addresses, environment, cluster)


@pytest.fixture
def checkout(tmp_path):
    """What a reader has in front of them: the project's files, and a place to write to."""
    for path in Path(REPOSITORY).iterdir():
        if path.name not in ("target", ".git"):
            (tmp_path / path.name).symlink_to(path)
    (tmp_path / "readings.csv").write_text(READINGS)
    return tmp_path
