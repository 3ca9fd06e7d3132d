"""What schemathesis cannot know from a document."""

import re
import uuid

import schemathesis

# OpenAPI cannot say that a query may have other parameters: they are ignored, as the original does.
UNKNOWN_PARAMETER = "x-schemathesis-unknown-property"


@schemathesis.hook
def filter_case(_context, case):
    return UNKNOWN_PARAMETER not in (case.query or {})


@schemathesis.hook
def before_call(_context, case, _arguments):
    """A key is valid once: with another body it is refused. Each request gets one of its own."""
    key = (case.headers or {}).get("Idempotency-Key")
    if key is not None and re.fullmatch(r"[!-~]{1,255}", str(key)):
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
