"""Computes what each sample contains, apart from the product: kWh, number of readings, first and last instant.

    python3 meter-files/profiles/expected.py          # writes <profile>/expected.toml
    python3 meter-files/profiles/expected.py --check  # exits with 1 if one is out of date

Standard library only. Each shape is read by a function of its own, which knows its sample and guesses nothing.
An interval is (start, end, kWh); where no interval of its device begins at its end, one closing reading is stored a
microsecond before that end. An instant is (time, W), which holds until the next one, at most `max_gap`.
"""

import csv
import io
import itertools
import json
import pathlib
import re
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

HERE = pathlib.Path(__file__).parent
MICROSECOND = timedelta(microseconds=1)
HOUR = timedelta(hours=1)


def minutes(number):
    return timedelta(minutes=number)


@dataclass
class Found:
    """The content of a sample: series by device, and rows that have no reading."""

    intervals: dict = field(default_factory=dict)
    instants: dict = field(default_factory=dict)
    skipped: int = 0
    rejected: int = 0

    def add(self, device, start, end, kwh):
        self.intervals.setdefault(device, []).append((start, end, kwh))

    def add_value(self, device, start, end, text, to_kwh):
        if text in ("", "-", "NaN", "No CT", None):
            self.skipped += 1
        else:
            self.add(device, start, end, to_kwh(text))

    def add_instant(self, device, at, text, to_watts=float):
        if text.strip() in ("", "?", "null", "NaN", "unavailable"):
            self.skipped += 1
        else:
            self.instants.setdefault(device, []).append((at, to_watts(text)))


class Clock:
    """Local times in the order of lines; of a doubled hour the first occurrence comes first."""

    def __init__(self, zone):
        self.zone = ZoneInfo(zone)
        self.previous = None

    def utc(self, local, is_end=False):
        first = local.replace(tzinfo=self.zone, fold=0)
        second = local.replace(tzinfo=self.zone, fold=1)
        assert is_end or first.utcoffset() >= second.utcoffset(), f"{local} does not exist in {self.zone}"
        found = first.astimezone(UTC)
        if self.previous is not None and found <= self.previous:
            found = second.astimezone(UTC)
        self.previous = found
        return found


def text_of(profile, file, encoding="utf-8-sig"):
    return (HERE / profile / file).read_bytes().decode(encoding)


def table(text, delimiter=",", after=None):
    """Rows as dicts, from the line that begins with `after` on."""
    lines = text.splitlines()
    if after is not None:
        lines = lines[next(n for n, line in enumerate(lines) if line.startswith(after)):]
    return list(csv.DictReader(lines, delimiter=delimiter))


def decimal_comma(text):
    return float(text.replace(".", "").replace(",", "."))


def wh(text):
    return float(text.replace(",", "")) / 1000


def iso(text):
    return datetime.fromisoformat(text).astimezone(UTC)


def read_octopus(file):
    found = Found()
    for row in csv.DictReader(io.StringIO(text_of("octopus", file)), skipinitialspace=True):
        found.add("", iso(row["Start"]), iso(row["End"]), float(row["Consumption (kWh)"]))
    return found


def read_octopus_api(file):
    found = Found()
    for row in json.loads(text_of("octopus_api", file))["results"]:
        found.add("", iso(row["interval_start"]), iso(row["interval_end"]), row["consumption"])
    return found


def read_enedis(file):
    found = Found()
    for row in table(text_of("enedis", file), ";", after="Horodate"):
        end = iso(row["Horodate"])
        found.add("", end - minutes(30), end, float(row["Valeur"]) / 2000)
    return found


def read_e_redes(file):
    """31 March twice. 01:30 does not exist on that day in Lisbon; 01:00 is the end of the interval before the change."""
    found, zone = Found(), ZoneInfo("Europe/Lisbon")
    for row in table(text_of("e_redes", file)):
        hour, minute = map(int, row["Hora"].split(":"))
        if (hour, minute) == (1, 30):
            found.rejected += 1
            continue
        local = datetime.strptime(row["Data"], "%Y/%m/%d") + timedelta(hours=hour, minutes=minute)
        end = local.replace(tzinfo=zone).astimezone(UTC)
        found.add("", end - minutes(30), end, float(row["Consumo registado, Ativa (kW)"]) / 2)
        found.add("-export", end - minutes(30), end, float(row["Injeção na rede, Ativa (kW)"]) / 2)
    return found


