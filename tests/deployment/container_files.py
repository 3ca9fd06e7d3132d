"""Dockerfile, compose file and workflows, as tests read them."""

import yaml

from rendering import REPOSITORY

DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())


def workflows():
    return sorted((REPOSITORY / ".github/workflows").glob("*.yaml"))
