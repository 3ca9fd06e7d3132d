"""What can be said of Dockerfile and compose file without Docker."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from rendering import REPOSITORY

BIN = Path(sys.executable).parent
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())
OURS = ["ingestion-api", "processing-service", "frontend", "load"]


def test_hadolint_has_nothing_to_say():
    checked = subprocess.run([BIN / "hadolint", REPOSITORY / "Dockerfile"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_the_dockerfile_has_only_what_every_builder_knows():
    for line in DOCKERFILE.splitlines():
        assert not re.match(r"# *syntax=|.*--mount=|.*--chmod|.*<<", line), line


def test_no_image_runs_as_root_or_is_of_any_version():
    for stage in re.split(r"^FROM ", DOCKERFILE, flags=re.M)[1:]:
        if re.match(r"\S+ AS (app|frontend)", stage):
            assert re.search(r"^USER [1-9][0-9]*:[1-9][0-9]*$", stage, re.M)
    for image in re.findall(r"_IMAGE=(\S+)", DOCKERFILE):
        assert re.search(r":[0-9]", image), image


def test_rust_is_that_of_the_toolchain_file():
    channel = re.search(r'channel = "(.+)"', (REPOSITORY / "rust-toolchain.toml").read_text())[1]
    assert f"/rust:{channel}-" in DOCKERFILE


def test_every_crate_of_the_workspace_is_built_into_the_image():
    members = re.search(r"^members = \[(.+)\]$", (REPOSITORY / "Cargo.toml").read_text(), re.M)[1]
    for crate in re.findall(r'"(\w+)"', members):
        assert f"COPY {crate}/Cargo.toml {crate}/\n" in DOCKERFILE, crate
        # The benchmarks are a member, and no part of the program.
        assert f"COPY {crate} {crate}\n" in DOCKERFILE or crate == "bench", crate


def test_what_the_images_are_made_of_gets_past_the_dockerignore():
    ignore = (REPOSITORY / ".dockerignore").read_text().split()
    let_in = {line[1:] for line in ignore if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.M)
    sources = {source for line in copied for source in line.split()[:-1]}
    assert ignore[2:] and "*" in ignore
    for source in sources:
        assert any(source == allowed or source.startswith(f"{allowed}/") for allowed in let_in), source


def test_the_compose_file_is_one():
    command = [BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", REPOSITORY / "compose.yaml"]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_older_versions_of_compose_take_the_file():
    assert "name" not in COMPOSE
    for service in COMPOSE["services"].values():
        assert "start_interval" not in service.get("healthcheck", {})


@pytest.mark.parametrize("name", OURS)
def test_containers_of_ours_may_write_and_gain_nothing(name):
    service = COMPOSE["services"][name]
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_there_may_be_several_processing_services():
    service = COMPOSE["services"]["processing-service"]
    assert "container_name" not in service and "CONSUMER_NAME" not in service["environment"]
    first, last = re.match(r"(\d+)-(\d+):8001", service["ports"][0]).groups()
    assert int(first) == 8001 and int(last) >= 8003


def test_redis_is_reached_from_this_machine_only_and_keeps_its_data():
    redis = COMPOSE["services"]["redis"]
    assert all(port.startswith("127.0.0.1:") for port in redis["ports"])
    assert redis["command"] == ["redis-server", "--appendonly", "yes", "--maxmemory-policy", "noeviction"]
    assert redis["volumes"] == ["redis-data:/data"]


def test_profiles_are_for_what_is_not_needed():
    profiles = {name: service.get("profiles", []) for name, service in COMPOSE["services"].items()}
    assert [name for name, needed in profiles.items() if not needed] == ["redis", "ingestion-api", "processing-service", "frontend"]
    assert {name for name, of in profiles.items() if of == ["observability"]} == {"otel-collector", "jaeger", "prometheus", "grafana"}
    assert profiles["load"] == ["load"]


def test_files_that_services_mount_are_there():
    for service in COMPOSE["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            # Dashboard and rules have a folder of their own.
            if source.startswith("./") and not source.startswith("./observability/"):
                assert (REPOSITORY / source).exists(), source


def test_prometheus_asks_the_ports_of_the_services():
    scrapes = yaml.safe_load((REPOSITORY / "compose/prometheus.yaml").read_text())["scrape_configs"]
    asked = {c["job_name"]: c["dns_sd_configs"][0]["port"] for c in scrapes}
    assert asked == {"ingestion-api": 8000, "processing-service": 8001}


def test_the_versions_of_the_images_are_the_programs():
    version = re.search(r'\[workspace\.package\]\nversion = "(.+)"', (REPOSITORY / "Cargo.toml").read_text())[1]
    images = {COMPOSE["services"][name]["image"] for name in OURS}
    assert images == {f"energy-pipeline/app:{version}", f"energy-pipeline/frontend:{version}"}


def test_the_labels_are_those_of_open_containers():
    for stage in ("app", "frontend"):
        text = re.search(rf"^FROM .* AS {stage}$(.*?)(?=^FROM |\Z)", DOCKERFILE, re.M | re.S)[1]
        labels = set(re.findall(r"org\.opencontainers\.image\.(\w+)=", text))
        assert labels == {"title", "description", "licenses", "version", "revision", "created"}
    assert json.dumps("MIT") in DOCKERFILE


def workflows():
    return sorted((REPOSITORY / ".github/workflows").glob("*.yaml"))


@pytest.mark.parametrize("path", workflows(), ids=lambda path: path.name)
def test_a_workflow_is_one_and_calls_targets_that_there_are(path):
    command = [BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", path]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
    makefile = (REPOSITORY / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    called = [word for line in re.findall(r"run: make (.+)", path.read_text()) for word in line.split()]
    assert called and set(called) <= targets


def test_all_checks_are_run_by_workflows():
    text = "".join(path.read_text() for path in workflows())
    for call in ("make setup-test page lint", ".ci/run", "deployment chart", "make test-containers"):
        assert call in text


def test_the_script_to_try_autoscaling_says_how_and_refuses_nonsense():
    script = REPOSITORY / "scripts/try-autoscaling"
    helped = subprocess.run([script, "--help"], capture_output=True, text=True)
    assert helped.returncode == 0 and "READINGS" in helped.stdout
    refused = subprocess.run([script, "namespace", "many"], capture_output=True, text=True)
    assert refused.returncode == 2 and "READINGS and DELAY_MS must be whole numbers, not 'many'" in refused.stderr