def read_emoncms(file):
    found = Found()
    for line in text_of("emoncms", file).splitlines()[1:]:
        at, value = line.split(",")
        found.add_instant("", datetime.fromtimestamp(int(at), UTC), value)
    return found


def read_fronius_solarweb(file):
    found, clock = Found(), Clock("Europe/Vienna")
    for line in text_of("fronius_solarweb", file).splitlines()[2:]:
        at, own, export, consumption = line.split(";")
        start = clock.utc(datetime.strptime(at, "%d.%m.%Y %H:%M"))
        for device, text in (("-self-consumption", own), ("-export", export), ("-consumption", consumption)):
            found.add(device, start, start + minutes(30), float(text.replace(",", ".")) / 1000)
    return found


def read_home_assistant_history(file):
    found = Found()
    for row in table(text_of("home_assistant_history", file)):
        found.add_instant(row["entity_id"], iso(row["last_changed"]), row["state"])
    return found


def read_uci_household(file):
    found, clock = Found(), Clock("Europe/Paris")
    for row in table(text_of("uci_household", file), ";"):
        at = clock.utc(datetime.strptime(f"{row['Date']} {row['Time']}", "%d/%m/%Y %H:%M:%S"))
        text = row["Global_active_power"].replace("?", "")
        found.add_value("", at, at + minutes(1), text, lambda kilowatts: float(kilowatts) / 60)
    return found


def read_influx_annotated(file):
    found = Found()
    row = text_of("influx_annotated", file).splitlines()[4].split(",")
    found.add_instant("", iso(row[5]), row[6])
    return found


def read_nem12(file):
    """Market time is UTC+10 all year; B is export."""
    found, east = Found(), timezone(timedelta(hours=10))
    for line in text_of("nem12", file).splitlines():
        record = line.split(",")
        if record[0] == "200":
            nmi, suffix = record[1], "-export" if record[4].startswith("B") else ""
            scale = {"KWH": 1, "WH": 1000}[record[7]]
            length = minutes(int(record[8]))
        if record[0] == "300":
            day = datetime.strptime(record[1], "%Y%m%d").replace(tzinfo=east).astimezone(UTC)
            for n in range(int(timedelta(days=1) / length)):
                found.add(nmi + suffix, day + n * length, day + (n + 1) * length, float(record[2 + n]) / scale)
    return found


def read_opower(file):
    found, clock = Found(), Clock("America/Los_Angeles")
    for row in table(text_of("opower", file), after="TYPE"):
        start = clock.utc(datetime.strptime(row["DATE"] + row["START TIME"], "%Y-%m-%d%H:%M"))
        found.add("", start, start + HOUR, float(row["USAGE (kWh)"]))
    return found


def read_shelly_em(file):
    found = Found()
    for row in table(text_of("shelly_em", file)):
        start = datetime.strptime(row["Date/time UTC"] + "+0000", "%d/%m/%Y %H:%M%z")
        found.add("", start, start + minutes(30), wh(row["Active energy Wh (A)"]))
        found.add("-export", start, start + minutes(30), wh(row["Returned energy Wh (A)"]))
    return found


def read_solaredge(file):
    found, clock = Found(), Clock("Europe/Berlin")
    for row in table(text_of("solaredge", file)):
        at = clock.utc(datetime.strptime(row["Time"], "%d.%m.%Y %H:%M"))
        found.add_instant("", at, row["System Production (W)"])
    return found


def read_solaredge_api(file):
    found, clock = Found(), Clock("Europe/Berlin")
    for row in json.loads(text_of("solaredge_api", file))["energy"]["values"]:
        start = clock.utc(datetime.fromisoformat(row["date"]))
        found.add_value("", start, start + minutes(15), row["value"], lambda value: value / 1000)
    return found


