"""Every container of every set of values meets the restricted Pod Security Standard, and more."""

from rendering import REPOSITORY, at, containers, merged, render


def test_no_container_runs_as_root(release):
    for name, pod in release.pods():
        security = pod["spec"]["securityContext"]
        assert security["runAsNonRoot"] is True, name
        # Low numbers are users of nodes, too.
        assert security["runAsUser"] >= 10_000, name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not any(pod["spec"].get(field) for field in ("hostNetwork", "hostPID", "hostIPC")), name


def test_containers_gain_no_privileges_and_are_read_only(release):
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
    assert dockerfile.count("USER 10001:10001") == 2


# All pods that there can be.
ALL = {"queryApi": {"enabled": True}, "cloudflare": {"enabled": True, "tunnelToken": {"value": "t"}}}
ANY = {"runAsUser": None, "runAsGroup": None, "fsGroup": None}


def assert_names_no_user(release):
    pods = dict(release.pods())
    assert len(pods) == 7
    for name, pod in pods.items():
        assert not {"runAsUser", "runAsGroup", "fsGroup"} & pod["spec"]["securityContext"].keys(), name
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True, name
        for container in containers(pod):
            assert not {"runAsUser", "runAsGroup"} & container["securityContext"].keys(), name


def test_every_pod_runs_as_any_user():
    assert_names_no_user(render(merged(ALL, at("podSecurityContext", ANY), at("redis.podSecurityContext", ANY))))


def test_on_openshift_no_pod_names_a_user():
    assert_names_no_user(render(ALL, apis=["security.openshift.io/v1"]))


def test_a_user_of_all_pods_is_the_user_of_all_pods():
    for name, pod in render(merged(ALL, at("podSecurityContext.runAsUser", 20_000), at("redis.podSecurityContext.runAsUser", 20_000))).pods():
        assert pod["spec"]["securityContext"]["runAsUser"] == 20_000, name


def test_what_is_written_is_on_volumes_that_any_user_may_write():
    """An arbitrary user has no rights in an image's folders: an emptyDir or a claim, and nothing else, is written to."""
    pods = dict(render(ALL).pods())
    written = {
        name.removeprefix("r-"): sorted(mount["mountPath"] for container in containers(pod) for mount in container.get("volumeMounts", []) if not mount.get("readOnly"))
        for name, pod in pods.items()
    }
    assert {name: paths for name, paths in written.items() if paths} == {
        "energy-pipeline-frontend": ["/tmp"],
        "redis-master": ["/data", "/users", "/users"],
    }
