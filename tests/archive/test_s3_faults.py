"""Faults of an object store: what needs it is an error or the whole answer, never a shorter one, and all is there afterwards."""

import json
import urllib.error
import urllib.request
from contextlib import ExitStack

import pytest

from archived import HOUSE, Archived
from faulty_store import FaultyStore
from store import BUCKET, Store

# Seconds; a file is read by a few requests.
SLOW = 0.2

# Requests of a run until the store is unavailable: in the middle of the first file, and of later ones.
ANSWERED = (1, 4, 7, 11, 16, 22)

# Of the house: what is not archived, and what is.
LAST_DAY = "?start=2017-08-01T00:00:00Z"
TWO_DAYS = "?start=2016-09-30T00:00:00Z&end=2016-10-02T00:00:00Z"


@pytest.fixture
def faulty(tmp_path):
    """A system whose archive is in a store behind a proxy, and the proxy."""
    with ExitStack() as resources:
        store = Store(tmp_path, resources)
        proxy = resources.enter_context(FaultyStore(store.url))
        resources.callback(proxy.shutdown)
        environment = {**store.environment(), "AWS_ENDPOINT_URL": proxy.url}
        yield Archived(tmp_path, resources, f"s3://{BUCKET}", environment), proxy


def readings(service, query=""):
    """The body, or the status and the code of the error."""
    try:
        with urllib.request.urlopen(f"{service}/sites/{HOUSE}/readings{query}", timeout=60) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        assert error.headers["Retry-After"]
        return error.code, json.load(error)["code"]


def test_a_store_that_is_unavailable_is_503_and_one_that_is_slow_gives_whole_answers(faulty):
    system, proxy = faulty
    _, service = system.store_house()
    whole, last_day = readings(service), readings(service, LAST_DAY)
    two_days = readings(service, TWO_DAYS)
    proxy.unavailable = True
    assert readings(service) == (503, "archive_unavailable")
    assert readings(service, LAST_DAY) == last_day
    proxy.unavailable, proxy.delay = False, SLOW
    assert readings(service, TWO_DAYS) == two_days
    proxy.delay = 0
    assert readings(service) == whole


def test_a_run_whose_store_is_unavailable_fails_and_the_next_archives_all(faulty):
    system, proxy = faulty
    service = system.pack_house()
    whole = readings(service)
    proxy.unavailable = True
    ended = system.command("archive", "run")
    assert ended.returncode == 1
    assert f"s3://{BUCKET}" in ended.stderr
    assert readings(service) == whole
    proxy.unavailable = False
    system.succeed("archive", "run")
    system.succeed("archive", "verify")
    assert readings(service) == whole


def test_a_run_whose_store_becomes_unavailable_at_any_step_fails_and_the_next_goes_on(faulty):
    system, proxy = faulty
    service = system.pack_house()
    whole = readings(service)
    for answers in ANSWERED:
        proxy.answers = answers
        ended = system.command("archive", "run")
        assert ended.returncode == 1, ended.stderr
        proxy.answers, proxy.unavailable = None, False
        assert readings(service) == whole
    system.succeed("archive", "run")
    assert "0 days in files" in system.succeed("archive", "verify").stderr
    assert readings(service) == whole


def test_files_that_the_store_has_lost_are_503_and_never_a_shorter_answer(faulty):
    system, proxy = faulty
    _, service = system.store_house()
    whole, last_day = readings(service), readings(service, LAST_DAY)
    proxy.lacks_files = True
    for query in ("", TWO_DAYS, "?format=ndjson"):
        assert readings(service, query) == (503, "archive_unavailable")
    assert readings(service, LAST_DAY) == last_day
    assert system.command("archive", "verify").returncode == 1
    proxy.lacks_files = False
    assert readings(service) == whole


def test_a_run_whose_responses_are_lost_archives_each_day_once(faulty):
    system, proxy = faulty
    service = system.pack_house()
    whole = readings(service)
    proxy.loses_responses = True
    system.succeed("archive", "run")
    assert len(proxy.lost) > 2
    assert "0 days in files" in system.succeed("archive", "verify").stderr
    assert readings(service) == whole