def read_tibber(file):
    found = Found()
    document = json.loads(text_of("tibber", file))
    rows = document
    if file == "api.json":
        rows = document["data"]["viewer"]["homes"][0]["consumption"]["nodes"]
    for row in rows:
        found.add_value("", iso(row["from"]), iso(row["to"]), row["consumption"], float)
    return found


def read_uk_half_hourly(file):
    """Labels are ends: 00:30 is the first half-hour, 24:00 the last."""
    found, clock = Found(), Clock("Europe/London")
    for row in table(text_of("uk_half_hourly", file)):
        day = datetime.strptime(row["Date"], "%d/%m/%Y")
        for n in range(48):
            label = f"{(n + 1) // 2:02}:{(n + 1) % 2 * 30:02}"
            start = clock.utc(day + minutes(30) * n)
            found.add(row["MPAN"], start, start + minutes(30), float(row[label]))
    return found


def read_esb_networks(file):
    """Newest first; labels are ends of half-hours in Dublin. 01:00 on 30 March 2025 is when clocks are set forward."""
    found, clock = Found(), {}
    for row in reversed(table(text_of("esb_networks", file))):
        suffix = "-export" if "Export" in row["Read Type"] else ""
        local = datetime.strptime(row["Read Date and End Time"], "%d-%m-%Y %H:%M")
        end = clock.setdefault(suffix, Clock("Europe/Dublin")).utc(local, is_end=True)
        kwh = float(row["Read Value"]) / (1 if "kWh" in row["Read Type"] else 2)
        found.add(row["MPRN"] + suffix, end - minutes(30), end, kwh)
    return found


def read_datadis(file):
    """Hour n is the n-th hour of the day in Madrid: 25 of them on 27 October."""
    found = Found()
    for row in table(text_of("datadis", file), ";"):
        midnight = datetime.strptime(row["Fecha"], "%d/%m/%Y").replace(tzinfo=ZoneInfo("Europe/Madrid"))
        end = midnight.astimezone(UTC) + HOUR * int(row["Hora"])
        found.add(row["CUPS"], end - HOUR, end, decimal_comma(row["Consumo_kWh"]))
    return found


def read_i_de(file):
    found, clock = Found(), Clock("Europe/Madrid")
    for row in table(text_of("i_de", file), ";"):
        end = clock.utc(datetime.strptime(row["FECHA-HORA"], "%Y/%m/%d %H:%M"))
        found.add(row["CUPS"], end - HOUR, end, wh(row["CONSUMO Wh"]))
        found.add(row["CUPS"] + "-export", end - HOUR, end, wh(row["GENERACION Wh"]))
    return found


def read_fluvius(file):
    found = Found()
    for row in table(text_of("fluvius", file), ";"):
        local = datetime.strptime(row["Van (datum)"] + row["Van (tijdstip)"], "%d-%m-%Y%H:%M:%S")
        start = Clock("Europe/Brussels").utc(local)
        suffix = "-export" if row["Register"].startswith("Injectie") else ""
        found.add_value(row["EAN-code"].strip('="') + suffix, start, start + minutes(15), row["Volume"], decimal_comma)
    return found


def read_smart_meter_texas(file):
    found, clock = Found(), {}
    for row in table(text_of("smart_meter_texas", file)):
        suffix = "" if row["CONSUMPTION_SURPLUSGENERATION"] == "Consumption" else "-export"
        local = datetime.strptime(row["USAGE_DATE"] + row["USAGE_START_TIME"], "%m/%d/%Y %H:%M")
        start = clock.setdefault(suffix, Clock("America/Chicago")).utc(local)
        found.add(row["ESIID"].strip("'") + suffix, start, start + minutes(15), float(row["USAGE_KWH"]))
    return found


