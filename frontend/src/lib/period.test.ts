import { describe, expect, it } from 'vitest';
import {
  type Period,
  type PeriodContext,
  parsePeriod,
  periodText,
  rangeOf,
  stepped,
  usualPeriod,
} from './period';
import type { TimeRange } from './range';

const HOUR = 3_600_000;
const context = (now: string, zone = 'UTC', extent: TimeRange | null = null): PeriodContext => ({
  now: Date.parse(now),
  zone,
  extent,
});
const dated = (unit: 'day' | 'week' | 'month' | 'year', date: string): Period => ({
  kind: 'dated',
  unit,
  date,
});
const hours = (period: Period, at: PeriodContext) => {
  const range = rangeOf(period, at);
  return range === null ? null : (range.to - range.from) / HOUR;
};
const from = (period: Period, at: PeriodContext) => new Date(rangeOf(period, at)?.from ?? 0).toISOString();

describe('a period', () => {
  it.each([
    ['America/Los_Angeles', '2016-11-06', 25],
    ['America/Los_Angeles', '2017-03-12', 23],
    ['Europe/Paris', '2016-10-30', 25],
    ['Europe/Paris', '2017-03-26', 23],
    ['Europe/Paris', '2017-03-27', 24],
  ])('that is a day has in %s on %s %i hours', (zone, date, expected) => {
    expect(hours(dated('day', date), context('2020-01-01T00:00:00Z', zone))).toBe(expected);
  });

  it('begins at local midnight, a week on Monday', () => {
    const paris = context('2024-01-17T23:30:00Z', 'Europe/Paris');
    expect(from({ kind: 'current', unit: 'day', back: 0 }, paris)).toBe('2024-01-17T23:00:00.000Z');
    expect(from({ kind: 'current', unit: 'day', back: 1 }, paris)).toBe('2024-01-16T23:00:00.000Z');
    expect(from({ kind: 'current', unit: 'week', back: 0 }, paris)).toBe('2024-01-14T23:00:00.000Z');
    expect(from({ kind: 'current', unit: 'month', back: 1 }, paris)).toBe('2023-11-30T23:00:00.000Z');
    expect(from(dated('year', '2016-11-06'), paris)).toBe('2015-12-31T23:00:00.000Z');
  });

  it('begins after a midnight that the clocks have skipped', () => {
    const beirut = context('2024-01-01T00:00:00Z', 'Asia/Beirut');
    expect(from(dated('day', '2022-03-27'), beirut)).toBe('2022-03-26T22:00:00.000Z');
  });

  it.each(['day', 'day-1', 'week', 'month', 'year', '24h', '1h', 'all', 'month@2017-02-01'])(
    'is “%s” in the address',
    (text) => {
      const period = parsePeriod(text);
      expect(period && periodText(period)).toBe(text);
    },
  );

  it.each(['', 'days', '0h', 'day-2', 'day@2017-02-30', 'month@', '1e9h'])('is not “%s”', (text) => {
    expect(parsePeriod(text)).toBeNull();
  });
});

describe('a step', () => {
  const now = context('2024-03-01T12:00:00Z');

  it('goes by the calendar, and is relative again where it meets now', () => {
    const february = stepped({ kind: 'current', unit: 'month', back: 0 }, -1, now);
    expect(february).toEqual(dated('month', '2024-02-01'));
    expect(february && stepped(february, 1, now)).toEqual({ kind: 'current', unit: 'month', back: 0 });
  });

  it('goes by its own length where the period is not of the calendar', () => {
    const end = now.now;
    expect(stepped({ kind: 'last', hours: 24 }, -1, now)).toEqual({
      kind: 'range',
      from: end - 48 * HOUR,
      to: end - 24 * HOUR,
    });
  });

  it('does not go into the future', () => {
    expect(stepped({ kind: 'current', unit: 'day', back: 0 }, 1, now)).toBeNull();
    expect(stepped({ kind: 'last', hours: 24 }, 1, now)).toBeNull();
  });

  it('does not go anywhere while the readings are not known', () => {
    expect(stepped({ kind: 'all' }, -1, now)).toBeNull();
  });
});

describe('the usual period', () => {
  const at = (from: string, to: string) =>
    usualPeriod(context('2024-03-01T12:00:00Z', 'UTC', { from: Date.parse(from), to: Date.parse(to) }));

  it('is the last day while readings arrive', () => {
    expect(at('2020-01-01', '2024-03-01')).toEqual({ kind: 'last', hours: 24 });
  });

  it('is where the readings are when they are old', () => {
    expect(at('2016-08-01', '2017-08-01')).toEqual({ kind: 'all' });
    expect(at('2010-01-01', '2017-08-01')).toEqual(dated('year', '2017-08-01'));
  });
});
