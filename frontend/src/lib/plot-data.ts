/** From the readings of each device to the columns that uPlot draws: one list of times, one of values per device. */
import { at, lowerBound } from './arrays';
import type { TimeRange } from './range';
import type { DeviceSeries } from './series';

/** uPlot's convention: `undefined` is no reading at this time, `null` is a gap in the line. */
export type PlotColumn = (number | null | undefined)[];

export interface PlotData {
  times: number[];
  columns: PlotColumn[];
  /** For each device the indices of readings with a gap on both sides: no line passes there, so they need a dot. */
  lonely: number[][];
}

/** A line to draw: `breaks[i]` is 1 where it must not be joined to the point before. */
interface Line {
  times: Float64Array;
  powers: Float64Array;
  breaks: Uint8Array;
}

/** Cells (times x devices) that are drawn as they are; about 50 ms of work and 2 MB. */
const MOST_EXACT_CELLS = 200_000;
/** Beyond that each device is reduced to the lowest and highest reading in each of these shares of the range. */
const BUCKETS = 1500;

export function plotData(devices: readonly DeviceSeries[], range: TimeRange): PlotData {
  const visible = devices.map((device) => slice(device, range));
  const readings = visible.reduce((sum, line) => sum + line.times.length, 0);
  const exact = readings * visible.length <= MOST_EXACT_CELLS;
  return align(exact ? visible : visible.map((line) => reduceToExtremes(line, range, BUCKETS)));
}

/** The readings in a range, and one more on each side so that the line runs to the edge of the chart. */
function slice({ times, powers, bridge }: DeviceSeries, { from, to }: TimeRange): Line {
  const first = Math.max(0, lowerBound(times, from) - 1);
  const end = Math.min(times.length, lowerBound(times, to) + 1);
  const breaks = new Uint8Array(end - first);
  for (let i = 1; i < breaks.length; i++) {
    if (at(times, first + i) - at(times, first + i - 1) > bridge) breaks[i] = 1;
  }
  return { times: times.subarray(first, end), powers: powers.subarray(first, end), breaks };
}

/**
 * At most two points for each bucket, on a time grid that all devices share: the number of cells is then bounded by
 * grid times devices, whatever the number of readings, and no peak is lost.
 */
export function reduceToExtremes(line: Line, { from, to }: TimeRange, buckets: number): Line {
  const width = (to - from) / buckets;
  const points: [time: number, power: number, isBroken: number][] = [];
  let start = 0;
  while (start < line.times.length) {
    const bucket = Math.floor((at(line.times, start) - from) / width);
    const left = from + bucket * width;
    const end = Math.max(start + 1, lowerBound(line.times, left + width));
    const [first, second] = extremeIndices(line.powers, start, end);
    points.push([left + width / 4, at(line.powers, first), at(line.breaks, start)]);
    if (second !== first) points.push([left + (3 * width) / 4, at(line.powers, second), 0]);
    start = end;
  }
  return {
    times: Float64Array.from(points, ([time]) => time),
    powers: Float64Array.from(points, ([, power]) => power),
    breaks: Uint8Array.from(points, ([, , isBroken]) => isBroken),
  };
}

/** Where the lowest and the highest value are, the earlier one first. */
function extremeIndices(powers: Float64Array, start: number, end: number): [number, number] {
  let lowest = start;
  let highest = start;
  for (let i = start + 1; i < end; i++) {
    if (at(powers, i) < at(powers, lowest)) lowest = i;
    if (at(powers, i) > at(powers, highest)) highest = i;
  }
  return lowest < highest ? [lowest, highest] : [highest, lowest];
}

/** Brings lines with times of their own onto one common list of times. */
export function align(lines: readonly Line[]): PlotData {
  const times = commonTimes(lines);
  const aligned = lines.map((line) => alignOne(line, times));
  return {
    times,
    columns: aligned.map(({ column }) => column),
    lonely: aligned.map(({ lonely }) => lonely),
  };
}

/** Every time of every line, and one in the middle of each break, where the `null` of the gap has its place. */
function commonTimes(lines: readonly Line[]): number[] {
  const all: number[] = [];
  for (const { times, breaks } of lines) {
    for (let i = 0; i < times.length; i++) {
      if (breaks[i] === 1) all.push((at(times, i - 1) + at(times, i)) / 2);
      all.push(at(times, i));
    }
  }
  return Array.from(new Set(Float64Array.from(all).sort()));
}

function alignOne({ times, powers, breaks }: Line, common: number[]): { column: PlotColumn; lonely: number[] } {
  const column: PlotColumn = new Array(common.length).fill(undefined);
  const lonely: number[] = [];
  let place = 0;
  for (let i = 0; i < times.length; i++) {
    const gapStart = place;
    while (at(common, place) < at(times, i)) place++;
    if (breaks[i] === 1) column.fill(null, gapStart, place);
    if (isLonely(breaks, i)) lonely.push(place);
    column[place++] = at(powers, i);
  }
  return { column, lonely };
}

function isLonely(breaks: Uint8Array, index: number): boolean {
  const brokenBefore = index === 0 || breaks[index] === 1;
  const brokenAfter = index === breaks.length - 1 || breaks[index + 1] === 1;
  return brokenBefore && brokenAfter;
}
