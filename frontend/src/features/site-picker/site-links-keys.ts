/** Going through a list by keys. */

const PAGE = 8;

/** The index that a key goes to; null for another key. */
export function nextIndex(key: string, index: number, count: number): number | null {
  const steps: Record<string, number> = {
    ArrowDown: index + 1,
    ArrowUp: index - 1,
    PageDown: index + PAGE,
    PageUp: index - PAGE,
    Home: 0,
    End: count - 1,
  };
  const next = steps[key];
  return next === undefined ? null : Math.min(Math.max(next, 0), count - 1);
}

/** Where a box has to be scrolled to so that a row is wholly in sight; where it is, if it already is. */
export function revealed(
  index: number,
  rowHeight: number,
  { scrollTop, clientHeight }: { scrollTop: number; clientHeight: number },
): number {
  const lowest = index * rowHeight;
  const highest = lowest + rowHeight - clientHeight;
  return Math.min(Math.max(scrollTop, highest), lowest);
}
