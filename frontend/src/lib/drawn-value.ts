/** What a line of the chart shows at a place: the drawn point, never a reading that is not drawn. */
import { at, lowerBound } from './arrays';
import type { PlotLine } from './plot-data';

export interface DrawnValue {
  power: number;
  /** The lowest and highest reading of the bucket; null where the point is a reading itself. */
  band: { low: number; high: number } | null;
}

/** The drawn time that is nearest to `time`; null when nothing is drawn. */
export function nearestPlace(times: readonly number[], time: number): number | null {
  if (times.length === 0) return null;
  const next = Math.min(lowerBound(times, time), times.length - 1);
  const previous = Math.max(0, next - 1);
  return time - at(times, previous) < at(times, next) - time ? previous : next;
}

/** The point of a line at a place, or the last one before it as long as the line goes on; null in a gap. */
export function drawnValue(line: PlotLine, place: number): DrawnValue | null {
  let index = place;
  while (index >= 0 && line.powers[index] === undefined) index--;
  const isContinued = index === place || hasPointAfter(line, place);
  const power = line.powers[index];
  if (power === undefined || power === null || !isContinued) return null;
  const [low, high] = [line.lows[index], line.highs[index]];
  const hasBand = typeof low === 'number' && typeof high === 'number';
  return { power, band: hasBand ? { low, high } : null };
}

/** Whether the line runs on from here: its next defined value is a point, not a gap or the end. */
function hasPointAfter({ powers }: PlotLine, place: number): boolean {
  let index = place + 1;
  while (index < powers.length && powers[index] === undefined) index++;
  return typeof powers[index] === 'number';
}
