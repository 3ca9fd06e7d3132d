"""`make help`, and what `.ci/run` makes of a run of `make test`."""

import re
import shutil

import pytest

from rendering import REPOSITORY

CI = str(REPOSITORY / ".ci/run")
# One rule stands for parts of `make unit`, which have no life of their own.
PARTS = {"rust-tests", "page-tests"}
CARGO = "test result: ok. 68 passed; 0 failed; 0 ignored; 0 measured"
VITEST = "\033[2m      Tests \033[22m \033[1m\033[32m88 passed\033[39m\033[22m\033[90m (88)\033[39m"
PYTEST = "\033[32m\033[32m\033[1m12 passed\033[0m, \033[33m1 skipped\033[0m\033[32m in 1.23s\033[0m"


def test_help_lists_every_target(tools):
    makefile = (REPOSITORY / "Makefile").read_text()
    targets = set(re.search(r"^\.PHONY: (.*)", makefile, re.M)[1].split()) - PARTS
    listed = set(re.findall(r"^  make (\S+) +\S", tools.run("make", "help").stdout, re.M))
    assert listed == targets


@pytest.fixture
def project(tmp_path):
    """What the Makefile looks at, with a page that is built."""
    project = tmp_path / "project"
    for name in ("Makefile", "Cargo.toml", "scripts/browser", "frontend/package-lock.json"):
        copy = project / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, copy)
    for built in ("frontend/node_modules/.package-lock.json", "frontend/dist/index.html"):
        (project / built).parent.mkdir(parents=True)
        (project / built).touch()
    return project


def test_what_comes_after_a_part_that_fails_is_run_too(tools, project):
    ran = tools.directory / "ran"
    for name in ("cargo", "npm", "deny"):
        tools.add(name, f'echo {name} "$@" >>{ran}; case "{name} $*" in "cargo test"*) exit 1 ;; esac')
    python = tools.add("python", f'echo python "$@" >>{ran}')
    done = tools.run("make", "test", f"PYTHON={python}", "DENY=deny", "SETUP=true", cwd=project)
    assert done.returncode != 0
    said = ran.read_text()
    for mark in ("cargo test", "npm test", "npm run --silent e2e", "python -m pytest", "deny --locked check"):
        assert mark in said, said


def test_lint_checks_code_then_documentation_then_licences_without_the_network(tools, project):
    planned = tools.run("make", "-n", "lint", cwd=project).stdout
    parts = ["clippy --workspace --all-targets --features failpoints -- -D warnings", 'RUSTDOCFLAGS="-D warnings"', "--offline --target"]
    at = [planned.index(part) for part in parts]
    assert at == sorted(at)
    assert "licenses bans sources" in planned[at[-1] :]


def test_advisories_say_that_their_database_is_unreachable_and_fail_for_it_in_ci_only(tools, project):
    tools.add("git", "exit 2")
    tools.add("deny", "echo checked")
    for ci, code in (("", 0), ("true", 2)):
        done = tools.run("make", "advisories", "DENY=deny", "SETUP=true", cwd=project, CI=ci)
        assert done.returncode == code and "not checked" in done.stdout
    tools.add("git")
    assert tools.run("make", "advisories", "DENY=deny", "SETUP=true", cwd=project).stdout.endswith("checked\n")


UNREACHABLE = "npm error audit endpoint returned an error"


@pytest.mark.parametrize(
    "said, code, ci, expected",
    [
        ("found 0 vulnerabilities", 0, "true", 0),
        ("vite  <=5.0.0\nSeverity: high", 1, "", 2),
        (UNREACHABLE, 1, "", 0),
        (UNREACHABLE, 1, "true", 2),
    ],
)
def test_both_lock_files_of_npm_are_checked_and_an_unreachable_registry_fails_in_ci_only(tools, said, code, ci, expected):
    tools.add("npm", f'echo "$PWD $@" >>{tools.directory}/ran; echo "{said}"; exit {code}')
    done = tools.run("make", "npm-advisories", cwd=REPOSITORY, CI=ci)
    assert done.returncode == expected, done.stdout
    assert "Severity" not in said or "Severity: high" in done.stdout
    ran = (tools.directory / "ran").read_text().splitlines()
    assert [line.split()[0] for line in ran] == [str(REPOSITORY / name) for name in ("frontend", "tests/clients")]
    assert all("audit --package-lock-only --audit-level=high" in line for line in ran)


def test_the_tests_by_which_documents_are_generated_exist():
    makefile = (REPOSITORY / "Makefile").read_text()
    names = re.search(r"UPDATE_DOCS=1 .* -- (.*)", makefile)[1].split()
    sources = "".join(path.read_text() for path in (REPOSITORY / "src").rglob("*.rs"))
    assert names and all(re.search(rf"fn \w*{name}\w*\(\)", sources) for name in names), names


def test_one_test_needs_a_name(tools, project):
    ran = tools.directory / "ran"
    tools.add("cargo", f'echo "$@" >>{ran}')
    assert tools.run("make", "test-one", cwd=project).returncode == 2 and not ran.exists()
    assert tools.run("make", "test-one", "NAME=consumer_group::", cwd=project).returncode == 0
    assert ran.read_text().endswith("-- consumer_group::\n")


def ci(tools, tmp_path, *lines, code=0):
    home = tmp_path / "home"
    cargo = home / ".cargo"
    (cargo / "registry").mkdir(parents=True)
    (cargo / "config.toml").write_text("[net]\n")
    said = tmp_path / "said"
    said.write_text("\n".join(lines) + "\n")
    tools.add("make", f'[ "$*" = test ] || exit 9; ls "$CARGO_HOME" >{tmp_path}/cargo-home; ls "$CARGO_TARGET_DIR" 2>&1; cat {said}; exit {code}')
    return tools.run("bash", CI, HOME=str(home))


def test_ci_counts_the_tests_of_all_runners_and_says_how_long_it_took(tools, tmp_path):
    done = ci(tools, tmp_path, CARGO, CARGO, VITEST, PYTEST)
    assert done.returncode == 0, done.stdout + done.stderr
    *_, took, last = done.stdout.splitlines()
    assert last == "236 passed, 0 failed"
    assert re.fullmatch(r"took \d+ min \d+ s", took)


def test_ci_starts_with_an_empty_registry_and_the_configuration_of_the_user(tools, tmp_path):
    done = ci(tools, tmp_path, CARGO)
    assert done.returncode == 0
    assert (tmp_path / "cargo-home").read_text().split() == ["config.toml"]
    assert "No such file" in done.stdout, "the target directory is not cold"


@pytest.mark.parametrize(
    "lines, code, last",
    [
        (["test result: FAILED. 289 passed; 6 failed; 0 ignored", VITEST], 2, "377 passed, 6 failed"),
        (["      Tests  2 failed | 86 passed (88)"], 2, "86 passed, 2 failed"),
        (["2 failed, 86 passed, 1 error in 1.20s"], 2, "86 passed, 3 failed"),
        ([CARGO, "error: could not compile"], 2, "68 passed, 1 failed"),
        (["nothing ran"], 0, "0 passed, 0 failed"),
    ],
)
def test_ci_fails_where_anything_failed_or_nothing_ran(tools, tmp_path, lines, code, last):
    done = ci(tools, tmp_path, *lines, code=code)
    assert done.returncode != 0
    assert done.stdout.splitlines()[-1] == last
