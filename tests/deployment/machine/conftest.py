"""Scripts of the project, run with stand-ins for the tools of a system that is not this one."""

import os
import subprocess

import pytest

from rendering import REPOSITORY


class Tools:
    """A directory of programs that go before those of this machine."""

    def __init__(self, directory):
        self.directory = directory

    def add(self, name, script="exit 0"):
        path = self.directory / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def run(self, *command, cwd=REPOSITORY, path=None, **environment):
        """Runs a command; `path` replaces what comes after the stand-ins."""
        path = os.environ["PATH"] if path is None else path
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
        environment = {**kept, "PATH": f"{self.directory}:{path}", **environment}
        return subprocess.run(command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)


@pytest.fixture
def tools(tmp_path):
    directory = tmp_path / "tools"
    directory.mkdir()
    return Tools(directory)
