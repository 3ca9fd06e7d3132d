/**
 * When two readings of a device are too far apart to be joined by a line.
 * Two hours is `max_gap` of the energy rule (query API, section 2); three times its usual interval is when
 * a device has clearly missed readings.
 */
import { at } from './arrays';

const MAX_GAP_MS = 2 * 3_600_000;
const MISSED_INTERVALS = 3;

/** The median time between readings, exact resends aside; null below two readings. */
export function medianInterval(times: Float64Array): number | null {
  const intervals = new Float64Array(Math.max(0, times.length - 1));
  for (let i = 0; i < intervals.length; i++) intervals[i] = at(times, i + 1) - at(times, i);
  const positive = intervals.filter((interval) => interval > 0).sort();
  return positive.length === 0 ? null : at(positive, positive.length >> 1);
}

/** The longest time between two readings that still counts as continuous. */
export function maxBridgedGap(median: number | null): number {
  return median === null ? MAX_GAP_MS : Math.min(MAX_GAP_MS, MISSED_INTERVALS * median);
}

export function countGaps(times: Float64Array, maxGap: number): number {
  let gaps = 0;
  for (let i = 1; i < times.length; i++) if (at(times, i) - at(times, i - 1) > maxGap) gaps++;
  return gaps;
}
