import { describe, expect, it } from 'vitest';
import { touchedRange } from './touch-range';

const START = { from: 100_000, to: 200_000 };

describe('a chart that is touched', () => {
  it('follows one finger', () => {
    expect(touchedRange(START, [0.5], [0.25])).toEqual({ from: 125_000, to: 225_000 });
  });

  it('keeps under two fingers what was there', () => {
    // From the middle half to the whole width: twice as large.
    expect(touchedRange(START, [0.25, 0.75], [0, 1])).toEqual({ from: 125_000, to: 175_000 });
    expect(touchedRange(START, [0, 1], [0.25, 0.75])).toEqual({ from: 50_000, to: 250_000 });
  });

  it('does not turn around when fingers cross, and stays when they do not move', () => {
    const { from, to } = touchedRange(START, [0.4, 0.6], [0.6, 0.6]);
    expect(to).toBeGreaterThan(from);
    expect(touchedRange(START, [0.4, 0.6], [0.4, 0.6])).toEqual(START);
  });
});
