import { describe, expect, it } from 'vitest';
import type { StoredReading } from '../api/types';
import { bucketLine, exactLine, type Line } from './lines';
import { align } from './plot-data';
import { seriesOf } from './series';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function line(times: number[], powers: number[], broken: number[] = []): Line {
  return { times, powers, band: null, breaks: times.map((_time, index) => broken.includes(index)) };
}

function reading(time: number, power_reading: number, device_id = 'a'): StoredReading {
  const timestamp = Number.isNaN(time) ? 'never' : new Date(time).toISOString();
  return { stream_id: '1-0', site_id: 's', device_id, power_reading, timestamp, ingested_at: timestamp };
}

function bucket(
  hour: number,
  mean: number | null,
  [min, max]: [number | null, number | null] = [null, null],
) {
  return {
    start: new Date(hour * HOUR).toISOString(),
    end: new Date((hour + 1) * HOUR).toISOString(),
    count: max === null ? 0 : 1,
    repeats: 0,
    min,
    min_at: null,
    max,
    max_at: null,
    mean,
    energy_kwh: mean,
    import_kwh: mean,
    export_kwh: 0,
    coverage: 1,
  };
}

describe('lines on common times', () => {
  it('leave a time without a reading open, so that a line goes on over the times of others', () => {
    const { times, lines } = align([line([0, 2 * MINUTE], [1, 3]), line([MINUTE], [20])]);
    expect(times).toEqual([0, MINUTE, 2 * MINUTE]);
    expect(lines[0]?.powers).toEqual([1, undefined, 3]);
    expect(lines[1]?.powers).toEqual([undefined, 20, undefined]);
  });

  it('break a line at a gap, also across the times of others', () => {
    const a = line([0, MINUTE, 9 * MINUTE], [1, 2, 3], [2]);
    const { times, lines } = align([a, line([4 * MINUTE], [20])]);
    const broken = times.filter((_, index) => lines[0]?.powers[index] === null);
    expect(broken).toEqual([4 * MINUTE, 5 * MINUTE]);
  });

  it('mark a point with a gap on both sides', () => {
    expect(align([line([0, 3, 9], [1, 2, 3], [1, 2])]).lines[0]?.isolatedPoints).toEqual([0, 2, 4]);
  });
});

describe('the line of readings', () => {
  it('is broken where readings are missing', () => {
    const [a] = [...seriesOf([0, 1, 2, 9, 10].map((minute) => reading(minute * MINUTE, minute))).values()];
    expect(a && exactLine(a).breaks).toEqual([false, false, false, true, false]);
  });

  it('has the later of two readings for one instant, and none without a time', () => {
    const series = seriesOf([reading(0, 1), reading(0, 2), reading(MINUTE, 3), reading(Number.NaN, 4)]);
    expect(series.get('a')).toMatchObject({ times: [0, MINUTE], powers: [2, 3] });
  });
});

describe('the line of buckets', () => {
  it('has the mean in the middle of each, between its lowest and highest reading', () => {
    const { times, powers, band } = bucketLine([bucket(0, 5, [1, 9]), bucket(1, 6, [6, 7])]);
    expect(times).toEqual([0.5 * HOUR, 1.5 * HOUR]);
    expect(powers).toEqual([5, 6]);
    expect(band).toEqual({ lows: [1, 6], highs: [9, 7] });
  });

  it('is broken where a bucket is missing', () => {
    expect(bucketLine([bucket(0, 5), bucket(1, 5), bucket(4, 5)]).breaks).toEqual([false, false, true]);
  });

  it('goes on through a bucket into which a value only holds', () => {
    expect(bucketLine([bucket(0, 5)]).band).toEqual({ lows: [5], highs: [5] });
  });

  it('shows a reading that holds for no time, and no bucket without anything', () => {
    expect(bucketLine([bucket(0, null, [7, 7]), bucket(1, null)]).powers).toEqual([7]);
  });
});
