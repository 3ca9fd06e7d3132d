"""The committed documents, read by Spectral with the rules for OpenAPI."""

import subprocess
from pathlib import Path

import pytest

from rendering import REPOSITORY

HERE = Path(__file__).parent


@pytest.mark.parametrize("role", ["ingestion-api", "processing-service"])
def test_spectral_reports_nothing(role):
    spectral = HERE / "node_modules/.bin/spectral"
    command = [spectral, "lint", "--fail-severity", "hint", "--ruleset", HERE / "spectral.yaml"]
    done = subprocess.run([*command, REPOSITORY / f"openapi/{role}.json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
