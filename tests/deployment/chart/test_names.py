"""Objects have names that Kubernetes accepts, whatever release, chart and overrides are called."""

import re

import pytest

from kinds import assert_valid
from rendering import at, merged, render

NAMES = ["123", "0123", "1e3", "0x10", "0b1", "true", "yes", "no", "on", "y", "null", "2024-01-15", "1.5", "v1.2.3", "1.2.3", "9.energy"]
# All that is made under some condition, too.
ALL = {
    "ingress": {"enabled": True},
    "gateway": {"enabled": True, "parentRefs": [{"name": "g"}]},
    "networkPolicy": {"enabled": True},
    "queryApi": {"enabled": True, "replicaCount": 2},
    "cloudflare": {"enabled": True, "tunnelToken": {"value": "t"}},
    "metrics": {"podMonitor": {"enabled": True}, "gmp": {"enabled": True}, "dashboard": {"enabled": True}, "prometheusRule": {"enabled": True}},
}
LABEL = r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?"


def assert_sound(release):
    assert_valid(release)
    for service in release.all("Service"):
        # RFC 1035: a Service's name starts with a letter and has no dot.
        assert re.fullmatch(LABEL, service["metadata"]["name"]), service["metadata"]["name"]
    account = release.one("ServiceAccount")["metadata"]["name"]
    for name, pod in release.pods():
        assert pod["spec"]["serviceAccountName"] == account, name


@pytest.mark.parametrize("name", NAMES)
def test_a_release_may_have_any_name(name):
    release = render(ALL, name=name)
    assert_sound(release)
    for thing in release.objects:
        assert thing["metadata"]["labels"]["app.kubernetes.io/instance"] == name
    for _, pod in release.pods():
        assert pod["metadata"]["labels"]["app.kubernetes.io/instance"] == name


@pytest.mark.parametrize("name", NAMES)
def test_names_may_be_overridden_by_any_name(name):
    release = render(merged(ALL, at("nameOverride", name)))
    assert_sound(release)
    assert {thing["metadata"]["labels"]["app.kubernetes.io/name"] for thing in release.objects} == {name}
    assert_sound(render(merged(ALL, at("fullnameOverride", name))))


def test_a_name_is_left_as_it_is_where_it_may_be():
    assert render(at("fullnameOverride", "true")).one("ServiceAccount")["metadata"]["name"] == "true"
    assert render(at("fullnameOverride", "energy-123")).one("Service", "-ingestion-api")["metadata"]["name"] == "energy-123-ingestion-api"
    # A letter before a digit, a hyphen for a dot.
    assert render(at("fullnameOverride", "12.3")).one("ServiceAccount")["metadata"]["name"] == "r-12-3"


def test_services_are_addressed_by_their_names():
    release = render(name="1.2")
    hosts = {service["metadata"]["name"] for service in release.all("Service")}
    assert release.config()["REDIS_HOST"].split(".")[0] in hosts
    (container,) = release.pod("-frontend")["spec"]["containers"]
    asked = [entry["value"] for entry in container["env"] if entry["name"].endswith("_URL")]
    assert len(asked) == 2 and all(url.removeprefix("http://").split(".")[0] in hosts for url in asked)
