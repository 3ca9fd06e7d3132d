"""The chart's ScaledObject, a Redis with the chart's configuration, and real replicas of the program: what happens under load.

Run by itself it prints the tables of docs/autoscaling.md. Time of the cluster (how often the autoscaler looks, how long it
waits) runs `SPEED` times as fast as that of the program, so that it takes a minute and not ten.
"""

import json
import os
import sys
import tempfile
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import redis as redis_client

from keda import Autoscaler
from processes import Process, free_port, program, wait_for
from rendering import at, containers, environment, merged, render

SPEED = 10
# The autoscaler's, in seconds of the cluster.
SYNC = 15
PASSWORDS = {"password": "s3cret of the program", "keda-password": "s3cret-of-keda"}


class Redis:
    """A server with the configuration and the users that the chart gives it."""

    def __init__(self, release, directory):
        self.directory = Path(directory)
        self.port = free_port()
        data = release.one("ConfigMap", "-redis-master")["data"]
        self.write_users(data["make-users"])
        configuration = data["redis.conf"].replace("/data", str(self.directory)).replace("/users/", f"{self.directory}/")
        file = self.directory / "redis.conf"
        file.write_text(configuration.replace("port 6379", f"port {self.port}\nbind 127.0.0.1"))
        self.file = file
        self.admin = self.client("default", "password")
        self.start()

    def start(self):
        self.process = Process("redis", ["redis-server", str(self.file)], self.directory)
        wait_for("Redis answers", self.answers)

    def restart(self):
        """Kills it, and restarts it over its files."""
        self.process.kill()
        self.start()

    def write_users(self, script):
        """Runs the script of the init container, with its folders here."""
        for name, password in PASSWORDS.items():
            (self.directory / name).write_text(password)
        local = script.replace("/login/", f"{self.directory}/").replace("/users/", f"{self.directory}/")
        made = Process("make-users", ["sh", "-c", local], self.directory)
        assert made.ended() == 0, made.err.read_text()

    def client(self, user, secret):
        return redis_client.Redis(
            port=self.port, username=user, password=PASSWORDS[secret], decode_responses=True, protocol=2
        )

    def answers(self):
        assert self.process.is_running(), self.process.out.read_text()
        try:
            return self.admin.ping()
        except redis_client.ConnectionError:
            return False


