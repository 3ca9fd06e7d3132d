import { describe, expect, it } from 'vitest';
import { extentOf, panned, zoomed } from './range';

const NOW = Date.UTC(2026, 0, 1);
const whole = { from: 0, to: 100_000 };

describe('the range of the chart', () => {
  it('spans all devices', () => {
    const year2020 = Date.UTC(2020, 0, 1);
    const lines = [Float64Array.of(year2020, year2020 + 5), Float64Array.of(year2020 - 5)];
    expect(extentOf(lines, NOW)).toEqual({ from: year2020 - 5, to: year2020 + 5 });
  });

  it('is not stretched by clocks that were never set or run years ahead', () => {
    const year2020 = Date.UTC(2020, 0, 1);
    const times = Float64Array.of(
      Date.parse('0001-01-01'),
      year2020,
      year2020 + 60_000,
      Date.parse('9999-01-01'),
    );
    expect(extentOf([times], NOW)).toEqual({ from: year2020, to: year2020 + 60_000 });
  });

  it('shows implausible times when there are no others', () => {
    expect(extentOf([Float64Array.of(0, 60_000)], NOW)).toEqual({ from: 0, to: 60_000 });
  });

  it('gives a single reading an hour of room', () => {
    const only = Date.UTC(2020, 0, 1);
    expect(extentOf([Float64Array.of(only)], NOW)).toEqual({ from: only - 1_800_000, to: only + 1_800_000 });
  });

  it('is null when there is nothing to draw', () => {
    expect(extentOf([new Float64Array()], NOW)).toBeNull();
  });

  it('zooms around its middle and never leaves the whole', () => {
    expect(zoomed({ from: 20_000, to: 60_000 }, 0.5, whole)).toEqual({ from: 30_000, to: 50_000 });
    expect(zoomed({ from: 0, to: 60_000 }, 2, whole)).toEqual(whole);
  });

  it('moves until it meets the end of the readings', () => {
    expect(panned({ from: 20_000, to: 60_000 }, 0.25, whole)).toEqual({ from: 30_000, to: 70_000 });
    expect(panned({ from: 20_000, to: 60_000 }, -4, whole)).toEqual({ from: 0, to: 40_000 });
  });
});
