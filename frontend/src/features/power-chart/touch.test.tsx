import { describe, expect, it } from 'vitest';
import type { TimeRange } from '../../lib/range';
import { followTouch } from './touch';

const WHOLE = { from: 0, to: 100_000 };

function touched() {
  const area = document.createElement('div');
  area.getBoundingClientRect = () => new DOMRect(100, 0, 1000, 200);
  const moves: TimeRange[] = [];
  const ends: TimeRange[] = [];
  const handlers = {
    range: () => WHOLE,
    onMove: (r: TimeRange) => moves.push(r),
    onEnd: (r: TimeRange) => ends.push(r),
  };
  const stop = followTouch(area, handlers);
  const send = (type: string, pointerId: number, clientX: number, pointerType = 'touch') => {
    const event = new MouseEvent(type, { clientX });
    area.dispatchEvent(Object.assign(event, { pointerId, pointerType }));
  };
  return { moves, ends, send, stop };
}

describe('touching the chart', () => {
  it('moves it by one finger, and loads when that is lifted', () => {
    const { moves, ends, send } = touched();
    send('pointerdown', 1, 600);
    send('pointermove', 1, 500);
    send('pointermove', 1, 400);
    expect(moves).toEqual([
      { from: 10_000, to: 110_000 },
      { from: 20_000, to: 120_000 },
    ]);
    expect(ends).toEqual([]);
    send('pointerup', 1, 400);
    expect(ends).toEqual([{ from: 20_000, to: 120_000 }]);
  });

  it('zooms by two fingers, and goes on with one of them', () => {
    const { ends, send } = touched();
    send('pointerdown', 1, 350);
    send('pointerdown', 2, 850);
    send('pointermove', 1, 100);
    send('pointermove', 2, 1100);
    send('pointerup', 2, 1100);
    send('pointermove', 1, 200);
    send('pointerup', 1, 200);
    expect(ends).toEqual([{ from: 20_000, to: 70_000 }]);
  });

  it('leaves a tap, a mouse and a gesture of the page alone', () => {
    const { moves, ends, send, stop } = touched();
    send('pointerdown', 1, 600);
    send('pointerup', 1, 600);
    send('pointerdown', 2, 600, 'mouse');
    send('pointermove', 2, 300, 'mouse');
    expect(moves).toEqual([]);
    send('pointerdown', 3, 600);
    send('pointermove', 3, 590);
    send('pointercancel', 3, 590);
    expect(moves.at(-1)).toEqual(WHOLE);
    stop();
    send('pointerdown', 4, 600);
    send('pointermove', 4, 300);
    expect(ends).toEqual([]);
  });
});
