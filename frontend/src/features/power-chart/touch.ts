/** Moves the chart by one finger and zooms it by two; a finger that goes up or down scrolls the page (`touch-action`). */
import type { Stop } from '../../app/environment';
import type { TimeRange } from '../../lib/range';
import { touchedRange } from '../../lib/touch-range';

export interface TouchHandlers {
  range(): TimeRange;
  /** While fingers move. */
  onMove(range: TimeRange): void;
  /** When the last one is lifted. */
  onEnd(range: TimeRange): void;
}

/** `area` is where the lines are. */
export function followTouch(area: HTMLElement, { range, onMove, onEnd }: TouchHandlers): Stop {
  /** Of each finger where it was when the last one was put down, and where it is: shares of the width. */
  const fingers = new Map<number, { before: number; now: number }>();
  let start = range();
  let shown: TimeRange | null = null;
  const shareOf = ({ clientX }: PointerEvent) => {
    const { left, width } = area.getBoundingClientRect();
    return (clientX - left) / width;
  };
  const begin = () => {
    start = shown ?? range();
    for (const finger of fingers.values()) finger.before = finger.now;
  };
  const down = (event: PointerEvent) => {
    if (event.pointerType !== 'touch' || fingers.size === 2) return;
    const share = shareOf(event);
    fingers.set(event.pointerId, { before: share, now: share });
    begin();
  };
  const move = (event: PointerEvent) => {
    const finger = fingers.get(event.pointerId);
    if (finger === undefined) return;
    finger.now = shareOf(event);
    const all = [...fingers.values()];
    shown = touchedRange(
      start,
      all.map(({ before }) => before),
      all.map(({ now }) => now),
    );
    onMove(shown);
  };
  const up = (event: PointerEvent) => {
    if (!fingers.delete(event.pointerId)) return;
    begin();
    if (fingers.size > 0 || shown === null) return;
    // The page takes over a gesture that scrolls it: then nothing has been asked for.
    if (event.type === 'pointerup') onEnd(shown);
    else onMove(range());
    shown = null;
  };
  const listeners = { pointerdown: down, pointermove: move, pointerup: up, pointercancel: up };
  for (const [type, listener] of Object.entries(listeners))
    area.addEventListener(type, listener as EventListener);
  return () => {
    for (const [type, listener] of Object.entries(listeners))
      area.removeEventListener(type, listener as EventListener);
  };
}
