"""Requests that schemathesis makes from the documents, valid and not, and all its checks of the answers.

EXAMPLES and SEED: how many examples an operation gets, and which.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from processes import wait_for

EXAMPLES, SEED = os.environ.get("EXAMPLES", "100"), os.environ.get("SEED", "1")


def run(url, directory):
    here = Path(__file__).parent
    program = [Path(sys.executable).with_name("schemathesis"), "--config-file", here / "schemathesis.toml"]
    command = [*program, "run", f"{url}/openapi.json", "--checks", "all"]
    bounds = ["--seed", SEED, "--max-examples", EXAMPLES, "--no-color"]
    hooks = {"SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(here)}
    environment = {**os.environ, **hooks}
    done = subprocess.run([*command, *bounds], cwd=directory, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_ingestion_api_responds_as_documented(system, tmp_path):
    run(system.start_service("ingestion-api"), tmp_path)


def test_the_processing_service_responds_as_documented(system, tmp_path):
    url = system.start_service("processing-service")
    system.add_unreadable_entries(50)
    wait_for("there are dead letters", lambda: system.dead_letters() == 50)
    run(url, tmp_path)
