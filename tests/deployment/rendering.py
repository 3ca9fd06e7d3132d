"""Renders the chart as Helm does, and finds things in what comes out."""

import copy
import functools
import json
from pathlib import Path

import helm_python
import yaml
from helm_python import _native

REPOSITORY = Path(__file__).resolve().parents[2]
CHART = REPOSITORY / "charts" / "energy-pipeline"
KUBERNETES = "1.34"

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
HelmError = helm_python.HelmError


@functools.cache
def chart():
    return helm_python.Chart.load(str(CHART))


def values_of(name):
    """A set of values of `ci/`."""
    return yaml.safe_load((CHART / "ci" / f"{name}-values.yaml").read_text()) or {}


def standard_values():
    return yaml.safe_load((CHART / "values.yaml").read_text())


def merged(*layers):
    """Values on top of each other, as several `-f` are; lists are replaced."""
    result = {}
    for layer in layers:
        for key, value in layer.items():
            both = isinstance(value, dict) and isinstance(result.get(key), dict)
            result[key] = merged(result[key], value) if both else copy.deepcopy(value)
    return result


def at(path, value):
    """Values of one path: `keda.threshold`, 7."""
    for key in reversed(path.split(".")):
        value = {key: value}
    return value


class Release:
    """What the chart makes of values."""

    def __init__(self, files):
        self.notes = files.pop("energy-pipeline/templates/NOTES.txt", "")
        self.files = files

    @functools.cached_property
    def objects(self):
        return [thing for text in self.files.values() for thing in yaml.load_all(text, Loader) if thing is not None]

    def kinds(self):
        return sorted({thing["kind"] for thing in self.objects})

    def all(self, kind):
        return [thing for thing in self.objects if thing["kind"] == kind]

    def one(self, kind, ending=""):
        found = [thing for thing in self.all(kind) if thing["metadata"]["name"].endswith(ending)]
        assert len(found) == 1, f"{len(found)} objects are a {kind} …{ending}"
        return found[0]

    def text(self):
        return "\n".join(self.files.values())

    def pods(self):
        """Name and pod template of each workload, and each pod of its own."""
        for thing in self.objects:
            if thing["kind"] in ("Deployment", "StatefulSet", "Job"):
                yield thing["metadata"]["name"], thing["spec"]["template"]
            elif thing["kind"] == "Pod":
                yield thing["metadata"]["name"], thing

    def pod(self, ending):
        found = [pod for name, pod in self.pods() if name.endswith(ending)]
        assert len(found) == 1, f"{len(found)} pods are a …{ending}"
        return found[0]

    def config(self):
        return self.one("ConfigMap", "-config")["data"]


def containers(pod):
    return pod["spec"].get("initContainers", []) + pod["spec"]["containers"]


def environment(container):
    """Variables that are set to a value."""
    return {entry["name"]: entry["value"] for entry in container.get("env", []) if "value" in entry}


def render(values=None, *, name="r", kubernetes=KUBERNETES, apis=(), upgrade=False):
    # The wrapper knows neither version nor kinds of the cluster; what it wraps does.
    options = {
        "name": name,
        "namespace": "ns",
        "kube_version": f"v{kubernetes}.0",
        "api_versions": list(apis),
        "is_upgrade": upgrade,
    }
    arguments = (chart()._raw(), json.dumps(values or {}), json.dumps(options))
    answer = json.loads(_native.call_string("helm_render", *arguments))
    return Release({path: text for path, text in answer.items() if text.strip()})


def golden():
    """The standard release, without what is random in it."""
    return render(at("redis.auth.existingSecret", "redis-login"), name="energy-pipeline").text()


if __name__ == "__main__":
    print(golden(), end="")
