/** A span of time on the chart, in milliseconds since 1970, and the ways to move in it. */
import { at } from './arrays';

export interface TimeRange {
  from: number;
  to: number;
}

const MIN_RANGE_MS = 1000;
const HALF_HOUR_MS = 1_800_000;

/**
 * A meter whose clock was never set says 1970, a broken one the year 9999 (edge cases 18 and 19 of the query API):
 * one such reading would press all the others into a single pixel.
 */
const EARLIEST_PLAUSIBLE = Date.UTC(2000, 0, 1);
const MAX_FUTURE_MS = 2 * 86_400_000;

export function plausibleRange(now: number): TimeRange {
  return { from: EARLIEST_PLAUSIBLE, to: now + MAX_FUTURE_MS };
}

/** The span of several ascending time lines, without implausible clocks as long as there are any others. */
export function extentOf(lines: readonly Float64Array[], now: number): TimeRange | null {
  const { from, to } = plausibleRange(now);
  const believable = lines.map((times) => times.filter((time) => time >= from && time <= to));
  return spanOf(believable) ?? spanOf(lines);
}

function spanOf(lines: readonly Float64Array[]): TimeRange | null {
  const filled = lines.filter((times) => times.length > 0);
  if (filled.length === 0) return null;
  const from = Math.min(...filled.map((times) => at(times, 0)));
  const to = Math.max(...filled.map((times) => at(times, times.length - 1)));
  return from < to ? { from, to } : { from: from - HALF_HOUR_MS, to: to + HALF_HOUR_MS };
}

/** `factor` below 1 zooms in, above 1 out; the middle stays, and the whole is never left. */
export function zoomed(range: TimeRange, factor: number, whole: TimeRange): TimeRange {
  const middle = (range.from + range.to) / 2;
  const half = Math.max(MIN_RANGE_MS, (range.to - range.from) * factor) / 2;
  return within({ from: middle - half, to: middle + half }, whole);
}

/** Moves by a share of what is visible: -0.25 is a quarter towards the past. */
export function panned(range: TimeRange, share: number, whole: TimeRange): TimeRange {
  const step = (range.to - range.from) * share;
  return within({ from: range.from + step, to: range.to + step }, whole);
}

function within(range: TimeRange, whole: TimeRange): TimeRange {
  const span = Math.min(range.to - range.from, whole.to - whole.from);
  const from = Math.min(Math.max(range.from, whole.from), whole.to - span);
  // Whole milliseconds: the ticks of the time axis would inherit a fraction.
  return { from: Math.round(from), to: Math.round(from + span) };
}

/** A zoom that shows everything is no zoom. */
export function isWhole(range: TimeRange, whole: TimeRange): boolean {
  return range.from <= whole.from && range.to >= whole.to;
}
