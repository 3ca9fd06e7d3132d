/** The stored readings of a site in the form that the table and the chart read; built in a worker and transferred as a whole. */
import { at } from '../lib/arrays';
import { GrowableFloat64Array, type PackedStrings, StringPacker, textAt } from '../lib/growable-array';
import { parseInstant } from '../lib/instant';
import { type DeviceSeries, SeriesBuilder } from '../lib/series';
import type { StoredReading } from './types';

/** One column per member: a million rows as objects would take half a gigabyte. */
export interface SiteReadings {
  count: number;
  /** The instants of the timestamps in milliseconds since 1970; `NaN` for one that cannot be read. */
  times: Float64Array<ArrayBuffer>;
  powers: Float64Array<ArrayBuffer>;
  timestamps: PackedStrings;
  ingestedAt: PackedStrings;
  streamIds: PackedStrings;
  /** Indices into `devices`, which are in order of first appearance. */
  deviceOf: Float64Array<ArrayBuffer>;
  devices: DeviceSeries[];
}

export interface ReadingRow {
  time: number;
  power: number;
  device: string;
  timestamp: string;
  ingestedAt: string;
  streamId: string;
}

/** The row at an index, oldest first. */
export function rowAt(readings: SiteReadings, index: number): ReadingRow {
  return {
    time: at(readings.times, index),
    power: at(readings.powers, index),
    device: at(readings.devices, at(readings.deviceOf, index)).id,
    timestamp: textAt(readings.timestamps, index),
    ingestedAt: textAt(readings.ingestedAt, index),
    streamId: textAt(readings.streamIds, index),
  };
}

export class SiteReadingsBuilder {
  count = 0;
  private readonly times = new GrowableFloat64Array();
  private readonly powers = new GrowableFloat64Array();
  private readonly deviceOf = new GrowableFloat64Array();
  private readonly timestamps = new StringPacker();
  private readonly ingestedAt = new StringPacker();
  private readonly streamIds = new StringPacker();
  private readonly series: SeriesBuilder[] = [];
  private readonly indexOfDevice = new Map<string, number>();

  add(reading: StoredReading): void {
    const time = parseInstant(reading.timestamp);
    const device = this.deviceIndex(reading.device_id);
    this.count++;
    this.times.push(time);
    this.powers.push(reading.power_reading);
    this.deviceOf.push(device);
    this.timestamps.push(reading.timestamp);
    this.ingestedAt.push(reading.ingested_at);
    this.streamIds.push(reading.stream_id);
    at(this.series, device).add(time, reading.power_reading);
  }

  private deviceIndex(id: string): number {
    const known = this.indexOfDevice.get(id);
    if (known !== undefined) return known;
    this.indexOfDevice.set(id, this.series.length);
    return this.series.push(new SeriesBuilder(id)) - 1;
  }

  finish(): SiteReadings {
    return {
      count: this.count,
      times: this.times.finish(),
      powers: this.powers.finish(),
      deviceOf: this.deviceOf.finish(),
      timestamps: this.timestamps.finish(),
      ingestedAt: this.ingestedAt.finish(),
      streamIds: this.streamIds.finish(),
      devices: this.series.map((series) => series.finish()),
    };
  }
}

/** The buffers that move to the page instead of being copied. */
export function buffersOf(readings: SiteReadings): ArrayBuffer[] {
  const strings = [readings.timestamps, readings.ingestedAt, readings.streamIds];
  return [
    ...[readings.times, readings.powers, readings.deviceOf].map(({ buffer }) => buffer),
    ...strings.flatMap(({ bytes, ends }) => [bytes.buffer, ends.buffer]),
    ...readings.devices.flatMap(({ times, powers }) => [times.buffer, powers.buffer]),
  ];
}
