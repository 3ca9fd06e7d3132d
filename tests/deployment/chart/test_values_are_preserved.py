"""A value is preserved in the objects, also when it looks like a number, a word of YAML or shell code."""

import base64
import contextlib
import functools
import re

import pytest
import yaml

from kinds import assert_valid
from rendering import HelmError, Loader, at, containers, environment, merged, render, standard_values, values_of
from schema_walk import is_of, leaves, put, takes

# What readers of YAML 1.1 or 1.2 take for something else, and what a shell or a template would.
ODD = [
    *("123", "0123", "1e3", "1E+3", "0x10", "0o7", "0b1", "1_000", "1.5", ".5", "12:30", "2024-01-15", "2024-01-15T10:30:00Z"),
    *("true", "True", "yes", "no", "on", "off", "y", "N", "null", "Null", "~", ".nan", ".inf", "=", "<<", "-", "---", "..."),
    *("my stream", " x", "x ", "a: b", "a #b", "- x", "{x}", "[x]", "*x", "&x", "!x", "%x", "@x", "|", ">", "?x", ",", "a,b"),
    *("$(id)", "`id`", "$HOME", "it's", 'say "so"', "back\\slash", "\\", "x ~* +@all", "x'; id; '", "${x}", "{{ 1 }}", "x\ty", "x\ny"),
    *("\x85", "\u2028", "\ufeff", "ü", "\U0001f50b", "%41", "a/b?c#d"),
    *("123.example.com", "1e3/2", "300h", "9000000ms", "1000000/h", "https://x:4318/a?b=c#d", "mqtts://u:p%40@x:8884", "123:456", "10.0.0.1", "::1", "[::1]:6379", "123:6379"),
    *("s3://123/0x10", "file:///0x10", "http://123:456"),
    *("/123", "/a b", "/x #y", "/x: y", "50%", "sha256:" + "0123456789" * 6 + "1234"),
]
# The largest that a rule takes is tried.
LARGE = [123_456_789, 1_234_567, 64_321, 9_876, 987, 87, 13, 7, 4, 3, 0]


# One release cannot have all: these do together.
WORLDS = {
    "own redis": merged(
        values_of("full"),
        {
            "global": {"imagePullSecrets": [{"name": "pull"}]},
            "image": {"tag": "v1"},
            "config": {"otlpEndpoint": "http://collector:4318"},
            "keda": {"annotations": {"a": "b"}},
            "redis": {"master": {"priorityClassName": "high", "podAnnotations": {"a": "b"}, "nodeSelector": {"a": "b"}, "service": {"annotations": {"a": "b"}}}},
            "ingress": {"className": "nginx", "annotations": {"a": "b"}, "tls": [{"secretName": "tls", "hosts": ["h"]}]},
            "gateway": {"enabled": True, "parentRefs": [{"name": "g"}], "hostnames": ["h"], "annotations": {"a": "b"}},
            "serviceAccount": {"annotations": {"a": "b"}},
            "metrics": {"gmp": {"enabled": True}, "prometheusRule": {"labels": {"a": "b"}}, "dashboard": {"annotations": {"a": "b"}}},
            **{role: {"service": {"annotations": {"a": "b"}}} for role in ("ingestionApi", "processingService", "frontend")},
        },
        {
            "processingService": {key: value for key, value in values_of("full")["ingestionApi"].items() if key != "autoscaling"}
            | {"consumer": {"maxInFlight": 64, "batchSize": 10}}
        },
    ),
    "shared redis": merged(values_of("external-standalone"), at("metrics.serviceMonitor", {"enabled": True, "labels": {"a": "b"}}), at("keda.triggerAuthentication.existing", "ours"), at("cloudflare", {"enabled": True, "tunnelToken": {"existingSecret": "t"}})),
    "shared redis, authenticated": merged(values_of("external-standalone"), at("externalRedis.tls.clientCertificate.existingSecret", "client")),
    "keys and tls": {
        "apiKeys": {"enabled": True, "existingSecret": "keys"},
        "rateLimit": {"perAddress": "1/s", "perKey": "2/s"},
        "config": {"forwardedFrom": ["10.0.0.0/8"]},
        "tls": {"existingSecret": "tls", "clientCa": {"existingSecret": "ca"}},
        "frontend": {"clientCertificate": {"existingSecret": "page"}, "tls": {"existingSecret": "page-tls"}},
        "tests": {"apiKey": {"existingSecret": "key"}},
    },
    "shared redis, password in the clear": merged(values_of("external-cluster-proxy"), at("keda.aggregate", "sum")),
    "archive on a volume": values_of("archive-volume"),
    "archive on a volume of others": merged(values_of("archive-volume"), at("archive.persistence.existingClaim", "claim")),
    "archive in a bucket": merged(values_of("archive"), at("config.packAfter", "1h"), at("archive.s3.endpoint", "https://x"), at("networkPolicy.enabled", "auto")),
    "nodes of a cluster": values_of("external-cluster"),
    "sentinels": values_of("external-sentinel"),
    "sentinels with credentials": values_of("external-sentinel-secured"),
    "secrets of others": merged(values_of("redis-tls"), at("redis.master.persistence.existingClaim", "claim")),
    "by digest": values_of("gateway"),
    "from zero": merged(values_of("scale-to-zero"), at("keda.idleReplicaCount", None)),
    "without scaling": merged(values_of("no-keda"), at("networkPolicy.enabled", True), at("redis.master.persistence.storageClass", "fast")),
}
BASES = {name: merged(standard_values(), world) for name, world in WORLDS.items()}
def paths(kind):
    return sorted({path for base in BASES.values() for path in leaves(base) if is_of(path, kind)}, key=str)


