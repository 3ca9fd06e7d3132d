/** What the chart shows of what was loaded: pure, so that a summary in words and a table can be made from it, too. */
import type { Text } from '../../i18n/text-state';
import { align, type PlotData } from '../../lib/plot-data';
import type { TimeRange } from '../../lib/range';
import { TOTAL } from './colours';
import type { ChartData, Peak } from './load-chart';

/** More lines than these cannot be told apart; the others can be selected. */
export const DEFAULT_VISIBLE_DEVICES = 12;

export interface ChartLine {
  /** Null for the sum of the devices. */
  id: string | null;
  /** Its place in the palette. */
  colour: number;
}

export interface ChartModel {
  lines: readonly ChartLine[];
  data: PlotData;
  /** How much time one point stands for, as the service names it; null when every reading is drawn. */
  interval: string | null;
  gaps: number;
  peak: Peak | null;
}

export function chartModel(
  loaded: ChartData,
  known: readonly string[],
  drawn: ReadonlySet<string>,
): ChartModel {
  const series = loaded.series.filter(({ id }) => id === null || drawn.has(id));
  return {
    lines: series.map(({ id }) => ({ id, colour: id === null ? TOTAL : known.indexOf(id) })),
    data: align(series.map(({ line }) => line)),
    interval: loaded.interval,
    gaps: series.reduce((sum, { line }) => sum + line.breaks.filter(Boolean).length, 0),
    peak: highest(series.map(({ peak }) => peak)),
  };
}

function highest(peaks: readonly (Peak | null)[]): Peak | null {
  return peaks.reduce(
    (best, peak) => (peak !== null && peak.watts > (best?.watts ?? -Infinity) ? peak : best),
    null,
  );
}

/** The devices that are drawn: those of the address, or the page's own choice. */
export function drawnDevices(known: readonly string[], asked: readonly string[] | null): ReadonlySet<string> {
  return new Set(asked ?? known.slice(0, DEFAULT_VISIBLE_DEVICES));
}

/** The `devices` of the view after one was selected or deselected; null when the result is the default. */
export function withToggled(
  known: readonly string[],
  drawn: ReadonlySet<string>,
  id: string,
): string[] | null {
  const next = known.filter((each) => drawn.has(each) !== (each === id));
  const unasked = known.slice(0, DEFAULT_VISIBLE_DEVICES);
  const isUnasked = next.length === unasked.length && next.every((each) => unasked.includes(each));
  return isUnasked ? null : next;
}

/** The chart in words, for screen readers and for exact values. */
export function summary(
  { lines, interval, gaps, peak }: ChartModel,
  range: TimeRange,
  zone: string,
  { t, formats }: Pick<Text, 't' | 'formats'>,
): string[] {
  const toSecond = (time: number) => formats.time(Math.round(time / 1000) * 1000, zone);
  const span = { from: toSecond(range.from), to: toSecond(range.to), zone };
  return [
    t('chart.summary', { lines: lines.length, ...span }),
    ...(peak === null
      ? []
      : [t('chart.peak', { power: formats.power(peak.watts), time: toSecond(peak.time) })]),
    ...(interval === null ? [] : [t('chart.means', { span: formats.interval(interval) })]),
    ...(gaps === 0 ? [] : [t('chart.gaps', { count: gaps })]),
  ];
}
