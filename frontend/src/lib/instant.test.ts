import { describe, expect, it } from 'vitest';
import { parseInstant } from './instant';

/** The order the contract prescribes for the timestamps it accepts (contract/timestamp_order.json). */
const IN_ORDER = [
  '0001-01-01T00:00:00Z',
  '1969-12-31T00:00:00Z',
  '2024-01-15',
  '20240115',
  '2024-W03-1',
  '2024-01-15T10:30:00+05:30:15',
  '2024-01-15T10:30:00+05:30',
  '2024-01-15T10:30:00+02:00',
  '2024-01-15T10:30:00+0200',
  '2024-01-15T10:30:00+02',
  '2024-01-15T10',
  '2024-01-15T10:30:00Z',
  '2024-01-15T10:30:00-00:00',
  '20240115T103000Z',
  '2024-01-15 10:30:00Z',
  '2024-01-15T10:30:00',
  '2024-01-15 10:30:00',
  '2024-01-15T10:30',
  '2024-01-15T10:30:00.1Z',
  '2024-01-15T10:30:00.123Z',
  '2024-01-15T10:30:00,123Z',
  '2024-01-15T10:30:00.123456789Z',
  '2024-03-10T02:30:00',
  '2024-11-03T01:30:00-07:00',
  '2024-11-03T01:30:00-08:00',
  '2999-01-01T00:00:00Z',
  '9999-12-31T23:59:59Z',
];

describe('parseInstant', () => {
  it('reads every form the contract accepts, in the order the contract lists them', () => {
    const instants = IN_ORDER.map(parseInstant);
    expect(instants.every(Number.isFinite)).toBe(true);
    expect(instants).toEqual([...instants].sort((a, b) => a - b));
  });

  it('agrees with the built-in parser where that one can be trusted', () => {
    for (const text of [
      '2024-01-15T10:30:00Z',
      '2024-02-29T23:59:59.987-08:00',
      '1999-12-31T23:00:00+05:30',
    ]) {
      expect(parseInstant(text)).toBe(Date.parse(text));
    }
  });

  it('takes a timestamp without an offset as UTC, whatever the zone of the machine', () => {
    expect(parseInstant('2024-07-01T12:00:00')).toBe(Date.UTC(2024, 6, 1, 12));
    expect(parseInstant('2024-07-01')).toBe(Date.UTC(2024, 6, 1));
  });

  it('keeps years below 100 apart from those of the twentieth century', () => {
    expect(parseInstant('0001-01-01T00:00:00Z')).toBe(Date.parse('0001-01-01T00:00:00Z'));
  });

  it('reads week dates across the turn of the year', () => {
    expect(parseInstant('2020-W53-7')).toBe(Date.UTC(2021, 0, 3));
    expect(parseInstant('2024W011')).toBe(Date.UTC(2024, 0, 1));
    expect(parseInstant('2026-W01-1')).toBe(Date.UTC(2025, 11, 29));
  });

  it('says NaN to what is no timestamp', () => {
    for (const text of [
      '',
      'not-a-timestamp',
      '1705314600',
      ' 2024-01-15',
      '2024-01-15T10:30:00[Europe/Paris]',
    ]) {
      expect(parseInstant(text)).toBeNaN();
    }
  });
});
