/** What span of time the page shows: relative to now as long as its user has not stepped away from that. */
import { dateAt, dateText, firstDate, laterDate, midnight, parseDate, type Unit } from './civil-date';
import { type TimeRange, within } from './range';

export type Period =
  /** The day, week, … of now, or the one before it. */
  | { kind: 'current'; unit: Unit; back: 0 | 1 }
  /** The day, week, … that a date is in. */
  | { kind: 'dated'; unit: Unit; date: string }
  | { kind: 'last'; hours: number }
  /** From the first reading to the last one. */
  | { kind: 'all' }
  | { kind: 'range'; from: number; to: number };

export interface PeriodContext {
  zone: string;
  now: number;
  /** From the first reading to the last one; null while it is not known. */
  extent: TimeRange | null;
}

const UNITS: readonly Unit[] = ['day', 'week', 'month', 'year'];
const HOUR_MS = 3_600_000;
/** Readings are older than this: what is usually looked at is not now. */
const RECENT_MS = 48 * HOUR_MS;
/** A site with no more than this is shown as a whole. */
const SHORT_MS = 400 * 24 * HOUR_MS;

/** The span in instants; null while it is not known. */
export function rangeOf(period: Period, { zone, now, extent }: PeriodContext): TimeRange | null {
  switch (period.kind) {
    case 'range':
      return { from: period.from, to: period.to };
    case 'all':
      return extent;
    case 'last':
      return { from: now - period.hours * HOUR_MS, to: now };
    default: {
      const date = firstDateOf(period, zone, now);
      const next = laterDate(period.unit, date, 1);
      return within({ from: midnight(date, zone), to: midnight(next, zone) });
    }
  }
}

function firstDateOf(
  period: Extract<Period, { kind: 'current' | 'dated' }>,
  zone: string,
  now: number,
): number {
  if (period.kind === 'current') return laterDate(period.unit, dateAt(now, zone), -period.back);
  return firstDate(period.unit, parseDate(period.date) ?? dateAt(now, zone));
}

/** What is shown unless the address says otherwise: the last day while readings arrive, else where the last ones are. */
export function usualPeriod({ zone, now, extent }: PeriodContext): Period {
  if (extent === null || now - extent.to < RECENT_MS) return { kind: 'last', hours: 24 };
  if (extent.to - extent.from <= SHORT_MS) return { kind: 'all' };
  return { kind: 'dated', unit: 'year', date: dateText(dateAt(extent.to, zone)) };
}

/** The next period of the same length, or the one before (-1); null where that would be in the future as a whole. */
export function stepped(period: Period, direction: 1 | -1, context: PeriodContext): Period | null {
  const range = rangeOf(period, context);
  if (range === null) return null;
  const { zone, now } = context;
  if (period.kind === 'current' || period.kind === 'dated') {
    const date = laterDate(period.unit, firstDateOf(period, zone, now), direction);
    return midnight(date, zone) > now ? null : datedPeriod(period.unit, date, zone, now);
  }
  const span = (range.to - range.from) * direction;
  const next = within({ from: range.from + span, to: range.to + span });
  return next.from >= now && direction === 1 ? null : { kind: 'range', ...next };
}

/** The period with a date in it: relative to now if it is the present one. */
export function datedPeriod(unit: Unit, date: number, zone: string, now: number): Period {
  const isCurrent = firstDate(unit, date) === firstDate(unit, dateAt(now, zone));
  return isCurrent ? { kind: 'current', unit, back: 0 } : { kind: 'dated', unit, date: dateText(date) };
}

/** As in the address: `day`, `day-1`, `month@2017-02-01`, `24h`, `all`; null for a range, which has `from` and `to`. */
export function periodText(period: Period): string | null {
  switch (period.kind) {
    case 'range':
      return null;
    case 'all':
      return 'all';
    case 'last':
      return `${period.hours}h`;
    case 'current':
      return period.back === 0 ? period.unit : `${period.unit}-1`;
    case 'dated':
      return `${period.unit}@${period.date}`;
  }
}

const TEXT =
  /^(?:(?<hours>[1-9]\d{0,4})h|(?<unit>day|week|month|year)(?:(?<back>-1)|@(?<date>\d{4}-\d{2}-\d{2}))?)$/;

export function parsePeriod(text: string): Period | null {
  if (text === 'all') return { kind: 'all' };
  const { hours, unit: name, back, date } = TEXT.exec(text)?.groups ?? {};
  if (hours !== undefined) return { kind: 'last', hours: Number(hours) };
  const unit = UNITS.find((unit) => unit === name);
  if (unit === undefined) return null;
  if (date === undefined) return { kind: 'current', unit, back: back === undefined ? 0 : 1 };
  return parseDate(date) === null ? null : { kind: 'dated', unit, date };
}
