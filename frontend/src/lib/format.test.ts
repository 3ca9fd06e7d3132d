import { describe, expect, it } from 'vitest';
import { formatExactPower, formatPower, formatSpan, formatWattsShort, plural } from './format';

describe('formats', () => {
  it('shows a power to the milliwatt, and exactly where it matters', () => {
    expect(formatPower(1500.5555)).toBe('1,500.556');
    expect(formatExactPower(1500.5555)).toBe('1,500.5555');
    expect(formatPower(0)).toBe('0');
    expect(formatPower(1e308)).toBe('1e+308');
  });

  it('chooses the prefix of a power by its size', () => {
    expect([0, 950, 7500, 2e6, 1e308].map(formatWattsShort)).toEqual([
      '0 W',
      '950 W',
      '7.5 kW',
      '2 MW',
      '1e308 W',
    ]);
  });

  it('chooses the unit of a span by its size', () => {
    expect([1, 90_000, 5_400_000, 86_400_000].map(formatSpan)).toEqual(['1 ms', '1.5 min', '1.5 h', '1 d']);
  });

  it('counts in the singular and the plural', () => {
    expect([plural(1, 'reading'), plural(17_520, 'reading')]).toEqual(['1 reading', '17,520 readings']);
  });
});
