/** What the chart shows of a site's readings in the present view: pure, so that a summary in words can be made from it, too. */

import type { Text } from '../../i18n/text-state';
import { at, lowerBound } from '../../lib/arrays';
import { extentOf, isWhole, plausibleRange, type TimeRange } from '../../lib/range';
import { type DeviceSeries, indexAt } from '../../lib/series';
import type { View } from '../../lib/url-state';

/** More lines than these cannot be told apart; the others can be selected. */
const DEFAULT_VISIBLE_DEVICES = 12;
/** A clock this far ahead is wrong (edge case 18 of the query API): its reading is not the latest one. */
const MAX_CLOCK_SKEW_MS = 300_000;

export interface ChartModel {
  devices: DeviceSeries[];
  /** The ids of the devices that are drawn. */
  drawn: ReadonlySet<string>;
  whole: TimeRange;
  /** What is visible of the whole. */
  range: TimeRange;
  isZoomed: boolean;
}

/** Null when there is nothing that could be drawn. */
export function chartModel(
  devices: DeviceSeries[],
  view: Pick<View, 'range' | 'devices'>,
  now: number,
): ChartModel | null {
  const whole = extentOf(
    devices.map(({ times }) => times),
    now,
  );
  if (whole === null) return null;
  const range = view.range ?? whole;
  const drawn = new Set(view.devices ?? unaskedDevices(devices));
  return { devices, drawn, whole, range, isZoomed: !isWhole(range, whole) };
}

export function drawnDevices({ devices, drawn }: ChartModel): DeviceSeries[] {
  return devices.filter(({ id }) => drawn.has(id));
}

/** Whether any line has a reading in the visible range: a zoom can end up between two of them. */
export function hasReadings(model: ChartModel): boolean {
  const { from, to } = model.range;
  return drawnDevices(model).some(({ times }) => lowerBound(times, from) < lowerBound(times, to + 1));
}

function unaskedDevices(devices: DeviceSeries[]): string[] {
  return devices.slice(0, DEFAULT_VISIBLE_DEVICES).map(({ id }) => id);
}

/** The `devices` of the view after one was selected or deselected; null when the result is the default. */
export function withToggled({ devices, drawn }: ChartModel, id: string): string[] | null {
  const next = devices.map((device) => device.id).filter((each) => drawn.has(each) !== (each === id));
  const unasked = unaskedDevices(devices);
  const isUnasked = next.length === unasked.length && next.every((each) => unasked.includes(each));
  return isUnasked ? null : next;
}

export interface Latest {
  time: number;
  power: number;
}

export function latestOf(device: DeviceSeries, now: number): Latest | null {
  const index = indexAt(device, now + MAX_CLOCK_SKEW_MS);
  return index < 0 ? null : { time: at(device.times, index), power: at(device.powers, index) };
}

/** The chart in words, for screen readers and for exact values. */
export function summary(
  model: ChartModel,
  bucketMs: number | null,
  now: number,
  zone: string,
  { t, formats }: Pick<Text, 't' | 'formats'>,
): string[] {
  const { devices, range } = model;
  const shown = drawnDevices(model);
  const toSecond = (time: number) => formats.time(Math.round(time / 1000) * 1000, zone);
  const sentences = [
    t('chart.summary', {
      lines: shown.length,
      devices: devices.length,
      from: toSecond(range.from),
      to: toSecond(range.to),
      zone,
    }),
  ];
  if (bucketMs !== null) {
    sentences.push(t('chart.means', { span: formats.span(bucketMs) }));
  }
  const gaps = shown.reduce((sum, device) => sum + device.gaps, 0);
  if (gaps > 0) sentences.push(t('chart.gaps', { count: gaps }));
  const outside = countImplausible(devices, now);
  if (outside > 0) {
    sentences.push(t('chart.implausible', { count: outside }));
  }
  return sentences;
}

function countImplausible(devices: DeviceSeries[], now: number): number {
  const { from, to } = plausibleRange(now);
  const all = devices.map(({ times }) => times.filter((time) => time < from || time > to).length);
  const isAll = devices.every(({ times }, index) => times.length === all[index]);
  // With no other readings these are drawn after all.
  return isAll ? 0 : all.reduce((sum, count) => sum + count, 0);
}
