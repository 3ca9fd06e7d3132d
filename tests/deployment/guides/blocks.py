"""The commands that a guide shows: what stands in its fenced blocks.

A block of `sh` is run, unless the line above says why not: `<!-- not run: it needs a cluster -->`. A comment after a command, on its
line or on lines of its own below, that is a number or JSON is the answer that the guide promises.
"""

import json
import re
import subprocess
from dataclasses import dataclass

SHELL = ("sh", "bash", "shell", "console")
FENCE = re.compile(r"^( *)```(\S*)\s*$")
NOT_RUN = re.compile(r"^<!-- not run: (.+) -->$")


@dataclass
class Block:
    line: int
    language: str
    text: str
    # Why it is not run.
    reason: str | None


@dataclass
class Command:
    line: int
    text: str
    # What the guide says that it answers; `...` if it does not say.
    answer: object = ...


def blocks(text):
    lines = text.splitlines()
    block, above = None, ""
    for number, line in enumerate(lines, 1):
        fence = FENCE.match(line)
        if block is None and fence:
            said = NOT_RUN.match(above.strip())
            block = (number + 1, fence[2], len(fence[1]), [], said and said[1])
        elif block and fence:
            first, language, indent, inside, reason = block
            yield Block(first, language, "\n".join(part[indent:] for part in inside), reason)
            block = None
        elif block:
            block[3].append(line)
        above = line if line.strip() else above
    assert block is None, "a block does not end"


def is_whole(text):
    if text.endswith("\\"):
        return False
    return subprocess.run(["bash", "-n", "-c", text], capture_output=True).returncode == 0


def answer(text):
    """The value that a comment shows, with the status of HTTP before it left out."""
    text = re.sub(r"^[1-5]\d\d +(?=\{)", "", text.strip())
    try:
        return json.loads(text)
    except ValueError:
        return ...


def commands(block):
    """The block's commands, each as long as it takes to be one."""
    done, begun, comment = [], [], []
    for number, line in enumerate(block.text.splitlines(), block.line):
        if not begun and line.startswith("#"):
            comment.append(line[1:].strip())
            if done and done[-1].answer is ...:
                done[-1].answer = answer(" ".join(comment))
            continue
        comment = []
        if not begun and not line.strip():
            continue
        begun.append(line)
        text = "\n".join(begun)
        if is_whole(text):
            command = Command(number - len(begun) + 1, text)
            if shown := re.search(r"\s# *(\S.*)$", begun[-1]):
                command.answer = answer(shown[1])
            done.append(command)
            begun = []
    assert not begun, f"line {block.line}: this is no whole command: {begun}"
    return done


def is_answered(promised, said):
    """Whether an answer is as promised: numbers by themselves exactly, the rest by its members and their types."""
    try:
        return alike(promised, json.loads(said), top=True)
    except ValueError:
        return False


def alike(promised, said, top=False):
    if isinstance(promised, dict):
        return isinstance(said, dict) and promised.keys() == said.keys() and all(alike(promised[key], said[key]) for key in promised)
    if isinstance(promised, list):
        return isinstance(said, list) and (not promised or (said != [] and alike(promised[0], said[0])))
    if isinstance(promised, bool) or not isinstance(promised, int | float):
        return type(promised) is type(said)
    return promised == said if top else isinstance(said, int | float)
