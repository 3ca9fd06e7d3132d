/** The columns that uPlot draws: one list of times for all devices, and for each device its values at those times. */
import { at } from './arrays';
import { bucketedLine, exactLine, type Line } from './lines';
import type { TimeRange } from './range';
import type { DeviceSeries } from './series';

/** uPlot's convention: `undefined` is no reading at this time, `null` is a gap in the line. */
export type PlotColumn = (number | null | undefined)[];

export interface PlotLine {
  powers: PlotColumn;
  lows: PlotColumn;
  highs: PlotColumn;
  /** Indices of points with a gap on both sides: without a line to them, they need a dot. */
  isolatedPoints: number[];
}

export interface PlotData {
  times: number[];
  lines: PlotLine[];
  /** How much time one point stands for, in milliseconds; null when every reading is drawn. */
  bucketMs: number | null;
}

/** More readings than these in a line cannot be told apart. */
const MAX_EXACT_POINTS = 2000;
/** Times x devices; beyond this, drawing every reading blocks the page noticeably. */
const MAX_EXACT_CELLS = 400_000;
const MAX_BUCKETS = 500;
const SECOND = 1000;
const HOUR = 3600 * SECOND;
/** Common spans; above all the day, since half a day would draw day and night in turns. */
const BUCKET_SPANS = [
  ...[0.001, 0.01, 0.1, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800].map((seconds) => seconds * SECOND),
  ...[1, 2, 3, 6, 24, 48, 168, 720, 8760].map((hours) => hours * HOUR),
];

/** `utcOffset` is what local clocks are ahead of UTC, so that a day's bucket begins at midnight. */
export function plotData(devices: readonly DeviceSeries[], range: TimeRange, utcOffset: number): PlotData {
  const exact = devices.map((device) => exactLine(device, range));
  if (canBeExact(exact)) return { ...align(exact), bucketMs: null };
  const bucketMs = bucketSpan(range.to - range.from);
  const origin = Math.floor((range.from + utcOffset) / bucketMs) * bucketMs - utcOffset;
  return { ...align(exact.map((line) => bucketedLine(line, origin, bucketMs))), bucketMs };
}

function bucketSpan(visible: number): number {
  const least = visible / MAX_BUCKETS;
  return BUCKET_SPANS.find((span) => span >= least) ?? least;
}

function canBeExact(lines: readonly Line[]): boolean {
  const points = lines.map(({ times }) => times.length);
  const cells = points.reduce((sum, count) => sum + count, 0) * lines.length;
  return cells <= MAX_EXACT_CELLS && points.every((count) => count <= MAX_EXACT_POINTS);
}

/** Brings lines with times of their own onto one common list of times. */
export function align(lines: readonly Line[]): Omit<PlotData, 'bucketMs'> {
  const times = commonTimes(lines);
  return { times, lines: lines.map((line) => alignOne(line, times)) };
}

/** Every time of every line, and one in the middle of each break, where the `null` of the gap has its place. */
function commonTimes(lines: readonly Line[]): number[] {
  const all = new Set<number>();
  for (const { times, breaks } of lines) {
    for (let i = 0; i < times.length; i++) {
      if (breaks[i] === 1) all.add((at(times, i - 1) + at(times, i)) / 2);
      all.add(at(times, i));
    }
  }
  return Array.from(Float64Array.from(all).sort());
}

function alignOne({ times, powers, band, breaks }: Line, common: readonly number[]): PlotLine {
  const places = placesOf(times, common);
  const spread = (values: Float64Array | undefined): PlotColumn => {
    const column: PlotColumn = new Array(common.length).fill(undefined);
    for (let i = 0; values !== undefined && i < values.length; i++) {
      if (breaks[i] === 1) column.fill(null, at(places, i - 1) + 1, at(places, i));
      column[at(places, i)] = at(values, i);
    }
    return column;
  };
  return {
    powers: spread(powers),
    lows: spread(band?.lows),
    highs: spread(band?.highs),
    isolatedPoints: places.filter((_place, index) => isIsolated(breaks, index)),
  };
}

/** Where each of some ascending times stands in the list that holds them all. */
function placesOf(times: Float64Array, common: readonly number[]): number[] {
  let place = 0;
  return Array.from(times, (time) => {
    while (at(common, place) < time) place++;
    return place;
  });
}

function isIsolated(breaks: Uint8Array, index: number): boolean {
  const brokenBefore = index === 0 || breaks[index] === 1;
  const brokenAfter = index === breaks.length - 1 || breaks[index + 1] === 1;
  return brokenBefore && brokenAfter;
}
