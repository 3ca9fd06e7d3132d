import type uPlot from 'uplot';
import type { Formats } from '../../i18n/formats';
import type { Palette } from './colours';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const _ = null;
/** uPlot's table: tick distance, its label, and what is added when the year, month, day, … changes; 24 hour clock. */
const TIME_LABELS = [
  [365 * DAY, '{YYYY}', _, _, _, _, _, _, 1],
  [28 * DAY, '{MMM}', '\n{YYYY}', _, _, _, _, _, 1],
  [DAY, '{D} {MMM}', '\n{YYYY}', _, _, _, _, _, 1],
  [HOUR, '{HH}:{mm}', '\n{D} {MMM} {YYYY}', _, '\n{D} {MMM}', _, _, _, 1],
  [MINUTE, '{HH}:{mm}', '\n{D} {MMM} {YYYY}', _, '\n{D} {MMM}', _, _, _, 1],
  [SECOND, '{HH}:{mm}:{ss}', '\n{D} {MMM} {YYYY}', _, '\n{D} {MMM}', _, _, _, 1],
  [1, ':{ss}.{fff}', '\n{D} {MMM} {YYYY} {HH}:{mm}', _, '\n{D} {MMM} {HH}:{mm}', _, '\n{HH}:{mm}', _, 1],
];

const MAX_POWER_TICKS = 6;

export function axesOf({ text, grid, font }: Palette, formats: Formats): uPlot.Axis[] {
  const look = { stroke: text, font, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, size: 6 } };
  return [
    { ...look, space: 80, values: TIME_LABELS, grid: { show: false } },
    {
      ...look,
      ticks: { show: false },
      size: 58,
      // Not uPlot's own: it knows no step that is large enough for 1e308 W, which the contract takes.
      incrs: (_plot, _axis, min, max) => [powerStep(max - min)],
      values: (_plot, ticks) => ticks.map(formats.shortPower),
    },
  ];
}

/** The distance of the ticks: 1, 2 or 5 times a power of ten. */
export function powerStep(span: number): number {
  const rough = span / MAX_POWER_TICKS;
  const scale = 10 ** Math.floor(Math.log10(rough));
  return scale * ([1, 2, 5].find((factor) => factor * scale >= rough) ?? 10);
}
