from contextlib import ExitStack

import pytest

from system import System


@pytest.fixture
def system(tmp_path):
    """Redis alone; a test starts the services that it asks."""
    with ExitStack() as resources:
        yield System(tmp_path, resources)
