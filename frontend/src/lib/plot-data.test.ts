import { describe, expect, it } from 'vitest';
import { type PlotColumn, plotData } from './plot-data';
import { type DeviceSeries, SeriesBuilder } from './series';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function device(id: string, readings: [time: number, power: number][]): DeviceSeries {
  const builder = new SeriesBuilder(id);
  for (const [time, power] of readings) builder.add(time, power);
  return builder.finish();
}

function every(step: number, count: number, power: (index: number) => number): [number, number][] {
  return Array.from({ length: count }, (_, index) => [index * step, power(index)]);
}

function numbers(column: PlotColumn | undefined): number[] {
  return (column ?? []).filter((value) => value != null);
}

describe('plotData', () => {
  it('leaves a time without a reading open, so that the line goes on over the times of other devices', () => {
    const a = device('a', [
      [0, 1],
      [2 * MINUTE, 3],
    ]);
    const b = device('b', [[MINUTE, 20]]);
    const { times, lines } = plotData([a, b], { from: 0, to: 2 * MINUTE }, 0);
    expect(times).toEqual([0, MINUTE, 2 * MINUTE]);
    expect(lines[0]?.powers).toEqual([1, undefined, 3]);
    expect(lines[1]?.powers).toEqual([undefined, 20, undefined]);
  });

  it('breaks the line at a gap, also across the times of other devices', () => {
    const a = device('a', [
      [0, 1],
      [MINUTE, 2],
      [2 * MINUTE, 3],
      [9 * MINUTE, 4],
      [10 * MINUTE, 5],
    ]);
    const b = device('b', [[5 * MINUTE, 20]]);
    const { times, lines } = plotData([a, b], { from: 0, to: 10 * MINUTE }, 0);
    const broken = times.filter((_, index) => lines[0]?.powers[index] === null);
    expect(broken).toEqual([5 * MINUTE, 5.5 * MINUTE]);
  });

  it('breaks the line of a isolated device too, where no other time lies in the gap', () => {
    const a = device('a', [
      [0, 1],
      [3 * HOUR, 2],
    ]);
    const { times, lines } = plotData([a], { from: 0, to: 3 * HOUR }, 0);
    expect(times).toEqual([0, 1.5 * HOUR, 3 * HOUR]);
    expect(lines[0]?.powers).toEqual([1, null, 2]);
    expect(lines[0]?.isolatedPoints).toEqual([0, 2]);
  });

  it('keeps one reading outside the range on each side, so that lines run to the edges', () => {
    const a = device(
      'a',
      every(MINUTE, 10, (index) => index),
    );
    const { times } = plotData([a], { from: 3.5 * MINUTE, to: 5.5 * MINUTE }, 0);
    expect(times).toEqual([3, 4, 5, 6].map((minutes) => minutes * MINUTE));
  });

  it('draws every reading as long as there are few', () => {
    const a = device(
      'a',
      every(MINUTE, 2000, () => 1),
    );
    expect(plotData([a], { from: 0, to: 2000 * MINUTE }, 0).bucketMs).toBeNull();
  });

  it('draws means with a band of extremes when there are many, in a bounded number of points', () => {
    const a = device(
      'a',
      every(MINUTE, 100_000, (index) => (index === 77_777 ? 9000 : index % 100)),
    );
    const { times, lines, bucketMs } = plotData([a], { from: 0, to: 100_000 * MINUTE }, 0);
    expect(bucketMs).toBe(6 * HOUR);
    expect(times.length).toBeLessThanOrEqual(501);
    expect(Math.max(...numbers(lines[0]?.highs))).toBe(9000);
    expect(Math.min(...numbers(lines[0]?.lows))).toBe(0);
  });

  it('begins the buckets of a day at local midnight', () => {
    const a = device(
      'a',
      every(HOUR, 24 * 400, () => 1),
    );
    const { times, bucketMs } = plotData([a], { from: 0, to: 400 * DAY }, 2 * HOUR);
    expect(bucketMs).toBe(DAY);
    expect(times.every((time) => (time + 2 * HOUR) % DAY === DAY / 2)).toBe(true);
  });

  it('weighs each reading by how long it holds', () => {
    const quietHourThenBurst: [number, number][] = [
      ...every(HOUR, 3000, () => 0),
      ...every(1000, 100, () => 900).map(([time, power]): [number, number] => [3000 * HOUR + time, power]),
      [3001 * HOUR, 0],
    ];
    const { lines, bucketMs } = plotData([device('a', quietHourThenBurst)], { from: 0, to: 3001 * HOUR }, 0);
    expect(bucketMs).toBe(24 * HOUR);
    const last = numbers(lines[0]?.powers).at(-1);
    // The last of the burst holds for the rest of its hour: one hour at 900 W, after none in that day.
    expect(last).toBeCloseTo(900, 6);
  });

  it('does not overflow on the largest powers the contract takes', () => {
    const a = device(
      'a',
      every(MINUTE, 5000, () => 1e308),
    );
    const { lines } = plotData([a], { from: 0, to: 5000 * MINUTE }, 0);
    expect(lines[0]?.powers.every((power) => power === 1e308)).toBe(true);
  });
});

describe('SeriesBuilder', () => {
  it('keeps the later of two readings for one instant', () => {
    const { times, powers } = device('a', [
      [0, 1],
      [0, 2],
      [MINUTE, 3],
    ]);
    expect([...times]).toEqual([0, MINUTE]);
    expect([...powers]).toEqual([2, 3]);
  });

  it('leaves out what cannot be drawn', () => {
    expect(device('a', [[Number.NaN, 1]]).times).toHaveLength(0);
  });
});
