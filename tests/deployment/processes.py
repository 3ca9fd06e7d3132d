"""Processes that are stopped with their test: the program, and servers from packages."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from rendering import REPOSITORY

# Above the time of any condition, even on a busy machine.
DEADLINE = 60


def free_port():
    """Assigned by the kernel, which assigns it to none but its server for a minute: a connection to it was closed
    (TIME_WAIT), so it can be bound only by name, and with SO_REUSEADDR, as servers do."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        with socket.create_connection(address):
            listener.accept()[0].close()  # the side that closes first waits
        return address[1]


def wait_for(what, condition, deadline=DEADLINE):
    until = time.monotonic() + deadline
    while not (value := condition()):
        assert time.monotonic() < until, f"not within {deadline} s: {what}"
        time.sleep(0.02)
    return value


def program():
    built = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target")) / "debug/energy-pipeline"
    path = Path(os.environ.get("ENERGY_PIPELINE", built))
    assert path.exists(), f"{path} is missing: run `cargo build`, or name another by ENERGY_PIPELINE"
    return str(path)


class Process:
    """A child process; its output is in files of a directory."""

    def __init__(self, name, command, directory, environment=None):
        self.name = name
        self.out, self.err = (Path(directory) / f"{name}.{stream}" for stream in ("out", "err"))
        self.child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self.out.open("w"),
            stderr=self.err.open("w"),
            env={"PATH": os.environ["PATH"], **(environment or {})},
        )

    def is_running(self):
        return self.child.poll() is None

    def said(self, mark):
        """The text after a mark, once its line is complete."""
        assert self.is_running(), f"{self.name} has ended: {self.err.read_text()[-2000:]}"
        _, found, rest = self.out.read_text().partition(mark)
        line, complete, _ = rest.partition("\n")
        return line.split()[0] if found and complete else None

    def terminate(self):
        self.child.send_signal(signal.SIGTERM)

    def ended(self, deadline=DEADLINE):
        return self.child.wait(deadline)

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            self.child.kill()
        self.child.wait()
