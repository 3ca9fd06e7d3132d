"""`scripts/browser` and what `scripts/setup` says where apt has no Chromium that runs, as on Ubuntu."""

import pytest

from rendering import REPOSITORY

BROWSER = str(REPOSITORY / "scripts/browser")
SETUP = str(REPOSITORY / "scripts/setup")
# Ubuntu's /usr/bin/chromium-browser.
SNAP = "echo \"Command '$0' requires the chromium snap to be installed.\" >&2; exit 1"
BASICS = ("sh", "env", "grep", "sed", "uname", "cat", "tail", "tee", "chmod", "rm")


@pytest.fixture
def bare(tools):
    """A system with nothing but the simplest tools."""
    for name in BASICS:
        path = f"/bin/{name}" if name in ("sh",) else f"/usr/bin/{name}"
        tools.add(name).unlink()
        (tools.directory / name).symlink_to(path)
    return tools


def test_the_transitional_package_of_ubuntu_is_not_a_browser_and_chrome_is_one(bare):
    bare.add("chromium-browser", SNAP)
    assert bare.run(BROWSER, path="").returncode == 1
    chrome = bare.add("google-chrome", "echo Google Chrome 139.0.7258.66")
    found = bare.run(BROWSER, path="")
    assert (found.returncode, found.stdout.strip()) == (0, str(chrome))


def test_a_configured_browser_is_used_and_one_that_does_not_run_is_reported(bare, tmp_path):
    bare.add("chromium", "echo Chromium 1.0")
    named = bare.add("mine", "echo Chromium 2.0")
    assert bare.run(BROWSER, path="", CHROMIUM=str(named)).stdout.strip() == str(named)
    nothing = bare.run(BROWSER, path="", CHROMIUM=str(tmp_path / "no"))
    assert nothing.returncode == 1 and "does not run" in nothing.stderr


@pytest.fixture
def without_browser(bare):
    """As root, with everything but a browser."""
    for name in ("npm", "nginx", "mosquitto", "mosquitto_pub", "promtool", "curl", "jq", "cargo", "cc", "node", "python3"):
        bare.add(name)
    bare.add("redis-server", "echo Redis server v=7.0.15 sha=0")
    bare.add("id", "echo 0")
    bare.add("apt-get", f'echo "apt-get $*" >>{bare.directory}/asked')
    return bare


@pytest.mark.parametrize("shown", ["exit 100", "echo Version: 2:1snap1; echo 'Pre-Depends: debconf, snapd (>= 2.32.5)'"])
def test_where_chromium_is_a_snap_setup_says_what_to_do_and_installs_nothing(without_browser, shown):
    without_browser.add("apt-cache", shown)
    done = without_browser.run(SETUP, "test", path="")
    assert done.returncode == 1, done.stderr
    assert "google-chrome-stable_current_amd64.deb" in done.stdout and "CHROMIUM=" in done.stdout
    assert "install" not in (without_browser.directory / "asked").read_text()


def test_a_redis_that_is_too_old_is_reported(without_browser):
    without_browser.add("redis-server", "echo Redis server v=6.0.16 sha=0")
    done = without_browser.run(SETUP, "run", path="")
    assert done.returncode == 1 and "Redis 6 is too old" in done.stdout, done.stdout + done.stderr


def test_without_root_the_command_for_root_is_printed(without_browser):
    without_browser.add("id", "echo 1000")
    done = without_browser.run(SETUP, "test", path="")
    assert done.returncode == 1
    assert "install-packages chromium fonts-dejavu-core" in done.stdout
