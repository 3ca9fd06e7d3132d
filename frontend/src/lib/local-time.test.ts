import { describe, expect, it } from 'vitest';
import { formatUtc, offsetAt, resolveLocal, toLocalField, toOffsetIso } from './local-time';

const PARIS = 'Europe/Paris';
const LOS_ANGELES = 'America/Los_Angeles';
const HOUR = 3_600_000;

describe('resolveLocal', () => {
  it('reads the field as local time, in winter and in summer', () => {
    expect(resolveLocal('2024-01-15T11:30', PARIS)).toEqual({
      kind: 'exact',
      instant: Date.UTC(2024, 0, 15, 10, 30),
    });
    expect(resolveLocal('2024-07-15T11:30:05.250', PARIS)).toEqual({
      kind: 'exact',
      instant: Date.UTC(2024, 6, 15, 9, 30, 5, 250),
    });
  });

  it('knows a time that the clocks skip, and moves it forward as the clocks did', () => {
    expect(resolveLocal('2024-03-31T02:30', PARIS)).toEqual({
      kind: 'skipped',
      instant: Date.UTC(2024, 2, 31, 1, 30),
    });
  });

  it('knows a time that comes twice, and both instants', () => {
    expect(resolveLocal('2024-11-03T01:30', LOS_ANGELES)).toEqual({
      kind: 'repeated',
      first: Date.parse('2024-11-03T01:30:00-07:00'),
      second: Date.parse('2024-11-03T01:30:00-08:00'),
    });
  });

  it('is exact one second beside a change of the clocks', () => {
    expect(resolveLocal('2024-03-31T01:59:59', PARIS)?.kind).toBe('exact');
    expect(resolveLocal('2024-03-31T03:00:00', PARIS)?.kind).toBe('exact');
    expect(resolveLocal('2024-10-27T01:59:59', PARIS)?.kind).toBe('exact');
    expect(resolveLocal('2024-10-27T02:00:00', PARIS)?.kind).toBe('repeated');
    expect(resolveLocal('2024-10-27T03:00:00', PARIS)?.kind).toBe('exact');
  });

  it('copes with offsets that are no whole hours', () => {
    expect(resolveLocal('2024-01-15T12:00', 'Asia/Kathmandu')).toEqual({
      kind: 'exact',
      instant: Date.UTC(2024, 0, 15, 6, 15),
    });
  });

  it('says null to a field that holds no complete time', () => {
    expect(resolveLocal('', PARIS)).toBeNull();
    expect(resolveLocal('2024-01-15', PARIS)).toBeNull();
  });
});

describe('toOffsetIso', () => {
  it('carries the offset that holds at that instant', () => {
    expect(toOffsetIso(Date.UTC(2024, 0, 15, 10, 30), PARIS)).toBe('2024-01-15T11:30:00+01:00');
    expect(toOffsetIso(Date.UTC(2024, 6, 15, 10, 30), LOS_ANGELES)).toBe('2024-07-15T03:30:00-07:00');
    expect(toOffsetIso(0, 'UTC')).toBe('1970-01-01T00:00:00+00:00');
  });

  it('tells the two passes of a repeated hour apart', () => {
    const time = resolveLocal('2024-11-03T01:30', LOS_ANGELES);
    if (time?.kind !== 'repeated') throw new Error('expected a repeated time');
    expect(toOffsetIso(time.first, LOS_ANGELES)).toBe('2024-11-03T01:30:00-07:00');
    expect(toOffsetIso(time.second, LOS_ANGELES)).toBe('2024-11-03T01:30:00-08:00');
  });

  it('names the same instant again when it is parsed, at every hour of a year with two changes', () => {
    for (let instant = Date.UTC(2024, 0, 1); instant < Date.UTC(2025, 0, 1); instant += HOUR) {
      expect(Date.parse(toOffsetIso(instant, PARIS))).toBe(instant);
    }
  });
});

describe('the texts around an instant', () => {
  it('fills the field with local time, never with UTC, and reads it back', () => {
    const instant = Date.UTC(2024, 6, 15, 10, 30, 7);
    expect(toLocalField(instant + 450, PARIS)).toBe('2024-07-15T12:30:07');
    expect(resolveLocal(toLocalField(instant, PARIS), PARIS)).toEqual({ kind: 'exact', instant });
  });

  it('shows UTC with milliseconds only when there are any', () => {
    expect(formatUtc(Date.UTC(2024, 0, 15, 10, 30))).toBe('2024-01-15 10:30:00 UTC');
    expect(formatUtc(Date.UTC(2024, 0, 15, 10, 30, 0, 120))).toBe('2024-01-15 10:30:00.120 UTC');
  });

  it('survives the first instant of the year 1 in a zone where that is still the year before', () => {
    expect(offsetAt(Date.parse('0001-01-01T00:00:00Z'), LOS_ANGELES)).toBeGreaterThan(-9 * HOUR);
  });
});
