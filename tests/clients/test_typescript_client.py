"""A generated TypeScript client compiles, and can call every operation of both services."""

import json
import shutil
import subprocess
from pathlib import Path

from system import document

HERE = Path(__file__).parent


def run(command, directory):
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def compile_clients(system, directory):
    """Starts both services, and compiles a client of their documents; the URLs and the documents by role."""
    urls = {role: system.start_service(role) for role in ("ingestion-api", "processing-service")}
    served = {role: document(url) for role, url in urls.items()}
    (directory / "node_modules").symlink_to(HERE / "node_modules")
    for file in ("package.json", "tsconfig.json", "exercise.ts", "api-key.ts"):
        shutil.copy(HERE / file, directory)
    for role, content in served.items():
        (directory / f"{role}.json").write_text(json.dumps(content))
        run(["node_modules/.bin/openapi-typescript", f"{role}.json", "--output", f"{role}.ts"], directory)
    run(["node_modules/.bin/tsc"], directory)
    return urls, served


def test_every_operation_can_be_called(system, tmp_path):
    urls, served = compile_clients(system, tmp_path)
    system.add_unreadable_entries(3)
    called = json.loads(run(["node", "out/exercise.js", *urls.values()], tmp_path))
    described = {f"{method} {path}" for content in served.values() for path, methods in content["paths"].items() for method in methods}
    assert set(called) == described


def test_a_key_is_sent_as_the_bearer_scheme_says(system, tmp_path):
    reader, writer = system.new_key("read"), system.new_key("write")
    urls, _ = compile_clients(system, tmp_path)
    run(["node", "out/api-key.js", *urls.values(), reader, writer], tmp_path)
