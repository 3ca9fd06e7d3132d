/** Where the bars of the energy chart stand: pure, in shares of its box. */
import type { AggregateBucket, AggregateSeries } from '../../api/types';
import { powerStep } from '../power-chart/axes';

export interface Bar {
  /** The place of its series. */
  series: number;
  bucket: AggregateBucket;
  isExport: boolean;
  /** Whether a tenth of its time or more has no value. */
  isPartial: boolean;
  x: number;
  width: number;
  y: number;
  height: number;
}

export interface BarsModel {
  /** The buckets of all series, which are the same. */
  slots: { start: string; end: string }[];
  bars: Bar[];
  /** Heights of lines across the chart, and the kWh that they stand for. */
  ticks: { y: number; kWh: number }[];
}

const PARTIAL_BELOW = 0.9;
/** Of the width of a slot; the rest keeps neighbours apart. */
const FILLED = 0.8;

export function barsModel(series: readonly AggregateSeries[]): BarsModel {
  const slots = series[0]?.buckets.map(({ start, end }) => ({ start, end })) ?? [];
  const all = series.flatMap(({ buckets }) => [...buckets]);
  const top = Math.max(0, ...all.map(({ import_kwh }) => import_kwh ?? 0));
  const bottom = Math.max(0, ...all.map(({ export_kwh }) => export_kwh ?? 0));
  const step = powerStep(top + bottom > 0 ? (top + bottom) * 1.5 : 1);
  const [high, low] = [Math.ceil(top / step) * step, -Math.ceil(bottom / step) * step];
  const span = high - low || step;
  const yOf = (kWh: number) => (high - kWh) / span;
  const bars = series.flatMap(({ buckets }, index) =>
    buckets.flatMap((bucket, slot) => {
      const width = FILLED / slots.length / series.length;
      const x = (slot + (1 - FILLED) / 2) / slots.length + index * width;
      const isPartial = bucket.coverage < PARTIAL_BELOW;
      const common = { series: index, bucket, isPartial, x, width };
      const [up, down] = [(bucket.import_kwh ?? 0) / span, (bucket.export_kwh ?? 0) / span];
      return [
        { ...common, isExport: false, y: yOf(0) - up, height: up },
        { ...common, isExport: true, y: yOf(0), height: down },
      ].filter(({ height }) => height > 0);
    }),
  );
  const count = Math.round(span / step) + 1;
  const ticks = Array.from({ length: count }, (_, index) => low + index * step);
  return { slots, bars, ticks: ticks.map((kWh) => ({ kWh, y: yOf(kWh) })) };
}
