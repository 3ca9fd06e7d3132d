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


def test_every_operation_can_be_called(system, tmp_path):
    urls = {role: system.start_service(role) for role in ("ingestion-api", "processing-service")}
    served = {role: document(url) for role, url in urls.items()}
    (tmp_path / "node_modules").symlink_to(HERE / "node_modules")
    for file in ("package.json", "tsconfig.json", "exercise.ts"):
        shutil.copy(HERE / file, tmp_path)
    for role, content in served.items():
        (tmp_path / f"{role}.json").write_text(json.dumps(content))
        run(["node_modules/.bin/openapi-typescript", f"{role}.json", "--output", f"{role}.ts"], tmp_path)
    run(["node_modules/.bin/tsc"], tmp_path)

    system.add_unreadable_entries(3)
    called = json.loads(run(["node", "out/exercise.js", *urls.values()], tmp_path))
    described = {f"{method} {path}" for content in served.values() for path, methods in content["paths"].items() for method in methods}
    assert set(called) == described
