/** From the readings or the buckets of a device to the line that stands for them. */
import type { AggregateBucket } from '../api/types';
import { at } from './arrays';
import { parseInstant } from './instant';
import type { DeviceSeries } from './series';

export interface Line {
  times: number[];
  /** The readings, or the mean of each bucket of them. */
  powers: number[];
  /** The lowest and highest reading of each bucket; null when the points are the readings themselves. */
  band: { lows: number[]; highs: number[] } | null;
  /** Whether a point must not be joined to the one before. */
  breaks: boolean[];
}

export function exactLine({ times, powers, maxGap }: DeviceSeries): Line {
  const breaks = times.map((time, index) => index > 0 && time - at(times, index - 1) > maxGap);
  return { times, powers, band: null, breaks };
}

/** One point for each bucket in which a value holds, in its middle; a bucket that is not there is a gap. */
export function bucketLine(buckets: readonly AggregateBucket[]): Line {
  const line: Line & { band: { lows: number[]; highs: number[] } } = {
    times: [],
    powers: [],
    band: { lows: [], highs: [] },
    breaks: [],
  };
  let endOfLast = '';
  for (const { start, end, mean, min, max } of buckets) {
    // A single reading without a later one holds for no time, and is there nevertheless.
    const power = mean ?? max;
    if (power === null) continue;
    line.times.push((parseInstant(start) + parseInstant(end)) / 2);
    line.powers.push(power);
    // A bucket into which a value only holds has no reading of its own.
    line.band.lows.push(Math.min(min ?? power, power));
    line.band.highs.push(Math.max(max ?? power, power));
    line.breaks.push(line.breaks.length > 0 && start !== endOfLast);
    endOfLast = end;
  }
  return line;
}
