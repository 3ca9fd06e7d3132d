"""Every set of values in `ci/`, rendered."""

import functools

import pytest

from rendering import CHART, render, values_of

SETS = sorted(path.name.removesuffix("-values.yaml") for path in (CHART / "ci").glob("*-values.yaml"))


@pytest.fixture(params=SETS)
def name(request):
    return request.param


@functools.cache
def rendered(name):
    return render(values_of(name))


@pytest.fixture
def release(name):
    """One for all tests, which only look at it."""
    return rendered(name)