def read_eloverblik(file):
    found, clock = Found(), Clock("Europe/Copenhagen")
    for row in table(text_of("eloverblik", file), ";"):
        start = clock.utc(datetime.strptime(row["Fra_dato"], "%d-%m-%Y %H:%M:%S"))
        found.add(row["MålepunktsID"], start, start + HOUR, decimal_comma(row["Mængde"]))
    return found


def read_netz_noe(file):
    found, clock = Found(), Clock("Europe/Vienna")
    for row in table(text_of("netz_noe", file), ";"):
        end = clock.utc(datetime.strptime(row["Messzeitpunkt"], "%d.%m.%Y %H:%M"))
        found.add_value("", end - minutes(15), end, row["Verbrauch (kWh)"], decimal_comma)
    return found


def read_fingrid(file):
    found = Found()
    for row in table(text_of("fingrid", file), ";"):
        start = iso(row["Start Time"])
        length = {"PT1H": HOUR, "PT15M": minutes(15)}[row["Resolution"]]
        found.add(row["MeteringPointGSRN"], start, start + length, decimal_comma(row["Quantity"]))
    return found


def read_sense(file):
    found = Found()
    for row in table(text_of("sense", file), after="DateTime"):
        start = Clock("America/New_York").utc(datetime.fromisoformat(row["DateTime"]))
        found.add(row["Name"], start, start + HOUR, wh(row["Avg Wattage"]))
    return found


def read_emporia_vue(file):
    found, clock = Found(), Clock("America/Chicago")
    for row in table(text_of("emporia_vue", file)):
        start = clock.utc(datetime.strptime(row.pop("Time Bucket (America/Chicago)"), "%m/%d/%Y %H:%M:%S"))
        for column, text in row.items():
            found.add_value(column.removesuffix(" (kWhs)"), start, start + HOUR, text, float)
    return found


def read_enphase(file):
    found, clock = Found(), Clock("America/New_York")
    columns = {
        "-production": "Energy Produced (Wh)",
        "-consumption": "Energy Consumed (Wh)",
        "-export": "Exported to Grid (Wh)",
        "": "Imported from Grid (Wh)",
    }
    for row in table(text_of("enphase", file)):
        start = clock.utc(datetime.strptime(row["Date/Time"], "%m/%d/%Y %H:%M"))
        for suffix, column in columns.items():
            found.add(suffix, start, start + HOUR, wh(row[column]))
    return found


def read_dsmr_reader(file):
    found = Found()
    for row in csv.reader(text_of("dsmr_reader", file).splitlines()[1:]):
        start = iso(row[0])
        found.add("", start, start + HOUR, float(row[1]) + float(row[2]))
        found.add("-export", start, start + HOUR, float(row[3]) + float(row[4]))
    return found


def read_homewizard(file):
    """Counters of two tariffs each way; the meter was replaced, so one step is negative."""
    found, clock, previous = Found(), Clock("Europe/Amsterdam"), None
    for row in csv.reader(text_of("homewizard", file).splitlines()[1:]):
        at = clock.utc(datetime.fromisoformat(row[0]))
        if row[1] == "":
            found.skipped += 2
            continue
        counters = [float(row[1]) + float(row[2]), float(row[3]) + float(row[4])]
        if previous is not None:
            for device, before, now in zip(("", "-export"), previous[1], counters):
                if now >= before:
                    found.add(device, previous[0], at, now - before)
                else:
                    found.skipped += 1
        previous = (at, counters)
    return found


def read_e_distribuzione(file):
    found, clock = Found(), Clock("Europe/Rome")
    for row in csv.reader(text_of("e_distribuzione", file).splitlines()[1:], delimiter=";"):
        day = datetime.strptime(row[0], "%d/%m/%Y")
        for n, text in enumerate(row[1:]):
            if text == "":
                found.skipped += 1
                continue
            start = clock.utc(day + minutes(15) * n)
            found.add("", start, start + minutes(15), decimal_comma(text))
    return found


