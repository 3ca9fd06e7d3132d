"""The services listen by IPv6 and IPv4, as the chart tells them."""

import urllib.request
from pathlib import Path

import pytest

from processes import Process, free_port, program, wait_for
from rendering import render


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="there is no IPv6 here")
def test_a_service_is_reached_by_both(tmp_path):
    port = free_port()
    variables = {"LISTEN_HOST": render().config()["LISTEN_HOST"], "INGESTION_PORT": str(port), "REDIS_PORT": str(free_port())}
    process = Process("ingestion", [program(), "ingestion-api"], tmp_path, variables)
    try:
        wait_for("it listens", lambda: process.said(" listens on "))
        for host in ("127.0.0.1", "[::1]"):
            with urllib.request.urlopen(f"http://{host}:{port}/livez", timeout=5) as answer:
                assert answer.status == 200, host
    finally:
        process.kill()
