"""A house of a year in an archive: imported, packed and archived by the real program."""

import gzip
import json
import subprocess
import urllib.parse
import urllib.request

from processes import program, wait_for
from rendering import REPOSITORY
from system import System

HOUSES = REPOSITORY / "data/houses_hourly.ndjson.gz"
HOUSE, METER = "house-01", "main-meter"

# Requests of this program to a store of this machine.
KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}


class Archived(System):
    """Redis, and an archive of it."""

    def __init__(self, directory, resources, url, environment=None):
        super().__init__(directory, resources)
        self.environment = {"ARCHIVE_URL": url, **(environment or {})}

    def command(self, *arguments):
        """Runs a command of the program to its end."""
        command = [program(), *arguments]
        return subprocess.run(command, env=self.everything(), capture_output=True, text=True, timeout=300)

    def everything(self):
        """The settings of each process."""
        server = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(self.redis_port), "PATH": "/usr/bin:/bin"}
        return {**server, **self.environment}

    def succeed(self, *arguments):
        ended = self.command(*arguments)
        assert ended.returncode == 0, ended.stderr
        return ended

    def store_house(self):
        """Stores the readings of one house, and archives them."""
        service = self.pack_house()
        return self.succeed("archive", "run"), service

    def pack_house(self):
        """Stores the readings of one house, as the pipeline does, and packs them; gives the URL of the service."""
        rows = map(json.loads, gzip.open(HOUSES, "rt"))
        rows = [row for row in rows if row["site_id"] == HOUSE]
        pipe = self.redis.pipeline(transaction=False)
        for row in rows:
            pipe.xadd("energy_readings", {**row, "ingested_at": "2026-01-15T10:30:01.123456"})
        pipe.execute()
        service = self.start_service("processing-service")
        settled = lambda: self.redis.zcard(f"site:{HOUSE}:readings") == len(rows)
        wait_for("all are stored", settled)
        self.succeed("pack")
        return service

    def start_service(self, role):
        here = {"LISTEN_HOST": "127.0.0.1", "PROCESSING_PORT": "0", "CONSUMER_NAME": "here"}
        process = self.start(role, [program(), role], {**here, **self.everything()})
        return wait_for(f"{role} listens", lambda: process.said(" listens on "))


def kwh_per_day(service, start, end):
    """kWh of the meter by UTC day, as the product answers."""
    query = {"interval": "1d", "tz": "UTC", "start": start, "end": end, "device_id": METER}
    url = f"{service}/sites/{HOUSE}/aggregates?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(url, timeout=60) as answer:
        (series,) = json.load(answer)["series"]
    return {bucket["start"][:10]: bucket["energy_kwh"] for bucket in series["buckets"] if bucket["count"]}
