/** Dates of the calendar, apart from any zone, and where they begin in one. A date is its midnight in UTC, in milliseconds. */
import { offsetAt, resolveLocal } from './local-time';

export type Unit = 'day' | 'week' | 'month' | 'year';

const DAY_MS = 86_400_000;

/** The date that the clock of a zone shows at an instant. */
export function dateAt(instant: number, zone: string): number {
  return Math.floor((instant + offsetAt(instant, zone)) / DAY_MS) * DAY_MS;
}

/** The first date of the day, week (from Monday on), month or year that a date is in. */
export function firstDate(unit: Unit, date: number): number {
  const day = new Date(date);
  if (unit === 'week') return date - ((day.getUTCDay() + 6) % 7) * DAY_MS;
  if (unit === 'month') day.setUTCDate(1);
  if (unit === 'year') day.setUTCMonth(0, 1);
  return day.getTime();
}

/** The first date of the unit that is `count` units later. */
export function laterDate(unit: Unit, date: number, count: number): number {
  const day = new Date(firstDate(unit, date));
  if (unit === 'day') day.setUTCDate(day.getUTCDate() + count);
  if (unit === 'week') day.setUTCDate(day.getUTCDate() + 7 * count);
  if (unit === 'month') day.setUTCMonth(day.getUTCMonth() + count);
  if (unit === 'year') day.setUTCFullYear(day.getUTCFullYear() + count);
  return day.getTime();
}

/** When a date begins: at midnight, or when the clocks have skipped it, after that. */
export function midnight(date: number, zone: string): number {
  const time = resolveLocal(`${dateText(date)}T00:00`, zone);
  if (time === null) return date;
  return time.kind === 'repeated' ? time.first : time.instant;
}

/** `2024-01-15` */
export function dateText(date: number): string {
  return new Date(date).toISOString().slice(0, 10);
}

/** Null when it is no date of the calendar. */
export function parseDate(text: string): number | null {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return null;
  const date = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(date) && dateText(date) === text ? date : null;
}
