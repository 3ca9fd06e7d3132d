"""DuckDB, pandas and polars read the files of an archive by one line each, and answer what the product answers."""

from contextlib import ExitStack

import duckdb
import pandas
import polars
import pytest

from archived import HOUSE, METER, Archived, kwh_per_day

# A value holds until the next one of its device, at most for two hours (docs/archive.md has it).
DUCKDB = """
SELECT day::VARCHAR, kwh FROM (
  SELECT (timestamp AT TIME ZONE 'UTC')::DATE AS day, sum(power_reading * seconds) / 3.6e6 AS kwh
  FROM (SELECT *, epoch(lead(timestamp) OVER (PARTITION BY site_id, device_id ORDER BY timestamp) - timestamp) AS seconds
        FROM read_parquet('{archive}/readings/**/*.parquet', hive_partitioning = true))
  WHERE site_id = '{site}' AND device_id = '{device}' AND seconds <= 7200
  GROUP BY day ORDER BY day)
"""


@pytest.fixture(scope="module")
def archived(tmp_path_factory):
    """The system, the directory of its archive, and a service that reads it."""
    directory = tmp_path_factory.mktemp("archive")
    with ExitStack() as resources:
        system = Archived(tmp_path_factory.mktemp("system"), resources, f"file://{directory}")
        _, service = system.store_house()
        yield system, directory, service


@pytest.fixture(scope="module")
def answers(archived):
    """kWh of the meter by day. The last day of a site is not archived, nor what its first reading closes."""
    _, _, service = archived
    kwh = kwh_per_day(service, "2016-08-01T00:00:00Z", "2017-07-31T00:00:00Z")
    assert len(kwh) == 364
    return kwh


def assert_same(found, answers):
    assert found.keys() >= answers.keys()
    for day, kwh in answers.items():
        assert found[day] == pytest.approx(kwh, rel=1e-6), day


def test_duckdb_answers_what_the_product_answers(archived, answers):
    line = DUCKDB.format(archive=archived[1], site=HOUSE, device=METER)
    assert_same(dict(duckdb.sql(line).fetchall()), answers)


def test_pandas_answers_what_the_product_answers(archived, answers):
    readings = pandas.read_parquet(archived[1] / "readings")
    meter = readings[(readings.site_id == HOUSE) & (readings.device_id == METER)].sort_values("timestamp")
    seconds = (meter.timestamp.shift(-1) - meter.timestamp).dt.total_seconds()
    kwh = (meter.power_reading * seconds.where(seconds <= 7200)).groupby(meter.timestamp.dt.strftime("%Y-%m-%d")).sum()
    assert_same((kwh / 3.6e6).to_dict(), answers)


def test_polars_answers_what_the_product_answers(archived, answers):
    seconds = (polars.col("timestamp").shift(-1) - polars.col("timestamp")).dt.total_seconds()
    kwh = (
        polars.scan_parquet(archived[1] / "readings/**/*.parquet", hive_partitioning=True)
        .filter(site_id=HOUSE, device_id=METER)
        .sort("timestamp")
        .with_columns(seconds=seconds)
        .filter(polars.col("seconds") <= 7200)
        .group_by(day=polars.col("timestamp").dt.strftime("%Y-%m-%d"))
        .agg(kwh=(polars.col("power_reading") * polars.col("seconds")).sum() / 3.6e6)
        .collect()
    )
    assert_same(dict(kwh.select("day", "kwh").iter_rows()), answers)


def test_the_columns_are_those_that_the_document_names(archived):
    line = f"DESCRIBE FROM read_parquet('{archived[1]}/readings/**/*.parquet', hive_partitioning = true)"
    columns = {name: kind for name, kind, *_ in duckdb.sql(line).fetchall()}
    assert columns == {
        "site_id": "VARCHAR",
        "device_id": "VARCHAR",
        "timestamp": "TIMESTAMP WITH TIME ZONE",
        "power_reading": "DOUBLE",
        "stream_ms": "UBIGINT",
        "stream_seq": "UBIGINT",
        "ingested_at": "TIMESTAMP WITH TIME ZONE",
        "timestamp_text": "VARCHAR",
        "ingested_at_text": "VARCHAR",
        "month": "VARCHAR",
        "partition": "BIGINT",
    }


def test_all_files_are_as_redis_has_them(archived):
    assert " are as Redis has them; 0 days in files" in archived[0].succeed("archive", "verify").stderr
