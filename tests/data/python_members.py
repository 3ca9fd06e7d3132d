"""What the original (FastAPI, redis-py) leaves in Redis for some stream entries.

python3 tests/data/python_members.py > tests/data/python_members.ndjson

One line an entry: its id and fields as the original's ingestion writes them, and the member and the score as the
original's consumer stores them. `tests/compatibility_with_the_original.rs` holds our writer to this file, and this file to
what `python3` says where there is one.
"""

import json
from datetime import datetime, timezone

ENTRIES = [
    # site, device, watts, timestamp
    ("house-01", "main-meter", 1500.5, "2024-01-15T10:30:00Z"),
    ("house-01", "main-meter", 1500, "2024-01-15T10:30:00+02:00"),
    ("house-01", "pv", 0.0, "2024-01-15T10:30:00.123456Z"),
    ("house-01", "pv", 0.1, "2024-01-15T10:30:00.123456789Z"),
    ("house-01", "small", 1e-05, "1969-12-31T23:59:59.999999Z"),
    ("house-01", "small", 5e-324, "0001-01-01T00:00:00Z"),
    ("house-01", "large", 1e16, "9999-12-31T23:59:59.999999Z"),
    ("house-01", "large", 9999999999999998.0, "2999-01-01T00:00:00Z"),
    ("house-01", "large", 1.7976931348623157e308, "2024-W03-1"),
    ("東京-1", "🏠", 2275.8, "20240115T103000Z"),
    ("é", "e\u0301", 1234.567, "2024-01-15 10:30:00-07:00"),
    ('"quoted"', "back\\slash/", 1.5, "2024-01-15T10:30:00+05:30:15"),
    ("a\nb\tc\x00\x1f", "\x7f\x80\u2028", 1.5, "2024-01-15T10:30:00Z"),
    (" ", "x" * 256, 1.5, "2024-01-15T10:30:00Z"),
]


def lines():
    for number, (site, device, watts, timestamp) in enumerate(ENTRIES):
        entry_id = f"1705314600000-{number}"
        ingested_at = datetime(2024, 1, 15, 10, 30, 0, 120000 + number).isoformat()
        fields = {
            "site_id": site,
            "device_id": device,
            "power_reading": str(float(watts)),
            "timestamp": timestamp,
            "ingested_at": ingested_at,
        }
        member = json.dumps({
            "stream_id": entry_id,
            "site_id": fields["site_id"],
            "device_id": fields["device_id"],
            "power_reading": float(fields["power_reading"]),
            "timestamp": fields["timestamp"],
            "ingested_at": fields["ingested_at"],
        })
        instant = datetime.fromisoformat(timestamp.replace("Z", "+00:00"))
        if instant.tzinfo is None:
            instant = instant.replace(tzinfo=timezone.utc)
        yield {"id": entry_id, "fields": fields, "member": member, "score": repr(instant.timestamp())}


for line in lines():
    print(json.dumps(line))
