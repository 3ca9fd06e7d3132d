"""`make test-containers` where it starts the engine itself. The engine is a stand-in that leaves behind what dockerd does."""

import os

import pytest

from rendering import REPOSITORY

WITH_DOCKER = str(REPOSITORY / "tests/deployment/containers/with-docker")
# After anything ran with `--network host`, dockerd leaves this mounted at its end.
DOCKERD = """
while [ "$1" != --exec-root ]; do shift; done
mkdir -p "$2/netns" && touch "$2/netns/default" && mount --bind /proc/self/ns/net "$2/netns/default" && touch "$2/ready"
trap 'exit 0' TERM
while :; do sleep 0.05; done
"""


@pytest.fixture
def engine(tools, tmp_path):
    if os.geteuid() != 0 or tools.run("unshare", "--mount", "true").returncode != 0:
        pytest.skip("only root mounts")
    tools.add("dockerd", DOCKERD)
    tools.add("docker", '[ "$1" != info ] || { [ -n "$DOCKER_HOST" ] && socket=${DOCKER_HOST#unix://} && [ -e "${socket%/*}/exec/ready" ]; }')
    tools.add("docker-compose")
    tools.add("debootstrap")
    return tools


def run(engine, *command, **environment):
    """With mounts of its own, which end with it; prints those that are left."""
    script = '"$@"; code=$?; cat /proc/mounts; exit $code'
    return engine.run("unshare", "--mount", "sh", "-c", script, "sh", WITH_DOCKER, *command, **environment)


@pytest.mark.parametrize("code", [0, 7])
def test_the_exit_code_is_that_of_the_tests_and_nothing_is_left_behind(engine, tmp_path, code):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    done = run(engine, "sh", "-c", f"exit {code}", TMPDIR=str(temporary))
    assert done.returncode == code, done.stderr
    assert str(temporary) not in done.stdout, "something is still mounted"
    assert list(temporary.iterdir()) == []


def test_it_prints_what_it_does(engine):
    said = run(engine, "true").stderr
    assert "starting an engine" in said and "with-docker: true" in said and "ending the engine" in said
