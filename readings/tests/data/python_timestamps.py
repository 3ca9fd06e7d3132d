#!/usr/bin/env python3
"""Writes python_timestamps.ndjson, the golden corpus of ../python_timestamps.rs.

    python3.11 readings/tests/data/python_timestamps.py

Every line is a text and what CPython 3.11 makes of it, by the expression the module `readings::iso8601` follows:

    datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))        # without an offset: UTC

    {"text": "…", "micros": 1705314600000000, "score": "1705314600.0", "has_offset": true}
    {"text": "…", "micros": null}                                        # rejected
    {"text": "…", "micros": null, "contract": "epoch number"}            # taken by Python, rejected by our contract

`micros` is the instant in microseconds since the Unix epoch, `score` is `repr(moment.timestamp())`, the sorted-set
score. The texts are, in this order: hand-picked ones (each names a rule or a quirk), random moments in random accepted
spellings, and small mutations of those. Mutations repeat each other, so of texts with the same outline (digits read
as 0) only the first few stay. The script is seeded: the same Python writes the same file.

Only CPython 3.11 will do, with its C implementation: later versions take 24:00 and reject more slips.
"""

import json
import random
import re
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

SEED = 20240115
SPELLINGS = 700
LINES = 2000
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
FIRST, LAST = datetime.min, datetime.max

# What a mutation inserts: the characters of the grammar, and those that look as if they were.
ALPHABET = "0123456789-+:.,TZzWw \0\t\n/e_" + "\u00e9\u0661\uff11\u2212\u202f\u6771\U0001f3e0"

