"""What an object of each kind may look like: the schemas of Kubernetes, and ours of objects of other controllers."""

import functools
import json
import re

import yaml
from jsonschema import Draft7Validator, Draft202012Validator
from kubernetes_validate.utils import schema_contents
from referencing import Registry, Resource

from rendering import KUBERNETES, REPOSITORY, Loader

SCHEMAS = {
    path.stem: Draft7Validator(json.loads(path.read_text()))
    for path in (REPOSITORY / "tests/deployment/schemas").glob("*.json")
}
# Objects of others that users put into `extraObjects`.
FOREIGN = {"HealthCheckPolicy"}


def contents_of(version, file):
    path = f"kubernetes-json-schema/v{version}.0-local-strict/{file}.json"
    return Resource.from_contents(schema_contents(path, version))


@functools.cache
def definitions(version):
    return contents_of(version, "_definitions") @ Registry()


@functools.cache
def schema(version, kind, api):
    """What kubernetes-validate validates with, but read once: it takes ten times as long as to validate."""
    group = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api)
    contents = contents_of(version, f"{kind.lower()}-{group}")
    return Draft202012Validator(contents.contents, registry=contents @ definitions(version))


def errors_of(thing, version=KUBERNETES):
    """What is wrong with an object; strict: unknown fields are errors."""
    if thing["kind"] in FOREIGN:
        return []
    validator = SCHEMAS.get(thing["kind"]) or schema(version, thing["kind"], thing["apiVersion"])
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(thing)]


class Strict(Loader):
    """Takes for a number or a boolean what any reader of YAML would."""


Strict.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?$"), list("-+.0123456789"))
Strict.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(0o[0-7]+|[yYnN])$"), list("0yYnN"))

# Go's own way to write YAML leaves these two as they are, and its reader takes them for texts.
for tag in ("value", "merge"):
    for reader in (Loader, Strict):
        reader.add_constructor(f"tag:yaml.org,2002:{tag}", Loader.construct_yaml_str)


@functools.cache
def errors_in(text):
    things = [thing for thing in yaml.load_all(text, Strict) if thing]
    return [(thing["kind"], thing["metadata"]["name"], error) for thing in things for error in errors_of(thing)]


def assert_valid(release):
    assert not [error for text in release.files.values() for error in errors_in(text)]