def read_green_button(file):
    """MeterReading 1 is delivered, in mWh; 2 is received, in Wh."""
    found, espi, atom = Found(), "{http://naesb.org/espi}", "{http://www.w3.org/2005/Atom}"
    for entry in ElementTree.fromstring((HERE / "green_button" / file).read_bytes()).iter(f"{atom}entry"):
        links = " ".join(link.get("href") for link in entry.iter(f"{atom}link"))
        suffix, scale = ("-export", 1_000) if "/MeterReading/2/" in links else ("", 1_000_000)
        for reading in entry.iter(f"{espi}IntervalReading"):
            period = reading.find(f"{espi}timePeriod")
            start = datetime.fromtimestamp(int(period.findtext(f"{espi}start")), UTC)
            length = timedelta(seconds=int(period.findtext(f"{espi}duration")))
            found.add(suffix, start, start + length, int(reading.findtext(f"{espi}value")) / scale)
    return found


def read_ameren(file):
    found, clock = Found(), Clock("America/Chicago")
    for row in csv.reader(text_of("ameren", file).splitlines()[11:]):
        start = clock.utc(datetime.strptime(row[0], "%m/%d/%Y %H:%M"))
        found.add(row[1], start, start + minutes(15), float(row[5]))
    return found


def read_sma(file):
    found, clock = Found(), Clock("Europe/Berlin")
    for line in text_of("sma", file).splitlines()[9:]:
        row = line.split(",")
        start = clock.utc(datetime.strptime(row[0], "%d.%m.%Y %H:%M:%S"))
        found.add_value("", start, start + minutes(5), row[3], lambda watts: float(watts) / 12_000)
    return found


def read_sce(file):
    found, clock = Found(), Clock("America/Los_Angeles")
    for start, value in re.findall(r'"([-0-9]+ [:0-9]+)\u00a0to [-:0-9 ]+","([.0-9]+)"', text_of("sce", file)):
        at = clock.utc(datetime.fromisoformat(start))
        found.add("", at, at + HOUR, float(value))
    return found


def read_sdge(file):
    found, clock = Found(), Clock("America/Los_Angeles")
    for row in table(text_of("sdge", file), after="Meter Number,Date"):
        start = clock.utc(datetime.strptime(f"{row['Date']} {row['Start Time']}", "%m/%d/%Y %I:%M %p"))
        found.add(row["Meter Number"], start, start + HOUR, float(row["Consumption"]))
        found.add(row["Meter Number"] + "-export", start, start + HOUR, float(row["Generation"]))
    return found


def read_lastgang_kw(file):
    found, clock = Found(), Clock("Europe/Berlin")
    for line in text_of("lastgang_kw", file, "utf-16").splitlines():
        if re.match(r"\d\d\.\d\d\.\d{4}\t", line):
            day, time, kilowatts = line.split("\t")
            end = clock.utc(datetime.strptime(f"{day} {time}", "%d.%m.%Y %H:%M"))
            found.add("", end - minutes(15), end, decimal_comma(kilowatts) / 4)
    return found


