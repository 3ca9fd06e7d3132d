import { type Signal, signal } from '@preact/signals';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SiteClient } from '../../api/site-client';
import { FakeEnvironment } from '../../testing/fake-environment';
import { createLiveState, type LiveState } from './live-state';

const SECOND = 1000;

let environment: FakeEnvironment;
let isReadable: Signal<boolean>;
let now: Signal<number>;
let live: LiveState;
let refreshes: number;
let opened: number;
let open: () => Promise<ReadableStream<Uint8Array>>;

const silent = async () => new ReadableStream<Uint8Array>();
const commented = async () =>
  new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode(':\n\n')),
  });
const away = () => Promise.reject(new TypeError('Failed to fetch'));

beforeEach(() => {
  vi.useFakeTimers();
  environment = new FakeEnvironment();
  isReadable = signal(true);
  now = signal(0);
  refreshes = 0;
  opened = 0;
});

afterEach(() => {
  live.stop();
  vi.useRealTimers();
});

async function start(): Promise<void> {
  const openEvents = () => {
    opened++;
    return open();
  };
  live = createLiveState({
    client: { openEvents } as unknown as SiteClient,
    site: signal('house-01'),
    clock: { now, stop: () => {} },
    visibility: environment.visibility,
    isFresh: signal(true),
    isReadable,
    refresh: () => refreshes++,
  });
  await pass(0);
}

const pass = async (seconds: number) => {
  for (let second = 0; second < seconds; second++) {
    await vi.advanceTimersByTimeAsync(SECOND);
    now.value += SECOND;
  }
  await vi.advanceTimersByTimeAsync(0);
};

describe('a site without events', () => {
  it('is asked for every ten seconds, and not by a hidden page', async () => {
    open = away;
    await start();
    expect(live.liveness.value).toBe('polling');
    await pass(30);
    expect(refreshes).toBe(3);
    environment.setVisible(false);
    await pass(30);
    expect(refreshes).toBe(3);
  });

  it('has events again at once when the service can be read again, however long the outage was', async () => {
    open = away;
    isReadable.value = false;
    await start();
    await pass(300);
    const before = opened;
    open = commented;
    isReadable.value = true;
    await pass(1);
    expect(opened).toBe(before + 1);
    expect(live.liveness.value).toBe('live');
  });

  it('is no longer live when its stream says nothing for 35 seconds', async () => {
    open = commented;
    await start();
    expect(live.liveness.value).toBe('live');
    open = silent;
    await pass(35);
    expect(live.liveness.value).toBe('live');
    await pass(1);
    expect(live.liveness.value).toBe('polling');
    expect(opened).toBe(2);
  });
});
