"""What CI and releases run: every part once, at pinned versions, and nothing is published before all of it has passed."""

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

from container_files import workflows
from rendering import REPOSITORY

MAKEFILE = (REPOSITORY / "Makefile").read_text()
WORKFLOWS = workflows()
# Jobs of a release that need rights to write.
PUBLISHING = ("images", "publish")
# What `.ci/run` runs.
CI_RUN = "test"


def workflow(name):
    # YAML 1.1 takes the key `on` for true.
    text = (REPOSITORY / ".github/workflows" / name).read_text()
    return yaml.safe_load(re.sub(r"^on:", '"on":', text, flags=re.M))


def steps(jobs):
    return [step for job in jobs.values() for step in job.get("steps", [])]


def made(command):
    """The targets that a command of a workflow makes, with the parts of `make test` in its place."""
    targets = re.findall(r"\bmake((?: [a-z][a-z-]*)+)", command)
    targets = [target for line in targets for target in line.split()]
    targets += [CI_RUN] * command.count(".ci/run")
    parts = re.search(rf"^{CI_RUN}:.*\n\t@.*--keep-going (.*)$", MAKEFILE, re.M)[1].split()
    return [part for target in targets for part in (parts if target == CI_RUN else [target])]


def test_ci_makes_every_target_once():
    counted = Counter(target for step in steps(workflow("ci.yaml")["jobs"]) for target in made(step.get("run", "")))
    assert counted and set(counted.values()) == {1}, counted
    assert {"lint", "unit", "e2e", "deployment", "clients", "deny", "advisories", "npm-advisories", "checkov", "test-containers"} <= set(counted)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_has_the_schema_of_github(path):
    command = [Path(sys.executable).parent / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", path]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_targets_that_a_workflow_makes_exist(path):
    targets = set(re.search(r"^\.PHONY: (.*)", MAKEFILE, re.M)[1].split())
    for step in steps(workflow(path.name)["jobs"]):
        assert set(made(step.get("run", ""))) <= targets


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit_and_name_their_version(path):
    used = re.findall(r"uses: (\S+)(.*)", path.read_text())
    foreign = [(action, rest) for action, rest in used if not action.startswith("./")]
    assert foreign
    for action, rest in foreign:
        assert re.search(r"@[0-9a-f]{40}$", action) and re.fullmatch(r" # v\d+\.\d+\.\d+", rest), action


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_only_reads_but_for_publishing_and_its_jobs_end(path):
    read = workflow(path.name)
    assert read["permissions"] == {"contents": "read"}
    for name, job in read["jobs"].items():
        assert "uses" in job or "timeout-minutes" in job, name
        assert "write" not in job.get("permissions", {}).values() or name in PUBLISHING, name


def test_credentials_of_a_checkout_are_not_kept():
    for path in WORKFLOWS:
        for step in steps(workflow(path.name)["jobs"]):
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False, path.name


def test_a_release_publishes_after_all_of_ci():
    jobs = workflow("release.yaml")["jobs"]
    [ci] = [name for name, job in jobs.items() if job.get("uses") == "./.github/workflows/ci.yaml"]
    assert "workflow_call" in workflow("ci.yaml")["on"]

    def before(name):
        needs = jobs[name].get("needs", [])
        needs = [needs] if isinstance(needs, str) else needs
        return set(needs).union(*map(before, needs))

    assert "continue-on-error" not in str(workflow("ci.yaml")) and "continue-on-error" not in str(jobs)
    for name in PUBLISHING:
        assert ci in before(name), name
    for name in set(jobs) - set(PUBLISHING):
        assert not re.search(r"push|login|publish", str(jobs[name])), name


def test_renovate_keeps_pinned_versions_current():
    config = json.loads((REPOSITORY / ".github/renovate.json").read_text())
    assert {"helpers:pinGitHubActionDigests", "docker:pinDigests", "customManagers:dockerfileVersions"} <= set(config["extends"])
    assert not (REPOSITORY / ".github/dependabot.yml").exists(), "one of both is enough"