PICKED = r"""
2024-01-15 10:30:00Z|2024-01-15T10:30:00|2024-01-15T10:30:00+05:30|1969-12-31T00:00:00Z|2999-01-01T00:00:00Z|9999-12-31T23:59:59Z
2024-11-03T01:30:00-07:00|2024-11-03T01:30:00-08:00|2024-03-10T02:30:00|2024-02-30T00:00:00Z|2024-01-15T10:30:00.5+02:00
2024-01-15T10:30:00Z|2024-01-15T10:30:00+02:00|2024-01-15T10:30:00+0200|2024-01-15T10:30:00+02|2024-01-15T10:30:00-00:00
2024-01-15T10:30:00+05:30:15|2024-01-15T10:30:00+053015|2024-01-15T10:30:00+05:30:15.123456|2024-01-15T10:30:00-05:30:15.5
2024-01-15T10:30:00.1Z|2024-01-15T10:30:00.123Z|2024-01-15T10:30:00,123Z|2024-01-15T10:30:00.123456789Z
2024-01-15T10:30:00.9999999Z|1969-12-31T23:59:59.9999999Z|2024-01-15T10:30:00.00000000000000000000000000001Z
20240115T103000Z|20240115T1030Z|20240115T10Z|20240115T103000.5+0200|20240115|2024-01-15|2024-01-15T10|2024-01-15T10:30
2024-01-15 10:30:00|2024-01-15t10:30:00|2024-01-15_10:30|2024-01-15é10:30|2024-01-15東10:30|2024-01-15🏠10:30|2024-01-15710:30
2024-W03-1|2024W031|2024-W03|2024W03|2024-W03-7T10:30|2024W037T10:30|2024-W03T10:30|2024W03T10:30|2020-W53-7|2021-W53-1
2024-W00-1|2024-W54-1|2024-W03-0|2024-W03-8|2024-W1-1|2024W3|2024-W031|2024W03-1|2024-w03-1|2024-W03-|2024-W03-1T
2024W03101|2024W0310|2024W031010|2024W0310101|2024W0311030|2024-W03-10|2024-W03-10:30|2024-W03-1010|2024-W03010|2024-W03-1-10
0001-01-01T00:00:00Z|0001-01-01T00:00+23:59|0001-W01-1|0000-W52-7|0000-12-31|0000-01-01|9999-12-31T23:59:59.999999Z
9999-12-31T23:59:59.999999-23:59|9999-W52-5|9999-W52-6|9999-W52-7|10000-01-01|+2024-01-15|-2024-01-15|2255-06-05T23:47:34.740993Z
1684-07-28T00:12:25.259007Z|1684-07-28T00:12:25.259006Z|2255-06-05T23:47:34.740994Z|5138-11-16T09:46:39.000001Z
1970-01-01T00:00:01.599994Z|1970-01-01T00:00:01.700001Z|1970-01-01T00:00:01.799999Z|1969-12-31T23:59:58.400006Z
2024-02-29|2023-02-29|2024-02-30|2024-04-31|2024-13-01|2024-00-10|2024-01-00|2024-01-32|1900-02-29|2000-02-29
2024-01-15T24:00:00Z|2024-01-15T24:00|2024-01-15T24:00:01|2024-01-15T25:00|2024-01-15T10:60|2024-01-15T23:59:60Z|2024-01-15T23:59:61
2024-01-15T10:30:00+23:59|2024-01-15T10:30:00-23:59:59.999999|2024-01-15T10:30:00+24:00|2024-01-15T10:30:00-24:00
2024-01-15T10:30:00+25:00|2024-01-15T10:30:00+02:99|2024-01-15T10:30:00+00:00:99|2024-01-15T10:30:00+23:60|2024-01-15T10:30:00+99:99:99
2024-01-15T10:30:00+00:00:00.5|2024-01-15T10:30:00-00:00:00.5|2024-01-15T10:30:00+00:00:01.5|2024-01-15T10:30:00-00:00:01.5
2024-01-15T10:30:00+2|2024-01-15T10:30:00+020|2024-01-15T10:30:00+02:0|2024-01-15T10:30:00+02:|2024-01-15T10:30:00+|2024-01-15T10:30:00-
2024-01-15T10:30:00z|2024-01-15z|2024-01-15z10:30|2024-01-15T10:30:00z+02:00| 2024-01-15T10:30:00Z|2024-01-15T10:30:00Z |2024-01-15 |2024-01-15T
2024-01-15Z|2024-01-15ZZ|2024-01-15Z:30|2024-01-15Z:30Z|2024-01-15Z.5|2024-01-15Z+02:00|2024-01-15Z10:30|20240115Z|2024W03Z|2024-W03-1Z|2024-W03-Z
2024-01-15T10Z|2024-01-15T10:30Z:15|2024-01-15T10:30Z.5|2024-01-15T10:30Z,5|2024-01-15T10:30Z:15.5|2024-01-15T10:30ZZ|2024-01-15T10:30Z:|2024-01-15T10:30+02Z
2024-01-15TZ|2024-01-15TZ10:30|Z|ZZZZZZZ|2024Z|202401Z|2024-01-15T10:30+02:00:00.123456Z|2024-01-15+02:00|2024-01-15-05:00|2024-01-15+
2024-01-15T10.5|2024-01-15T10:30.5|2024-01-15T10,5Z|2024-01-15T1030.5|2024-01-15T10:30:00:123|2024-01-15T103000123|2024-01-15T10:30:00:1234567
2024-01-15T10:30:00.|2024-01-15T10:30:00.Z|2024-01-15T10:30:00,|2024-01-15T10:30:00.12x|2024-01-15T10:30:00..5|2024-01-15T10:30:00.1 Z
2024-01-15T10:30:00 Z|2024-01-15T10:30:00 +02:00|2024-01-15T10:30:00x-02:00|2024-01-15T10:30:00xx-02:00|2024-01-15T10:Z|2024-01-15T10:30:Z|2024-01-15T1Z
2024-01-15T10:30:00.123456 what ever Z|2024-01-15T10:30:00.12345 what ever Z|2024-01-15T10:30:00.1234567é+02|2024-01-15T10:30:00.123456junk
2024-01-15T10:3|2024-01-15T1|2024-01-15T1030:00|2024-01-15T10:3000|2024-01-15T10:30:0|2024-01-15T103|2024-01-15T10300|20240115T1030:00|20240115T10:30:00
2024-0115|202401-15|2024-01|202401|2024|2024-01-1|2024-1-15|2024-015|2024015|2024-015T10:30||T|T10:30|10:30|10:30:00Z|not-a-timestamp|now|today
2024-01-15T10:30:00[Europe/Paris]|2024-01-15T10:30:00Z[UTC]|2024-01-15T10:30:00 UTC|2024-01-15T10:30:00 CET|2024-01-15 10:30 AM|15/01/2024 10:30|01-15-2024
Mon, 15 Jan 2024 10:30:00 GMT|15 Jan 2024|2024/01/15|2024.01.15|2024-01-15T10-30-00|2024-01-15T10.30.00|20240115.1030|20240115.103000.5|2024-01-15T10:30:00−02:00
0|1705314600|1705314600.25|1705314600000|1705314600000000|-1705314600|1.7e9|17121210|20241399|20240115103000|202401151030
1712121012345|1712121012345.5|20240115103000123|1712121012345Z|20240115103:00:00|1712121012345678901|17121210123|171212101234567
２０２４-01-15|2024-01-1５|2024-01-15T1٠:30|2024-01-15T10:30:0０Z|\ufeff2024-01-15|2024-01-15T10:30:00\u200b
2024-01-15T10\0|2024-01-15T10:30:00\0|2024-01-15T10:30:00\0Z|2024-01-15T10:30:00.1\0|2024-01-15T10:30:00.123456\0junk|2024-01-15\0
2024-01-15T10:30:00+02\0|2024-01-15T10:30:00+02:00:00.123456\0Zunk|2024-01-15T10:30:00Z\0|2024-01-15T10:30:00Z\n|2024-01-15\x0010:30|\0
"""


