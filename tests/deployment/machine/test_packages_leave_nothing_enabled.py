"""`scripts/install-packages`: services of packages are neither started nor left enabled. Debian's own tool enables them here,
in a directory that stands for `/`; only `apt-get` is a stand-in."""

import shutil
import signal
import subprocess

import pytest

from rendering import REPOSITORY

INSTALL = str(REPOSITORY / "scripts/install-packages")
UNIT = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"

pytestmark = pytest.mark.skipif(not shutil.which("deb-systemd-helper"), reason="this is neither Debian nor Ubuntu")


@pytest.fixture
def root(tmp_path):
    """A system on which another service is enabled already, in both ways."""
    root = tmp_path / "root"
    for directory in ("lib/systemd/system", "etc/rc3.d", "usr/sbin"):
        (root / directory).mkdir(parents=True)
    enable(root, "ours.service", UNIT)
    (root / "etc/rc3.d/S01ours").symlink_to("../init.d/ours")
    return root


def enable(root, unit, text):
    (root / "lib/systemd/system" / unit).write_text(text)
    command = ["deb-systemd-helper", "enable", unit]
    environment = {"DPKG_ROOT": str(root), "DPKG_MAINTSCRIPT_PACKAGE": "p", "PATH": "/usr/bin:/bin"}
    subprocess.run(command, env=environment, check=True)


def package(root, unit, text, more=""):
    """What the installation of a package with a service does."""
    return f"""
printf '{text.replace(chr(10), chr(92) + "n")}' >{root}/lib/systemd/system/{unit}
DPKG_MAINTSCRIPT_PACKAGE=p deb-systemd-helper enable {unit}
ln -s ../init.d/{unit.removesuffix(".service")} {root}/etc/rc3.d/S01{unit.removesuffix(".service")}
cp {root}/usr/sbin/policy-rc.d {root}/policy
{more}"""


def links(root):
    return sorted(str(path.relative_to(root)) for path in (root / "etc").rglob("*") if path.is_symlink())


OURS = ["etc/rc3.d/S01ours", "etc/systemd/system/multi-user.target.wants/ours.service"]


def test_what_a_package_enables_is_disabled_and_what_was_enabled_stays(tools, root):
    alias = UNIT + "Alias=redis.service\n"
    tools.add("apt-get", package(root, "redis-server.service", alias))
    done = tools.run(INSTALL, "redis-server", DPKG_ROOT=str(root))
    assert done.returncode == 0, done.stderr
    assert links(root) == sorted([*OURS, "etc/rc3.d/K01redis-server"])


def test_a_later_version_of_the_package_leaves_it_disabled(tools, root):
    tools.add("apt-get", package(root, "redis-server.service", UNIT))
    assert tools.run(INSTALL, "redis-server", DPKG_ROOT=str(root)).returncode == 0
    asked = tools.run("deb-systemd-helper", "--quiet", "was-enabled", "redis-server.service", DPKG_ROOT=str(root), DPKG_MAINTSCRIPT_PACKAGE="p")
    assert asked.returncode == 1, "its next postinst would enable it again"


def test_nothing_is_started_during_an_installation_and_the_policy_ends_with_it(tools, root):
    tools.add("apt-get", package(root, "nginx.service", UNIT))
    assert tools.run(INSTALL, "nginx", DPKG_ROOT=str(root)).returncode == 0
    assert subprocess.run([root / "policy"]).returncode == 101
    assert not (root / "usr/sbin/policy-rc.d").exists()


def test_a_policy_of_the_system_is_kept(tools, root):
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    tools.add("apt-get", package(root, "nginx.service", UNIT))
    assert tools.run(INSTALL, "nginx", DPKG_ROOT=str(root)).returncode == 0
    assert policy.exists()


@pytest.mark.parametrize("end, code", [("exit 100", 100), (f"kill -{signal.SIGTERM.value} $PPID; sleep 1", 143)])
def test_an_installation_that_fails_or_is_ended_leaves_nothing_either(tools, root, end, code):
    tools.add("apt-get", package(root, "nginx.service", UNIT, end))
    assert tools.run(INSTALL, "nginx", DPKG_ROOT=str(root)).returncode == code
    assert links(root) == sorted([*OURS, "etc/rc3.d/K01nginx"])
    assert not (root / "usr/sbin/policy-rc.d").exists()
