import { describe, expect, it } from 'vitest';
import { countGaps, maxBridgedGap, medianInterval } from './gaps';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe('gaps', () => {
  it('bridges up to three usual intervals', () => {
    expect(maxBridgedGap(15 * MINUTE)).toBe(45 * MINUTE);
  });

  it('never bridges more than two hours', () => {
    expect(maxBridgedGap(HOUR)).toBe(2 * HOUR);
  });

  it('bridges up to two hours while the usual interval is not known', () => {
    expect(medianInterval(Float64Array.of(5))).toBeNull();
    expect(maxBridgedGap(null)).toBe(2 * HOUR);
  });

  it('does not let exact resends shorten the usual interval', () => {
    expect(medianInterval(Float64Array.of(0, 0, 0, 0, MINUTE, MINUTE, MINUTE, 2 * MINUTE))).toBe(MINUTE);
  });

  it('counts the intervals that are too long, and only those', () => {
    const times = Float64Array.of(0, 1, 2, 6, 7, 10).map((minutes) => minutes * MINUTE);
    expect(countGaps(times, maxBridgedGap(medianInterval(times)))).toBe(1);
  });
});
