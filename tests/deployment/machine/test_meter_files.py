"""The kWh of sample files are computed apart from the program, and stored: they are those of the samples."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[3] / "meter-files" / "profiles" / "expected.py"


def test_what_samples_contain_is_what_the_script_computes():
    checked = subprocess.run([sys.executable, SCRIPT, "--check"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, f"run {SCRIPT.name}: {checked.stderr}"
