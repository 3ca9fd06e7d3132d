"""What is packed, described and remembered."""

import re
import subprocess
import sys
import tarfile

import helm_python
import yaml

from rendering import CHART, REPOSITORY, at, golden, merged, render, standard_values


def test_the_readme_is_made_of_the_values():
    script = REPOSITORY / "scripts/chart-readme"
    made = subprocess.run([sys.executable, script], check=True, capture_output=True, text=True).stdout
    assert made == (CHART / "README.md").read_text(), "run `make chart-docs`"


def test_the_versions_are_the_programs():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    program = re.search(r'\[workspace\.package\]\nversion = "(.+)"', (REPOSITORY / "Cargo.toml").read_text())[1]
    assert (chart["version"], chart["appVersion"]) == (program, program)
    assert f"ARG VERSION={program}" in (REPOSITORY / "Dockerfile").read_text()


def test_the_images_that_the_chart_announces_are_those_that_it_runs():
    annotations = yaml.safe_load((CHART / "Chart.yaml").read_text())["annotations"]
    announced = {image["image"] for image in yaml.safe_load(annotations["artifacthub.io/images"])}
    used = {container["image"] for _, pod in render().pods() for container in pod["spec"]["containers"]}
    assert announced == used


def test_the_package_has_no_unrelated_files(tmp_path):
    helm_python.package(str(CHART), destination=str(tmp_path))
    (package,) = tmp_path.glob("*.tgz")
    with tarfile.open(package) as tar:
        names = {name.removeprefix("energy-pipeline/") for name in tar.getnames()}
    top = {name.split("/")[0] for name in names}
    assert top <= {"Chart.yaml", "README.md", "values.yaml", "values.schema.json", ".helmignore", "templates", "files"}
    assert {"templates/_workload.tpl", "templates/tests/smoke.yaml", "templates/NOTES.txt"} <= names
    assert package.stat().st_size < 100_000


def leaves(values, path=""):
    for key, value in values.items():
        here = f"{path}.{key}" if path else key
        if isinstance(value, dict) and value:
            yield from leaves(value, here)
        else:
            yield here


def test_every_value_is_described():
    described = set(re.findall(r"^\| `([^`]+)` \|", (CHART / "README.md").read_text(), re.M))
    for leaf in leaves(standard_values()):
        parts = leaf.split(".")
        prefixes = {".".join(parts[: n + 1]) for n in range(len(parts))}
        assert prefixes & described, f"{leaf} has no description"


GOLDEN = REPOSITORY / "tests/deployment/chart/golden.yaml"


def test_the_default_release_is_unchanged():
    """A change of this file is a change of every installation: look at it, then `make chart-docs` renews it."""
    assert golden() == GOLDEN.read_text(), "run `make chart-docs` and look at the difference"


def test_notes_say_how_to_reach_it_and_name_the_risks():
    notes = render(name="energy-pipeline").notes
    assert "port-forward service/energy-pipeline-frontend 3000:80" in notes
    assert "has no ScaledObject of KEDA" in notes
    assert "has no ScaledObject" not in render(apis=["keda.sh/v1alpha1", "keda.sh/v1alpha1/ScaledObject"]).notes
    assert "http://energy-pipeline.local/" in render(at("ingress.enabled", True)).notes
    assert "service/r-energy-pipeline-ingestion-api 8000:80" in render(at("frontend.enabled", False)).notes


def test_objects_that_others_see_are_pointed_to_in_the_readme():
    readme = (CHART / "README.md").read_text()
    for page in ("docs/kubernetes.md", "docs/gke.md", "docs/autoscaling.md", "docs/migration.md"):
        assert page in readme and (REPOSITORY / page).exists()


def test_dashboard_and_rules_are_the_projects_own():
    # Charts cannot reach outside of themselves: links do.
    for folder in ("grafana", "prometheus"):
        assert (CHART / "files" / folder).resolve() == REPOSITORY / "observability" / folder
    dashboards = sorted(path.name for path in (REPOSITORY / "observability/grafana").glob("*.json"))
    made = render(at("metrics.dashboard.enabled", True)).all("ConfigMap")
    assert sorted(key for config in made if config["metadata"]["name"].endswith("-dashboard") for key in config["data"]) == dashboards
    rules = [
        group["name"]
        for path in sorted((REPOSITORY / "observability/prometheus").glob("*.rules.yml"))
        for group in yaml.safe_load(path.read_text())["groups"]
    ]
    made = render(at("metrics.prometheusRule.enabled", True)).all("PrometheusRule")
    assert [group["name"] for rule in made for group in rule["spec"]["groups"]] == rules


def test_values_in_the_guide_to_gke_are_accepted():
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", (REPOSITORY / "docs/gke.md").read_text(), re.S)]
    values, gateway, memorystore = blocks
    assert gateway["kind"] == "Gateway"
    release = render(merged(values, memorystore), name="energy-pipeline")
    assert not release.all("StatefulSet") and len(release.all("HealthCheckPolicy")) == 2
    (route,) = release.all("HTTPRoute")
    assert route["spec"]["parentRefs"][0]["name"] == gateway["metadata"]["name"]
    services = {service["metadata"]["name"] for service in release.all("Service")}
    assert {policy["spec"]["targetRef"]["name"] for policy in release.all("HealthCheckPolicy")} <= services


def test_commands_of_the_guides_name_existing_files_and_targets():
    makefile = (REPOSITORY / "Makefile").read_text()
    for page in ("kubernetes", "gke", "autoscaling", "migration"):
        text = (REPOSITORY / "docs" / f"{page}.md").read_text()
        for target in re.findall(r"\bmake ([a-z-]+)", text):
            assert f"\n{target}:" in makefile, target
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            assert (REPOSITORY / "docs" / link).exists(), link
        for script in re.findall(r"\bscripts/[a-z-]+", text):
            assert (REPOSITORY / script).exists(), script
