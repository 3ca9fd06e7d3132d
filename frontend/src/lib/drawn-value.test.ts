import { describe, expect, it } from 'vitest';
import { drawnValue, nearestPlace } from './drawn-value';
import type { PlotColumn, PlotLine } from './plot-data';

const line = (powers: PlotColumn, lows: PlotColumn = [], highs: PlotColumn = []): PlotLine => ({
  powers,
  lows,
  highs,
  isolatedPoints: [],
});

describe('the readout', () => {
  it('is of the drawn time that is nearest to the pointer', () => {
    expect([0, 14, 16, 99].map((time) => nearestPlace([10, 20, 30], time))).toEqual([0, 0, 1, 2]);
    expect(nearestPlace([], 5)).toBeNull();
  });

  it('is the drawn mean with its band, not a reading', () => {
    expect(drawnValue(line([700], [0], [1500]), 0)).toEqual({ power: 700, band: { low: 0, high: 1500 } });
    expect(drawnValue(line([700]), 0)).toEqual({ power: 700, band: null });
  });

  it('is the point before, where the line goes on without a point of its own', () => {
    expect(drawnValue(line([5, undefined, 7]), 1)).toEqual({ power: 5, band: null });
  });

  it('is nothing in a gap, and before and after the line', () => {
    expect(drawnValue(line([5, undefined, null, 7]), 1)).toBeNull();
    expect(drawnValue(line([5, null, 7]), 1)).toBeNull();
    expect(drawnValue(line([undefined, 5, undefined]), 0)).toBeNull();
    expect(drawnValue(line([undefined, 5, undefined]), 2)).toBeNull();
  });
});
