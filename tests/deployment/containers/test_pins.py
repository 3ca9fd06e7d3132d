"""Base images, pulled images and actions are pinned exactly, and none is in a namespace of others."""

import importlib.machinery
import importlib.util
import re
import subprocess

import pytest
import yaml

from rendering import CHART, REPOSITORY, at, containers, merged, render
from container_files import COMPOSE, DOCKERFILE

DIGEST = "sha256:" + "0123456789abcdef" * 4
# Part of Docker Hub that is the projects' own, whose images we use.
TRUSTED = ("docker.io/library/", "docker.io/valkey/", "docker.io/otel/", "docker.io/jaegertracing/", "docker.io/prom/", "docker.io/grafana/", "docker.io/cloudflare/")
TUNNEL = at("cloudflare", {"enabled": True, "tunnelToken": {"value": "t"}})


def script(name):
    """A script without an ending, as a module."""
    path = str(REPOSITORY / "scripts" / name)
    spec = importlib.util.spec_from_loader(name, importlib.machinery.SourceFileLoader(name, path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def images():
    yield from re.findall(r"_IMAGE=(\S+)", DOCKERFILE)
    yield from (service["image"] for service in COMPOSE["services"].values())
    yield from (container["image"] for _, pod in render(TUNNEL).pods() for container in containers(pod))


@pytest.mark.parametrize("image", sorted(set(images())))
def test_an_image_is_local_or_of_a_trusted_registry(image):
    assert image.startswith(("localhost/energy-pipeline/", *TRUSTED)), image
    # A whole version: `8.1-alpine` is another image each month.
    assert re.search(r":v?[0-9]+\.[0-9]+\.[0-9]+[^@]*(@sha256:[0-9a-f]{64})?$", image), image


def test_the_program_lists_its_dependencies_by_a_tool_of_a_pinned_version():
    version = re.search(r"^# renovate: datasource=crate depName=cargo-auditable\nARG CARGO_AUDITABLE_VERSION=(\S+)$", DOCKERFILE, re.M)[1]
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    installed = DOCKERFILE.index('cargo install --locked --version "${CARGO_AUDITABLE_VERSION}" cargo-auditable')
    assert installed < DOCKERFILE.index("ENV RUSTFLAGS"), "procedural macros would be linked statically"
    builds = re.findall(r"cargo (?:auditable )?build", DOCKERFILE)
    assert builds == ["cargo auditable build"] * 2


def test_compose_builds_our_images_and_never_pulls_them():
    ours = [service for service in COMPOSE["services"].values() if "energy-pipeline/" in service["image"]]
    assert len(ours) == 5 and all(service["pull_policy"] == "build" and service["build"] for service in ours)


def test_local_images_move_to_the_registry_of_all():
    values = merged(at("global.imageRegistry", "mirror.example.com"), TUNNEL)
    found = {container["image"] for _, pod in render(values).pods() for container in containers(pod)}
    assert {image for image in found if "energy-pipeline" in image} == {
        "mirror.example.com/energy-pipeline/app:0.1.0",
        "mirror.example.com/energy-pipeline/frontend:0.1.0",
    }
    assert not any("localhost" in image for image in found)


def test_notes_say_that_a_local_image_cannot_be_pulled():
    assert "cannot be pulled" in render().notes
    for values in (at("global.imageRegistry", "mirror.example.com"), at("image.repository", "ghcr.io/owner/app")):
        assert "cannot be pulled" not in render(values).notes


def release():
    return yaml.safe_load((REPOSITORY / ".github/workflows/release.yaml").read_text())


def steps(job):
    return "\n".join(step.get("run", "") for step in release()["jobs"][job]["steps"])


def test_what_is_published_is_of_both_architectures_and_says_what_it_is_made_of():
    matrix = release()["jobs"]["images"]["strategy"]["matrix"]["include"]
    assert {job["architecture"] for job in matrix} == {"amd64", "arm64"}
    built = steps("images")
    assert "--sbom=true" in built and "--provenance=mode=max" in built
    assert built.index("scripts/pin-images Dockerfile") < built.index("docker buildx build")
    for architecture in ("amd64", "arm64"):
        assert f"$version-{architecture}" in steps("publish")


def test_what_is_published_is_signed_by_its_digest():
    signed = re.findall(r"cosign sign --yes .*", steps("publish"))
    assert len(signed) == 2 and all("@$" in line for line in signed)
    assert release()["jobs"]["publish"]["permissions"]["id-token"] == "write"


def test_a_published_chart_names_its_images_by_their_digests(tmp_path):
    text = script("publish-chart").published((CHART / "values.yaml").read_text(), "ghcr.io/owner", {"app": DIGEST, "frontend": DIGEST[:-1] + "0"})
    values = yaml.safe_load(text)
    found = {name.removeprefix("r-energy-pipeline-"): containers(pod)[0]["image"] for name, pod in render(values).pods()}
    assert found["ingestion-api"] == found["processing-service"] == f"ghcr.io/owner/energy-pipeline/app@{DIGEST}"
    assert found["frontend"] == found["smoke-test"] == f"ghcr.io/owner/energy-pipeline/frontend@{DIGEST[:-1]}0"


@pytest.mark.parametrize("digests", [{"app": "latest"}, {"other": DIGEST}])
def test_a_chart_is_not_published_with_an_invalid_digest_or_image(digests):
    with pytest.raises(SystemExit):
        script("publish-chart").published((CHART / "values.yaml").read_text(), "ghcr.io/owner", digests)


def test_third_party_images_get_the_digests_of_their_tags():
    pin = script("pin-images")
    asked = []

    def look_up(image):
        asked.append(image)
        return DIGEST

    new = {path: pin.pinned(path, (REPOSITORY / path).read_text(), look_up)[0] for path in (*pin.PLACES, pin.CHART)}
    assert all(image.endswith(f"@{DIGEST}") for image in re.findall(r"_IMAGE=(\S+)", new["Dockerfile"]))
    services = yaml.safe_load(new["compose.yaml"])["services"]
    assert all(service["image"].endswith(f"@{DIGEST}") != ("localhost/" in service["image"]) for service in services.values())
    assert {container["image"].partition("@")[2] for _, pod in render(merged(yaml.safe_load(new[pin.CHART]), TUNNEL)).pods() for container in containers(pod) if "localhost" not in container["image"]} == {DIGEST}
    assert all(image.startswith(TRUSTED) for image in asked), asked
    # Once more, nothing is left to do, and tags stay.
    for path, text in new.items():
        assert pin.pinned(path, text, lambda image: DIGEST) == (text, [])


def test_images_without_a_digest_can_be_listed():
    checked = subprocess.run([REPOSITORY / "scripts/pin-images", "--check"], capture_output=True, text=True)
    assert checked.returncode in (0, 1) and ("without a digest: " in checked.stderr) == (checked.returncode == 1)
