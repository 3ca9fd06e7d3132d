/** Which rows of a long table have to exist: those in sight and a few around them. */

export interface Viewport {
  /** How far the box is scrolled, and how much of it is visible, in pixels. */
  scrollTop: number;
  height: number;
}

export interface RowWindow {
  /** Rows `first` up to, but not including, `end` are rendered. */
  first: number;
  end: number;
  /** The blank space that stands for the rows before and after. */
  before: number;
  after: number;
}

/** Firefox ignores elements taller than about 17.9 million pixels, Chrome ones above 33.5 million. */
const MAX_TABLE_HEIGHT = 16_000_000;
const OVERSCAN = 8;

/**
 * The window of a table of `count` rows of equal height. A table too tall for the browser is squeezed: the
 * scroll bar then stands for the share of the rows passed, and the rows keep their height.
 */
export function rowWindow(count: number, rowHeight: number, { scrollTop, height }: Viewport): RowWindow {
  const total = Math.min(count * rowHeight, MAX_TABLE_HEIGHT);
  const squeeze = total === count * rowHeight ? 1 : (count * rowHeight - height) / (total - height);
  const top = Math.min(Math.max(0, scrollTop), Math.max(0, total - height));
  const firstVisible = Math.floor((top * squeeze) / rowHeight);
  const first = Math.max(0, firstVisible - OVERSCAN);
  const end = Math.min(count, firstVisible + Math.ceil(height / rowHeight) + 1 + OVERSCAN);
  // Where the first visible row is cut by the edge of the box.
  const cut = top * squeeze - firstVisible * rowHeight;
  const before = Math.max(0, top - cut - (firstVisible - first) * rowHeight);
  return { first, end, before, after: Math.max(0, total - before - (end - first) * rowHeight) };
}
