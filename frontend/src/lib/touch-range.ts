import { type TimeRange, within } from './range';

/** Two fingers that are closer than this, as a share of the chart, are one. */
const MIN_SPREAD = 0.02;

/**
 * The range after fingers have moved: what was under each stays under it. Positions are shares of the chart's width, of
 * one finger or of two.
 */
export function touchedRange(
  start: TimeRange,
  before: readonly number[],
  after: readonly number[],
): TimeRange {
  const span = start.to - start.from;
  const [a0 = 0, b0] = before;
  const [a1 = a0, b1] = after;
  if (b0 === undefined || b1 === undefined || Math.abs(b0 - a0) < MIN_SPREAD) {
    const shift = (a0 - a1) * span;
    return within({ from: start.from + shift, to: start.to + shift });
  }
  const spread = Math.max(Math.abs(b1 - a1), MIN_SPREAD) * Math.sign(b0 - a0);
  const zoomedSpan = ((b0 - a0) / spread) * span;
  const from = start.from + a0 * span - a1 * zoomedSpan;
  return within({ from, to: from + Math.max(zoomedSpan, 1000) });
}
