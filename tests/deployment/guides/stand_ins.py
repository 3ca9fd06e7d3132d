"""What the guides' tools are while their commands are tested: `python stand_ins.py TOOL ARGUMENTS`.

`energy-pipeline` is the real one, and so is what is run in a container or a pod: on the product that runs here. Of everything
that needs a cluster, an engine or an account, what can be known without is checked: targets of make, services and profiles of
the compose file, objects, containers and ports of the rendered chart, its values.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from blocks import is_answered  # noqa: E402
from processes import wait_for  # noqa: E402
from rendering import REPOSITORY, merged, render  # noqa: E402

ROLES = ("up", "ingestion-api", "processing-service", "query-api")
# Where the chart's and the compose file's Redis has its data.
DATA = "/data"


class Wrong(Exception):
    """The guide says something that is not so."""


def check(condition, what):
    if not condition:
        raise Wrong(what)


def options(words, with_value=(), most=None):
    """Takes options out: what is left, and the options. What comes after `most` words that are none is left as it is."""
    rest, found, words = [], [], list(words)
    while words:
        word = words.pop(0)
        if word == "--" or len(rest) == most:
            rest += [word, *words]
            break
        if not word.startswith("-") or word == "-":
            rest.append(word)
        elif "=" not in word and word in with_value:
            check(words, f"{word} needs a value")
            found.append((word, words.pop(0)))
        else:
            name, _, value = word.partition("=")
            found.append((name, value))
    return rest, found


def values(found, *names):
    return [value for name, value in found if name in names]


def until_it_answers(promised, command):
    """Runs a command that only asks until it answers as promised: what was accepted a moment ago is stored a moment later."""
    asking = ["bash", "-ec", command]

    def answered():
        said = subprocess.run(asking, capture_output=True, text=True).stdout
        return said if is_answered(json.loads(promised), said) else None

    print(wait_for(f"`{command}` answers {promised}", answered), end="")
    return 0


# The program


def energy_pipeline(*words):
    program = os.environ["PROGRAM"]
    role = next((word for word in words if not word.startswith("-")), "up")
    if role not in ROLES:
        return subprocess.run([program, *words]).returncode
    # A role goes on until it is ended: it must come as far as saying where it listens.
    environment = {**os.environ, "INGESTION_PORT": "0", "PROCESSING_PORT": "0", "FRONTEND_PORT": "0", "LISTEN_HOST": "127.0.0.1"}
    with subprocess.Popen([program, *words], env=environment, stdout=subprocess.PIPE, text=True) as process:
        said = next((line for line in process.stdout if "listens on" in line or "is up" in line), "")
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
    return 0 if said else 1


def wait_for_redis():
    """What was ended is started again, and has loaded its data."""
    tool = [os.environ["REDIS_CLI"], "-p", os.environ["CLUSTER_REDIS_PORT"], "PING"]
    wait_for("Redis answers", lambda: subprocess.run(tool, capture_output=True, text=True).stdout.strip() == "PONG")
    return 0


def inside(words, where):
    """Runs what a container is to run: on the product, with its data directory as `/data`."""
    check(words, f"nothing is run in {where}")
    if words[0] == "/energy-pipeline":
        os.environ |= {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": os.environ["CLUSTER_REDIS_PORT"]}
        return energy_pipeline(*words[1:])
    check("redis" in where, f"{where} has nothing but /energy-pipeline, and runs {words[0]}")
    # The way of chart and compose file to their server, with the password that it has.
    if words[:2] in (["sh", "/config/cli"], ["sh", "/redis/cli"]):
        words = ["redis-cli", *words[2:]]
    words = [re.sub(rf"(?<![\w.]){DATA}\b", os.environ["CLUSTER_REDIS_DATA"], word) for word in words]
    return subprocess.run([word.replace("valkey-cli", "redis-cli") for word in words]).returncode


def redis_cli(*words):
    """The real one, at the Redis that stands for that of the guide."""
    return subprocess.run([os.environ["REDIS_CLI"], "-p", os.environ["CLUSTER_REDIS_PORT"], *words]).returncode


# Tools of the project


def make(*words):
    targets, _ = options(words)
    assigned = [word for word in targets if "=" in word]
    targets = [word for word in targets if "=" not in word]
    asked = subprocess.run([os.environ["MAKE_PROGRAM"], "-n", "-C", REPOSITORY, *assigned, *targets], capture_output=True, text=True)
    check(asked.returncode == 0, asked.stderr)
    if targets == ["demo"]:
        # Without building anything.
        (line,) = [line for line in asked.stdout.splitlines() if " import " in line]
        words = line.split()[1:]
        words[words.index("--url") + 1] = os.environ["INGESTION_URL"]
        return energy_pipeline(*words)
    return 0


def docker(*words):
    if words[0] in ("tag", "push", "build", "pull"):
        return 0
    check(words[0] == "compose", f"docker {words[0]}")
    (verb, *rest), found = options(words[1:], ("--profile", "-f", "-p"), most=1)
    (*rest,), more = options(rest, ("--scale",), most=1 if verb in ("exec", "run") else None)
    found += more
    file = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())
    profiles = {profile for service in file["services"].values() for profile in service.get("profiles", [])}
    for profile in values(found, "--profile"):
        check(profile in profiles, f"there is no profile {profile}")
    for scaled in values(found, "--scale"):
        check(scaled.partition("=")[0] in file["services"], f"there is no service {scaled}")
    check(verb in ("up", "down", "exec", "run", "start", "stop", "restart", "logs", "ps", "pull", "build"), f"docker compose {verb}")
    if verb in ("exec", "run"):
        service, *command = rest
        check(service in file["services"], f"there is no service {service}")
        return inside(command, service)
    for service in rest:
        check(service in file["services"], f"there is no service {service}")
    return wait_for_redis() if values(found, "--wait") else 0


# Tools of Kubernetes


def release():
    """What the chart makes, of the values that were last given to helm."""
    given = Path("given-values.yaml")
    return render(yaml.safe_load(given.read_text()) if given.exists() else {}, name="energy-pipeline")


def helm(*words):
    words, found = options(words, ("--namespace", "-n", "--version", "-f", "--values", "--set"))
    verb, *rest = words
    if verb in ("repo", "package", "push", "registry"):
        return 0
    check(verb in ("install", "upgrade", "test", "uninstall", "rollback", "get"), f"helm {verb}")
    if verb == "get":
        print("{}")
        return 0
    if rest[0] != "energy-pipeline" or verb not in ("install", "upgrade"):
        check(rest[0] in ("energy-pipeline", "keda"), f"there is no release {rest[0]}")
        return 0
    check(rest[1].endswith("/energy-pipeline"), f"{rest[1]} is not the chart")
    given = merged(*(yaml.safe_load(Path(name).read_text()) or {} for name in values(found, "-f", "--values")))
    for assignment in values(found, "--set"):
        path, _, value = assignment.partition("=")
        for key in reversed(path.split(".")):
            value = {key: yaml.safe_load(value) if isinstance(value, str) else value}
        given = merged(given, value)
    Path("given-values.yaml").write_text(yaml.safe_dump(given))
    release()
    return 0


SHORT = {"deploy": "Deployment", "deployment": "Deployment", "service": "Service", "svc": "Service", "statefulset": "StatefulSet"}
SHORT |= {"secret": "Secret", "configmap": "ConfigMap", "scaledobject": "ScaledObject", "sts": "StatefulSet", "job": "Job"}
WITH_VALUE = ("-n", "--namespace", "-c", "--container", "-l", "--selector", "-o", "--output", "-f", "--replicas", "--timeout")


def workload(name):
    """An object of the release by `kind/name`, or a pod of a StatefulSet by its name."""
    kind, _, name = name.rpartition("/")
    if kind in ("", "pod"):
        check(name.endswith("-0"), f"the name of pod {name} is made at random")
        kind, name = "statefulset", name.removesuffix("-0")
    check(kind in SHORT, f"{kind} is unknown to this test")
    found = [thing for thing in release().all(SHORT[kind]) if thing["metadata"]["name"] == name]
    check(found, f"the chart makes no {kind} {name}")
    return found[0]


def pod_of(thing):
    if thing["kind"] != "Service":
        return thing["spec"]["template"]
    wanted = thing["spec"]["selector"].items()
    pods = [pod for _, pod in release().pods() if wanted <= pod["metadata"].get("labels", {}).items()]
    check(pods, f"{thing['metadata']['name']} leads nowhere")
    return pods[0]


def kubectl_exec(words, found):
    target, *rest = words
    command = rest[1:] if rest[:1] == ["--"] else rest
    names = [container["name"] for container in pod_of(workload(target))["spec"]["containers"]]
    for name in values(found, "-c", "--container"):
        check(name in names, f"{target} has no container {name}")
    return inside(command, target)


def kubectl_port_forward(words):
    target, *ports = words
    thing = workload(target)
    for port in ports:
        _, _, port = port.rpartition(":")
        if thing["kind"] == "Service":
            there = {str(entry["port"]) for entry in thing["spec"]["ports"]}
        else:
            there = {str(entry["containerPort"]) for part in pod_of(thing)["spec"]["containers"] for entry in part.get("ports", [])}
        check(port in there, f"{target} has no port {port}, but {there}")
    return 0


def kubectl(*words):
    words, found = options(words, WITH_VALUE)
    for namespace in values(found, "-n", "--namespace"):
        check(namespace in ("energy-pipeline", "keda"), f"namespace {namespace}")
    verb, *rest = words
    if verb == "exec":
        return kubectl_exec(rest, found)
    if verb == "port-forward":
        return kubectl_port_forward(rest)
    check(verb in ("get", "create", "delete", "scale", "wait", "rollout", "apply", "logs", "annotate", "describe", "label"), f"kubectl {verb}")
    if verb == "apply":
        for name in values(found, "-f"):
            list(yaml.safe_load_all(Path(name).read_text()))
    if verb in ("create", "apply"):
        return 0
    rest = rest[1:] if verb == "rollout" else rest
    if rest and rest[0] in SHORT:
        rest = [f"{rest[0]}/{name}" for name in rest[1:] if "=" not in name and not name.endswith("-")]
    for target in rest:
        if "/" in target:
            workload(target)
    return wait_for_redis() if verb == "wait" else 0


def minikube(*words):
    check(words[0] in ("start", "docker-env", "image", "addons", "delete"), f"minikube {words[0]}")
    return 0


def gcloud(*words):
    known = ("config", "services", "components", "container", "artifacts", "auth", "redis", "compute", "certificate-manager", "dns")
    check(words[0] in known, f"gcloud {words[0]}")
    return 0


TOOLS = {
    "until-it-answers": until_it_answers,
    "energy-pipeline": energy_pipeline,
    "redis-cli": redis_cli,
    "make": make,
    "docker": docker,
    "helm": helm,
    "kubectl": kubectl,
    "minikube": minikube,
    "gcloud": gcloud,
}


def install(directory):
    """Puts the stand-ins into a directory."""
    for name in TOOLS:
        path = Path(directory) / name
        path.write_text(f'#!/bin/sh\nexec {sys.executable} {__file__} {name} "$@"\n')
        path.chmod(0o755)
    # An answer that is an error ends the guide.
    (Path(directory) / "curl").write_text(f'#!/bin/sh\nexec {shutil.which("curl")} -sS --fail-with-body "$@"\n')
    (Path(directory) / "curl").chmod(0o755)


if __name__ == "__main__":
    tool, *arguments = sys.argv[1:]
    with contextlib.suppress(BrokenPipeError):
        try:
            sys.exit(TOOLS[tool](*arguments))
        except Wrong as wrong:
            sys.exit(f"{tool}: {wrong}")
