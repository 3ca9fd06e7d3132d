"""What can be said of Dockerfile and compose file without Docker."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from container_files import COMPOSE, DOCKERFILE
from rendering import REPOSITORY, standard_values

BIN = Path(sys.executable).parent
OURS = ["ingestion-api", "processing-service", "frontend", "load"]
HARDENED = [*OURS, "redis", "redis-password"]
OBSERVABILITY = ["otel-collector", "jaeger", "prometheus", "grafana"]


def test_hadolint_reports_nothing():
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
        assert re.search(r":[0-9]+\.[0-9]+\.[0-9]+", image), image


def test_rust_is_that_of_the_toolchain_file():
    channel = re.search(r'channel = "(.+)"', (REPOSITORY / "rust-toolchain.toml").read_text())[1]
    assert f"/rust:{channel}-" in DOCKERFILE


def test_every_crate_of_the_workspace_is_built_into_the_image():
    members = re.search(r"^members = \[(.+)\]$", (REPOSITORY / "Cargo.toml").read_text(), re.M)[1]
    for crate in re.findall(r'"([\w-]+)"', members):
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


def test_older_versions_of_compose_accept_the_file():
    assert "name" not in COMPOSE
    for service in COMPOSE["services"].values():
        assert "start_interval" not in service.get("healthcheck", {})


@pytest.mark.parametrize("name", HARDENED)
def test_containers_are_read_only_and_gain_no_privileges(name):
    service = COMPOSE["services"][name]
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]


@pytest.mark.parametrize("name", OBSERVABILITY)
def test_third_party_containers_gain_no_privileges_and_have_limits(name):
    service = COMPOSE["services"][name]
    assert service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"] and service["mem_limit"]


def published():
    return [(name, port) for name, service in COMPOSE["services"].items() for port in service.get("ports", [])]


def test_by_default_ports_are_published_on_loopback_only():
    for name, port in published():
        address = "127.0.0.1" if name in OBSERVABILITY else "${BIND_ADDRESS:-127.0.0.1}"
        assert port.startswith(f"{address}:"), (name, port)


def test_there_may_be_several_processing_services():
    service = COMPOSE["services"]["processing-service"]
    assert "container_name" not in service and "CONSUMER_NAME" not in service["environment"]
    first, last = re.search(r":(\d+)-(\d+):8001$", service["ports"][0]).groups()
    assert int(first) == 8001 and int(last) >= 8003


def test_redis_is_reached_by_containers_only_and_with_a_password():
    redis = COMPOSE["services"]["redis"]
    assert "ports" not in redis
    script = (REPOSITORY / "compose/redis/start").read_text()
    assert "requirepass $password" in script and "valkey-server - <<" in script, "a command line can be seen"
    assert redis["depends_on"]["redis-password"]["condition"] == "service_completed_successfully"
    for name in ("ingestion-api", "processing-service"):
        service = COMPOSE["services"][name]
        assert service["environment"]["REDIS_PASSWORD_FILE"] == "/run/redis/password"
        assert "redis-login:/run/redis:ro" in service["volumes"]


def test_archived_days_outlive_the_container_that_writes_them():
    service = COMPOSE["services"]["processing-service"]
    assert "archive:/archive" in service["volumes"] and "archive" in COMPOSE["volumes"]
    # A new volume gets owner and mode of the image's directory.
    assert "mkdir -m 1777 /image/archive" in DOCKERFILE


def test_the_identity_of_a_bucket_is_unset_where_it_is_not_given():
    """An empty access key is one, and would replace the identity of the machine."""
    environment = COMPOSE["services"]["processing-service"]["environment"]
    given = {name: value for name, value in environment.items() if name.startswith("AWS_")}
    assert {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_ENDPOINT_URL"} <= given.keys()
    assert set(given.values()) == {None}


def test_redis_keeps_its_data_and_evicts_nothing():
    assert "redis-data:/data" in COMPOSE["services"]["redis"]["volumes"]
    script = (REPOSITORY / "compose/redis/start").read_text()
    for line in ("dir /data", "appendonly yes", "maxmemory 384mb", "maxmemory-policy noeviction"):
        assert f"\n{line}\n" in script, line


def test_the_server_is_that_of_the_chart():
    image = standard_values()["redis"]["image"]
    for name in ("redis", "redis-password"):
        assert COMPOSE["services"][name]["image"].startswith(f"{image['registry']}/{image['repository']}:{image['tag']}")
    assert f"maxmemory {standard_values()['redis']['maxmemory']}\n" in (REPOSITORY / "compose/redis/start").read_text()


def test_a_password_is_made_once(tmp_path):
    script = (REPOSITORY / "compose/make-password").read_text().replace("/run/redis", str(tmp_path))
    passwords = []
    for _ in range(2):
        subprocess.run(["sh", "-c", script], check=True)
        passwords.append((tmp_path / "password").read_text())
    assert re.fullmatch(r"[0-9a-f]{48}", passwords[0]) and passwords[0] == passwords[1]
    (tmp_path / "password").write_text("")
    subprocess.run(["sh", "-c", script], check=True)
    assert (tmp_path / "password").read_text() not in ("", passwords[0])


def test_containers_without_a_server_have_no_health_check():
    assert COMPOSE["services"]["load"]["healthcheck"] == {"disable": True}


def test_profiles_are_for_what_is_not_needed():
    profiles = {name: service.get("profiles", []) for name, service in COMPOSE["services"].items()}
    needed = ["redis-password", "redis", "ingestion-api", "processing-service", "frontend"]
    assert [name for name, profile in profiles.items() if not profile] == needed
    assert [name for name, profile in profiles.items() if profile == ["observability"]] == OBSERVABILITY
    assert profiles["load"] == ["load"]


def test_files_that_services_mount_are_there():
    for service in COMPOSE["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            # Dashboard and rules have a folder of their own.
            if source.startswith("./") and not source.startswith("./observability/"):
                assert (REPOSITORY / source).exists(), source


def test_prometheus_scrapes_the_port_that_needs_no_key():
    scrapes = yaml.safe_load((REPOSITORY / "compose/prometheus.yaml").read_text())["scrape_configs"]
    asked = {c["job_name"]: c["dns_sd_configs"][0]["port"] for c in scrapes}
    assert asked == {"ingestion-api": 9464, "processing-service": 9464}
    for name in asked:
        assert COMPOSE["services"][name]["environment"]["METRICS_PORT"] == "9464"
    assert not [port for _, port in published() if "9464" in port]


def test_keys_are_required_by_one_setting():
    """The path on this machine is a secret of each service of the program; unset, it is an empty one, and an empty setting."""
    assert COMPOSE["secrets"] == {"api-keys": {"file": "${API_KEYS_FILE:-/dev/null}"}}
    for name in ("ingestion-api", "processing-service"):
        service = COMPOSE["services"][name]
        assert service["secrets"] == ["api-keys"]
        assert service["environment"]["API_KEYS_FILE"] == "${API_KEYS_FILE:+/run/secrets/api-keys}"


def test_the_versions_of_the_images_are_the_programs():
    version = re.search(r'\[workspace\.package\]\nversion = "(.+)"', (REPOSITORY / "Cargo.toml").read_text())[1]
    images = {COMPOSE["services"][name]["image"] for name in OURS}
    assert images == {f"localhost/energy-pipeline/app:{version}", f"localhost/energy-pipeline/frontend:{version}"}


def test_the_labels_are_those_of_open_containers():
    for stage in ("app", "frontend"):
        text = re.search(rf"^FROM .* AS {stage}$(.*?)(?=^FROM |\Z)", DOCKERFILE, re.M | re.S)[1]
        labels = set(re.findall(r"org\.opencontainers\.image\.(\w+)=", text))
        assert labels == {"title", "description", "licenses", "version", "revision", "created"}
    assert json.dumps("MIT") in DOCKERFILE


def test_the_tool_for_redis_commands_logs_in():
    for path in ("scripts/try-autoscaling", "docs/operations.md"):
        text = (REPOSITORY / path).read_text()
        assert "sh /config/cli" in text and not re.search(r"exec[^\n]* (redis|valkey)-cli", text), path
    assert "sh /redis/cli" in (REPOSITORY / "docs/operations.md").read_text()


def test_every_check_that_checkov_skips_has_a_reason():
    lines = (REPOSITORY / "tests/deployment/checkov.yaml").read_text().partition("skip-check:\n")[2].splitlines()
    assert lines and all(re.match(r"  - CKV", line) or re.match(r"  # \w.{40,}", line) for line in lines)
    for before, line in zip(["", *lines], lines):
        assert line.startswith("  #") != before.startswith("  #"), line
    for path in ("cloudflared.yaml", "tests/smoke.yaml"):
        text = (REPOSITORY / "charts/energy-pipeline/templates" / path).read_text()
        assert all(reason for reason in re.findall(r'checkov\.io/skip\d: "CKV\w+=(.*)"', text))


def test_the_script_to_try_autoscaling_has_help_and_rejects_invalid_arguments():
    script = REPOSITORY / "scripts/try-autoscaling"
    helped = subprocess.run([script, "--help"], capture_output=True, text=True)
    assert helped.returncode == 0 and "READINGS" in helped.stdout
    refused = subprocess.run([script, "namespace", "many"], capture_output=True, text=True)
    assert refused.returncode == 2 and "READINGS and DELAY_MS must be whole numbers, not 'many'" in refused.stderr
