"""A Docker engine: images, and containers that find each other by name."""

import json
import os
import shlex
import subprocess
import time
import uuid

from processes import wait_for
from rendering import REPOSITORY

# How images are built where none can be pulled; `with-docker` knows.
ARGUMENTS = shlex.split(os.environ.get("BUILD_ARGUMENTS", ""))


def docker(*arguments, check=True):
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True)
    assert not check or done.returncode == 0, f"docker {shlex.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


def build(target, say=print):
    """Builds an image, and says which step it is at: the whole takes minutes."""
    name = f"energy-pipeline/{target}:test"
    command = ["docker", "build", *ARGUMENTS, "--target", target, "-t", name, str(REPOSITORY)]
    # Without BuildKit, which not every engine has.
    environment = {**os.environ, "DOCKER_BUILDKIT": "0"}
    started, lines = time.monotonic(), []
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as building:
        for line in building.stdout:
            lines.append(line)
            if line.startswith("Step "):
                say(f"{name} after {time.monotonic() - started:.0f} s: {line.rstrip()[:100]}")
    assert building.returncode == 0, "".join(lines)[-6000:]
    return name


class Network:
    def __init__(self):
        self.name = f"test-{uuid.uuid4().hex[:8]}"
        self.containers = []
        docker("network", "create", self.name)

    def run(self, name, image, *command, options=()):
        full = f"{self.name}-{name}"
        options = ["--name", full, "--network", self.name, "--network-alias", name, *options]
        docker("run", "--detach", *options, image, *command)
        self.containers.append(full)
        return Container(full)

    def remove(self):
        for name in self.containers:
            docker("rm", "--force", "--volumes", name, check=False)
        docker("network", "rm", self.name, check=False)


class Container:
    def __init__(self, name):
        self.name = name

    def state(self):
        return json.loads(docker("inspect", self.name))[0]["State"]

    def health(self):
        state = self.state()
        assert state["Running"], docker("logs", self.name)
        return state["Health"]["Status"]

    def wait_until_healthy(self, deadline=30):
        wait_for(f"{self.name} is healthy", lambda: self.health() == "healthy", deadline)

    def url(self, port):
        return "http://" + docker("port", self.name, str(port)).splitlines()[0]

    def redis(self, *command):
        return docker("exec", self.name, "valkey-cli", *command)
