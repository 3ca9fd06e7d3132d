"""The page's nginx, for a file of tests or for one test."""

import tempfile
from contextlib import ExitStack

import pytest

from page import Page


@pytest.fixture(scope="module")
def page():
    with tempfile.TemporaryDirectory() as directory, ExitStack() as resources:
        yield Page(directory, resources)


@pytest.fixture
def start():
    """Starts a page with other variables."""
    with ExitStack() as resources:

        def started(**variables):
            directory = resources.enter_context(tempfile.TemporaryDirectory())
            return Page(directory, resources, **variables)

        yield started
