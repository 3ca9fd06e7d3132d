"""What schemathesis cannot know from a document."""

import re
import uuid

import schemathesis

# OpenAPI cannot say that a query may have other parameters: they are ignored, as the original does.
UNKNOWN_PARAMETER = "x-schemathesis-unknown-property"


# OpenAPI cannot describe their lines: a text that matches the schema is rejected.
WITHOUT_SCHEMA = ("application/x-ndjson", "text/csv")

BATCH = "/readings/batch"

# OpenAPI cannot describe which texts are a time (`now-24h`, epoch, ISO 8601), a cursor of the same question, an IANA
# time zone or a gap of up to 31 days, nor that `points` is for one interval only.
OPAQUE_PARAMETERS = {
    "/sites": {"cursor", "after"},
    "/sites/{site_id}/readings": {"start", "end", "cursor"},
    "/sites/{site_id}/aggregates": {"start", "end", "tz", "max_gap", "points"},
    "/sites/{site_id}/energy": {"start", "end", "tz", "max_gap"},
}

schemathesis.serializer.alias("application/x-ndjson", "text/plain")
schemathesis.serializer.alias("text/csv", "text/plain")
schemathesis.serializer.alias("application/x-protobuf", "application/octet-stream")


@schemathesis.hook
def filter_case(_context, case):
    names = set(case.query or {})
    is_opaque = names & OPAQUE_PARAMETERS.get(case.path, set())
    return UNKNOWN_PARAMETER not in names and not is_opaque and case.media_type not in WITHOUT_SCHEMA


@schemathesis.hook
def before_call(_context, case, _arguments):
    """A key is valid once: with another body it is refused. Each request gets one of its own."""
    key = (case.headers or {}).get("Idempotency-Key")
    if key is not None and re.fullmatch(r"[!-~]{1,255}", str(key)):
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
    # Else the invalid row of a batch is listed in a 200.
    if case.path == BATCH and str((case.query or {}).get("atomic", "false")).lower() == "false":
        case.query = {**(case.query or {}), "atomic": "true"}
