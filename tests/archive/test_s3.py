"""An archive in a bucket: written, read, verified and restored over HTTP, by the interface of Amazon S3."""

import json
import urllib.error
import urllib.request
from contextlib import ExitStack

import pytest

from archived import HOUSE, Archived, kwh_per_day
from processes import program, wait_for
from store import BUCKET, Store

first, second = (f"manifest/{number:020}.json" for number in (1, 2))


@pytest.fixture
def resources():
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def store(tmp_path, resources):
    return Store(tmp_path, resources)


def test_days_are_archived_in_a_bucket_and_come_back(tmp_path, resources, store):
    system = Archived(tmp_path, resources, f"s3://{BUCKET}/prefix", store.environment())
    ended, service = system.store_house()
    assert " days archived in 12 new files" in ended.stderr
    before = kwh_per_day(service, "2016-08-01T00:00:00Z", "2017-07-31T00:00:00Z")
    assert len(before) == 364
    with urllib.request.urlopen(f"{service}/sites/{HOUSE}/readings", timeout=60) as answer:
        readings = answer.read()
    assert "0 days in files" in system.succeed("archive", "verify").stderr
    assert f"s3://{BUCKET}/prefix" in system.succeed("archive", "status").stdout
    system.succeed("archive", "restore")
    with urllib.request.urlopen(f"{service}/sites/{HOUSE}/readings", timeout=60) as answer:
        assert answer.read() == readings


def test_of_two_programs_that_commit_one_manifest_the_second_is_refused(tmp_path, resources, store):
    system = Archived(tmp_path, resources, f"s3://{BUCKET}", store.environment())
    system.pack_house()
    bucket = store.client()
    waits = {"FAILPOINTS": "archive-after-verify=sleep(5000)"}
    run = system.start("archiver", [program(), "archive", "run"], {**system.everything(), **waits})
    wait_for("it begins", lambda: first in [found["Key"] for found in bucket.list_objects_v2(Bucket=BUCKET).get("Contents", [])])
    wait_for("its file is complete", lambda: bucket.list_objects_v2(Bucket=BUCKET, Prefix="readings/").get("KeyCount"))
    manifest = json.loads(bucket.get_object(Bucket=BUCKET, Key=first)["Body"].read())
    other = json.dumps({**manifest, "number": 2}).encode()
    bucket.put_object(Bucket=BUCKET, Key=second, Body=other, IfNoneMatch="*")
    assert run.child.wait(timeout=60) == 1
    assert "another process" in run.err.read_text()
    assert bucket.get_object(Bucket=BUCKET, Key=second)["Body"].read() == other
    system.succeed("archive", "run")
    system.succeed("archive", "verify")


def test_a_store_that_is_away_is_503_and_its_return_is_noticed(tmp_path, resources, store):
    system = Archived(tmp_path, resources, f"s3://{BUCKET}", store.environment())
    _, service = system.store_house()
    store.process.kill()
    with pytest.raises(urllib.error.HTTPError) as away:
        urllib.request.urlopen(f"{service}/sites/{HOUSE}/readings", timeout=60)
    assert away.value.code == 503
    assert away.value.headers["Retry-After"]


def test_a_bucket_that_does_not_exist_is_named(tmp_path, resources, store):
    system = Archived(tmp_path, resources, "s3://elsewhere", store.environment())
    for arguments in (["archive", "status"], ["archive", "run"]):
        ended = system.command(*arguments)
        assert ended.returncode == 1
        assert "s3://elsewhere" in ended.stderr
        assert "NoSuchBucket" in ended.stderr or "not found" in ended.stderr.lower()
