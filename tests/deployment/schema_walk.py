"""The chart's schema: which rule holds for which value."""

import functools
import json

from jsonschema import Draft7Validator

from rendering import CHART


@functools.cache
def document():
    return json.loads((CHART / "values.schema.json").read_text())


def resolved(rule):
    while "$ref" in rule:
        rule = document()["definitions"][rule["$ref"].rsplit("/", 1)[1]]
    return rule


def rule_of(path):
    """The rule for a value, or None where the schema leaves its form to Kubernetes."""
    rule = document()
    for key in path:
        rule = resolved(rule)
        below = rule.get("items") if isinstance(key, int) else rule.get("properties", {}).get(key, rule.get("additionalProperties"))
        if not isinstance(below, dict):
            return None
        rule = below
    return rule


@functools.cache
def validator(rule):
    return Draft7Validator({**json.loads(rule), "definitions": document()["definitions"]})


def takes(path, value):
    rule = rule_of(path)
    return rule is not None and validator(json.dumps(rule)).is_valid(value)


def is_of(path, kind):
    """Whether a value may be of a type, and is not one of a few words."""
    rule = resolved(rule_of(path) or {})
    types = rule.get("type", [])
    either = [resolved(part) for part in rule.get("oneOf", []) + rule.get("allOf", []) + rule.get("anyOf", [])]
    types = [types] if isinstance(types, str) else types
    return kind in types + [part.get("type") for part in either] and "enum" not in rule


def leaves(values, path=()):
    """Path of each value that is neither a map nor a list, and of each empty one."""
    below = values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    for key, value in below:
        yield from leaves(value, (*path, key))
    if not below and path:
        yield path


def put(values, path, value):
    """The same values with another one at a path."""
    if not path:
        return value
    copy = list(values) if isinstance(values, list) else dict(values)
    copy[path[0]] = put(copy[path[0]], path[1:], value)
    return copy
