import { describe, expect, it } from 'vitest';
import { EARLIEST, LATEST, panned, zoomed } from './range';

describe('the range of the chart', () => {
  it('zooms around its middle, down to a second', () => {
    expect(zoomed({ from: 20_000, to: 60_000 }, 0.5)).toEqual({ from: 30_000, to: 50_000 });
    expect(zoomed({ from: 0, to: 1000 }, 0.5)).toEqual({ from: 0, to: 1000 });
  });

  it('moves by a share of itself', () => {
    expect(panned({ from: 20_000, to: 60_000 }, 0.25)).toEqual({ from: 30_000, to: 70_000 });
  });

  it('never leaves the years of timestamps', () => {
    expect(panned({ from: LATEST - 1000, to: LATEST }, 1)).toEqual({ from: LATEST - 1000, to: LATEST });
    expect(zoomed({ from: EARLIEST, to: LATEST }, 2)).toEqual({ from: EARLIEST, to: LATEST });
  });
});
