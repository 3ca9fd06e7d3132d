"""Every set of values in `ci/`, rendered."""

import pytest

from rendering import CHART, render, values_of

SETS = sorted(path.name.removesuffix("-values.yaml") for path in (CHART / "ci").glob("*-values.yaml"))


@pytest.fixture(params=SETS)
def name(request):
    return request.param


@pytest.fixture
def release(name):
    return render(values_of(name))