def picked():
    """The hand-picked texts, their `\\0`, `\\n` and `\\uXXXX` unfolded."""
    for line in PICKED.strip("\n").split("\n"):
        yield from line.encode("ascii", "backslashreplace").decode("unicode_escape").split("|")


def python_reads(text):
    """The moment Python reads, or None."""
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None


def is_number(text):
    """The contract's own rule: digits (and a decimal point) are a number, unless the whole part is YYYYMMDD."""
    return re.fullmatch(r"-?(?![0-9]{8}(?![0-9]))[0-9]+[0-9.]*", text) is not None


def golden(text):
    """What the contract says of a text: a line of the corpus."""
    moment = python_reads(text)
    if moment is None:
        return {"text": text, "micros": None}
    if is_number(text):
        return {"text": text, "micros": None, "contract": "epoch number"}
    aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return {
        "text": text,
        "micros": (aware - EPOCH) // timedelta(microseconds=1),
        "score": repr(aware.timestamp()),
        "has_offset": moment.tzinfo is not None,
    }


def spelling(rng):
    """A random moment in a random accepted spelling."""
    moment = FIRST + timedelta(microseconds=rng.randrange((LAST - FIRST) // timedelta(microseconds=1)))
    if rng.random() < 0.5:  # most timestamps are of our time
        moment = moment.replace(year=rng.randint(1965, 2040), day=min(moment.day, 28))
    text = date_spelling(rng, moment)
    if rng.random() < 0.1:
        return text
    text += rng.choice(["T", "T", "T", " ", "t", rng.choice(ALPHABET)]) + clock_spelling(rng, moment)
    if rng.random() < 0.7:
        text += offset_spelling(rng)
    return text


def date_spelling(rng, moment):
    year, week, weekday = moment.isocalendar()
    return rng.choice([
        f"{moment.year:04}-{moment:%m-%d}", f"{moment.year:04}-{moment:%m-%d}", f"{moment.year:04}{moment:%m%d}",
        f"{year:04}-W{week:02}-{weekday}", f"{year:04}W{week:02}{weekday}", f"{year:04}-W{week:02}", f"{year:04}W{week:02}",
    ])


def clock_spelling(rng, moment):
    form = rng.choice(["%H:%M:%S", "%H:%M:%S", "%H:%M:%S", "%H%M%S", "%H:%M", "%H%M", "%H"])
    text = moment.strftime(form)
    if rng.random() < 0.4:
        digits = rng.choice([1, 2, 3, 3, 4, 5, 6, 6, 7, 9, 12])
        text += rng.choice("..,") + "".join(rng.choice("0123456789") for _ in range(digits))
    return text


def offset_spelling(rng):
    if rng.random() < 0.4:
        return "Z"
    clock = FIRST + timedelta(microseconds=rng.randrange(24 * 3600 * 1_000_000))
    return rng.choice("+-") + clock_spelling(rng, clock.replace(minute=rng.choice([0, 0, 30, 45, clock.minute])))


def mutation(rng, text):
    """The text with one to three characters removed, doubled, swapped, replaced or inserted."""
    for _ in range(rng.choice([1, 1, 2, 3])):
        at = rng.randint(0, len(text))
        text = rng.choice([
            text[:at] + text[at + 1:],
            text[:at] + text[at:at + 1] + text[at:],
            text[:at] + text[at + 1:at + 2] + text[at:at + 1] + text[at + 2:],
            text[:at] + rng.choice(ALPHABET) + text[at + 1:],
            text[:at] + rng.choice(ALPHABET) + text[at:],
            text[:at],
        ])
    return text


def corpus(rng):
    """Texts, without repetition."""
    spellings = [spelling(rng) for _ in range(SPELLINGS)]
    texts = dict.fromkeys([*picked(), *spellings])
    outlines = {}
    while len(texts) < LINES:
        text = mutation(rng, rng.choice(spellings))
        outline = (re.sub("[0-9]", "0", text), python_reads(text) is None)
        outlines[outline] = outlines.get(outline, 0) + 1
        if outlines[outline] <= 2 and (python_reads(text) or rng.random() < 0.4):  # else: mostly rejected ones
            texts[text] = None
    return texts


def main():
    if sys.version_info[:2] != (3, 11) or sys.implementation.name != "cpython":
        sys.exit(f"the rule is CPython 3.11's, this is {sys.implementation.name} {sys.version.split()[0]}")
    lines = [json.dumps(golden(text), separators=(",", ":")) for text in corpus(random.Random(SEED))]
    Path(__file__).with_suffix(".ndjson").write_text("\n".join(lines) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
