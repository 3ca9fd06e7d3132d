"""Links between documents resolve, and every decision has the same form and a line in the index."""

import re
import subprocess

import pytest

from rendering import REPOSITORY

def tracked(*patterns):
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    paths = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.splitlines()
    return sorted(path for path in paths if (REPOSITORY / path).is_file())


DOCUMENTS = tracked("*.md")
DECISIONS = sorted(path for path in (REPOSITORY / "docs/decisions").glob("*.md") if path.stem != "0000-template")
# What was released stays as it was written.
HISTORY = {"CHANGELOG.md"}
# Not metrics: names of crates in the documents.
FOREIGN = {"energy_pipeline_actors"}
LINK = re.compile(r"\]\(((?!https?:|<)[^)#\s]*)(?:#([^)]*))?\)")
# A document that is part of a page elsewhere, where its links mean another place, says so by naming files in code.
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.S)


def text_of(path):
    return CODE.sub("", path.read_text())


def anchors(path):
    headings = re.findall(r"^#+ (.*)$", path.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_relative_links_of_a_document_resolve(document):
    path = REPOSITORY / document
    for name, anchor in LINK.findall(text_of(path)):
        target = path.parent / name if name else path
        assert target.exists(), f"{document} links to {name}, which does not exist"
        assert not anchor or anchor in anchors(target), f"{document} links to {name}#{anchor}, which does not exist"


# Files and folders that a document names in code, from the root of the repository or from its own folder.
PATH = re.compile(r"`((?:actors|api|bench|charts|compose|data|docs|frontend|import|instrumentation|observability|openapi|readings|scripts|src|tests)/[\w./-]+?)(?:::\w+)?`")


@pytest.mark.parametrize("document", sorted(set(DOCUMENTS) - HISTORY))
def test_paths_that_a_document_names_exist(document):
    roots = (REPOSITORY, (REPOSITORY / document).parent)
    for name in PATH.findall((REPOSITORY / document).read_text()):
        found = any((root / (name + ending)).exists() for root in roots for ending in ("", ".rs"))
        assert found, f"{document} names {name}, which does not exist"


# Crates whose code logs what an operator reads.
SOURCES = "".join(path.read_text() for crate in ("src", "readings/src", "actors/src", "api/src") for path in sorted((REPOSITORY / crate).rglob("*.rs")))
# A text that goes on in the next line of the source.
CONTINUED = re.compile(r"\\\n\s*")


def runbook():
    """The metrics and the log lines that the runbook explains."""
    text = (REPOSITORY / "docs/delivery-guarantees.md").read_text()
    table = text.partition("## Runbook")[2].partition("\n\n**")[0]
    first = [line.split(" | ")[0] for line in table.splitlines() if line.startswith("| ") and "---" not in line][1:]
    return [name for cell in first for name in re.findall(r"`([a-z_]+)(?:\{\w+\})?`", cell)], [line for cell in first for line in re.findall(r'"([^"]+)"', cell)]


def test_counters_and_gauges_of_the_runbook_are_metrics():
    metrics = (REPOSITORY / "docs/metrics.md").read_text()
    names, _ = runbook()
    unknown = [name for name in names if not any(f"`energy_pipeline_{name}{ending}`" in metrics for ending in ("_total", ""))]
    assert len(names) > 10 and unknown == []


def test_log_lines_of_the_runbook_are_logged():
    code = CONTINUED.sub("", SOURCES)
    _, lines = runbook()
    # What stands for a name of the operator's may be anything.
    logged = [re.search(r".*".join(map(re.escape, line.split(" … "))), code) for line in lines]
    assert len(lines) > 8 and [line for line, found in zip(lines, logged) if not found] == []


@pytest.mark.parametrize("document", sorted(set(DOCUMENTS) - HISTORY))
def test_metrics_that_a_document_names_exist(document):
    metrics = (REPOSITORY / "docs/metrics.md").read_text()
    named = set(re.findall(r"energy_pipeline_(?!\b)[a-z_]+[a-z]", (REPOSITORY / document).read_text()))
    assert {name for name in named if f"`{name}" not in metrics} <= FOREIGN


def test_commands_of_redis_are_sent_by_the_files_that_the_architecture_names():
    table = (REPOSITORY / "docs/architecture.md").read_text().partition("## Which module sends which command")[2].partition("\n## ")[0]
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| `")]
    assert len(rows) > 10
    for commands, owners, _ in rows:
        files = [(REPOSITORY / "readings/src/store" / name).read_text() for name in re.findall(r"`([\w/]+\.rs)`", owners)]
        for command in re.findall(r"`([A-Z]+)`", commands):
            assert any(re.search(rf"\b{command}\b", text) for text in files), f"{command} is not in {owners}"


def test_every_page_in_docs_is_in_the_index():
    index = (REPOSITORY / "docs/README.md").read_text()
    pages = {path.name for path in (REPOSITORY / "docs").glob("*.md")} - {"README.md"}
    assert pages - set(re.findall(r"\]\(([\w-]+\.md)\)", index)) == set()


def test_every_decision_has_a_line_in_the_index_with_its_title():
    index = (REPOSITORY / "docs/README.md").read_text()
    listed = re.findall(r"^\| (\d+) \| \[(.*)\]\(decisions/(.*\.md)\) \| .+ \|$", index, re.M)
    written = []
    for path in DECISIONS:
        number, title = re.match(r"# (\d+)\. (.*)\n", path.read_text()).groups()
        written.append((number, title, path.name))
    assert listed == written


def test_numbers_of_decisions_follow_each_other():
    assert [int(path.stem[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_has_the_headings_of_the_template(path):
    text = path.read_text()
    assert re.match(rf"# {int(path.stem[:4])}\. \S.*\n\n\*\*Status\.\*\* (Accepted|Superseded)\b", text)
    wanted = re.findall(r"^\*\*(\w+)", (REPOSITORY / "docs/decisions/0000-template.md").read_text(), re.M)
    used = re.findall(r"^\*\*(\w+)", text, re.M)
    assert set(used) <= set(wanted)
    assert set(wanted) - set(used) <= {"Alternatives"}
    assert used[:2] == ["Status", "Context"]