def has(values, path):
    for key in path:
        if not (isinstance(values, dict) and key in values or isinstance(values, list) and isinstance(key, int) and key < len(values)):
            return False
        values = values[key]
    return True


def texts(thing):
    """All keys and values of an object, those of Secrets as they are inside."""
    if isinstance(thing, dict):
        for key, value in thing.items():
            yield from texts(key)
            yield from texts(value)
    elif isinstance(thing, list):
        for part in thing:
            yield from texts(part)
    else:
        yield str(thing)


# Passwords that are made at random, and checksums, would have any letter by chance.
BY_CHANCE = re.compile(r"[A-Za-z0-9]{32}|[0-9a-f]{64}")


@functools.cache
def contents_of(file):
    """What stands in a file of a release; read once, as most values change few files."""
    found = []
    for thing in filter(None, yaml.load_all(file, Loader)):
        found += texts({**thing, "data": {}} if thing["kind"] == "Secret" else thing)
        if thing["kind"] == "Secret":
            found += [text for key, value in thing["data"].items() for text in (key, base64.b64decode(value).decode())]
    return [text for text in found if not BY_CHANCE.fullmatch(text)]


def count(release, text):
    """How often a text stands alone, and how often anywhere."""
    found = [part for file in release.files.values() for part in contents_of(file)]
    return found.count(text), sum(part.count(text) for part in found)


def name(path):
    return ".".join(map(str, path))


# Values that are set where they are neither empty nor off, as they contradict another one, or need another one.
EITHER = {
    *(("redis", "auth", "existingSecret"), ("redis", "auth", "password"), ("tls", "clientCa", "existingSecret")),
    *(("frontend", "clientCertificate", "existingSecret"), ("externalRedis", "tls", "clientCertificate", "existingSecret")),
    *(("externalRedis", "sentinel", "username"), ("archive", "url"), ("archive", "persistence", "existingClaim")),
    *(("archive", "s3", key) for key in ("existingSecret", "region", "endpoint")),
    # At most the retention of readings, which takes any time.
    ("config", "packAfter"),
}


# A whole object as a text is a template; the second is accepted and ignored; names of objects have a test of their own.
ELSEWHERE = {"extraObjects", "assignmentId", "fullnameOverride"}


