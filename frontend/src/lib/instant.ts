/**
 * Timestamps as the contract takes them (section 2): what Python's `datetime.fromisoformat` reads once `Z` is
 * `+00:00`. `Date.parse` will not do: it refuses most of these forms and reads a naive one as local time.
 */

const DATE = String.raw`(\d{4})(?:-(\d{2})-(\d{2})|(\d{2})(\d{2})|-?W(\d{2})(?:-?(\d))?)`;
const TIME = String.raw`(\d{2})(?::?(\d{2})(?::?(\d{2})(?:[.,](\d+))?)?)?`;
const OFFSET = String.raw`(?:Z|([+-])(\d{2})(?::?(\d{2})(?::?(\d{2})(?:[.,]\d+)?)?)?)`;
const TIMESTAMP = new RegExp(`^${DATE}(?:[T ]${TIME}${OFFSET}?)?$`);

const DAY_MS = 86_400_000;

/** The instant a timestamp names, in milliseconds since 1970 with fractions; `NaN` when it is not a timestamp. */
export function parseInstant(timestamp: string): number {
  const match = TIMESTAMP.exec(timestamp);
  if (match === null) return Number.NaN;
  const part = (index: number) => Number(match[index] ?? 0);
  const day =
    match[6] === undefined
      ? utcDay(part(1), part(2) || part(4), part(3) || part(5))
      : weekDay(part(1), part(6), match[7] === undefined ? 1 : part(7));
  const clock = seconds(part(8), part(9), part(10)) + Number(`0.${match[11] ?? 0}`);
  const offset = seconds(part(13), part(14), part(15)) * (match[12] === '-' ? -1 : 1);
  return day + (clock - offset) * 1000;
}

function seconds(hours: number, minutes: number, rest: number): number {
  return hours * 3600 + minutes * 60 + rest;
}

/** `Date.UTC` reads the years 0 to 99 as 1900 to 1999. */
export function utcDay(year: number, month: number, day: number): number {
  if (year >= 100) return Date.UTC(year, month - 1, day);
  return new Date(0).setUTCFullYear(year, month - 1, day);
}

/** ISO 8601 week date: week 1 is the one with 4 January in it, day 1 is Monday. */
function weekDay(year: number, week: number, day: number): number {
  const fourth = utcDay(year, 1, 4);
  const daysAfterMonday = (new Date(fourth).getUTCDay() + 6) % 7;
  return fourth + ((week - 1) * 7 + (day - 1) - daysAfterMonday) * DAY_MS;
}
