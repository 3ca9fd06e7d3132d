/** From the readings of a device to the line that stands for them in a range of time. */
import { at, lowerBound } from './arrays';
import type { TimeRange } from './range';
import type { DeviceSeries } from './series';

export interface Line {
  times: Float64Array;
  /** The readings, or the mean of each bucket of them. */
  powers: Float64Array;
  /** The lowest and highest reading of each bucket; null when the points are the readings themselves. */
  band: { lows: Float64Array; highs: Float64Array } | null;
  /** 1 where a point must not be joined to the one before. */
  breaks: Uint8Array;
}

/** The readings in a range, and one more on each side so that the line runs to the edge of the chart. */
export function exactLine({ times, powers, maxGap }: DeviceSeries, { from, to }: TimeRange): Line {
  const first = Math.max(0, lowerBound(times, from) - 1);
  const end = Math.min(times.length, lowerBound(times, to) + 1);
  const breaks = new Uint8Array(end - first);
  for (let i = 1; i < breaks.length; i++) {
    if (at(times, first + i) - at(times, first + i - 1) > maxGap) breaks[i] = 1;
  }
  return { times: times.subarray(first, end), powers: powers.subarray(first, end), band: null, breaks };
}

/**
 * One point for each bucket that has readings, in its middle. The buckets begin at a common origin, so that all
 * devices share their times and the chart stays small, whatever the number of readings.
 */
export function bucketedLine(line: Line, origin: number, bucketMs: number): Line {
  const starts = bucketStarts(line.times, origin, bucketMs);
  const pick = (value: (start: number, end: number) => number) =>
    Float64Array.from(starts, (start, index) => value(start, starts[index + 1] ?? line.times.length));
  const middle = (start: number) =>
    origin + (Math.floor((at(line.times, start) - origin) / bucketMs) + 0.5) * bucketMs;
  return {
    times: pick(middle),
    powers: pick((start, end) => timeWeightedMean(line, start, end)),
    band: {
      lows: pick((start, end) => line.powers.subarray(start, end).reduce((a, b) => Math.min(a, b))),
      highs: pick((start, end) => line.powers.subarray(start, end).reduce((a, b) => Math.max(a, b))),
    },
    breaks: Uint8Array.from(starts, (start) => at(line.breaks, start)),
  };
}

/** The index of the first reading in each bucket. */
function bucketStarts(times: Float64Array, origin: number, bucketMs: number): number[] {
  const starts: number[] = [];
  for (let start = 0; start < times.length; ) {
    starts.push(start);
    const bucket = Math.floor((at(times, start) - origin) / bucketMs);
    start = Math.max(start + 1, lowerBound(times, origin + (bucket + 1) * bucketMs));
  }
  return starts;
}

/**
 * The mean over time, each reading holding until the next one of its device and not across a gap: the step-hold rule
 * of the query API. A plain mean would count a burst of readings for more than the quiet hour before it.
 */
function timeWeightedMean({ times, powers, breaks }: Line, start: number, end: number): number {
  let mean = at(powers, start);
  let held = 0;
  for (let i = start; i < end; i++) {
    const isHeld = i + 1 < times.length && breaks[i + 1] === 0;
    const duration = isHeld ? at(times, i + 1) - at(times, i) : 0;
    held += duration;
    // Step by step, since a sum of powers could overflow.
    if (duration > 0) mean += (at(powers, i) - mean) * (duration / held);
  }
  return mean;
}
