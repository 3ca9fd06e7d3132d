import { describe, expect, it } from 'vitest';
import { rowWindow } from './windowing';

const ROW = 36;
const HEIGHT = 600;

function windowAt(count: number, scrollTop: number) {
  return rowWindow(count, ROW, { scrollTop, height: HEIGHT });
}

describe('rowWindow', () => {
  it('renders all rows of a short table', () => {
    expect(windowAt(5, 0)).toEqual({ first: 0, end: 5, before: 0, after: 0 });
  });

  it('renders nothing of an empty table', () => {
    expect(windowAt(0, 0)).toEqual({ first: 0, end: 0, before: 0, after: 0 });
  });

  it('renders few rows of a long one, wherever it is scrolled to', () => {
    for (const scrollTop of [0, 17, 1_000_000, 3_599_400]) {
      const { first, end } = windowAt(100_000, scrollTop);
      expect(end - first).toBeLessThan(50);
    }
  });

  it('keeps every row where it would be if all were rendered', () => {
    const { first, end, before, after } = windowAt(100_000, 1_234_567);
    expect(before).toBeCloseTo(first * ROW, 6);
    expect(after).toBeCloseTo((100_000 - end) * ROW, 6);
  });

  it('covers what is visible, with the last row at the very end', () => {
    const { first, end } = windowAt(100_000, 100_000 * ROW - HEIGHT);
    expect(first * ROW).toBeLessThanOrEqual(100_000 * ROW - HEIGHT);
    expect(end).toBe(100_000);
  });

  it('stays below the height that browsers can lay out, and still reaches both ends of a million rows', () => {
    const total = ({ first, end, before, after }: ReturnType<typeof windowAt>) =>
      before + (end - first) * ROW + after;
    const top = windowAt(1_000_000, 0);
    const bottom = windowAt(1_000_000, 16_000_000 - HEIGHT);
    expect(top.first).toBe(0);
    expect(bottom.end).toBe(1_000_000);
    expect(total(top)).toBeCloseTo(16_000_000, 3);
    expect(total(bottom)).toBeCloseTo(16_000_000, 3);
  });

  it('does not fall off a table that became shorter than the scroll position', () => {
    const { first, end } = windowAt(20, 50_000);
    expect(first).toBeLessThan(end);
    expect(end).toBe(20);
  });
});
