"""A Redis server as the chart configures it, and a Secret as its init container finds it."""

import re
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from processes import Process, free_port, wait_for

class Server:
    """Runs the chart's scripts and its configuration, with the container's folders in a directory of ours."""

    def __init__(self, directory, resources):
        self.directory, self.resources = Path(directory), resources
        self.port = None
        for folder in ("login", "users", "config", "data"):
            (self.directory / folder).mkdir()

    def here(self, text):
        return re.sub(r"(?<!\w)/(login|users|config|data)\b", rf"{self.directory}/\1", text)

    def make_users(self, release, password, keda_password=b"of-keda"):
        """Runs the init container's script; returns its exit code and what it complained of."""
        (self.directory / "login/password").write_bytes(password)
        (self.directory / "login/keda-password").write_bytes(keda_password)
        self.data = release.one("ConfigMap", "-redis-master")["data"]
        made = Process("make-users", ["sh", "-c", self.here(self.data["make-users"])], self.directory)
        return made.ended(), made.err.read_text()

    def take(self, release, password, **more):
        """Users of a release: what a start of the pod makes of them."""
        code, complaint = self.make_users(release, password, **more)
        assert code == 0, complaint
        if self.port is None:
            self.start()
        else:
            self.admin.execute_command("ACL", "LOAD")
        # As the program reads it.
        self.admin = self.client("default", password.removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n"))
        return self

    def start(self):
        self.port = free_port()
        configuration = self.here(self.data["redis.conf"]).replace("port 6379", f"port {self.port}").replace("bind * -::*", "bind 127.0.0.1")
        (self.directory / "config/redis.conf").write_text(configuration)
        process = Process("redis", ["redis-server", str(self.directory / "config/redis.conf")], directory=self.directory)
        self.resources.callback(process.kill)
        wait_for("the server listens", lambda: "Ready to accept connections" in process.out.read_text() or not process.is_running())
        assert process.is_running(), process.out.read_text()[-2000:]

    def client(self, user, password):
        # A rejected password would be retried for ever.
        return redis.Redis(port=self.port, username=user, password=password, retry=Retry(NoBackoff(), 0))

    def cli(self, *words):
        """What the readiness probe runs."""
        script = self.here(self.data["cli"]).replace("valkey-cli", f"redis-cli -p {self.port}")
        asked = Process("cli", ["sh", "-c", script, "cli", *words], self.directory)
        return asked.ended(), asked.out.read_text().strip()


@pytest.fixture(scope="module")
def server():
    with tempfile.TemporaryDirectory() as directory, ExitStack() as resources:
        yield Server(directory, resources)
