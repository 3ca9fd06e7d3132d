"""Both services of the real program, and the real Redis that they share."""

import contextlib
import json
import subprocess
import urllib.request

import redis

from processes import Process, free_port, program, wait_for

STREAM = "energy_readings"


class System:
    """Processes in a directory; `resources` ends them."""

    def __init__(self, directory, resources):
        self.directory, self.resources, self.keys_file = directory, resources, None
        self.redis_port = free_port()
        self.redis = redis.Redis(port=self.redis_port, decode_responses=True, protocol=3)
        command = ["redis-server", "--port", str(self.redis_port), "--bind", "127.0.0.1", "--dir", str(directory)]
        durable = ["--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"]
        self.server = self.start("redis", command + durable)
        wait_for("Redis answers", self.redis_answers)

    def start(self, name, command, environment=None):
        process = Process(name, command, self.directory, environment)
        self.resources.callback(process.kill)
        return process

    def redis_answers(self):
        with contextlib.suppress(redis.ConnectionError):
            return self.redis.ping()

    def new_key(self, *scopes):
        """An API key with these scopes; services that start after the first one need it."""
        self.keys_file = self.directory / "keys.json"
        name = "-".join(scopes)
        command = [program(), "keys", "create", "--keys-file", self.keys_file, "--name", name, "--scope", ",".join(scopes)]
        created = subprocess.run(command, capture_output=True, text=True, check=True)
        return created.stdout.strip()

    def start_service(self, role):
        """Starts a role, and gives its URL once it is ready."""
        here = {"LISTEN_HOST": "127.0.0.1", "INGESTION_PORT": "0", "PROCESSING_PORT": "0"}
        there = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(self.redis_port), "CONSUMER_NAME": "here"}
        access = {"API_KEYS_FILE": str(self.keys_file)} if self.keys_file else {}
        process = self.start(role, [program(), role], {**here, **there, **access})
        return wait_for(f"{role} listens", lambda: process.said(" listens on "))

    def add_unreadable_entries(self, number):
        """Puts entries into the stream that cannot become readings."""
        for _ in range(number):
            self.redis.xadd(STREAM, {"site_id": "house-01", "power_reading": "none"})

    def dead_letters(self):
        return self.redis.xlen(f"{STREAM}:dead")


def document(url):
    """The document that a service serves."""
    with urllib.request.urlopen(f"{url}/openapi.json", timeout=10) as answer:
        return json.load(answer)


def operations(served):
    """The ids of a document's operations, each with its tag."""
    described = [operation for path in served["paths"].values() for operation in path.values()]
    return {operation["operationId"]: operation["tags"][0] for operation in described}
