/** The readings of each device, in order of time, as the chart draws them. */
import type { StoredReading } from '../api/types';
import { maxBridgedGap, medianInterval } from './gaps';
import { parseInstant } from './instant';

export interface DeviceSeries {
  id: string;
  /** Ascending and without repeats, in milliseconds since 1970. */
  times: number[];
  powers: number[];
  /** Readings further apart than this are not joined, in milliseconds. */
  maxGap: number;
}

/** Readings come by instant, equal instants by stream id: of two for one instant the later one is in force. */
export function seriesOf(readings: readonly StoredReading[]): Map<string, DeviceSeries> {
  const all = new Map<string, DeviceSeries>();
  for (const { device_id: id, timestamp, power_reading: power } of readings) {
    const time = parseInstant(timestamp);
    if (!Number.isFinite(time)) continue;
    const series = all.get(id) ?? { id, times: [], powers: [], maxGap: 0 };
    all.set(id, series);
    if (series.times.at(-1) === time) series.powers.pop();
    else series.times.push(time);
    series.powers.push(power);
  }
  for (const series of all.values()) series.maxGap = maxBridgedGap(medianInterval(series.times));
  return all;
}
