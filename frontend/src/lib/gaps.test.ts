import { describe, expect, it } from 'vitest';
import { maxBridgedGap, medianInterval } from './gaps';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe('gaps', () => {
  it('bridges up to three usual intervals', () => {
    expect(medianInterval([0, 15, 30, 300].map((minutes) => minutes * MINUTE))).toBe(15 * MINUTE);
    expect(maxBridgedGap(15 * MINUTE)).toBe(45 * MINUTE);
  });

  it('never bridges more than two hours', () => {
    expect(maxBridgedGap(HOUR)).toBe(2 * HOUR);
  });

  it('bridges up to two hours while the usual interval is not known', () => {
    expect(medianInterval([5])).toBeNull();
    expect(maxBridgedGap(null)).toBe(2 * HOUR);
  });
});
