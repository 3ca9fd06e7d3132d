/** Follows readings as they are accepted: by Server-Sent Events, or where these fail, by asking now and then. */
import { computed, effect, type ReadonlySignal, signal } from '@preact/signals';
import type { SiteClient } from '../../api/site-client';
import type { Clock } from '../../app/clock';
import type { Stop, Visibility } from '../../app/environment';
import { EventStreamParser } from '../../lib/event-stream';
import { followEvents } from './event-connection';
import { throttled } from './throttled';

/** `stale`: what is shown could not be loaded when it was last asked for. */
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
  /** Turns true when the service can be read again after an outage. */
  isReadable: ReadonlySignal<boolean>;
  /** Loads what is shown again. */
  refresh(): void;
}

/** Comments come every 15 s: longer without one and the connection is dead, whatever it says of itself. */
const SILENCE_MS = 35_000;
const POLL_MS = 10_000;
/** Readings may come by the hundred a second; what is shown is loaded this often at most. */
const REFRESH_MS = 5_000;
/** A query returns a reading shortly after its event. */
const SETTLE_MS = 400;

export function createLiveState(needs: Dependencies): LiveState {
  const { client, site, clock, visibility, isFresh, isReadable, refresh } = needs;
  /** `waiting` until the first text of a first stream. */
  const stream = signal<'waiting' | 'open' | 'ended'>('waiting');
  const refreshSoon = throttled(refresh, SETTLE_MS, REFRESH_MS);
  let parser = new EventStreamParser();
  let heardAt = 0;
  let disconnect: Stop = () => {};
  const connect = () => {
    disconnect();
    disconnect = () => {};
    const id = site.peek();
    if (id === null || !visibility.isVisible()) return;
    heardAt = clock.now.peek();
    disconnect = followEvents(client, id, parser, {
      onText(events) {
        stream.value = 'open';
        heardAt = clock.now.peek();
        if (events.length > 0) refreshSoon.call();
      },
      onEnd() {
        stream.value = 'ended';
      },
    });
  };
  const stops = [
    effect(() => {
      site.value;
      parser = new EventStreamParser();
      stream.value = 'waiting';
      connect();
    }),
    visibility.onChange(() => {
      connect();
      if (visibility.isVisible()) refreshSoon.call();
    }),
    effect(() => {
      if (clock.now.value - heardAt <= SILENCE_MS || stream.peek() === 'ended') return;
      stream.value = 'ended';
      connect();
    }),
    effect(() => {
      // Not after the pause, which an outage has made long.
      if (isReadable.value && stream.peek() === 'ended') connect();
    }),
    effect(() => {
      if (stream.value !== 'ended') return;
      const poll = setInterval(() => visibility.isVisible() && refresh(), POLL_MS);
      return () => clearInterval(poll);
    }),
    refreshSoon.stop,
    () => disconnect(),
  ];
  return {
    liveness: computed(() => {
      if (!isFresh.value) return 'stale';
      if (stream.value === 'open') return 'live';
      return stream.value === 'ended' ? 'polling' : 'connecting';
    }),
    stop() {
      for (const stop of stops) stop();
    },
  };
}
