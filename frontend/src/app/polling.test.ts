import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeEnvironment } from '../testing/fake-environment';
import { type Polling, pollWhileVisible } from './polling';

let environment: FakeEnvironment;
let polling: Polling;
let runs: number;

beforeEach(() => {
  vi.useFakeTimers();
  environment = new FakeEnvironment();
  runs = 0;
});

afterEach(() => {
  polling.stop();
  vi.useRealTimers();
});

const start = (task: () => Promise<number> = async () => 1000) => {
  polling = pollWhileVisible(environment.visibility, () => {
    runs++;
    return task();
  });
};

describe('polling', () => {
  it('runs its task at once, and again after the time that it says', async () => {
    start();
    expect(runs).toBe(1);
    await vi.advanceTimersByTimeAsync(3000);
    expect(runs).toBe(4);
  });

  it('goes on after a task that failed', async () => {
    start(() => Promise.reject(new Error('of this page')));
    await vi.advanceTimersByTimeAsync(5000);
    expect(runs).toBe(2);
  });

  it('runs its task once more when that is wanted while it runs', async () => {
    let finish = (_pause: number) => {};
    start(
      () =>
        new Promise((resolve) => {
          finish = resolve;
        }),
    );
    polling.runNow();
    polling.runNow();
    expect(runs).toBe(1);
    finish(60_000);
    await vi.advanceTimersByTimeAsync(0);
    expect(runs).toBe(2);
  });

  it('rests while the page is not visible, and ends with it', async () => {
    start();
    environment.setVisible(false);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(runs).toBe(1);
    environment.setVisible(true);
    expect(runs).toBe(2);
    polling.stop();
    environment.setVisible(true);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(runs).toBe(2);
  });
});