class Replica(Process):
    """A pod: the role of a Deployment, with its variables."""

    def __init__(self, release, role, name, redis, directory):
        (container,) = containers(release.pod(f"-{role}"))
        variables = {**release.config(), **environment(container)}
        here = {
            "REDIS_HOST": "127.0.0.1",
            "REDIS_PORT": str(redis.port),
            "REDIS_PASSWORD_FILE": str(redis.directory / "password"),
            "LISTEN_HOST": "127.0.0.1",
            "INGESTION_PORT": "0",
            "PROCESSING_PORT": "0",
            "CONSUMER_NAME": name,
        }
        super().__init__(name, [program(), *container["args"]], directory, {**variables, **here})
        self.stored = 0

    def url(self):
        return wait_for(f"{self.name} listens", lambda: self.said(" listens on "))

    def count(self):
        """The number of readings that it has stored."""
        request = urllib.request.Request(f"{self.url()}/metrics", headers={"Accept": "text/plain"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        values = [line.rsplit(" ", 1)[1] for line in lines if line.startswith("energy_pipeline_readings_stored_total")]
        self.stored = int(sum(map(float, values)))
        return self.stored


@dataclass
class Moment:
    """A poll of the autoscaler, in seconds of the program."""

    at: float
    pending: int
    lag: int
    replicas: int
    wants: int
    arriving: bool


@dataclass
class Outcome:
    """The result of a run."""

    moments: list
    accepted: list
    stored: list
    shares: dict
    partitions: dict
    exits: dict
    drained: float
    consumers: set
    dead: int


class Cluster:
    """The Deployment's pods, and who decides how many there are."""

    def __init__(self, release, directory, resources):
        self.release, self.directory, self.resources = release, directory, resources
        self.redis = Redis(release, directory)
        resources.callback(self.redis.process.kill)
        self.keda = self.redis.client("keda", "keda-password")
        self.autoscaler = Autoscaler(release.one("ScaledObject"))
        self.ingestion = self.start("ingestion-api", "ingestion")
        self.running, self.ended, self.moments = [], [], []

    def start(self, role, name):
        replica = Replica(self.release, role, name, self.redis, self.directory)
        self.resources.callback(replica.kill)
        replica.url()
        return replica

    def scale(self, replicas):
        while len(self.running) < replicas:
            name = f"pod-{len(self.running) + len(self.ended) + 1}"
            self.running.append(self.start("processing-service", name))
        while len(self.running) > replicas:
            # The newest go first, as with a ReplicaSet.
            pod = self.running.pop()
            pod.count()
            pod.terminate()
            self.ended.append(pod)

    def look(self, started, arriving):
        """The autoscaler polls and decides once."""
        now = time.monotonic() - started
        metrics = self.autoscaler.metrics(self.keda)
        pending, lag = (total_of(kind, metrics) for kind in ("pending", "lag"))
        replicas = len(self.running)
        wants = self.autoscaler.decide(metrics, replicas, now * SPEED)
        self.moments.append(Moment(now, pending, lag, replicas, wants, arriving))
        self.scale(wants)

    def streams(self):
        """The streams that KEDA asks: one for each partition."""
        triggers = self.autoscaler.spec["triggers"]
        return sorted({trigger["metadata"]["stream"] for trigger in triggers})

    def is_worked_off(self):
        groups = [group for stream in self.streams() for group in self.redis.admin.xinfo_groups(stream)]
        return all((group["pending"], group["lag"]) == (0, 0) for group in groups)

    def consumers(self):
        group = self.release.config()["CONSUMER_GROUP"]
        return {consumer["name"] for stream in self.streams() for consumer in self.redis.admin.xinfo_consumers(stream, group)}

    def appended(self):
        """The number of entries that each partition has had."""
        return {stream: self.redis.admin.xinfo_stream(stream)["entries-added"] for stream in self.streams()}

    def dead(self):
        return sum(self.redis.admin.xlen(f"{stream}:dead") for stream in self.streams())


def total_of(kind, metrics):
    """The sum of a kind of trigger over the partitions; -1 without such triggers."""
    totals = [total for name, (total, _) in metrics.items() if name.partition("_")[0] == kind]
    return sum(totals) if totals else -1


class Load:
    """Senders of readings: a burst, and then some each second for a while."""

    def __init__(self, url, burst, rate, seconds, sites):
        self.url, self.burst, self.rate, self.seconds, self.sites = url, burst, rate, seconds, sites
        self.accepted = []
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def send(self, number):
        reading = {
            "site_id": f"site-{number % self.sites}",
            "device_id": "meter",
            "power_reading": number,
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_700_000_000 + number)),
        }
        request = urllib.request.Request(
            f"{self.url}/readings", json.dumps(reading).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            self.accepted.append((reading["site_id"], json.load(answer)["stream_id"]))

    def run(self):
        with ThreadPoolExecutor(8) as senders:
            list(senders.map(self.send, range(self.burst)))
        for number in range(int(self.rate * self.seconds)):
            self.send(self.burst + number)
            time.sleep(1 / self.rate)

    def is_over(self):
        return not self.thread.is_alive()


def stored(redis):
    """Sites and ids of the readings in all sites' sorted sets, doubled ones doubled. Ids of two partitions may be equal."""
    sites = redis.admin.keys("site:*:readings")
    members = [json.loads(member) for site in sites for member in redis.admin.zrange(site, 0, -1)]
    return [(member["site_id"], member["stream_id"]) for member in members]


def run(values=None, *, burst=60, rate=1.5, seconds=38, delay=500, sites=7, deadline=180):
    """Applies a load for a while, and returns the result."""
    release = render(merged({"config": {"processingDelayMs": delay}}, values or {}))
    with tempfile.TemporaryDirectory() as directory, ExitStack() as resources:
        cluster = Cluster(release, directory, resources)
        cluster.scale(cluster.autoscaler.spec["minReplicaCount"])
        started = time.monotonic()
        load = Load(cluster.ingestion.url(), burst, rate, seconds, sites)
        # Polling at an interval is what the autoscaler itself does; there is no condition to wait for.
        while not (load.is_over() and cluster.is_worked_off() and len(cluster.running) == 1):
            assert time.monotonic() - started < deadline, cluster.moments
            time.sleep(SYNC / SPEED)
            cluster.look(started, not load.is_over())
        drained = time.monotonic() - started
        for pod in cluster.running:
            pod.count()
        exits = {pod.name: pod.ended() for pod in cluster.ended}
        pods = cluster.ended + cluster.running
        return Outcome(
            cluster.moments,
            load.accepted,
            stored(cluster.redis),
            {pod.name: pod.stored for pod in sorted(pods, key=lambda pod: pod.name)},
            cluster.appended(),
            exits,
            drained,
            cluster.consumers(),
            cluster.dead(),
        )


SCENARIOS = {
    "as the chart has it": {},
    "pending only": at("keda.lag.enabled", False),
    "lag only": at("keda.pending.enabled", False),
    "pending only, `maxInFlight: 7`": merged(
        at("keda.lag.enabled", False), at("processingService.consumer.maxInFlight", 7)
    ),
    "pending only, threshold 11": merged(at("keda.lag.enabled", False), at("keda.threshold", 11)),
    "`aggregate: sum`": at("keda.aggregate", "sum"),
    "4 partitions": at("config.streamPartitions", 4),
    "4 partitions, `aggregate: sum`": merged(at("config.streamPartitions", 4), at("keda.aggregate", "sum")),
    "16 partitions": at("config.streamPartitions", 16),
}


def report(name, outcome):
    print(f"\n## {name}\n| second | pending | lag | backlog | replicas | wanted |\n|---|---|---|---|---|---|")
    for moment in outcome.moments:
        backlog = max(moment.pending, 0) + max(moment.lag, 0)
        print(f"| {moment.at:.1f} | {moment.pending} | {moment.lag} | {backlog} | {moment.replicas} | {moment.wants} |")
    shares = " / ".join(str(share) for share in outcome.shares.values())
    lost = len(set(outcome.accepted) - set(outcome.stored))
    doubled = len(outcome.stored) - len(set(outcome.stored))
    print(f"\n{len(outcome.accepted)} accepted, {lost} lost, {doubled} doubled; each pod's share: {shares}; drained after {outcome.drained:.0f} s")
    print(f"entries of each partition: {' / '.join(map(str, outcome.partitions.values()))}", flush=True)


if __name__ == "__main__":
    chosen = sys.argv[1:] or SCENARIOS
    load = {key.lower(): int(os.environ[key]) for key in ("BURST", "SECONDS", "DELAY", "SITES") if key in os.environ}
    for name in chosen:
        report(name, run(SCENARIOS[name], **load))
