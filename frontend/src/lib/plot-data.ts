/** Lines as uPlot takes them: one list of times, and for each line its values at those times. */
import { at } from './arrays';
import type { Line } from './lines';

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
}

/** Brings lines with times of their own onto one common list of times. */
export function align(lines: readonly Line[]): PlotData {
  const times = commonTimes(lines);
  return { times, lines: lines.map((line) => alignOne(line, times)) };
}

/** Every time of every line, and one in the middle of each break, where the `null` of the gap has its place. */
function commonTimes(lines: readonly Line[]): number[] {
  const all = new Set<number>();
  for (const { times, breaks } of lines) {
    times.forEach((time, index) => {
      if (breaks[index] === true) all.add((at(times, index - 1) + time) / 2);
      all.add(time);
    });
  }
  return [...all].sort((a, b) => a - b);
}

function alignOne({ times, powers, band, breaks }: Line, common: readonly number[]): PlotLine {
  const places = placesOf(times, common);
  const spread = (values: readonly number[] | undefined): PlotColumn => {
    const column: PlotColumn = new Array(common.length).fill(undefined);
    values?.forEach((value, index) => {
      if (breaks[index] === true) column.fill(null, at(places, index - 1) + 1, at(places, index));
      column[at(places, index)] = value;
    });
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
function placesOf(times: readonly number[], common: readonly number[]): number[] {
  let place = 0;
  return times.map((time) => {
    while (at(common, place) < time) place++;
    return place;
  });
}

function isIsolated(breaks: readonly boolean[], index: number): boolean {
  const brokenBefore = index === 0 || breaks[index] === true;
  const brokenAfter = index === breaks.length - 1 || breaks[index + 1] === true;
  return brokenBefore && brokenAfter;
}
