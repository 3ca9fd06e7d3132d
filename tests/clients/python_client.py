"""A client that openapi-python-client generates from the document that a service serves."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

from system import document, operations

GENERATE = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--fail-on-warning"]


class PythonClient:
    """Calls operations by their ids, and remembers which."""

    def __init__(self, name, url, directory, key=None):
        self.name, self.called = name, set()
        served = document(url)
        self.operations = operations(served)
        generate(served, name, Path(directory))
        sys.path.insert(0, str(directory))
        try:
            package = importlib.import_module(name)
            self.file = importlib.import_module(f"{name}.types").File
            self.models = importlib.import_module(f"{name}.models")
            self.modules = {id: importlib.import_module(f"{name}.api.{tag.lower()}.{id}") for id, tag in self.operations.items()}
        finally:
            sys.path.remove(str(directory))
        # An answer that the document does not have is an exception.
        here = {"base_url": url, "raise_on_unexpected_status": True}
        self.client = package.Client(**here) if key is None else package.AuthenticatedClient(token=key, **here)

    def call(self, operation, **arguments):
        """The status and the parsed answer, which has all that was sent and nothing else."""
        self.called.add(operation)
        answer = self.modules[operation].sync_detailed(client=self.client, **arguments)
        if answer.content:
            assert answer.parsed is not None, answer
            assert answer.parsed.to_dict() == json.loads(answer.content), answer
        return int(answer.status_code), answer.parsed


def generate(served, name, directory):
    source, settings = directory / f"{name}.json", directory / f"{name}.settings.json"
    source.write_text(json.dumps(served))
    # Formatting the code would take longer than making it.
    # The generator knows no NDJSON, no CSV, no line protocol, no remote write and no event streams: they are sent and received as bytes.
    as_bytes = {media_type: "application/octet-stream" for media_type in ("application/x-ndjson", "text/csv", "text/event-stream", "text/plain", "application/x-protobuf")}
    settings.write_text(json.dumps({"post_hooks": [], "content_type_overrides": as_bytes}))
    command = [*GENERATE, "--path", source, "--config", settings, "--output-path", directory / name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
