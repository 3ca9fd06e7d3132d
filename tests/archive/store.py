"""An object store with the interface of Amazon S3."""

import sys
import urllib.error
import urllib.request
from contextlib import suppress

import boto3

from archived import KEYS
from processes import Process, free_port, wait_for

BUCKET = "readings"


class Store:
    """A server with the interface of S3, and one bucket."""

    def __init__(self, directory, resources):
        self.url = f"http://127.0.0.1:{free_port()}"
        port = self.url.rpartition(":")[2]
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", port]
        self.process = Process("store", command, directory)
        resources.callback(self.process.kill)
        wait_for("the store answers", self.create_bucket)

    def create_bucket(self):
        with suppress(urllib.error.URLError, ConnectionError):
            request = urllib.request.Request(f"{self.url}/{BUCKET}", method="PUT")
            return urllib.request.urlopen(request, timeout=10).status == 200

    def client(self):
        key, secret, region = KEYS.values()
        names = {"aws_access_key_id": key, "aws_secret_access_key": secret, "region_name": region}
        return boto3.client("s3", endpoint_url=self.url, **names)

    def environment(self):
        return {**KEYS, "AWS_ENDPOINT_URL": self.url, "AWS_ALLOW_HTTP": "true"}
