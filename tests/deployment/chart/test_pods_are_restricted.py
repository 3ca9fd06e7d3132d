"""Every container of every set of values meets the restricted Pod Security Standard, and more."""

from rendering import REPOSITORY, containers


def test_nobody_is_root(release):
    for name, pod in release.pods():
        security = pod["spec"]["securityContext"]
        assert security["runAsNonRoot"] is True, name
        assert security["runAsUser"] > 0, name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not any(pod["spec"].get(field) for field in ("hostNetwork", "hostPID", "hostIPC")), name


def test_containers_may_gain_nothing_and_write_nothing(release):
    for name, pod in release.pods():
        for container in containers(pod):
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False, name
            assert security["readOnlyRootFilesystem"] is True, name
            assert security["capabilities"] == {"drop": ["ALL"]}, name
            assert "runAsUser" not in security and not security.get("privileged"), name


def test_volumes_are_of_the_kinds_that_restricted_pods_may_have(release):
    allowed = {"configMap", "emptyDir", "projected", "secret", "persistentVolumeClaim", "downwardAPI", "ephemeral", "csi"}
    for name, pod in release.pods():
        for volume in pod["spec"].get("volumes", []):
            assert (volume.keys() - {"name"}) <= allowed, name


def test_no_pod_is_given_a_token_of_kubernetes(release):
    for name, pod in release.pods():
        assert pod["spec"]["automountServiceAccountToken"] is False, name
    for account in release.all("ServiceAccount"):
        assert account["automountServiceAccountToken"] is False


def test_every_container_says_what_it_needs(release):
    for name, pod in release.pods():
        for container in pod["spec"]["containers"]:
            if container["name"] == "sidecar":
                continue
            assert container["resources"]["requests"].keys() >= {"cpu", "memory"}, name
            assert "memory" in container["resources"]["limits"], name


def test_secrets_in_files_can_be_read_by_who_runs(release):
    for name, pod in release.pods():
        for volume in pod["spec"].get("volumes", []):
            files = volume.get("projected") or volume.get("secret")
            if files:
                assert files["defaultMode"] == 0o440, name
                assert pod["spec"]["securityContext"]["fsGroup"] > 0, name


def test_the_users_are_those_of_the_images():
    dockerfile = (REPOSITORY / "Dockerfile").read_text()
    assert "USER 10001:10001" in dockerfile and "USER 101:101" in dockerfile
