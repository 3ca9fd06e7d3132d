/** What the chart needs of one device: its readings in order of time, and its statistics. */
import { at, lowerBound } from './arrays';
import { countGaps, maxBridgedGap, medianInterval } from './gaps';
import { GrowableFloat64Array } from './growable-array';

export interface DeviceSeries {
  id: string;
  /** Ascending and without repeats, in milliseconds since 1970. */
  times: Float64Array<ArrayBuffer>;
  powers: Float64Array<ArrayBuffer>;
  /** Readings further apart than this are not joined, in milliseconds. */
  maxGap: number;
  gaps: number;
  lowest: number;
  highest: number;
}

export class SeriesBuilder {
  private readonly times = new GrowableFloat64Array();
  private readonly powers = new GrowableFloat64Array();

  constructor(readonly id: string) {}

  /** Readings come by instant, equal instants by stream id: of two for one instant the later one is in force. */
  add(time: number, power: number): void {
    if (!Number.isFinite(time) || !Number.isFinite(power)) return;
    if (this.times.last() === time) {
      this.powers.replaceLast(power);
      return;
    }
    this.times.push(time);
    this.powers.push(power);
  }

  finish(): DeviceSeries {
    const times = this.times.finish();
    const powers = this.powers.finish();
    const maxGap = maxBridgedGap(medianInterval(times));
    const [lowest, highest] = extremes(powers);
    return { id: this.id, times, powers, maxGap, gaps: countGaps(times, maxGap), lowest, highest };
  }
}

function extremes(powers: Float64Array): [lowest: number, highest: number] {
  let lowest = Number.POSITIVE_INFINITY;
  let highest = Number.NEGATIVE_INFINITY;
  for (const power of powers) {
    if (power < lowest) lowest = power;
    if (power > highest) highest = power;
  }
  return [lowest, highest];
}

/** The index of the last reading at or before an instant, -1 if no such reading exists. */
export function indexAt(series: DeviceSeries, time: number): number {
  const next = lowerBound(series.times, time);
  return series.times[next] === time ? next : next - 1;
}

/** What a device measured at an instant: its last reading, as long as no gap has begun since. */
export function powerAt(series: DeviceSeries, time: number): number | null {
  const index = indexAt(series, time);
  if (index < 0 || time - at(series.times, index) > series.maxGap) return null;
  return at(series.powers, index);
}
