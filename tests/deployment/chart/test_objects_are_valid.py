"""What is rendered is valid for every Kubernetes that the chart supports."""

import re

import helm_python
import pytest

from kinds import SCHEMAS, errors_of
from rendering import CHART, render, values_of

KUBERNETES = [f"1.{minor}" for minor in range(25, 38)]
@pytest.mark.parametrize("version", KUBERNETES)
def test_objects_are_valid_for_kubernetes(name, version):
    for thing in render(values_of(name), kubernetes=version).objects:
        assert not errors_of(thing, version), (thing["kind"], thing["metadata"]["name"])


def test_a_field_that_does_not_exist_is_an_error():
    service = render().one("Service", "-ingestion-api")
    service["spec"]["tragetPort"] = 1
    assert errors_of(service, "1.25")
    scaled = render().one("ScaledObject")
    scaled["spec"]["tirggers"] = []
    assert errors_of(scaled)


def test_every_schema_is_used():
    rendered = set()
    for path in (CHART / "ci").glob("*-values.yaml"):
        rendered |= set(render(values_of(path.name.removesuffix("-values.yaml"))).kinds())
    assert SCHEMAS.keys() <= rendered


@pytest.mark.parametrize("version", ["1.25", "1.30", "1.37"])
def test_lint_reports_nothing(name, version):
    result = helm_python.lint(str(CHART), values_of(name), strict=True, kube_version=f"v{version}.0")
    assert (result["messages"], result["errors"]) == ([], [])


def test_names_and_ports_are_such_as_kubernetes_takes(release):
    for thing in release.objects:
        name = thing["metadata"]["name"]
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name), name
    for _, pod in release.pods():
        for container in pod["spec"]["containers"]:
            for port in container.get("ports", []):
                assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?", port["name"])


def test_no_object_is_rendered_twice(release):
    names = [(thing["kind"], thing["metadata"]["name"]) for thing in release.objects]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("release_name", ["a", "e" * 53, "x-" * 26 + "x"])
def test_names_fit_whatever_the_release_is_called(release_name):
    release = render(name=release_name)
    for thing in release.objects:
        assert len(thing["metadata"]["name"]) <= 63
    # Its HorizontalPodAutoscaler is `keda-hpa-…`.
    assert len(release.one("ScaledObject")["metadata"]["name"]) <= 54
    # A hash of ten characters and a hyphen are added to it, in a label.
    assert len(release.one("StatefulSet")["metadata"]["name"]) <= 52