# Profile, file, arguments beside FILE and --site, longest interval.
SAMPLES = [
    ("ameren", "sample.csv", "--tz America/Chicago", "15m"),
    ("datadis", "sample.csv", "--tz Europe/Madrid", "1h"),
    ("dsmr_reader", "sample.csv", "", "1h"),
    ("e_distribuzione", "sample.csv", "", "15m"),
    ("e_redes", "sample.csv", "--tz Europe/Lisbon", "30m"),
    ("eloverblik", "sample.csv", "", "1h"),
    ("emoncms", "sample.csv", "--unit W", "2h"),
    ("emporia_vue", "sample.csv", "", "1h"),
    ("enedis", "sample.csv", "", "30m"),
    ("enphase", "sample.csv", "--tz America/New_York", "1h"),
    ("esb_networks", "sample.csv", "", "30m"),
    ("esb_networks", "kwh.csv", "", "30m"),
    ("fingrid", "sample.csv", "", "1h"),
    ("fluvius", "sample.csv", "", "15m"),
    ("fronius_solarweb", "sample.csv", "--tz Europe/Vienna", "30m"),
    ("green_button", "sample.xml", "", "1h"),
    ("home_assistant_history", "sample.csv", "--unit W", "2h"),
    ("homewizard", "sample.csv", "--tz Europe/Amsterdam", "30m"),
    ("i_de", "sample.csv", "", "1h"),
    ("influx_annotated", "sample.csv", "--unit W", "2h"),
    ("lastgang_kw", "sample.csv", "--tz Europe/Berlin", "15m"),
    ("nem12", "sample.csv", "", "30m"),
    ("nem12", "export.csv", "", "5m"),
    ("netz_noe", "sample.csv", "", "15m"),
    ("octopus", "sample.csv", "", "30m"),
    ("octopus_api", "sample.json", "", "30m"),
    ("opower", "sample.csv", "--tz America/Los_Angeles", "1h"),
    ("sce", "sample.csv", "", "1h"),
    ("sdge", "sample.csv", "", "1h"),
    ("sense", "sample.csv", "--tz America/New_York", "1h"),
    ("shelly_em", "sample.csv", "", "30m"),
    ("sma", "sample.csv", "--tz Europe/Berlin", "5m"),
    ("smart_meter_texas", "sample.csv", "", "15m"),
    ("solaredge", "sample.csv", "--tz Europe/Berlin", "2h"),
    ("solaredge_api", "sample.json", "--tz Europe/Berlin", "15m"),
    ("tibber", "sample.json", "", "1h"),
    ("tibber", "api.json", "", "1h"),
    ("uci_household", "sample.txt", "--tz Europe/Paris", "1m"),
    ("uk_half_hourly", "sample.csv", "--tz Europe/London", "30m"),
]


def stored_intervals(intervals):
    """The instants that are stored, and the kWh. Of two intervals with one start the later line counts."""
    times = [start for start, _, _ in intervals]
    times += [end - MICROSECOND for end in {end for _, end, _ in intervals} - set(times)]
    kwh = sum({start: kwh for start, _, kwh in intervals}.values())
    return sorted(times), kwh


def stored_instants(instants):
    """The instants that are stored, and the kWh when each power holds until the next one, for up to two hours."""
    kwh = 0
    for (at, watts), (following, _) in itertools.pairwise(instants):
        if following - at <= 2 * HOUR:
            kwh += watts * ((following - at) / HOUR) / 1000
    return [at for at, _ in instants], kwh


def shown(instant):
    return instant.isoformat().replace("+00:00", "Z")


def toml_of(profile, file, arguments, max_gap):
    found = globals()[f"read_{profile}"](file)
    yield "[[sample]]"
    yield f'file = "{file}"'
    yield f"arguments = {json.dumps(arguments.split())}"
    yield f'max_gap = "{max_gap}"'
    yield f"skipped = {found.skipped}"
    yield f"rejected = {found.rejected}"
    series = {device: stored_intervals(rows) for device, rows in found.intervals.items()}
    series |= {device: stored_instants(rows) for device, rows in found.instants.items()}
    for device, (times, kwh) in sorted(series.items()):
        yield "\n[[sample.device]]"
        is_channel = device == "" or device.startswith("-")
        yield f"name = {json.dumps(('meter' if is_channel else '') + device)}"
        yield f"readings = {len(times)}"
        yield f"instants = {len(set(times))}"
        yield f'first = "{shown(times[0])}"'
        yield f'last = "{shown(times[-1])}"'
        yield f"kwh = {kwh:.9f}"
    yield ""


def main():
    content = {}
    for sample in SAMPLES:
        path = HERE / sample[0] / "expected.toml"
        start = content.setdefault(path, "# Computed by ../expected.py.\n")
        content[path] = start + "\n" + "\n".join(toml_of(*sample))
    is_current = all(path.exists() and path.read_text() == text for path, text in content.items())
    if "--check" in sys.argv:
        sys.exit(not is_current)
    for path, text in content.items():
        path.write_text(text)


if __name__ == "__main__":
    main()
