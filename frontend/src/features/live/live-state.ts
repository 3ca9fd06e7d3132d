/** Readings as they are accepted: by Server-Sent Events, or where these fail, by asking now and then. */
import { computed, effect, type ReadonlySignal, signal } from '@preact/signals';
import { toRequestFailure } from '../../api/request-failure';
import type { SiteClient } from '../../api/site-client';
import type { Clock } from '../../app/clock';
import type { Stop, Visibility } from '../../app/environment';
import { EventStreamParser } from '../../lib/event-stream';

/** `stale`: neither events nor answers arrive, so what is shown may be old. */
export type Liveness = 'connecting' | 'live' | 'polling' | 'stale';

export interface LiveState {
  liveness: ReadonlySignal<Liveness>;
  stop: Stop;
}

interface Dependencies {
  client: SiteClient;
  site: ReadonlySignal<string | null>;
  clock: Clock;
  visibility: Visibility;
  /** Whether what is shown could be loaded when it was last asked for. */
  isFresh: ReadonlySignal<boolean>;
  /** Loads what is shown again. */
  refresh(): void;
}

/** Comments come every 15 s: longer without one and the connection is dead, whatever it says of itself. */
const SILENCE_MS = 35_000;
const POLL_MS = 10_000;
const RECONNECT_MS = 3_000;
const MAX_RECONNECT_MS = 60_000;
/** Readings may come by the hundred a second; what is shown is loaded this often at most. */
const REFRESH_MS = 5_000;
/** A query returns a reading shortly after its event. */
const SETTLE_MS = 400;

export function createLiveState({
  client,
  site,
  clock,
  visibility,
  isFresh,
  refresh,
}: Dependencies): LiveState {
  const isOpen = signal(false);
  const hasFailed = signal(false);
  const heardAt = signal(0);
  let connection: AbortController | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let attempts = 0;
  const refreshSoon = throttled(refresh, SETTLE_MS, REFRESH_MS);

  const hear = () => {
    isOpen.value = true;
    hasFailed.value = false;
    attempts = 0;
    heardAt.value = clock.now.peek();
  };
  const follow = async (id: string, parser: EventStreamParser) => {
    const own = new AbortController();
    connection = own;
    let retryMs = Math.min(RECONNECT_MS * 2 ** attempts, MAX_RECONNECT_MS);
    try {
      const body = await client.openEvents(id, parser.lastEventId, own.signal);
      for await (const text of textsOf(body)) {
        if (own.signal.aborted) return;
        hear();
        if (parser.push(text).length > 0) refreshSoon.call();
      }
    } catch (error) {
      if (!own.signal.aborted) retryMs = Math.max(retryMs, retryAfterMs(error));
    }
    if (own.signal.aborted) return;
    isOpen.value = false;
    hasFailed.value = true;
    attempts++;
    timer = setTimeout(() => void follow(id, parser), retryMs);
  };
  const disconnect = () => {
    connection?.abort();
    connection = null;
    clearTimeout(timer);
    isOpen.value = false;
  };
  let parser = new EventStreamParser();
  const connect = () => {
    disconnect();
    const id = site.peek();
    if (id === null || !visibility.isVisible()) return;
    attempts = 0;
    heardAt.value = clock.now.peek();
    void follow(id, parser);
  };
  const stops = [
    effect(() => {
      site.value;
      parser = new EventStreamParser();
      hasFailed.value = false;
      connect();
    }),
    visibility.onChange(() => {
      connect();
      if (visibility.isVisible()) refreshSoon.call();
    }),
    effect(() => {
      if (isOpen.peek() && clock.now.value - heardAt.peek() > SILENCE_MS) {
        hasFailed.value = true;
        connect();
      }
    }),
    pollWhile(hasFailed, refresh),
    refreshSoon.stop,
    disconnect,
  ];
  return {
    liveness: computed(() => {
      if (!isFresh.value) return 'stale';
      if (isOpen.value) return 'live';
      return hasFailed.value ? 'polling' : 'connecting';
    }),
    stop() {
      for (const stop of stops) stop();
    },
  };
}

/** What the service asks for when it is busy. */
function retryAfterMs(error: unknown): number {
  const failure = toRequestFailure(error);
  return failure.kind === 'errorStatus' ? 1000 * (failure.retryAfterSeconds ?? 0) : 0;
}

async function* textsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  for (let next = await reader.read(); !next.done; next = await reader.read())
    yield decoder.decode(next.value, { stream: true });
}

function pollWhile(condition: ReadonlySignal<boolean>, task: () => void): Stop {
  return effect(() => {
    if (!condition.value) return;
    const poll = setInterval(task, POLL_MS);
    return () => clearInterval(poll);
  });
}

/** Runs a task after `delay`, and not again before `pause`; a call meanwhile is not lost. */
function throttled(task: () => void, delay: number, pause: number): { call(): void; stop: Stop } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isWanted = false;
  const run = () => {
    isWanted = false;
    task();
    timer = setTimeout(() => {
      timer = undefined;
      if (isWanted) run();
    }, pause);
  };
  return {
    call() {
      if (timer === undefined) timer = setTimeout(run, delay);
      else isWanted = true;
    },
    stop: () => clearTimeout(timer),
  };
}
