"""Every command that the guides show is run, on a running product; `stand_ins` says what a cluster's tools do here."""

import json
import re
import shlex
import subprocess

import pytest
import yaml

from blocks import SHELL, blocks, commands, is_answered
from rendering import REPOSITORY, standard_values

GUIDES = sorted(
    path.relative_to(REPOSITORY).as_posix()
    for path in [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", REPOSITORY / "charts/energy-pipeline/README.md", *(REPOSITORY / "docs").rglob("*.md")]
)
# What a command may take; `make demo` sends 70,080 readings with a program that is not optimised.
SECONDS = 180
MARK = "\x1e"


def text_of(guide):
    return (REPOSITORY / guide).read_text()


def shell_blocks(guide):
    return [block for block in blocks(text_of(guide)) if block.language in SHELL]


def asks_only(command):
    return command.text.startswith("curl") and not re.search(r" -(X|d)\b", command.text)


def script(chosen, product):
    """One script of all the commands, which says at each one's beginning what comes."""
    lines = ["set -e"]
    for number, command in enumerate(chosen):
        text = product.substituted(command.text)
        if command.answer is not ... and asks_only(command):
            text = shlex.join(["until-it-answers", json.dumps(command.answer), text])
        lines += [f"printf '{MARK}%s{MARK}' {number}", text]
    return "\n".join(lines) + f"\nprintf '{MARK}end{MARK}'\n"


def run(text, product, cwd):
    return subprocess.run(["bash", "-c", text], cwd=cwd, env=product.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS)


def write_files(guide, cwd):
    """A block of YAML whose first line is a comment with a name is a file of the reader's."""
    for block in blocks(text_of(guide)):
        if block.language == "yaml" and (named := re.match(r"# (\S+\.yaml)\n", block.text)):
            (cwd / named[1]).write_text(block.text)


@pytest.mark.parametrize("guide", [guide for guide in GUIDES if shell_blocks(guide)])
def test_the_commands_of_a_guide_work_and_have_the_shown_output(guide, product, checkout):
    write_files(guide, checkout)
    chosen = [command for block in shell_blocks(guide) if not block.reason for command in commands(block)]
    done = run(script(chosen, product), product, checkout)
    parts = done.stdout.split(MARK)
    last = parts[-2] if len(parts) > 1 else None
    at = f"{guide}:{chosen[int(last)].line}" if last and last != "end" else guide
    assert last == "end" and done.returncode == 0, f"{at} ended with {done.returncode}: {done.stderr}\n{parts[-1]}"
    assert product.cluster.has_all(), "readings of the cluster are lost"
    for number, said in zip(parts[1:-2:2], parts[2:-2:2], strict=True):
        command = chosen[int(number)]
        assert command.answer is ... or is_answered(command.answer, said), f"{guide}:{command.line} answers {said}"


@pytest.mark.parametrize("guide", GUIDES)
def test_yaml_that_a_guide_shows_is_yaml(guide):
    for block in blocks(text_of(guide)):
        if block.language == "yaml":
            assert list(yaml.safe_load_all(block.text)), f"{guide}:{block.line}"


# Commands in running text and in tables: their arguments must be known. What is written in capitals is to be filled in.
SPOKEN = re.compile(r"`((?:energy-pipeline|make|scripts/[a-z-]+)(?: [^`]*)?)`")


def spoken(guide):
    for block in blocks(text := text_of(guide)):
        text = text.replace(block.text, "")
    for said in SPOKEN.findall(text):
        words = [word for word in re.split(r"\\?\|", said)[0].split() if word != "…"]
        yield said, [word for word in words if not word.isupper()]


@pytest.mark.parametrize("guide", [guide for guide in GUIDES if any(spoken(guide))])
def test_commands_in_running_text_exist(guide, product):
    for said, words in spoken(guide):
        if words[0] == "make":
            done = subprocess.run(["make", "-n", *words[1:]], cwd=REPOSITORY, capture_output=True, text=True)
        elif words[0] == "energy-pipeline":
            done = subprocess.run([product.environment["PROGRAM"], *words[1:], "--help"], capture_output=True, text=True)
        else:
            assert (REPOSITORY / words[0]).exists(), f"{guide}: {said}"
            continue
        assert done.returncode == 0, f"{guide}: {said}: {done.stderr}"


def test_the_table_of_memory_counts_with_the_memory_that_the_chart_gives():
    maxmemory = standard_values()["redis"]["maxmemory"].removesuffix("mb")
    assert text_of("docs/operations.md").count(f"{maxmemory} MB") == 2