def can_be(path, base, kind, value):
    return path[0] != "extraObjects" and is_of(path, kind) and takes(path, value) and (path not in EITHER or at_path(base, path) not in (None, "", "0"))


@functools.cache
def odd_texts(path):
    # Helm's `toYaml`, which writes maps of the user's, does not escape U+0085, a line break of YAML.
    is_map = any(str(key).lower().endswith("annotations") for key in path)
    return [odd for odd in ODD if takes(path, odd) and not (is_map and odd == "\x85")]


def at_path(values, path):
    for key in path:
        values = values[key]
    return values


@pytest.mark.parametrize("turn", range(24))
def test_objects_are_valid_whatever_their_texts_are(turn):
    """All texts at once, each another one; in each turn the next. (One at a time they are tried below.)"""
    values = base = BASES["own redis"]
    for number, path in enumerate(leaves(base)):
        taken = odd_texts(path)
        if taken and can_be(path, base, "string", taken[(number + turn) % len(taken)]):
            values = put(values, path, taken[(number + turn) % len(taken)])
    assert_valid(render(values))


@functools.cache
def without(world, text):
    return count(render(BASES[world]), text)


def arrives(path, kind, value, text):
    """Whether some release has a text more often with a value than without it."""
    for world, base in BASES.items():
        if has(base, path) and can_be(path, base, kind, value):
            counts = zip(count(render(put(base, path, value)), text), without(world, text))
            if any(after > before for after, before in counts):
                return True
    return False


# Lists that are joined with commas, in variables that depend on each other: `test_settings.py` has them.
JOINED = ("config", "remoteWrite")
TEXTS = [path for path in paths("string") if path[0] not in ELSEWHERE and path[:2] != JOINED]


@pytest.mark.parametrize("number", range(len(TEXTS)), ids=lambda number: name(TEXTS[number]))
def test_a_text_is_preserved(number):
    # What a release has anyway would not be more often there.
    present = {at_path(base, TEXTS[number]) for base in BASES.values() if has(base, TEXTS[number])}
    taken = [odd for odd in odd_texts(TEXTS[number]) if odd not in present]
    assert taken, "no odd text is taken"
    # Each another one: all of them at each place would take minutes.
    odd = taken[number * 7 % len(taken)]
    assert arrives(TEXTS[number], "string", odd, odd), repr(odd)


@pytest.mark.parametrize("path", [path for path in paths("integer") if path[-1] not in ("streamRetention", "readingsRetention", "packAfter", "assignmentId")], ids=name)
def test_a_large_number_is_preserved(path):
    # The largest that contradicts no other value.
    for number in (number for number in LARGE if takes(path, number)):
        with contextlib.suppress(HelmError):
            assert arrives(path, "integer", number, str(number)), number
            return
    pytest.fail("no number is taken")


def test_no_number_is_written_as_a_power_of_ten():
    values = {"config": {"extra": {"A": 1_000_000, "B": 1e20, "C": 0.000_001, "D": 12.5, "E": True, "N": 0, "NULL": "x"}, "readingsRetention": 0}}
    release = render(merged(values, at("podSecurityContext", {"runAsUser": 1_000_640_000, "fsGroup": 1_000_640_000}), at("redis.maxmemory", 400_000_000)))
    told = release.config()
    assert [told[key] for key in "ABCDE"] == ["1000000", "100000000000000000000", "0.000001", "12.5", "true"]
    assert (told["N"], told["NULL"]) == ("0", "x")
    assert release.pod("-ingestion-api")["spec"]["securityContext"]["runAsUser"] == 1_000_640_000
    assert "maxmemory 400000000\n" in release.one("ConfigMap", "-redis-master")["data"]["redis.conf"]
    assert environment(containers(release.pod("-processing-service"))[0])["READINGS_RETENTION"] == "0"
    assert not re.search(r"\d[eE][+-]?\d+\s*$", BY_CHANCE.sub("", release.text()), re.M)
