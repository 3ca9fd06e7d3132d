/**
 * From what a person types into a local time field to an instant, and back.
 * The page this one replaces filled the field with UTC and read it as local time; here both ways go through a zone.
 */
import { utcDay } from './instant';

/** `skipped`: the clocks jumped over it; `repeated`: they were set back, so it happened twice. */
export type LocalTime =
  | { kind: 'exact'; instant: number }
  | { kind: 'skipped'; instant: number }
  | { kind: 'repeated'; first: number; second: number };

const FIELD = /^(\d{4,6})-(\d{2})-(\d{2})T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3}))?)?$/;
const DAY_MS = 86_400_000;

/** The zone of the person's clock. */
export const LOCAL_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** What the value of an `<input type="datetime-local">` means in a zone; null when it holds no time. */
export function resolveLocal(field: string, zone: string): LocalTime | null {
  const wall = wallClock(field);
  if (wall === null) return null;
  const before = offsetAt(wall - DAY_MS, zone);
  const after = offsetAt(wall + DAY_MS, zone);
  const fits = [...new Set([before, after])]
    .map((offset) => wall - offset)
    .filter((instant) => instant + offsetAt(instant, zone) === wall)
    .sort((a, b) => a - b);
  const [first, second] = fits;
  // The rule of ECMAScript and RFC 5545 for a time that never was: keep the offset from before the jump.
  if (first === undefined) return { kind: 'skipped', instant: wall - before };
  return second === undefined ? { kind: 'exact', instant: first } : { kind: 'repeated', first, second };
}

/** The clock reading as if it were UTC, in milliseconds. */
function wallClock(field: string): number | null {
  const match = FIELD.exec(field);
  if (match === null) return null;
  const part = (index: number) => Number(match[index] ?? 0);
  const clock = (part(4) * 60 + part(5)) * 60 + part(6);
  return utcDay(part(1), part(2), part(3)) + clock * 1000 + Number((match[7] ?? '').padEnd(3, '0'));
}

/** How far a zone's clocks are ahead of UTC at an instant, in milliseconds. */
export function offsetAt(instant: number, zone: string): number {
  const parts = clockIn(zone).formatToParts(instant);
  const fields = Object.fromEntries(parts.map(({ type, value }) => [type, value]));
  const part = (name: string) => Number(fields[name]);
  // The year before the year 1 is 1 BC, where ISO 8601 counts 0.
  const year = fields.era === 'BC' ? 1 - part('year') : part('year');
  const clock = (part('hour') * 60 + part('minute')) * 60 + part('second');
  const wall = utcDay(year, part('month'), part('day')) + clock * 1000;
  return wall - Math.floor(instant / 1000) * 1000;
}

const clocks = new Map<string, Intl.DateTimeFormat>();

/** Building a formatter costs far more than using one. */
function clockIn(zone: string): Intl.DateTimeFormat {
  let clock = clocks.get(zone);
  if (clock === undefined) {
    const numeric = 'numeric' as const;
    const date = { era: 'short' as const, year: numeric, month: numeric, day: numeric };
    const time = { hour: numeric, minute: numeric, second: numeric, hourCycle: 'h23' as const };
    clock = new Intl.DateTimeFormat('en-US', { timeZone: zone, ...date, ...time });
    clocks.set(zone, clock);
  }
  return clock;
}

/** `2024-01-15T11:30:00+01:00`: the local clock with its offset, so that no reader has to guess the zone. */
export function toOffsetIso(instant: number, zone: string): string {
  const offset = offsetAt(instant, zone);
  return isoDigits(instant + offset) + offsetText(offset);
}

/** What an `<input type="datetime-local">` shows for an instant, to the second. */
export function toLocalField(instant: number, zone: string): string {
  return isoDigits(Math.floor(instant / 1000) * 1000 + offsetAt(instant, zone));
}

/** Longer than any change of a clock, shorter than the time between two. */
const AROUND_MS = 3 * 3_600_000;

/** Whether the clock of a zone shows this time twice, since it is set back about then. */
export function isAmbiguous(instant: number, zone: string): boolean {
  const before = offsetAt(instant - AROUND_MS, zone);
  const after = offsetAt(instant + AROUND_MS, zone);
  if (before <= after) return false;
  const wall = instant + offsetAt(instant, zone);
  return [before, after].every((offset) => offsetAt(wall - offset, zone) === offset);
}

/** `2024-01-15 10:30:00 UTC`. */
export function formatUtc(instant: number): string {
  return `${isoDigits(instant).replace('T', ' ')} UTC`;
}

function isoDigits(wall: number): string {
  return new Date(wall)
    .toISOString()
    .slice(0, -1)
    .replace(/\.000$/, '');
}

/** `+01:00`; with seconds for the local mean times of the nineteenth century, which the contract takes too. */
export function offsetText(offset: number): string {
  const total = Math.abs(offset) / 1000;
  const fields = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  const digits = fields.map((field) => String(field).padStart(2, '0'));
  return (offset < 0 ? '-' : '+') + (fields[2] === 0 ? digits.slice(0, 2) : digits).join(':');
}
