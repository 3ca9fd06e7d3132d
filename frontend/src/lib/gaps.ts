/**
 * When two readings of a device are too far apart to be joined by a line.
 * Two hours is `max_gap` of the energy rule (query API, section 2); three times its usual interval is when
 * a device has clearly missed readings.
 */
import { at } from './arrays';

const MAX_GAP_MS = 2 * 3_600_000;
const MISSED_INTERVALS = 3;

/** The median time between ascending times; null below two. */
export function medianInterval(times: readonly number[]): number | null {
  const intervals = times.slice(1).map((time, index) => time - at(times, index));
  intervals.sort((a, b) => a - b);
  return intervals[intervals.length >> 1] ?? null;
}

/** The longest time between two readings that still counts as continuous. */
export function maxBridgedGap(median: number | null): number {
  return median === null ? MAX_GAP_MS : Math.min(MAX_GAP_MS, MISSED_INTERVALS * median);
}
