/** A span of time, in milliseconds since 1970, and the ways to move in it. */

export interface TimeRange {
  from: number;
  /** The first instant that is not in it. */
  to: number;
}

const MIN_RANGE_MS = 1000;
/** Timestamps have the years 1 to 9999 (RFC 3339, and the services): no reading is before or after. */
export const EARLIEST = Date.parse('0001-01-01T00:00:00Z');
export const LATEST = Date.parse('9999-12-31T23:59:59Z');

/** `factor` below 1 zooms in, above 1 out; the middle stays. */
export function zoomed(range: TimeRange, factor: number): TimeRange {
  const middle = (range.from + range.to) / 2;
  const half = Math.max(MIN_RANGE_MS, (range.to - range.from) * factor) / 2;
  return within({ from: middle - half, to: middle + half });
}

/** Moves by a share of what is visible: -0.25 is a quarter towards the past. */
export function panned(range: TimeRange, share: number): TimeRange {
  const step = (range.to - range.from) * share;
  return within({ from: range.from + step, to: range.to + step });
}

/** The same span where there can be readings; in whole milliseconds, as the ticks of the time axis would inherit a fraction. */
export function within({ from, to }: TimeRange): TimeRange {
  const span = Math.min(to - from, LATEST - EARLIEST);
  const first = Math.round(Math.min(Math.max(from, EARLIEST), LATEST - span));
  return { from: first, to: Math.round(first + span) };
}
